/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task "lm": a language model of a text, trained on windows that follow each other, with the state carried
 * from each to the next. `sample` and `graph` use its model.
 */
#ifndef TL_TOOLS_LM_H
#define TL_TOOLS_LM_H

#include "models/carry.h"
#include "models/lm.h"
#include "tools/corpus.h"
#include "tools/options.h"
#include "tools/task.h"

typedef struct lm_task {
	task base; /* vocab[0] has the symbols */
	net_options net;
	corpus_options text;
	int64_t length; /* T of a window */
	int64_t shift;  /* epoch e starts at token shift (e - 1) mod (length + 1) */
	char *data;     /* path of the text that a saved model was trained on; NULL: none */
	bool other;     /* evaluated on another text */
	tl_lm *lm;
	corpus corpus;
	windows windows;
	int32_t *xy;    /* a window: inputs, then labels */
	tl_carry state;
	tl_state last;  /* on the tape: states after the batch that was recorded */
} lm_task;

#endif
