/* SPDX-License-Identifier: Apache-2.0 */
#include "models/chunks.h"

#include <string.h>

/* 'O', 'I', 'E', 'S', or 'B' for any other prefix. */
static char prefix(const char *label)
{
	bool alone = label[0] != '\0' && (label[1] == '\0' || label[1] == '-');
	return alone && strchr("OIES", label[0]) ? label[0] : 'B';
}

static const char *type_of(const char *label)
{
	if (label[0] != '\0' && label[0] != '-' && label[1] == '-')
		return label + 2;
	bool no_type = label[0] != '\0' && label[1] == '\0' && strchr("OIESB", label[0]);
	return no_type ? "" : label;
}

static bool begins(const char *const *labels, int64_t at)
{
	char now = prefix(labels[at]), before = at > 0 ? prefix(labels[at - 1]) : 'O';
	if (now == 'O')
		return false;
	return now == 'B' || now == 'S' || before == 'O' || before == 'E' || before == 'S' ||
		strcmp(type_of(labels[at]), type_of(labels[at - 1])) != 0;
}

bool tl_chunk_next(int64_t n, const char *const *labels, int64_t from, tl_chunk *chunk)
{
	int64_t begin = from;
	while (begin < n && !begins(labels, begin))
		begin++;
	if (begin >= n)
		return false;
	int64_t end = begin + 1;
	while (end < n && prefix(labels[end]) != 'O' && !begins(labels, end))
		end++;
	*chunk = (tl_chunk){begin, end, type_of(labels[begin])};
	return true;
}

void tl_chunks_add(tl_chunks *c, int64_t n, const char *const *gold, const char *const *predicted)
{
	tl_chunk a, b;
	bool more_a = tl_chunk_next(n, gold, 0, &a), more_b = tl_chunk_next(n, predicted, 0, &b);
	while (more_a || more_b) {
		bool take_a = more_a && (!more_b || a.begin <= b.begin);
		bool take_b = more_b && (!more_a || b.begin <= a.begin);
		c->right += take_a && take_b && a.end == b.end && strcmp(a.type, b.type) == 0;
		if (take_a) {
			c->gold++;
			more_a = tl_chunk_next(n, gold, a.end, &a);
		}
		if (take_b) {
			c->predicted++;
			more_b = tl_chunk_next(n, predicted, b.end, &b);
		}
	}
	c->words += n;
	for (int64_t i = 0; i < n; i++)
		c->words_right += strcmp(gold[i], predicted[i]) == 0;
}

static double percent(int64_t part, int64_t of)
{
	return of ? 100 * (double)part / (double)of : 0;
}

double tl_chunks_precision(const tl_chunks *c)
{
	return percent(c->right, c->predicted);
}

double tl_chunks_recall(const tl_chunks *c)
{
	return percent(c->right, c->gold);
}

double tl_chunks_f1(const tl_chunks *c)
{
	return percent(2 * c->right, c->gold + c->predicted);
}

double tl_chunks_accuracy(const tl_chunks *c)
{
	return percent(c->words_right, c->words);
}
