/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/tagger_data.h"

#include <inttypes.h>

static tl_status check(const tagged *d, tl_error *err)
{
	const sentences *w = &d->words, *t = &d->tags;
	if (w->n != t->n)
		return tl_error_set(err, TL_ERR_FORMAT, "%s has %" PRId64 " lines but %s has %" PRId64,
			w->path, w->n, t->path, t->n);
	for (int64_t i = 0; i < w->n; i++)
		if (sentence_length(w, i) != sentence_length(t, i))
			return line_error(err, w->path, i,
				"%" PRId64 " tokens, but line %" PRId64 " of %s has %" PRId64 " tags",
				sentence_length(w, i), i + 1, t->path, sentence_length(t, i));
	if (w->start[w->n] == 0)
		return tl_error_set(err, TL_ERR_FORMAT, "%s: no line holds a token", w->path);
	return TL_OK;
}

tl_status tagged_read(tagged *d, const char *token_path, const char *tag_path, tl_error *err)
{
	*d = (tagged){0};
	tl_status status = sentences_read(&d->words, token_path, WORDS_SPACE, err);
	if (!status)
		status = sentences_read(&d->tags, tag_path, WORDS_SPACE, err);
	if (!status)
		status = check(d, err);
	d->n = d->words.n;
	if (status)
		tagged_release(d);
	return status;
}

tl_status tagged_vocab(const tagged *d, vocab *words, vocab *tags, tl_error *err)
{
	*tags = (vocab){0};
	tl_status status = vocab_build(words, d->words.v, d->words.start[d->n], FRONT_PADDED, 1, err);
	if (!status)
		status = vocab_build(tags, d->tags.v, d->tags.start[d->n], FRONT_NONE, 1, err);
	if (status)
		vocab_release(words);
	return status;
}

tl_status tagged_encode(tagged *d, const vocab *words, const vocab *tags, tl_error *err)
{
	tl_status status =
		sequences_encode(&d->word_ids, &d->words, words, -1, SEQUENCES_REFUSE, "token", err);
	if (!status)
		status = sequences_encode(&d->tag_ids, &d->tags, tags, -1, TAG_IGNORED, "tag", err);
	d->unseen = 0;
	for (int64_t k = 0; !status && k < d->tags.start[d->n]; k++)
		d->unseen += d->tag_ids.ids[k] == TAG_IGNORED;
	return status;
}

void tagged_release(tagged *d)
{
	sentences_release(&d->words);
	sentences_release(&d->tags);
	sequences_release(&d->word_ids);
	sequences_release(&d->tag_ids);
	*d = (tagged){0};
}
