/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of programs.h. */
#ifndef TL_TESTS_PROGRAMS_PARTS_H
#define TL_TESTS_PROGRAMS_PARTS_H

#include "tests/programs.h"

/* What a program may read: reals (all kept in the store), then indices. */
enum {
	LEAF_W,                         /* three (H, H) */
	LEAF_GATES = LEAF_W + 3,        /* (H, 3 H) */
	LEAF_JOINED,                    /* (2 H, H) */
	LEAF_STACK,                     /* (3, H, H) */
	LEAF_BIAS,                      /* three (H) */
	LEAF_GATE_BIAS = LEAF_BIAS + 3, /* (3 H) */
	LEAF_TABLE,                     /* (SYMBOLS, H) */
	LEAF_START,                     /* three states */
	LEAF_COLUMN = LEAF_START + 3,   /* (B, 1) or (B, 1, 1) */
	LEAF_MATRICES,                  /* (B, H, H) */
	LEAF_X,                         /* (2 T, B, H) */
	LEAF_Y,                         /* the same */
	LEAVES,
	SYMBOLS = 5,
	STEPS_MAX = 16,
	OUTPUTS = 4 * STEPS_MAX,
	MARKS = 6,
	STREAMS = 14,  /* ways to read x */
	FINISHES = 11, /* to make a state */
	LOSSES = 8,
	READS = 14, /* orders in which values are asked for */
};

struct world {
	tl_store *store;
	tl_optimizer *optimizer;
	tl_param *leaf[LEAVES];
	int32_t *symbols; /* (2 T, B), below SYMBOLS */
	int32_t *classes; /* (4 T, B), below H */
	int32_t *order;   /* (B): a permutation */
	uint64_t seed;
};

/* While a program is recorded. */
typedef struct recording {
	const program *p;
	world *w;
	tl_tape *tape;
	results *r;
	int64_t steps, batch, width;
	tl_shape shape; /* of a state: (B, H) or (B, 2, H) */
	int64_t rows;   /* of the batch, still there */
	int64_t t;      /* the step that is recorded */
	int layer;      /* moves the choice of weights */
	int first;      /* instruction of the body */
	bool odd;       /* record one operation more */
	bool trains;    /* parameters and tl_backward; else leaves and tl_grad */
	tl_var leaf[LEAVES];
	tl_var symbols, order, mask;
	tl_var stream[2 * STEPS_MAX];
	tl_var out[OUTPUTS];
	int outs;
	tl_var loss;        /* so far, where it is added up in the loop */
	tl_var mark[MARKS]; /* variables in the middle, to be read and differentiated by */
	int marks;
	tl_state last;
} recording;

static inline int64_t choice(const recording *r, int which, int64_t limit)
{
	return r->p->number[which] % limit;
}

/* A leaf, the same variable for all calls; those with an axis of rows are cut to the rows still there. */
tl_var leaf(recording *r, int k);
tl_var leaf_rows(recording *r, int k);
tl_var rows_of(recording *r, tl_var v, int axis);
tl_shape with_front(int64_t n, tl_shape s);
tl_shape with_rows(const recording *r); /* a state of the rows still there */
tl_var symbols_at(recording *r, int64_t t);
tl_var shared_mask(recording *r);
/* The data of run number `run`; all leaves, not x and y alone, if asked for. */
void world_next(world *w, int run, bool all);

/* Instructions. */
typedef struct instruction {
	const char *name;
	tl_var (*record)(recording *r, tl_var a, tl_var b, int k);
	int weight; /* how often it is drawn */
} instruction;
const instruction *instruction_at(int k); /* NULL past the end */
int instructions(void);

/* One step, in programs_step.c. */
tl_var stream(recording *r,
	int64_t t); /* x as step t reads it; with P_HOIST all steps are read at the first call */
tl_var weighted(recording *r, tl_var v); /* times a weight of the layer */
tl_state start(recording *r);
tl_state step(recording *r, int64_t t, tl_var x, tl_state s);
int64_t odd_step(const recording *r);
int layers_of(const recording *r);

/* Families of loops. */
typedef struct family {
	const char *name;
	void (*record)(recording *r);
} family;
const family *family_at(int k);
const char *stream_name(int k);
const char *finish_name(int k);

/* In programs_run.c: an output counts to the loss; a variable is kept for later. */
void put_output(recording *r, tl_var v);
void put_mark(recording *r, tl_var v);
/* Called in every step of every loop. */
void at_step(recording *r, tl_state s);
const char *loss_name(int k);
const char *reads_name(int k);

#endif
