/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the drawing share: dot.c chooses and writes nodes and edges, dot_scope.c makes the
 * tree of frames, dot_style.c knows text, shapes, colours and the legend.
 */
#ifndef TL_GRAPH_DOT_DRAW_H
#define TL_GRAPH_DOT_DRAW_H

#include "graph/dot.h"
#include "graph/node.h"

/* A frame around nodes, or the whole drawing (frame 0). A frame's number is larger than its parent's. */
typedef struct tl__dot_frame {
	uint32_t parent;
	uint32_t depth;    /* 0: the drawing, or "gradient" */
	bool adjoint;      /* "gradient" or within it */
	const char *label; /* NULL: the drawing, or "gradient" */
	int64_t index;     /* < 0: none */
	uint32_t first_child, last_child, next; /* frames; 0: none */
	uint32_t first_node, last_node;         /* linked by tl__dot.next; 0: none */
} tl__dot_frame;

enum {
	TL__DOT_NEEDED = 1, /* an output depends on it */
	TL__DOT_OUTPUT = 2,
	TL__DOT_STANDS = 4, /* drawn in the frame of its own scope; the other needed ones beside their uses */
};

/* One drawing. Arrays over nodes have an entry for each of the tape's nodes up to the last output. */
typedef struct tl__dot {
	const tl_tape *tape;
	tl_dot_options options;
	FILE *to;
	tl_arena arena;
	uint32_t end;        /* of the arrays over nodes */
	unsigned char *mark; /* TL__DOT_... */
	uint32_t *next;      /* standing node in the same frame */
	uint32_t *id;        /* number in the drawing; of a leaf: where it was drawn last */
	uint32_t *drawn_in;  /* of a leaf: the frame where it was drawn last, plus 1 */
	uint32_t ids;        /* given out */
	tl__dot_frame *frames;
	uint32_t n_frames;
} tl__dot;

static inline bool tl__dot_is_adjoint(const tl_node *node)
{
	return node->flags & TL_NODE_ADJOINT;
}

static inline bool tl__dot_is_leaf(const tl_node *node)
{
	return node->op->flags & TL_OP_LEAF;
}

/* Makes the frames that standing nodes need and puts the nodes into them; TL_ERR_MEMORY. */
tl_status tl__dot_place(tl__dot *d, tl_error *err);
/* Writes the frames, one in the other, and calls draw for every node where it stands. */
void tl__dot_walk(tl__dot *d, void (*draw)(tl__dot *d, uint32_t node, uint32_t frame));

/* What holds for the whole drawing: title, legend, direction, fonts. */
void tl__dot_head(const tl__dot *d);
/* Label and colours of a frame, as statements. */
void tl__dot_frame_style(const tl__dot *d, const tl__dot_frame *frame);
/* " [...]": label, shape and colours of a node. */
void tl__dot_node_style(const tl__dot *d, const tl_node *node, bool output);
/*
 * Is the edge to an adjoint from what stands beside it? Such edges are written against their arrow, so
 * that gradients run against the time and stand where the values stand that they belong to.
 */
bool tl__dot_runs_back(const tl__dot *d, const tl_node *node, uint32_t k);
/* " [...]" of the edge from operand k. */
void tl__dot_edge_style(const tl__dot *d, const tl_node *node, uint32_t k);

#endif
