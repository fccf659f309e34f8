/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sequences.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "tools/batches.h"

static tl_status reserve(sequences *q, int64_t n, int64_t ids, tl_error *err)
{
	*q = (sequences){.n = n};
	q->start = malloc(((size_t)n + 1) * sizeof *q->start);
	q->length = malloc(((size_t)n + 1) * sizeof *q->length);
	q->ids = malloc(((size_t)ids + 1) * sizeof *q->ids);
	return q->start && q->length && q->ids ? TL_OK : tl_error_memory(err);
}

static tl_status refuse(
	const sentences *s, int64_t i, const vocab *v, token t, const char *what, tl_error *err)
{
	char shown[TOKEN_SHOWN];
	return line_error(err, s->path ? s->path : "input", s->line[i],
		"the %s %s is unknown: it is none of the %" PRId64 " in the training data", what,
		token_shown(t, shown), v->n);
}

tl_status sequences_encode(sequences *q, const sentences *s, const vocab *v, int32_t end, int32_t missing,
	const char *what, tl_error *err)
{
	tl_status status = reserve(q, s->n, s->start[s->n] + (end >= 0) * s->n, err);
	int64_t at = 0;
	for (int64_t i = 0; i < s->n && !status; i++) {
		q->start[i] = at;
		for (int64_t k = s->start[i]; k < s->start[i + 1] && !status; k++) {
			int64_t id = vocab_find(v, s->v[k]);
			if (id < 0 && missing == SEQUENCES_REFUSE)
				status = refuse(s, i, v, s->v[k], what, err);
			q->ids[at++] = id < 0 ? missing : (int32_t)id;
		}
		if (end >= 0)
			q->ids[at++] = end;
		q->length[i] = at - q->start[i];
	}
	if (status) {
		sequences_release(q);
		return status;
	}
	q->start[s->n] = at;
	return TL_OK;
}

void sequences_release(sequences *q)
{
	free(q->ids);
	free(q->start);
	free(q->length);
	*q = (sequences){0};
}

int64_t sequences_longest(const sequences *q, const int64_t *which, int64_t rows)
{
	return batch_longest(q->length, which, rows);
}

void sequences_pad(const sequences *q, const int64_t *which, int64_t rows, int64_t steps, int32_t first,
	int32_t pad, int32_t *ids, int64_t *lengths)
{
	for (int64_t b = 0; b < rows; b++) {
		const int32_t *from = q->ids + q->start[which[b]];
		int64_t n = q->length[which[b]], shift = first >= 0;
		assert(n <= steps);
		for (int64_t t = 0; t < steps; t++)
			ids[t * rows + b] = t >= n ? pad : t < shift ? first : from[t - shift];
		if (lengths)
			lengths[b] = n;
	}
}
