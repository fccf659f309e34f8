/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line as a list of options, each by its long name, so that a run can keep it and another can take
 * it up: "--cell", "gru", "--epochs=5", "--cell=lstm" become {"cell=lstm", "epochs=5"}. A later value replaces
 * an earlier one. Which options there are is read from the argp tables; all have long names.
 */
#ifndef TL_TOOLS_ARGUMENTS_H
#define TL_TOOLS_ARGUMENTS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "core/status.h"

typedef struct arguments {
	int n;
	char **v; /* "--name=value", or "--name" */
} arguments;

/*
 * Parse without a word. False where the line is wrong or asks for help: then the argp itself, run on the same
 * line, says so and ends the program. Also where memory is out (*status).
 */
bool arguments_read(arguments *a, const struct argp *argp, int argc, char **argv, tl_status *status);
void arguments_release(arguments *a);

/* The value of an option, "" for one without a value, or NULL. */
const char *arguments_get(const arguments *a, const char *name);
/* Set to "--name=value", replacing what has that name. False where memory is out. */
bool arguments_set(arguments *a, const char *option);
/* Is this option ("--name=value") of that name? */
bool argument_is(const char *option, const char *name);
/* The name's length without the dashes. */
int argument_name_length(const char *option);

/* The list as an argp parses it: n + 1 pointers and a NULL, to be freed; the strings stay a's. NULL: no memory. */
char **arguments_argv(const arguments *a, const char *program);

/* Sorted by name, as a JSON array of texts; `keep` says which. NULL where memory is out. */
json_t *arguments_to_json(const arguments *a, bool (*keep)(const char *option));
tl_status arguments_from_json(arguments *a, const json_t *array, tl_error *err);

#endif
