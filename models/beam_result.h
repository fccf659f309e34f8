/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a beam search remembers and what becomes its result. Not installed. Symbols are kept as a trail: each
 * hypothesis that stayed is one entry that points to the one it continues, so beginnings are shared.
 */
#ifndef TL_MODELS_BEAM_RESULT_H
#define TL_MODELS_BEAM_RESULT_H

#include "models/beam.h"

typedef struct tl_beam_trail {
	int64_t before; /* -1: nothing */
	int32_t symbol;
} tl_beam_trail;

/* A hypothesis that waits. */
typedef struct tl_beam_end {
	int64_t node; /* its last symbol (before eos) in the trail */
	double log_p, score;
	int64_t length; /* with eos */
	int64_t order;  /* how many of its sentence were finished before; set by tl__beam_end */
	bool ended;
} tl_beam_end;

typedef struct tl_beam_ends {
	int64_t sentences, width;
	int64_t *n;     /* (sentences): how many are finished */
	tl_beam_end *v; /* (sentences, width) */
	tl_beam_trail *trail;
	int64_t trail_n, trail_room;
} tl_beam_ends;

tl_status tl__beam_ends_init(tl_beam_ends *e, int64_t sentences, int64_t width, tl_error *err);
void tl__beam_ends_release(tl_beam_ends *e);
/* *node becomes the entry for *node continued by symbol. */
tl_status tl__beam_extend(tl_beam_ends *e, int64_t *node, int32_t symbol, tl_error *err);
void tl__beam_end(tl_beam_ends *e, int64_t sentence, tl_beam_end end);
/* Sorts, and copies the n_best of each sentence. */
tl_beam_result *tl__beam_collect(tl_beam_ends *e, int64_t n_best, tl_error *err);

#endif
