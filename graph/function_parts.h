/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A function is a tape of its own with the recording on it, and a plan for it. For function*.c only.
 *
 * Memory of a plan comes twice where there are states, and runs take turns: what the last run computed is what this
 * one reads, while it writes to the other.
 *
 *	run i      memory[0]  ... [h' c'] ...  <- writes     reads ->  ... [h c] ...  memory[1]
 *	run i + 1  memory[1]  ... [h' c'] ...  <- writes     reads ->  ... [h c] ...  memory[0]
 *
 * A state that is not computed densely in a place of its own (one that goes through as it is, say, or two that are
 * the same value) is copied, to and fro in the same way between two places outside.
 */
#ifndef TL_GRAPH_FUNCTION_PARTS_H
#define TL_GRAPH_FUNCTION_PARTS_H

#include "graph/function.h"
#include "graph/node.h"
#include "graph/plan_run.h"

typedef struct tl__function_state {
	uint32_t node, next;
	tl_tensor value; /* dense; data: where the next run reads it */
	char *copy[2];   /* NULL: computed where it stays */
} tl__function_state;

/* The memory of all functions of a tape that share it: kept with the tape (graph/kept.h). */
typedef struct tl__shared_values {
	char *data;
	size_t bytes;
	uint64_t grown;
} tl__shared_values;

struct tl_function {
	tl_tape *tape;       /* with the recording */
	const tl_plan *plan; /* NULL: another executor than the planned one runs the nodes */
	uint32_t *input, *output, *want; /* nodes; want: those of outputs and next states, `wanted` of them */
	int inputs, outputs, states, wanted;
	tl__function_state *state;
	char *memory[2];     /* base 0 of the plan, aligned; or: */
	const tl__shared_values *shared;
	unsigned turn;       /* of the two that the next run writes to */
	bool ran;            /* there are outputs */
	tl_frame frame;
	tl_arena mem;        /* all arrays, and the memory */
	tl_arena scratch;    /* of kernels */
	tl_error error;
};

static inline size_t tl__slot_bytes(const tl_slot *s)
{
	return (size_t)tl_shape_size(s->shape) * tl_dtype_size(s->dtype);
}

/* function_memory.c. An array of zeros that lives as long as the function. */
void *tl__function_array(tl_function *f, size_t count, size_t size, tl_error *err);
/* The plan, its memory, and all that running it takes; memory of the lender, or its own. */
tl_status tl__function_plan(tl_function *f, tl_tape *lender, bool shared, tl_error *err);
/* Where state k is. After the plan, if there is one. */
tl_status tl__function_place(tl_function *f, const tl_slot *slot, int k, tl_error *err);

#endif
