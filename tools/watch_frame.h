/* SPDX-License-Identifier: Apache-2.0 */
/* A training as a few lines of text: how far it is, and a sparkline for each of its figures. */
#ifndef TL_TOOLS_WATCH_FRAME_H
#define TL_TOOLS_WATCH_FRAME_H

#include <stdio.h>

#include "tools/training.h"

typedef struct frame_look {
	int width;    /* columns of the longest line */
	bool blocks;  /* Unicode's blocks; else ASCII */
	bool colours; /* of the terminal; what they say is also said in words */
} frame_look;

/* How a training stands. */
typedef enum training_fate {
	RUNS,
	ENDED,  /* as it should, or it was told to stop */
	FAILED, /* with a sentence in its journal */
	GONE,   /* its process ended without a word */
	OLD     /* there is no journal to tell */
} training_fate;

training_fate training_find_fate(const training *t);

/*
 * Lines that each end with '\n'; what is not to be printed (control characters) is replaced. False where memory is
 * out.
 */
bool watch_frame(FILE *to, const training *t, const frame_look *look);
/* One line for epoch k of the log. */
void watch_epoch(FILE *to, const training *t, size_t k);

#endif
