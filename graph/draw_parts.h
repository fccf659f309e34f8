/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the drawing share.
 *
 *	draw.c           checks, finds what is needed, chooses how far to fold
 *	draw_map.c       a map from pairs of numbers to numbers; strings as numbers
 *	draw_frame.c     the tree of frames and the series among them: the same whatever is folded
 *	draw_steps.c     which members of a series are shown, which frames are pinned open
 *	draw_fold.c      one choice of folding: frames into bundles, nodes into boxes
 *	draw_group.c     which ops make a group
 *	draw_edge.c      edges between boxes, leaves beside them, where boxes will stand, what that costs
 *	draw_axes.c      names of axes
 *	draw_text.c      text inside labels and ids, both escaped
 *	draw_label.c     labels
 *	draw_style.c     shapes and colours
 *	draw_paint.c     the overlay's colours and texts
 *	draw_legend.c    what they mean
 *	draw_write.c     the dot text
 *	draw_order.c     steps one after the other in it
 *
 * Invariants:
 *  1. A frame's number is larger than its parent's. Frames 0..: 0 is the drawing itself.
 *  2. Every standing node is in one box; box 0 is none. Boxes are numbered by their first node.
 *  3. Nothing here is recursive, and nothing depends on addresses.
 */
#ifndef TL_GRAPH_DRAW_PARTS_H
#define TL_GRAPH_DRAW_PARTS_H

#include "graph/draw.h"
#include "graph/leaf.h"
#include "graph/node.h"

/* Pairs (a, b) to numbers other than 0. */
typedef struct tl__draw_slot {
	uint64_t a, b;
	uint32_t value; /* 0: the slot is empty */
} tl__draw_slot;

typedef struct tl__draw_map {
	tl__draw_slot *slot;
	uint64_t mask; /* the number of slots, a power of two, less one */
	uint32_t used;
} tl__draw_map;

typedef struct tl__draw_strings {
	tl__draw_map map;
	const char **at; /* by number, from 1 */
	uint32_t n, cap;
} tl__draw_strings;

typedef struct tl__draw_frame {
	uint32_t parent, depth; /* depth 0: the drawing; 1: a gradient's, or the outermost scopes */
	uint32_t run;           /* of tl_grad; 0: recorded by the program */
	const char *label;      /* NULL: the drawing, or a gradient's frame */
	int64_t index;          /* < 0: none */
	uint32_t first_child, last_child, next;
	uint32_t children;      /* how many */
	uint32_t series, place; /* a member of which, by index from 0; series 0: of none */
	bool has_steps;         /* directly in it */
	bool matched, pinned;   /* by a pattern; it or one within it is matched: not folded */
	bool kept;              /* pinned, and not left out either */
	/* Of the choice under way: */
	uint32_t bundle;        /* all within is this one's; 0: it is open */
	uint32_t items, seen;   /* boxes directly in it before any were left out; counted so far */
	uint32_t rest;          /* the bundle of boxes left out */
	uint32_t first_box, last_box; /* drawn directly in it, linked by tl__draw_box.next */
	const char *path;       /* "gradient/layer=0/t=3", made for those that are drawn */
} tl__draw_frame;

/* Sibling frames of one label, each with an index. */
typedef struct tl__draw_series {
	uint32_t *member; /* frames, by index */
	uint32_t count;
	bool layers;      /* no time steps */
} tl__draw_series;

/* Python's start:end:step; or the element `start`. */
typedef struct tl__draw_slice {
	int64_t start, end, step;
	bool single, from_first, to_last; /* start or end are not given */
} tl__draw_slice;

typedef struct tl__draw_slices {
	tl__draw_slice *at;
	uint32_t n;
} tl__draw_slices;

/* One way to draw. */
typedef struct tl__draw_choice {
	tl_draw_fold fold;
	const tl__draw_slices *steps; /* NULL: all */
	bool alike;     /* leave out boxes, too, where a frame has many of one name */
	uint32_t most;  /* boxes, and frames, directly in a frame; 0: any number */
	uint32_t depth; /* frames this deep are folded; 0: none */
} tl__draw_choice;

typedef enum tl__draw_bundled {
	TL__DRAW_FOLDED, /* one frame */
	TL__DRAW_STEPS,  /* members of a series in the place of which it stands */
	TL__DRAW_WHOLE,  /* a series of steps folded into one box, as a layer is */
	TL__DRAW_FRAMES, /* frames left out, no series */
	TL__DRAW_ALIKE,  /* boxes of one name left out */
	TL__DRAW_BOXES,  /* any boxes left out */
} tl__draw_bundled;

