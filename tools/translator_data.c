/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/translator_data.h"

#include <assert.h>
#include <inttypes.h>
#include <md5.h>
#include <stdlib.h>
#include <string.h>

/* One pair as it stands in the files. */
struct pair {
	token source, target;
	int64_t line;
	int64_t key; /* the line where its source first appears */
	unsigned char md5[MD5_DIGEST_LENGTH];
};

/* The files' pairs, in their order: what `pairs` point to is held by `source` and `target`. */
struct raw {
	lines source, target;
	struct pair *pairs;
	int64_t n;
};

static void raw_release(struct raw *r)
{
	lines_release(&r->source);
	lines_release(&r->target);
	free(r->pairs);
}

/* All of a source's pairs together, in the order of the file. */
static int by_source(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	size_t shorter = a->source.length < b->source.length ? a->source.length : b->source.length;
	int c = memcmp(a->source.at, b->source.at, shorter);
	c = c ? c : (a->source.length > b->source.length) - (a->source.length < b->source.length);
	return c ? c : (a->line > b->line) - (a->line < b->line);
}

static int by_key(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	int c = (a->key > b->key) - (a->key < b->key);
	return c ? c : (a->line > b->line) - (a->line < b->line);
}

static int by_md5(const void *pa, const void *pb)
{
	const struct pair *a = pa, *b = pb;
	int c = memcmp(a->md5, b->md5, sizeof a->md5);
	return c ? c : by_key(a, b);
}

static bool same_source(const struct pair *a, const struct pair *b)
{
	return a->source.length == b->source.length &&
	       memcmp(a->source.at, b->source.at, a->source.length) == 0;
}

/* Sources in the order of their first lines, or of their md5; pairs of one source in the order of the file.
 */
static void sort(struct raw *r, bool hashed)
{
	qsort(r->pairs, (size_t)r->n, sizeof *r->pairs, by_source);
	for (int64_t i = 0; i < r->n; i++) {
		struct pair *p = &r->pairs[i];
		bool repeated = i > 0 && same_source(p, p - 1);
		p->key = repeated ? p[-1].key : p->line;
		if (repeated) {
			memcpy(p->md5, p[-1].md5, sizeof p->md5);
			continue;
		}
		MD5_CTX context;
		MD5Init(&context);
		MD5Update(&context, (const uint8_t *)p->source.at, p->source.length);
		MD5Final(p->md5, &context);
	}
	qsort(r->pairs, (size_t)r->n, sizeof *r->pairs, hashed ? by_md5 : by_key);
}

static tl_status read_pair(struct raw *r, bool parallel, int64_t i, tl_error *err)
{
	struct pair *p = &r->pairs[i];
	p->line = i;
	if (parallel) {
		p->source = r->source.v[i];
		p->target = r->target.v[i];
		return TL_OK;
	}
	token column[2];
	tl_status status = lines_columns(&r->source, i, 2, "source, target", column, err);
	p->source = column[0];
	p->target = column[1];
	return status;
}

static tl_status raw_read(struct raw *r, const bitext_files *files, bool hashed, tl_error *err)
{
	*r = (struct raw){0};
	tl_status status = lines_read(&r->source, files->source, err);
	if (!status && files->target)
		status = lines_read(&r->target, files->target, err);
	if (!status && files->target && r->source.n != r->target.n)
		status = tl_error_set(err, TL_ERR_FORMAT, "%s has %" PRId64 " lines but %s has %" PRId64,
			files->source, r->source.n, files->target, r->target.n);
	r->n = r->source.n;
	r->pairs = status ? NULL : calloc((size_t)r->n + 1, sizeof *r->pairs);
	if (!status && !r->pairs)
		status = tl_error_memory(err);
	for (int64_t i = 0; i < r->n && !status; i++)
		status = read_pair(r, files->target, i, err);
	if (status)
		raw_release(r);
	else
		sort(r, hashed);
	return status;
}

/* One more sentence, which may not be empty. */
static tl_status add(sentences *s, token text, int64_t line, words_rule rule, const char *what, tl_error *err)
{
	tl_status status = sentences_add(s, text, line, rule, err);
	if (!status && sentence_length(s, s->n - 1) == 0)
		status = line_error(err, s->path, line, "the %s is empty", what);
	return status;
}

