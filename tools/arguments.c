/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/arguments.h"

#include <stdlib.h>
#include <string.h>

#define MOST 128 /* options of one command */
#define FIRST 0x10000 /* key of the first one in the flat table, beyond all characters */

/* What parsing into a list needs: the options of an argp and all its children in one table. */
typedef struct reader {
	struct argp_option options[MOST + 1];
	int n;
	arguments *list;
	bool full;
} reader;

static void flatten(reader *r, const struct argp *argp)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
		if (o->name && r->n < MOST) {
			r->options[r->n] = (struct argp_option){.name = o->name, .key = FIRST + r->n, .arg = o->arg,
				.flags = o->flags, .doc = o->doc ? o->doc : ""};
			r->n++;
		}
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		flatten(r, c->argp);
}

static char *join(const char *name, const char *value)
{
	size_t size = strlen(name) + (value ? strlen(value) : 0) + 4;
	char *text = malloc(size);
	if (text)
		snprintf(text, size, "--%s%s%s", name, value ? "=" : "", value ? value : "");
	return text;
}

static error_t note(int key, char *arg, struct argp_state *state)
{
	reader *r = state->input;
	if (key < FIRST || key >= FIRST + r->n)
		return key == ARGP_KEY_ARG ? EINVAL : ARGP_ERR_UNKNOWN;
	char *option = join(r->options[key - FIRST].name, arg);
	if (!option || !arguments_set(r->list, option))
		r->full = true;
	free(option);
	return r->full ? ENOMEM : 0;
}

bool arguments_read(arguments *a, const struct argp *argp, int argc, char **argv, tl_status *status)
{
	*a = (arguments){0};
	*status = TL_OK;
	reader *r = calloc(1, sizeof *r);
	char **copy = malloc(((size_t)argc + 1) * sizeof *copy); /* getopt moves arguments about */
	bool done = false;
	if (r && copy) {
		memcpy(copy, argv, (size_t)argc * sizeof *copy);
		copy[argc] = NULL;
		r->list = a;
		flatten(r, argp);
		struct argp flat = {r->options, note, NULL, NULL, NULL, NULL, NULL};
		done = !argp_parse(&flat, argc, copy, ARGP_SILENT, NULL, r);
	}
	if (!r || !copy || r->full)
		*status = TL_ERR_MEMORY;
	free(copy);
	free(r);
	return done;
}

void arguments_release(arguments *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	*a = (arguments){0};
}

int argument_name_length(const char *option)
{
	return (int)strcspn(option + 2, "=");
}

bool argument_is(const char *option, const char *name)
{
	int n = argument_name_length(option);
	return (size_t)n == strlen(name) && memcmp(option + 2, name, (size_t)n) == 0;
}

const char *arguments_get(const arguments *a, const char *name)
{
	for (int i = 0; i < a->n; i++)
		if (argument_is(a->v[i], name)) {
			const char *value = a->v[i] + 2 + argument_name_length(a->v[i]);
			return *value == '=' ? value + 1 : value;
		}
	return NULL;
}

bool arguments_set(arguments *a, const char *option)
{
	char *copy = strdup(option);
	if (!copy)
		return false;
	int n = argument_name_length(option), i = 0;
	while (i < a->n && (argument_name_length(a->v[i]) != n || memcmp(a->v[i], option, (size_t)n + 2)))
		i++;
	if (i < a->n) {
		free(a->v[i]);
	} else {
		char **more = realloc(a->v, ((size_t)a->n + 1) * sizeof *more);
		if (!more) {
			free(copy);
			return false;
		}
		a->v = more;
		a->n++;
	}
	a->v[i] = copy;
	return true;
}

char **arguments_argv(const arguments *a, const char *program)
{
	char **argv = calloc((size_t)a->n + 2, sizeof *argv);
	if (!argv)
		return NULL;
	argv[0] = (char *)program;
	for (int i = 0; i < a->n; i++)
		argv[i + 1] = a->v[i];
	return argv;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

json_t *arguments_to_json(const arguments *a, bool (*keep)(const char *option))
{
	char **sorted = arguments_argv(a, "");
	json_t *array = sorted ? json_array() : NULL;
	if (array)
		qsort(sorted + 1, (size_t)a->n, sizeof *sorted, compare);
	for (int i = 1; array && i <= a->n; i++)
		if (keep(sorted[i]) && json_array_append_new(array, json_string(sorted[i]))) {
			json_decref(array);
			array = NULL;
		}
	free(sorted);
	return array;
}

tl_status arguments_from_json(arguments *a, const json_t *array, tl_error *err)
{
	*a = (arguments){0};
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *option = json_string_value(json_array_get(array, i));
		if (!option || strncmp(option, "--", 2) || !option[2])
			return tl_error_set(err, TL_ERR_FORMAT, "entry %zu of the saved options is no option", i);
		if (!arguments_set(a, option))
			return tl_error_memory(err);
	}
	return TL_OK;
}
