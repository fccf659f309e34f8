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
	TL__DOT_STANDS = 4,   /* drawn in the frame of its own scope; other needed ones only beside their uses */
	TL__DOT_REFERRED = 8, /* stands, and is drawn again beside some uses */
};

typedef enum tl__dot_role { TL__DOT_PLAIN, TL__DOT_IS_OUTPUT, TL__DOT_REFERENCE } tl__dot_role;

typedef enum tl__dot_edge {
	TL__DOT_FORWARD,
	TL__DOT_BACK, /* to an adjoint: written against its arrow */
	TL__DOT_KEPT, /* from a recorded node to an adjoint */
} tl__dot_edge;

/* One drawing. Arrays over nodes have an entry for each of the tape's nodes up to the last output. */
typedef struct tl__dot {
	const tl_tape *tape;
	tl_dot_options options;
	FILE *to;
	tl_arena arena;
	uint32_t end;        /* of the arrays over nodes */
	unsigned char *mark; /* TL__DOT_... */
	uint32_t *frame;     /* where it stands */
	uint32_t *next;      /* standing node in the same frame */
	uint32_t *id;        /* number in the drawing, of a standing node */
	uint32_t *copy;      /* the same of its last copy */
	uint32_t *copied_for; /* the node beside which that is drawn; 0: there is none */
	uint32_t *rank;      /* where it will stand, about */
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

/* Zeroed memory that lives as long as the drawing, or NULL. */
void *tl__dot_zeroed(tl__dot *d, size_t count, size_t size);

/* Makes the frames that standing nodes need and puts the nodes into them; TL_ERR_MEMORY. */
tl_status tl__dot_place(tl__dot *d, tl_error *err);
/* Writes the frames, one in the other, and calls draw for every node where it stands. */
void tl__dot_walk(tl__dot *d, void (*draw)(tl__dot *d, uint32_t node));

/* Finds which nodes stand too far from their uses; TL_ERR_MEMORY. */
tl_status tl__dot_measure(tl__dot *d, tl_error *err);
/* Is operand k drawn beside node i, wherever it stands? */
bool tl__dot_is_copied(const tl__dot *d, uint32_t i, uint32_t k);
/* A copied operand: does the last copy that was drawn not serve this use, too? */
bool tl__dot_needs_copy(const tl__dot *d, uint32_t i, uint32_t k);

/* What holds for the whole drawing: title, legend, direction, fonts. */
void tl__dot_head(const tl__dot *d);
/* Label and colours of a frame, as statements. */
void tl__dot_frame_style(const tl__dot *d, const tl__dot_frame *frame);
/* " [...]": label, shape and colours of a node; a reference is a copy of what stands elsewhere. */
void tl__dot_node_style(const tl__dot *d, uint32_t i, tl__dot_role role);
/* " [...]" of the edge from operand k to node i. */
void tl__dot_edge_style(const tl__dot *d, uint32_t i, uint32_t k, tl__dot_edge edge);

#endif
