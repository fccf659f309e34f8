/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the tape; for the files of graph/ only.
 *
 * Invariants:
 *  1. Operands have smaller indices than their node: creation order is topological.
 *  2. Node 0 is the failed variable; it has no op.
 *  3. A node that is READY has value.data and strides; until then only type and shape are set.
 *  4. Params, operand lists, names and leaf data live in `records`, computed values with the executor.
 */
#ifndef TL_GRAPH_NODE_H
#define TL_GRAPH_NODE_H

#include "graph/kept.h"
#include "graph/profile.h"
#include "graph/tape.h"

/* Above the flags stands what an adjoint is for: 1 + k for operand k's part of adjoint_of's gradient, 0 for a sum. */
#define TL_NODE_ROLE 8
#define TL_MOST_ROLES 0xffff

enum {
	TL_NODE_READY = 1,
	TL_NODE_ADJOINT = 2, /* appended by tl_grad */
	TL_NODE_PINNED = 4,  /* asked for: stays ready until the reset */
	TL_NODE_VIEW = 8,    /* its value is a look at operand 0's memory */
	TL_NODE_PLACED = 16, /* an executor may compute it where value.data says, dense */
};

typedef struct tl_node {
	const tl_op *op;
	const void *params;
	const uint32_t *in;
	const char *name;
	tl_tensor value;
	const tl_tensor *shown; /* the copy of value that tl_value gave out, or NULL */
	uint32_t n_in;
	uint32_t params_size;
	uint32_t scope;
	uint32_t draw; /* of a random op: how many random nodes stand before it */
	uint32_t flags;
	uint32_t slot;  /* graph/checkpoint.c's: which input of a body it was last */
	uint32_t adjoint_of; /* the node whose gradient it is a part of, or 0 */
} tl_node;

typedef struct tl_scope_entry {
	uint32_t parent;
	const char *label; /* NULL: the root */
	int64_t index;
} tl_scope_entry;

typedef struct tl_used_param {
	tl_param *param;
	uint32_t node;
} tl_used_param;

/* Is told of each node that the plain executor has computed, while its value is there. */
typedef struct tl_witness {
	void (*see)(void *context, const tl_tape *tape, uint32_t node);
	void *context;
} tl_witness;

/* A checkpoint that was begun and not ended: what is recorded since then. */
typedef struct tl_segment {
	uint32_t first; /* node of it; UINT32_MAX: none is open */
	uint32_t generation; /* of its variables; the tape's own where none is open */
	uint32_t scope, n_scopes, draws; /* when it was begun */
	tl_arena records; /* in place of the tape's */
} tl_segment;

struct tl_tape {
	tl_node *nodes;
	uint32_t n_nodes, cap_nodes;
	uint32_t generation, last_generation;
	tl_segment segment;
	struct tl_calls *calls;  /* see graph/call.h; NULL before the first checkpoint */
	uint64_t cut;            /* nodes that checkpoints took away since the reset */
	uint32_t scope;          /* the open one */
	bool recording_adjoints;
	uint32_t adjoint_of, role; /* of the adjoints being recorded */
	tl_scope_entry *scopes;  /* 0 is the root */
	uint32_t n_scopes, cap_scopes;
	tl_used_param *used;
	uint32_t n_used, cap_used;
	uint32_t draws;
	uint32_t draws_before;   /* random nodes drawn before node->draw = 0: not 0 where a body runs */
	uint64_t seed, step;
	tl_pool *pool;
	bool pool_lent; /* by another tape, which outlives this one */
	tl_error error;
	tl_arena records;
	tl_arena scratch; /* of tl_grad */
	struct tl_replay *replay; /* see graph/replay.h; NULL before the first gradient */
	tl__kept_list *kept;
	bool check;               /* see graph/check.h */
	bool infinite;            /* an infinite constant or input was recorded since the reset */
	bool no_replay;           /* this tape's nodes do not stand for a step: it runs bodies */
	uint64_t runs;    /* of the executor */
	uint64_t grown;   /* growths of the arrays above */
	const tl_executor *executor;
	void *executor_state;
	tl_profile *profile; /* NULL: none */
	struct tl_plan_view *view; /* NULL: none */
	const tl_witness *witness; /* NULL: none */
	char *plan; /* as given with the options; NULL: none was */
};

static inline tl_var tl__var(tl_tape *tape, uint32_t index)
{
	return (tl_var){tape, index, index >= tape->segment.first ? tape->segment.generation : tape->generation};
}

/* Recorded since the last reset, and not in a checkpoint that was ended. */
static inline bool tl__alive(tl_var v)
{
	return v.generation == v.tape->generation || v.generation == v.tape->segment.generation;
}

/* The node of a live variable, or NULL. */
static inline tl_node *tl__node(tl_var v)
{
	if (!v.tape || v.index == 0 || !tl__alive(v))
		return NULL;
	return &v.tape->nodes[v.index];
}

/* The result of an op that failed on this tape since its last reset: the error stands there already. */
static inline bool tl__failed(const tl_tape *tape, tl_var v)
{
	return v.tape == tape && v.index == 0 && tl__alive(v);
}

/* Where what belongs to a node is kept, and with the node given back. */
static inline tl_arena *tl__records(tl_tape *tape)
{
	return tape->segment.first == UINT32_MAX ? &tape->records : &tape->segment.records;
}

/* The stream of random numbers of a node. */
static inline uint64_t tl__stream(const tl_tape *tape, const tl_node *node)
{
	return tape->step << 24 | (tape->draws_before + node->draw);
}

/* "matmul: <text>; operands x (32, 10) and W (12, 4); in layer=0/t=3", kept as the tape's error. */
tl_var tl__fail_op(tl_tape *tape, tl_status status, const tl_op *op, int n, const uint32_t *in, uint32_t scope,
	const char *text);
/* Reports why a variable cannot be used: stale, of another tape, or no variable at all. */
tl_var tl__fail_var(tl_tape *tape, const char *who, tl_var v);

/* A loss must be alive, real and of one element; reports otherwise. */
tl_status tl__check_scalar(const char *who, tl_var loss);

const char *tl__scope_path(const tl_tape *tape, uint32_t scope, char *buf, size_t size);

/* A tape like t on t's own threads; t must outlive it. */
tl_tape *tl__tape_within(const tl_tape *t);

/* Make room for one more element in a growing array; false where memory is out. */
bool tl__grow(void **array, uint32_t count, uint32_t *cap, size_t size, uint64_t *grown);

#endif
