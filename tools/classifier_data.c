/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/classifier_data.h"

static tl_status add(labelled *d, const lines *l, int64_t i, words_rule rule, tl_error *err)
{
	token column[2];
	tl_status status = lines_columns(l, i, 2, "label, text", column, err);
	if (!status && column[0].length == 0)
		status = line_error(err, l->path, i, "the label is empty");
	if (!status)
		status = sentences_add_tokens(&d->labels, column, 1, i, err);
	if (!status)
		status = sentences_add(&d->text, column[1], i, rule, err);
	return status;
}

tl_status labelled_read(labelled *d, const char *path, words_rule rule, tl_error *err)
{
	*d = (labelled){0};
	lines l;
	tl_status status = lines_read(&l, path, err);
	if (status)
		return status;
	status = sentences_init(&d->text, path, err);
	if (!status)
		status = sentences_init(&d->labels, path, err);
	for (int64_t i = 0; i < l.n && !status; i++)
		status = add(d, &l, i, rule, err);
	d->n = d->text.n;
	lines_release(&l);
	if (status)
		labelled_release(d);
	return status;
}

tl_status labelled_vocab(const labelled *d, int64_t least, vocab *tokens, vocab *labels, tl_error *err)
{
	*labels = (vocab){0};
	tl_status status = vocab_build(tokens, d->text.v, d->text.start[d->n], FRONT_PADDED, least, err);
	if (!status)
		status = vocab_build(labels, d->labels.v, d->labels.start[d->n], FRONT_NONE, 1, err);
	if (status)
		vocab_release(tokens);
	return status;
}

tl_status labelled_encode(labelled *d, const vocab *tokens, const vocab *labels, tl_error *err)
{
	tl_status status = sequences_encode(&d->ids, &d->text, tokens, -1, SEQUENCES_REFUSE, "token", err);
	if (!status)
		status = sequences_encode(
			&d->label_ids, &d->labels, labels, -1, SEQUENCES_REFUSE, "label", err);
	return status;
}

void labelled_release(labelled *d)
{
	sentences_release(&d->text);
	sentences_release(&d->labels);
	sequences_release(&d->ids);
	sequences_release(&d->label_ids);
	*d = (labelled){0};
}
