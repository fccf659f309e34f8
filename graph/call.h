/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A body is a recorded piece of graph that stands on no tape: inputs, nodes, one result. A call is a node
 * that computes a body: all that happens inside is forgotten when it returns. For the files of graph/ only.
 *
 *	y = call(body, x)           y: all that the body hands out, laid out flat (graph/flat.h)
 *	dx = call(body', x, dy)     body' = body and its adjoints, recorded by tl_grad_from
 *
 * So a call's gradient is a call, which computes the body's values a second time; and it has a gradient
 * for the same reason. Bodies are kept with the tape that recorded them and shared by all calls of the
 * same structure: a loop over T steps that is cut into segments of n holds one body of n steps, one of its
 * gradient and T / n calls.
 *
 * Bodies run on a tape inside the tape, its executor of the same kind. Its memory is that of one call.
 *
 * Invariants:
 *  1. A body's nodes, operand lists, params and constants lie in its own arena; nothing changes them but
 *     `value` and `flags`, while it runs.
 *  2. A body that a node refers to lives until the next reset at least.
 *  3. A serial is given once: equal params of two calls mean the same body, whenever they were recorded.
 */
#ifndef TL_GRAPH_CALL_H
#define TL_GRAPH_CALL_H

#include "graph/node.h"

typedef struct tl_body {
	struct tl_body *next;
	uint64_t serial, hash; /* the hash is of those who look for it */
	struct tl_calls *calls; /* of the tape that recorded it */
	bool called;           /* since the last reset */
	tl_arena mem;
	tl_node *nodes;        /* nodes[0] is nothing; `scope` is one of: */
	uint32_t n_nodes;
	tl_scope_entry *scopes; /* that were begun in it; scopes[0] is the call's */
	uint32_t n_scopes;
	uint32_t *input;       /* nodes whose values are given */
	uint32_t n_inputs;
	uint32_t result;       /* the node that is the value: a vector */
	unsigned char *need;   /* of a gradient: of which inputs of the body it came from */
	struct tl_body *gradients;
} tl_body;

typedef struct tl_calls {
	const tl_tape *owner;
	tl_body *bodies;
	uint64_t serial;
	tl_tape *runner;   /* runs the bodies, on the tape's threads */
	bool busy;
	uint64_t computed, grown;
} tl_calls;

/* The tape's calls, made when they are first asked for; NULL, and an error, where memory is out. */
tl_calls *tl__calls(tl_tape *tape);
void tl__calls_free(tl_calls *calls);
void tl__calls_reset(tl_calls *calls);
void tl__calls_stats(const tl_calls *calls, tl_tape_stats *stats);

/* A body without nodes, with room for n; NULL where memory is out. The tape's once it was added to a list. */
tl_body *tl__body_new(tl_calls *calls, uint32_t n);
void tl__body_free(tl_body *body);
/* Give a body a copy of a node, whose operands then still have to be set. False where memory is out. */
bool tl__body_add(tl_body *body, const tl_node *node);

/* Set the scopes of its nodes to copies; the first one is the root. False where memory is out. */
bool tl__body_set_scopes(tl_body *body, uint32_t n, const tl_scope_entry *scopes);

/* Record a call. Random nodes of the body draw after the first `draws` of the tape. */
tl_var tl__call(tl_tape *tape, tl_body *body, const tl_var *in, uint32_t draws);

/* What a node calls; NULL where it is no call. */
const tl_body *tl__call_body(const tl_node *node);

extern const tl_op tl__op_call;

#endif