typedef struct tl__draw_bundle {
	tl__draw_bundled what;
	uint32_t frame;       /* in which its box is drawn */
	uint32_t first, last; /* frames of it */
	uint32_t count;       /* of frames, or boxes */
	const char *name;     /* of boxes that are alike */
	uint32_t box;         /* 0: none yet */
} tl__draw_bundle;

typedef struct tl__draw_box {
	uint32_t frame, next; /* where it is drawn; the next one there */
	uint32_t bundle;      /* 0: a node, or a group of nodes */
	uint32_t node;        /* the node, or a group's result, or a bundle's first */
	uint32_t count;       /* nodes in it */
	uint32_t first;       /* of them, in tl__draw.member */
	uint32_t first_leaf, last_leaf;
	int64_t rank;         /* where it will stand, about */
	bool output;
	const char *id;
} tl__draw_box;

typedef enum tl__draw_kind {
	TL__DRAW_FORWARD,
	TL__DRAW_BACK, /* within a gradient: written against its arrow */
	TL__DRAW_KEPT, /* from a value to a gradient, or to another gradient */
} tl__draw_kind;

typedef struct tl__draw_edge {
	uint32_t from, to, count; /* of different values */
	uint32_t node;  /* the value; of the first use where there are several */
	uint32_t place; /* operand's place from 1; 0: it has none, or several */
	tl__draw_kind kind;
	bool mixed;     /* values of several shapes */
	bool far;       /* not drawn: a leaf stands for it */
} tl__draw_edge;

typedef enum tl__draw_leaf_kind {
	TL__DRAW_PARAM,
	TL__DRAW_CONSTANT,
	TL__DRAW_REFERENCE, /* to what stands elsewhere, or is not drawn */
	TL__DRAW_LEAVES,
} tl__draw_leaf_kind;

/* Drawn beside a box. */
typedef struct tl__draw_leaf {
	tl__draw_leaf_kind kind;
	uint32_t node, next, place; /* place as that of an edge */
	tl__draw_kind edge;
	uint32_t of; /* a reference: the box that it is to; 0: none is drawn */
	const char *id; /* of those that others are drawn with */
} tl__draw_leaf;

enum {
	TL__DRAW_NEEDED = 1, /* an output depends on it */
	TL__DRAW_OUTPUT = 2,
	TL__DRAW_STANDS = 4, /* in a box of its own or with others; else it is drawn beside its uses */
};

typedef struct tl__draw {
	const tl_tape *tape;
	tl_draw_options options;
	FILE *to;
	tl_arena arena;
	/* Over the tape's nodes up to the last output: */
	uint32_t end;
	unsigned char *mark;
	uint32_t *run;   /* of tl_grad */
	uint32_t *frame; /* of a standing node */
	uint32_t *user;  /* the only node that uses it; 0: none does; UINT32_MAX: several */
	uint32_t *group; /* the node whose group it is in; itself where it is in none */
	uint32_t *label; /* of a standing node: the number in `labels` of its name, or of its op's */
	uint32_t *box;   /* of the choice under way */

	tl__draw_strings labels;
	tl__draw_map scopes, named, series_of, members;
	tl__draw_frame *frames;
	uint32_t n_frames, cap_frames;
	tl__draw_series *series; /* from 1 */
	uint32_t n_series, cap_series;
	struct tl__draw_axis *axes;
	uint32_t n_axes;

	/* Of the choice under way, in memory that the next one takes back: */
	tl__draw_choice choice;
	tl__draw_bundle *bundles; /* from 1, as boxes, edges and leaves */
	uint32_t n_bundles, cap_bundles;
	tl__draw_box *boxes;
	uint32_t n_boxes, cap_boxes;
	uint32_t *member; /* nodes by box */
	struct tl__draw_like *likes;
	uint32_t n_likes, cap_likes;
	tl__draw_map like_of;
	tl__draw_map edge_of, leaf_of, used_in; /* the last one: values in boxes that use them */
	tl__draw_edge *edges;
	uint32_t n_edges, cap_edges;
	tl__draw_leaf *leaves;
	uint32_t n_leaves, cap_leaves;
	tl__draw_strings ids;
	tl__draw_map asked;          /* of an id: how often it was asked for after the first time */
	struct tl__draw_look *looks; /* what the overlay says: of boxes, then of leaves; NULL without one */
	double low, high;            /* of its scale */
} tl__draw;

