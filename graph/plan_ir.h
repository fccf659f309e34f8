/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan: instructions over memory. For the files plan_*.c and profile_*.c only.
 *
 * Addresses are {base, offset}: base 0 is the plan's own memory, base k > 0 the value of the k-th given
 * node, so a plan serves every step that recorded the same structure, wherever its inputs lie. All of a
 * plan stands in its own arena and is never changed after it was made.
 */
#ifndef TL_GRAPH_PLAN_IR_H
#define TL_GRAPH_PLAN_IR_H

#include "core/arena.h"
#include "graph/node.h"
#include "graph/plan_figures.h"

typedef struct tl_ref {
	uint32_t base;
	int64_t offset; /* bytes */
} tl_ref;

/* What offset 0 is in a tensor without memory: any address will do that is far from 0 and from overflow. */
#define TL_PLAN_BASE ((char *)((uintptr_t)1 << 45))

static inline int64_t tl__look_offset(const tl_tensor *look)
{
	return (char *)look->data - TL_PLAN_BASE;
}

/* A tensor in a base's memory. */
typedef struct tl_at {
	uint32_t base;
	tl_tensor t; /* data: TL_PLAN_BASE + offset */
} tl_at;

/* C = start + sum of A_k B_k over the terms. */
typedef struct tl_gemm_term {
	tl_ref a, b;
	int64_t lda, ldb, k;
	bool ta, tb;
} tl_gemm_term;

enum { TL_START_ZERO, TL_START_HERE, TL_START_ROWS };

typedef struct tl_gemm_step {
	int64_t m, n;
	tl_ref c;
	int64_t ldc;
	tl_gemm_term *terms;
	uint32_t n_terms;
	int start;        /* TL_START_ROWS: copy rows first */
	tl_ref rows;
	int64_t rows_ld;  /* 0: one row for all */
} tl_gemm_step;

/* What a program reads from memory or writes to it, over the program's domain. */
typedef struct tl_port {
	tl_ref at;
	int64_t stride[TL_MAX_AXES + 1]; /* elements */
	uint32_t reg;
} tl_port;

typedef struct tl_block_op {
	tl_map_fn fn;
	const void *params;
	uint32_t n_in, out;
	uint32_t in[TL_MAP_MAX];
} tl_block_op;

#define TL_MOST_REGISTERS 96

/* One pass over a domain of dim[0] x .. x dim[axes-1]; the last two axes are rows and columns. */
typedef struct tl_map_step {
	int axes; /* at least 2 */
	int64_t dim[TL_MAX_AXES + 1];
	uint32_t n_ports, n_inputs; /* ports[0 .. n_inputs) are read, the others written */
	const tl_port *ports;
	uint32_t n_ops;
	const tl_block_op *ops;
	uint32_t registers, buffers;
	const unsigned char *buffer_of; /* of a register: the buffer for it where it cannot lie in memory */
} tl_map_step;

typedef struct tl_kernel_step {
	const tl_op *op;
	const void *params;
	uint32_t node, n_in;
	const tl_at *in; /* n_in operands, then the result */
} tl_kernel_step;

typedef struct tl_copy_step {
	tl_at to, from;
} tl_copy_step;

/* Rows that are brought together, or back to where they belong. Distances between rows in elements. */
typedef struct tl_piece {
	tl_ref to, from;
	int64_t rows, to_ld, from_ld;
} tl_piece;

typedef struct tl_gather_step {
	int64_t columns, rows; /* of all pieces */
	uint32_t n;
	const tl_piece *pieces;
} tl_gather_step;

enum { TL_STEP_GEMM, TL_STEP_MAP, TL_STEP_KERNEL, TL_STEP_COPY, TL_STEP_GATHER };

typedef struct tl_step {
	int kind;
	uint32_t stretch; /* 1 + its number, or 0 */
	uint32_t node;    /* for errors and profiles: one of those that are computed */
	const void *what; /* a tl_*_step */
} tl_step;

/* A run of steps that threads share by rows: steps[first .. last) */
typedef struct tl_split {
	uint32_t first, last;
	int64_t rows;
	const double *weight; /* work up to row i, i = 0..rows */
} tl_split;

/* A node that has a value after the run. */
typedef struct tl_result {
	uint32_t node;
	tl_at at;
} tl_result;

typedef struct tl_plan {
	tl_arena mem;
	struct tl_plan *newer, *older; /* by last use */
	uint64_t key;
	uint64_t *structure; /* what the plan was made for, to be compared */
	size_t structure_words;
	uint64_t *computed;       /* bit i: node i of nodes 1..nodes-1 is computed, or a look at what is */
	uint32_t nodes;
	uint32_t *given, n_given; /* base k + 1 is the value of node given[k], or the place for it */
	size_t bytes;             /* of base 0 */
	tl_step *steps;
	uint32_t n_steps;
	tl_split *splits;         /* in order */
	uint32_t n_splits;
	bool alone;               /* too little work for a second thread */
	tl_result *results;
	uint32_t n_results;
	uint32_t buffers; /* of TL_BLOCK elements that a thread needs at most */
	struct tl_plan_note *notes; /* for views, see graph/plan_note.h; NULL: none are kept */
	tl_plan_figures figures;
} tl_plan;

#endif
