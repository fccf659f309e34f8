/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop tag */
#include <stdlib.h>
#include <string.h>

#include "ops/reduce.h"
#include "tools/command.h"
#include "tools/label_lines.h"
#include "tools/tasks.h"

static const char doc[] =
	"Give each word of each line of standard input a tag."
	"\v"
	"The model is a file that `tapeloop train tagger` saved. Words stand between blanks; for each line, one line of "
	"as many tags is printed, an empty one for an empty one. Lines are answered as they come. Example:\n\n"
	"  echo 'show flights from boston to denver' | \\\n"
	"      tapeloop tag slots/model.safetensors\n";

static words_rule cut_at_blanks(const reader_task *t)
{
	(void)t;
	return WORDS_SPACE;
}

/* Row b's tags with blanks between them; NULL where memory is out. */
static char *tags_of(const reader_task *t, int64_t b)
{
	char **label = t->base.vocab[LABELS].symbols;
	size_t size = 1;
	for (int64_t i = 0; i < t->lengths[b]; i++)
		size += strlen(label[t->y[i * t->rows + b]]) + 1;
	char *text = malloc(size), *at = text;
	if (!text)
		return NULL;
	*at = '\0';
	for (int64_t i = 0; i < t->lengths[b]; i++) {
		if (i > 0)
			*at++ = ' ';
		at = stpcpy(at, label[t->y[i * t->rows + b]]);
	}
	return text;
}

static void record_tags(void *task, const tl_recording *r)
{
	const reader_task *t = task;
	r->out[0] = tl_argmax(tl_reader_tag(t->reader, r->in[0], NULL, false), -1);
}

/* Sentences of one length, and so one that comes alone: as those of that length before. */
static tl_status tag_even(reader_task *t, tl_error *err)
{
	tl_function *f = reader_function(t, record_tags, err);
	if (!f)
		return err->status;
	if (tl_function_run(f, (const void *[]){t->x}) || tl_function_read_index(f, 0, t->y, t->steps * t->rows))
		return tl_error_set(err, tl_function_error(f)->status, "%s", tl_function_error(f)->text);
	return TL_OK;
}

static tl_status tag_uneven(reader_task *t, tl_error *err)
{
	tl_var best = tl_argmax(tl_reader_tag(t->reader, reader_input(t), t->lengths, false), -1);
	return tl_read_index(best, t->y, t->steps * t->rows) ? tape_error(t->base.tape, err) : TL_OK;
}

static tl_status tag_batch(reader_task *t, void *input, char **answer, tl_error *err)
{
	(void)input;
	if (reader_is_even(t) ? tag_even(t, err) : tag_uneven(t, err))
		return err->status;
	for (int64_t b = 0; b < t->rows; b++)
		if (!(answer[t->which[b]] = tags_of(t, b)))
			return tl_error_memory(err);
	return TL_OK;
}

tl_status command_tag(int argc, char **argv, tl_error *err)
{
	static const struct argp own = {.doc = doc};
	label_lines l = {.kind = &tagger_kind, .own = &own, .rule = cut_at_blanks, .answer = tag_batch};
	return label_lines_run(&l, argc, argv, err);
}