static inline const tl_node *tl__draw_node(const tl__draw *d, uint32_t i)
{
	return &d->tape->nodes[i];
}

static inline const char *tl__draw_name(const tl_node *node)
{
	return node->name && *node->name ? node->name : node->op->name;
}

/* Parameters and constants: drawn beside each use. Inputs stand like what is computed. */
static inline bool tl__draw_is_leaf(const tl_node *node)
{
	return node->op == &tl_op_param || node->op == &tl_op_fill;
}

/* The only node that uses standing node i, if that stands, too, and i is no output; or 0. */
static inline uint32_t tl__draw_user(const tl__draw *d, uint32_t i)
{
	uint32_t u = d->mark[i] & TL__DRAW_OUTPUT ? 0 : d->user[i];
	return u != UINT32_MAX && d->mark[u] & TL__DRAW_STANDS && d->mark[i] & TL__DRAW_STANDS ? u : 0;
}

/* An edge's ends as it is written. */
static inline uint32_t tl__draw_tail(const tl__draw_edge *e)
{
	return e->kind == TL__DRAW_BACK ? e->to : e->from;
}

static inline uint32_t tl__draw_head(const tl__draw_edge *e)
{
	return e->kind == TL__DRAW_BACK ? e->from : e->to;
}

/* draw_map.c. NULL, or 0 for a string, where memory is out. */
void *tl__draw_zeroed(tl__draw *d, size_t count, size_t size);
/* Room for one more, and for element 0 where there was none: its address, cleared. */
void *tl__draw_push(tl__draw *d, void *array, uint32_t *count, uint32_t *cap, size_t size);
uint32_t *tl__draw_find(tl__draw *d, tl__draw_map *map, uint64_t a, uint64_t b);
uint32_t tl__draw_string(tl__draw *d, tl__draw_strings *strings, const char *s);
/* The string, with something behind it if it was asked for before. */
const char *tl__draw_unique(tl__draw *d, tl__draw_strings *strings, const char *s);
/* Printed into the arena. */
const char *tl__draw_print(tl__draw *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* draw_frame.c, draw_steps.c: TL_ERR_MEMORY, TL_ERR_ARGUMENT. */
tl_status tl__draw_make_frames(tl__draw *d, tl_error *err);
tl_status tl__draw_make_series(tl__draw *d, tl_error *err);
tl_status tl__draw_pin(tl__draw *d, const char *patterns, tl_error *err);
tl_status tl__draw_parse_steps(tl__draw *d, const char *text, tl__draw_slices *out, tl_error *err);
bool tl__draw_shows(const tl__draw_slices *slices, uint32_t place, uint32_t count);
/* "gradient/layer=0/t=3", or without the gradient; NULL where memory is out. */
const char *tl__draw_path(tl__draw *d, uint32_t frame, bool with_gradient);
/* "t=3", "gradient 2"; "" for the drawing. */
void tl__draw_frame_name(const tl__draw_frame *f, char *buf, size_t size);

/* draw_group.c, draw_fold.c, draw_edge.c: TL_ERR_MEMORY. */
tl_status tl__draw_make_groups(tl__draw *d, tl_error *err);
/* Stops early where there are more than `most`. */
tl_status tl__draw_make_boxes(tl__draw *d, double most, tl_error *err);
tl_status tl__draw_make_edges(tl__draw *d, tl_error *err);
/* The cost: boxes, leaves and pieces of edges. Leaves are made of edges that are too long afterwards. */
tl_status tl__draw_rank(tl__draw *d, double *cost, tl_error *err);
tl_status tl__draw_cut_far(tl__draw *d, tl_error *err);

/* draw_axes.c */
tl_status tl__draw_parse_axes(tl__draw *d, const char *text, tl_error *err);
#define TL__DRAW_SHAPE 160
/* "(B, 4H)"; returns buf. */
const char *tl__draw_shape(const tl__draw *d, tl_shape shape, char buf[TL__DRAW_SHAPE]);

/* draw_text.c. A name as a label shows it: without its middle, where it is very long. Ids keep all of it. */
#define TL__DRAW_BRIEF 256
const char *tl__draw_brief(const char *name, char text[TL__DRAW_BRIEF]);
/* Inside an HTML-like label: what does not print becomes '?', and so does no text at all. */
void tl__draw_text(FILE *to, const char *s);
/* The same in quotes, '\n' as dot's "\n". */
void tl__draw_quoted(FILE *to, const char *s);

/* draw_style.c */
typedef enum tl__draw_style {
	TL__DRAW_INPUT,
	TL__DRAW_INDEX,
	TL__DRAW_PARAMETER,
	TL__DRAW_NUMBER,
	TL__DRAW_PRODUCT,
	TL__DRAW_ELEMENTWISE,
	TL__DRAW_OTHER,
	TL__DRAW_VIEW,
	TL__DRAW_FOLD,
	TL__DRAW_LEFT_OUT,
	TL__DRAW_STYLES,
} tl__draw_style;

typedef struct tl__draw_colours {
	const char *meaning;
	const char *look;              /* attributes besides the colours; an op's are the defaults */
	const char *fill[2], *line[2]; /* recorded, of a gradient; a leaf is drawn as recorded always */
} tl__draw_colours;

extern const tl__draw_colours tl__draw_styles[TL__DRAW_STYLES];
tl__draw_style tl__draw_node_style(const tl__draw *d, uint32_t node);
tl__draw_style tl__draw_box_style(const tl__draw *d, uint32_t box);

/* Leaves of a box that are drawn as one: those of a kind, where the box is of several nodes. */
typedef struct tl__draw_leaves {
	uint32_t box, leaf; /* the first one */
	bool several;
} tl__draw_leaves;

/* The one after `l`, or the box's first where l->leaf is 0; false where there is none. */
bool tl__draw_next_leaves(const tl__draw *d, tl__draw_leaves *l);
/* Has the box one thing beside it only, which then stands above or below it, not before it? */
bool tl__draw_one_leaf(const tl__draw *d, uint32_t box);
/* The leaf drawn together with `leaf`, after it; 0: none. */
uint32_t tl__draw_next_leaf(const tl__draw *d, const tl__draw_leaves *l, uint32_t leaf);

/* " [...]", and the statements of a frame. */
void tl__draw_write_frame(const tl__draw *d, uint32_t frame, int indent);
void tl__draw_write_box(const tl__draw *d, uint32_t box);
void tl__draw_write_leaves(const tl__draw *d, const tl__draw_leaves *l);
void tl__draw_write_edge(const tl__draw *d, const tl__draw_edge *e);
/* Attributes of an edge: `between` frames; 0 and NULL where there is no place or label. */
void tl__draw_write_place(const tl__draw *d, tl__draw_kind kind, bool between, uint32_t place, const char *label);

/* draw_label.c: what stands in a box. */
void tl__draw_label_box(const tl__draw *d, uint32_t box);
void tl__draw_label_leaves(const tl__draw *d, const tl__draw_leaves *l);
/* "matmul x 2, add x 2", in lines. */
void tl__draw_count_ops(const tl__draw *d, uint32_t box, char *text, size_t size);

/* draw_paint.c: TL_ERR_MEMORY. */
tl_status tl__draw_ask(tl__draw *d, tl_error *err);
typedef struct tl__draw_look {
	tl_draw_paint paint;
	double value;
	int group;
	const char *label, *tip; /* NULL: none */
} tl__draw_look;
/* Of a box, or of the leaves that begin with one; NULL without an overlay. */
const tl__draw_look *tl__draw_look_of(const tl__draw *d, uint32_t box, uint32_t leaf);
/* Colours of a fill, "#rrggbb", and of text on it. */
void tl__draw_paint(const tl__draw *d, const tl__draw_look *look, char fill[8], char text[8]);
/* Colour at x in [0, 1] on the scale. */
void tl__draw_scale(double x, char fill[8]);

/* draw_legend.c: what holds for the whole drawing: title, direction, fonts; and what is meant by what. */
void tl__draw_preamble(const tl__draw *d);
void tl__draw_legend(const tl__draw *d);

/* draw_order.c: edges that are not seen; false where memory is out. */
bool tl__draw_write_order(tl__draw *d);

/* draw_write.c: TL_ERR_MEMORY. */
tl_status tl__draw_write(tl__draw *d, tl_error *err);

#endif
