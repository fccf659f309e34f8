/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "models/cells.h"
#include "tools/text.h"

int64_t option_int(struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end || errno || n < low || n > high)
		argp_error(state, "%s: '%s' is no whole number from %" PRId64 " to %" PRId64, option, text, low, high);
	return n;
}

double option_real(struct argp_state *state, const char *option, const char *text, double low, double high)
{
	char *end;
	double x = strtod(text, &end);
	if (end == text || *end || !(x >= low && x <= high))
		argp_error(state, "%s: '%s' is no number from %g to %g", option, text, low, high);
	return x;
}

const tl_cell *option_cell(struct argp_state *state, const char *text)
{
	const tl_cell *cell = tl_cell_by_name(text), *other;
	char names[256] = "";
	size_t used = 0;
	for (int k = 0; (other = tl_cell_at(k)) && used < sizeof names; k++)
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "", other->name);
	if (!cell)
		argp_error(state, "--cell: '%s' is none of %s", text, names);
	return cell;
}

void option_split(struct argp_state *state, const char *text, double split[PARTS])
{
	char rest;
	int n = sscanf(text, "%lf,%lf,%lf%c", &split[TRAIN], &split[VALID], &split[TEST], &rest);
	double sum = split[TRAIN] + split[VALID] + split[TEST];
	if (n != PARTS || !(split[TRAIN] >= 0 && split[VALID] >= 0 && split[TEST] >= 0 && sum > 0 && sum <= 100 + 1e-9))
		argp_error(state, "--split: '%s' is not three percentages like 90,5,5 with a sum above 0 and at most 100", text);
}

void option_model(struct argp_state *state, const char **model, const char *text, const char *rest)
{
	if (*model)
		argp_error(state, "one model at a time: '%s' is too many%s", text, rest);
	*model = text;
}

const char *option_path(struct argp_state *state, const char *option, const char *text)
{
	if (!*text)
		argp_error(state, "%s: the name is empty", option);
	if (text_check_utf8(option, text, strlen(text), &(tl_error){0}))
		argp_error(state, "%s %s: the name is no UTF-8, which results and model files need", option, text);
	return text;
}

int option_word(struct argp_state *state, const char *option, const char *text, const char *const *words)
{
	char list[256] = "";
	size_t used = 0;
	int n = 0;
	while (words[n])
		n++;
	for (int k = 0; k < n; k++) {
		if (!strcmp(words[k], text))
			return k;
		const char *between = k == 0 ? "" : n == 2 ? " nor " : ", ";
		if (used < sizeof list)
			used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", between, words[k]);
	}
	argp_error(state, n == 2 ? "%s: '%s' is neither %s" : "%s: '%s' is none of %s", option, text, list);
	return 0;
}

const char *const option_pools[] = {
	[TL_POOL_LAST] = "last", [TL_POOL_MEAN] = "mean", [TL_POOL_MAX] = "max", NULL};

int config_word(const json_t *object, const char *key, const char *const *words, tl_error *err)
{
	const char *text = json_string_value(json_object_get(object, key));
	for (int k = 0; text && words[k]; k++)
		if (!strcmp(text, words[k]))
			return k;
	tl_error_set(err, TL_ERR_FORMAT, "the configuration's %s is '%.40s', which is unknown", key, text ? text : "");
	return -1;
}

char *option_default(const char *text, const char *format, ...)
{
	char value[64];
	va_list args;
	va_start(args, format);
	vsnprintf(value, sizeof value, format, args);
	va_end(args);
	size_t size = strlen(text) + sizeof value + 4;
	char *both = malloc(size);
	if (!both)
		return (char *)text;
	snprintf(both, size, "%s (%s)", text, value);
	return both;
}

const char *option_plan(struct argp_state *state, const char *text)
{
	tl_error err = {0};
	unsigned passes;
	if (tl_plan_parse(text, &passes, &err))
		argp_error(state, "--%s", err.text);
	return text;
}