/* Pairs [from, to) of the sorted file. */
static tl_status fill(bitext *b, const struct raw *r, const bitext_files *files, int64_t from, int64_t to,
	words_rule rule, tl_error *err)
{
	*b = (bitext){0};
	size_t room = (size_t)(to - from) + 1;
	tl_status status = sentences_init(&b->sources, files->source, err);
	if (!status)
		status = sentences_init(&b->targets, files->target ? files->target : files->source, err);
	b->first = malloc(room * sizeof *b->first);
	b->source = malloc(room * sizeof *b->source);
	if (!status && (!b->first || !b->source))
		status = tl_error_memory(err);
	for (int64_t i = from; i < to && !status; i++) {
		const struct pair *p = &r->pairs[i];
		if (i == from || !same_source(p, p - 1)) {
			b->first[b->n++] = b->pairs;
			status = add(&b->sources, p->source, p->line, rule, "source", err);
		}
		b->source[b->pairs++] = b->n - 1;
		if (!status)
			status = add(&b->targets, p->target, p->line, rule, "target", err);
	}
	if (status)
		bitext_release(b);
	else
		b->first[b->n] = b->pairs;
	return status;
}

tl_status bitext_read(bitext *b, const bitext_files *files, words_rule rule, tl_error *err)
{
	*b = (bitext){0};
	struct raw r;
	tl_status status = raw_read(&r, files, false, err);
	if (status)
		return status;
	status = fill(b, &r, files, 0, r.n, rule, err);
	raw_release(&r);
	return status;
}

/* The pair behind those of the next n sources from pair `from` on. */
static int64_t skip_sources(const struct raw *r, int64_t from, int64_t n)
{
	for (; from < r->n && n > 0; n--)
		do
			from++;
		while (from < r->n && same_source(&r->pairs[from], &r->pairs[from - 1]));
	return from;
}

tl_status bitext_read_split(
	bitext part[PARTS], const bitext_files *files, const bitext_split *split, tl_error *err)
{
	struct raw r;
	for (int k = 0; k < PARTS; k++)
		part[k] = (bitext){0};
	tl_status status = raw_read(&r, files, true, err);
	if (status)
		return status;
	int64_t valid = skip_sources(&r, 0, split->tests), train = skip_sources(&r, valid, split->valids);
	if (train == r.n)
		status = tl_error_set(err, TL_ERR_FORMAT,
			"%s: %" PRId64 " sources for test and %" PRId64
			" for validation leave nothing to train on",
			files->source, split->tests, split->valids);
	if (!status)
		status = fill(&part[TEST], &r, files, 0, valid, split->rule, err);
	if (!status)
		status = fill(&part[VALID], &r, files, valid, train, split->rule, err);
	if (!status)
		status = fill(&part[TRAIN], &r, files, train, r.n, split->rule, err);
	raw_release(&r);
	for (int k = 0; k < PARTS && status; k++)
		bitext_release(&part[k]);
	return status;
}

/* The sources' tokens, once for each pair; to be freed. */
static token *repeat_sources(const bitext *b, int64_t *n)
{
	*n = 0;
	for (int64_t p = 0; p < b->pairs; p++)
		*n += sentence_length(&b->sources, b->source[p]);
	token *all = malloc(((size_t)*n + 1) * sizeof *all);
	token *to = all;
	for (int64_t p = 0; p < b->pairs && all; p++) {
		int64_t length = sentence_length(&b->sources, b->source[p]);
		memcpy(to, b->sources.v + b->sources.start[b->source[p]], (size_t)length * sizeof *to);
		to += length;
	}
	return all;
}

tl_status bitext_vocab(const bitext *b, int64_t least, vocab *sources, vocab *targets, tl_error *err)
{
	*sources = *targets = (vocab){0};
	int64_t n;
	token *all = repeat_sources(b, &n);
	tl_status status =
		all ? vocab_build(sources, all, n, FRONT_CLOSED, least, err) : tl_error_memory(err);
	free(all);
	if (!status)
		status = vocab_build(
			targets, b->targets.v, b->targets.start[b->pairs], FRONT_CLOSED, least, err);
	if (status)
		vocab_release(sources);
	return status;
}

tl_status bitext_encode(bitext *b, const vocab *sources, const vocab *targets, tl_error *err)
{
	assert(!b->pair_length);
	tl_status status = sequences_encode(
		&b->source_ids, &b->sources, sources, VOCAB_END, SEQUENCES_REFUSE, "token", err);
	if (!status)
		status = sequences_encode(
			&b->target_ids, &b->targets, targets, VOCAB_END, SEQUENCES_REFUSE, "token", err);
	if (status)
		return status;
	b->pair_length = malloc(((size_t)b->pairs + 1) * sizeof *b->pair_length);
	if (!b->pair_length)
		return tl_error_memory(err);
	for (int64_t p = 0; p < b->pairs; p++)
		b->pair_length[p] = b->source_ids.length[b->source[p]];
	return TL_OK;
}

void bitext_release(bitext *b)
{
	sentences_release(&b->sources);
	sentences_release(&b->targets);
	free(b->first);
	free(b->source);
	sequences_release(&b->source_ids);
	sequences_release(&b->target_ids);
	free(b->pair_length);
	*b = (bitext){0};
}
