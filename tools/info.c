/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop info */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file_error.h"
#include "tools/command.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/progress.h"

static const char doc[] =
	"Print what a model file holds: its configuration, vocabulary and parameters; of any other safetensors file, its "
	"tensors.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;
	switch (key) {
	case ARGP_KEY_ARG: option_model(state, path, arg, ""); break;
	case ARGP_KEY_END:
		if (!*path)
			argp_error(state, "say which model: a file that `tapeloop train` saved");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Control characters and blanks as C writes them. */
static void print_symbol(const char *s)
{
	if (!strcmp(s, "\n"))
		fputs("\\n", stdout);
	else if (!strcmp(s, "\t"))
		fputs("\\t", stdout);
	else if ((unsigned char)*s < ' ' && s[1] == '\0')
		printf("\\x%02x", (unsigned char)*s);
	else if (!strcmp(s, " "))
		fputs("' '", stdout);
	else
		fputs(s, stdout);
}

static void print_vocabulary(const char *key, const vocab *v)
{
	int64_t shown = v->n < 100 ? v->n : 100;
	const char *dot = strchr(key, '.');
	printf("%-12s ", dot ? dot + 1 : key);
	for (int64_t i = 0; i < shown; i++) {
		if (i)
			putchar(' ');
		print_symbol(v->symbols[i]);
	}
	puts(shown < v->n ? " ..." : "");
}

/* The configuration as it stands in the file. */
static void print_config(const task *t)
{
	json_t *config = json_object(), *value;
	const char *key;
	if (config && t->kind->config(t, config))
		json_object_foreach(config, key, value) {
			char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(7));
			printf("%-12s %s\n", key, text ? text : "");
			free(text);
		}
	json_decref(config);
}

/* As they stand in the file. */
static void list_tensors(const tl_safetensors *f)
{
	char shape[TL_SHAPE_TEXT], name[TL_EXCERPT], value[TL_EXCERPT];
	for (int k = 0; k < tl_safetensors_count(f); k++)
		printf("  %-24s %-16s %s\n", tl__excerpt(tl_safetensors_name(f, k), name),
			tl_shape_text(tl_safetensors_shape(f, k), shape), tl__excerpt(tl_safetensors_dtype(f, k), value));
}

/* f: its file, where the names there are PyTorch's. */
static void print_model(const char *path, const task *t, const tl_safetensors *f)
{
	char number[32], shape[TL_SHAPE_TEXT];
	printf("model        %s\n", path);
	printf("task         %s (%s)\n", t->kind->name, t->kind->summary);
	if (t->kind->print)
		t->kind->print(t, stdout);
	else
		print_config(t);
	for (int k = 0; k < TASK_VOCABS && t->kind->vocabs[k].key; k++)
		print_vocabulary(t->kind->vocabs[k].key, &t->vocab[k]);
	printf("parameters   %s\n", count_text(tl_store_size(t->store), number));
	if (f) {
		printf("tensors      %d, a state dict of PyTorch's\n", tl_safetensors_count(f));
		list_tensors(f);
		return;
	}
	for (int k = 0; k < tl_store_count(t->store); k++) {
		const tl_param *p = tl_store_at(t->store, k);
		printf("  %-24s %-16s %s\n", p->name, tl_shape_text(p->value.shape, shape),
			count_text(tl_shape_size(p->value.shape), number));
	}
}

/* A file that is no model: what may be why, and what it holds, as it stands there. */
static void print_tensors(const char *path, const tl_safetensors *f, const char *why)
{
	char name[TL_EXCERPT], value[TL_EXCERPT];
	printf("file         %s\nmodel        none: %s\n", path, why);
	for (int i = 0; i < tl_safetensors_metadata_count(f); i++) {
		tl_safetensors_pair p = tl_safetensors_metadata_pair(f, i);
		printf("metadata     %s: %s\n", tl__excerpt(p.key, name), tl__excerpt(p.value, value));
	}
	printf("tensors      %d\n", tl_safetensors_count(f));
	list_tensors(f);
}

static tl_status print_file(const char *path, tl_error *err)
{
	tl_error why = {0};
	task *t = model_load(path, NULL, &why);
	tl_safetensors *f = t && !t->dict.on ? NULL : tl_safetensors_open(path, err);
	if (t && (f || !t->dict.on))
		print_model(path, t, f);
	else if (f && !tl_safetensors_metadata(f, MODEL_CONFIG))
		print_tensors(path, f, why.text + strlen(path) + 2);
	else if (f)
		tl_error_set(err, why.status, "%s", why.text);
	tl_safetensors_free(f);
	task_free(t);
	return err->status;
}

tl_status command_info(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {NULL, parse, "MODEL", doc, NULL, NULL, NULL};
	const char *path = NULL;
	argp_parse(&argp, argc, argv, 0, NULL, &path);
	return print_file(path, err);
}
