/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/state_dict.h"

#include <stdio.h>
#include <string.h>

#define KEY "state_dict"

static const char *const modules[] = {[MODULE_EMBED] = "embed", [MODULE_RNN] = "rnn", [MODULE_OUT] = "out"};

const char *state_dict_module(int module)
{
	return modules[module];
}

static int find_module(const char *name, size_t n)
{
	for (int k = 0; k < MODULES; k++)
		if (strlen(modules[k]) == n && memcmp(modules[k], name, n) == 0)
			return k;
	return -1;
}

void state_dict_option(struct argp_state *state, const char *option, const char *text, state_dict *dict)
{
	for (const char *at = text; at;) {
		const char *equals = strchr(at, '='), *comma = equals ? strchr(equals, ',') : NULL;
		size_t n = comma ? (size_t)(comma - equals) - 1 : equals ? strlen(equals + 1) : 0;
		int k = equals ? find_module(at, (size_t)(equals - at)) : -1;
		if (k < 0 || n >= MODULE_NAME) {
			argp_error(state, "%s: '%s' is no list like embed=encoder,rnn=rnn,out=decoder", option, text);
			return;
		}
		memcpy(dict->module[k], equals + 1, n);
		dict->module[k][n] = '\0';
		dict->given[k] = true;
		at = comma ? comma + 1 : NULL;
	}
}

static const char *module_name(const task *t, int k)
{
	return t->dict.given[k] ? t->dict.module[k] : modules[k];
}

tl_pytorch *state_dict_of(const task *t, tl_error *err)
{
	task_modules m = {0};
	if (!t->kind->modules || !t->kind->modules(t, &m)) {
		tl_error_set(err, TL_ERR_ARGUMENT,
			"PyTorch's names are for models of an embedding, recurrent layers and a dense layer: this is none");
		return NULL;
	}
	tl_pytorch *p = tl_pytorch_new();
	if (!p) {
		tl_error_memory(err);
		return NULL;
	}
	if (tl_pytorch_embedding(p, module_name(t, MODULE_EMBED), m.embed, err) == TL_OK &&
		tl_pytorch_rnn(p, module_name(t, MODULE_RNN), m.rnn, err) == TL_OK &&
		tl_pytorch_dense(p, module_name(t, MODULE_OUT), m.out, err) == TL_OK)
		return p;
	tl_pytorch_free(p);
	return NULL;
}

bool state_dict_to_json(const task *t, json_t *config)
{
	json_t *names = json_object();
	bool done = names != NULL;
	for (int k = 0; k < MODULES && done; k++)
		done = json_object_set_new(names, modules[k], json_string(module_name(t, k))) == 0;
	return json_object_set_new(config, KEY, names) == 0 && done;
}

tl_status state_dict_from_json(task *t, const json_t *config, tl_error *err)
{
	const json_t *names = json_object_get(config, KEY);
	if (!names)
		return TL_OK;
	t->dict.on = true;
	for (int k = 0; k < MODULES; k++) {
		const char *name = json_string_value(json_object_get(names, modules[k]));
		if (!name || strlen(name) >= MODULE_NAME)
			return tl_error_set(err, TL_ERR_FORMAT, "the configuration's state_dict has no name of '%s'", modules[k]);
		snprintf(t->dict.module[k], MODULE_NAME, "%s", name);
		t->dict.given[k] = true;
	}
	return TL_OK;
}

const char *state_dict_name(const task *t, const char *ours, tl_shape *shape, char buf[STATE_DICT_NAME])
{
	const char *first = strchr(ours, '.'), *last = strrchr(ours, '.');
	int k = first ? find_module(ours, (size_t)(first - ours)) : -1, layer = 0;
	if (k < 0)
		return ours;
	const char *module = module_name(t, k), *dot = *module ? "." : "";
	if (sscanf(first, ".l%d.", &layer) == 1)
		snprintf(buf, STATE_DICT_NAME, "%s%sweight_ih_l%d", module, dot, layer);
	else
		snprintf(buf, STATE_DICT_NAME, "%s%s%s", module, dot, strcmp(last, ".b") ? "weight" : "bias");
	if (shape->axes == 2 && strcmp(last, ".table"))
		*shape = TL_SHAPE(shape->dim[1], shape->dim[0]);
	return buf;
}
