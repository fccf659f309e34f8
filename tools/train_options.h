/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `tapeloop train lm`. */
#ifndef TL_TOOLS_TRAIN_OPTIONS_H
#define TL_TOOLS_TRAIN_OPTIONS_H

#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "tools/options.h"

typedef struct train_options {
	corpus_options text;
	net_options net;
	tl_optimizer_options optimizer;
	tl_schedule schedule;
	int64_t batch, length, shift, epochs, seed, threads;
	double clip, forget_bias;
	bool set_forget_bias, quiet;
	const char *out, *log;
} train_options;

/* Defaults, then the arguments; ends the program with a sentence where they make no sense. */
void train_options_parse(train_options *o, int argc, char **argv);

#endif
