/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/score.h"

#include <assert.h>
#include <math.h>

void score_add(score *s, const char *name, double value)
{
	assert(s->n < SCORE_FIELDS);
	s->field[s->n].name = name;
	s->field[s->n++].value = value;
}

double score_loss(const score *s)
{
	return s->n ? s->field[0].value : NAN;
}

json_t *real_json(double x)
{
	if (isfinite(x))
		return json_real(x);
	return isinf(x) ? json_string(x > 0 ? "inf" : "-inf") : json_null();
}

json_t *score_json(const score *s)
{
	if (s->n == 0)
		return json_null();
	json_t *object = json_object();
	for (int k = 0; k < s->n && object; k++)
		if (json_object_set_new(object, s->field[k].name, real_json(s->field[k].value))) {
			json_decref(object);
			object = NULL;
		}
	return object;
}

const char *score_text(const score *s, char *buf, size_t size)
{
	size_t used = 0;
	buf[0] = '\0';
	for (int k = 0; k < s->n && used < size; k++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s %.*f", k ? "  " : "", s->field[k].name,
			fabs(s->field[k].value) < 10 ? 4 : 2, s->field[k].value);
	return buf;
}

bool print_json_line(FILE *to, json_t *object)
{
	bool done = object && json_dumpf(object, to, JSON_REAL_PRECISION(7)) == 0 && fputc('\n', to) != EOF &&
		fflush(to) == 0;
	json_decref(object);
	return done;
}
