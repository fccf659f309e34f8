/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing a tape: what some variables depend on, as a graph in Graphviz's dot language.
 *
 *	tl_var y = tl_name(tl_tanh(tl_add(tl_matmul(x, w), b)), "y");
 *	FILE *to = fopen("y.dot", "w");
 *	tl_tape_draw(to, 1, &y, &(tl_draw_options){.title = "One neuron layer", .legend = true}, &err);
 *	fclose(to);
 *
 *	$ dot -Tsvg y.dot > y.svg
 *
 * Boxes and frames. A box is one operation, or several folded into one; edges run from operand to result
 * and carry the operand's shape. Scopes are nested frames, one for each path however often it was opened.
 * Scopes of one label that differ in their index only are a series: "t=0", "t=1", ... The members of a
 * series are steps, but for those labelled "layer", which are layers.
 *
 * Leaves. Parameters and constants are drawn beside each use, so that a weight shared by a thousand steps
 * does not tie the steps into a knot; those of a folded box are one leaf. Inputs are drawn once, where they
 * were recorded. Views of memory, which compute nothing, stand with what they view or with what uses them,
 * if that is in a scope further in: so the slices of a loop's input are in its steps. In a drawing that is
 * told to show very much, what is used far away is drawn there a second time, dashed, under its id.
 *
 * Gradients. What tl_grad recorded stands in frames of its own below the values, one for each run of
 * tl_grad ("gradient", "gradient 2", ...: a second-order gradient is one of a gradient), and runs from
 * right to left, as gradients do. A dashed edge goes from a recorded value to its use in a gradient.
 *
 * Long loops. Graphviz's time grows with the number of boxes and with the length of edges, and faster than
 * either. Unless it is told what to fold and which steps to show, a drawing is therefore folded, and its
 * steps left out, just so far that Graphviz lays it out within a few seconds, whatever the tape's length:
 * "... x 994 ..." stands for the steps left out, or for boxes of one name, where a frame holds very many.
 * Seconds of Graphviz 2.43 for an LSTM drawn in full, as a measure: T = 30 takes 3, T = 100 takes 50; one
 * box a step: T = 100 takes 0.4, T = 1000 takes 50.
 *
 * Same graph, names and options: same bytes, on any machine. A box's id in the text is made of its path and
 * name, or op and place among its like. The work is linear in the tape's length, but for n log n in places.
 */
#ifndef TL_GRAPH_DRAW_H
#define TL_GRAPH_DRAW_H

#include <stdio.h>

#include "graph/tape.h"

/* Each folds what the one before folds, too. */
typedef enum tl_draw_fold {
	TL_DRAW_FOLD_AUTO,
	TL_DRAW_FOLD_NONE,
	TL_DRAW_FOLD_OPS,   /* chains of elementwise ops, and sums of products, are one box */
	TL_DRAW_FOLD_CELL,  /* a step is one box */
	TL_DRAW_FOLD_LAYER, /* a scope with steps in it is one box: all its steps */
} tl_draw_fold;

typedef enum tl_draw_part {
	TL_DRAW_BOTH,     /* all that the outputs depend on */
	TL_DRAW_FORWARD,  /* without what tl_grad recorded */
	TL_DRAW_BACKWARD, /* what tl_grad recorded; values that it uses are dashed boxes beside it */
} tl_draw_part;

typedef enum tl_draw_direction {
	TL_DRAW_LR, /* left to right */
	TL_DRAW_TB, /* top to bottom */
} tl_draw_direction;

/* What a box stands for, as an overlay sees it. */
typedef struct tl_draw_box {
	/* In the order of recording; one, unless it is folded. Leaves beside it are boxes of their own. */
	const tl_var *nodes;
	size_t n;
	const char *path;    /* "layer=0/t=3": the scope that it is, or in which it stands; "" is the root */
	int gradient;        /* 0: recorded by the program; k: by the k-th run of tl_grad */
	bool folded, elided; /* several nodes in one; that stand in the place of steps left out */
} tl_draw_box;

#define TL_DRAW_LABEL 96
#define TL_DRAW_TIP 768

typedef enum tl_draw_paint {
	TL_DRAW_PLAIN, /* no value: drawn pale */
	TL_DRAW_VALUE, /* `value` on the overlay's scale, from light to dark */
	TL_DRAW_GROUP, /* `group` >= 1: equal numbers are drawn alike; the label should tell the number, too */
} tl_draw_paint;

/* What an overlay says about a box. Both texts are plain (escaped by the drawing), lines parted by '\n'. */
typedef struct tl_draw_mark {
	tl_draw_paint paint;
	double value; /* inf and nan are drawn as such, in colours off the scale */
	int group;
	char label[TL_DRAW_LABEL]; /* further lines of the box's label; "": none */
	char tip[TL_DRAW_TIP];     /* shown when the pointer rests on the box; "": what the box says of itself */
} tl_draw_mark;

/*
 * Colours and text over a drawing. `mark` is called once for every box that is drawn, parameters' and
 * constants' leaves included (once for each use), with `mark` zeroed before. How several nodes make one
 * value, a sum of times or the greatest norm, is for it to say: it gets all nodes of a box. Each node that
 * is drawn but a leaf is in exactly one box.
 */
typedef struct tl_draw_overlay {
	void (*mark)(void *context, const tl_draw_box *box, tl_draw_mark *mark);
	void *context;
	const char *scale; /* what the legend's numbers are: "norm of the gradient" */
	bool logarithmic;  /* the values are decimal logarithms of these */
	double low, high;  /* ends of the scale; low >= high: from the values drawn */
} tl_draw_overlay;

typedef struct tl_draw_options {
	const char *title; /* NULL: none */
	tl_draw_part part;
	tl_draw_fold fold;
	/*
	 * Which steps of each series are shown, as Python slices them: "0:3,-1" are the first three and the
	 * last, "::10" every tenth, ":" all. They count members in order of their index. NULL: chosen.
	 */
	const char *steps;
	/*
	 * Scopes that are not folded, whatever else is: patterns of graph/find.h over their paths, "encoder/l1/t3";
	 * several are parted by commas. Steps that match are shown, too, but where more than 8 of one series do:
	 * then `steps` says which. NULL: none.
	 */
	const char *expand;
	/*
	 * Names of axes by their lengths: "T=100 B=8 E=64 H=128 V=65". An axis is written with a name where
	 * exactly one of the names, their multiples up to 4 ("4H"), sums ("E+H") and products ("T*B") has its
	 * length; lengths that two of them share, and 1, stay numbers. So name every size of the model. NULL: none.
	 */
	const char *axes;
	tl_draw_direction direction;
	bool hide_shapes; /* and types */
	bool legend;      /* explain the shapes and colours that occur */
	const tl_draw_overlay *overlay; /* NULL: none */
} tl_draw_options;

/*
 * Draws what the outputs, variables of one tape, depend on. Computes nothing and leaves the tape as it is.
 * NULL options: all defaults. Flushes the stream and leaves it open.
 * TL_ERR_ARGUMENT for n < 1, steps or axes that do not parse, patterns that match nothing, and a part that is
 * empty; TL_ERR_STALE for a variable of a tape that was reset, or of another tape; for a failed variable the
 * status that its tape holds. Nothing is written then. TL_ERR_MEMORY; TL_ERR_IO where the stream refuses.
 */
TL_API tl_status tl_tape_draw(FILE *to, int n, const tl_var *outputs, const tl_draw_options *options, tl_error *err);

#endif
