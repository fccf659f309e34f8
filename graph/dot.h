/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing a tape: what some variables depend on, as a graph in Graphviz's dot language.
 *
 *	tl_var y = tl_name(tl_tanh(tl_add(tl_matmul(x, w), b)), "y");
 *	FILE *to = fopen("y.dot", "w");
 *	tl_dot_write(to, 1, &y, &(tl_dot_options){.title = "One neuron layer", .legend = true}, &err);
 *	fclose(to);
 *
 *	$ dot -Tsvg y.dot > y.svg
 *
 * Operations are rounded boxes with the variable's name, the op and the result's shape; their colour is
 * their kind. Edges run from operand to result and carry the operand's place where it has several.
 * Scopes are nested frames, one for each path however often it was opened. Adjoints stand in a frame
 * "gradient" with frames of their own, in warm colours, and run against the time, as gradients do.
 * Parameters and constants are drawn beside each use, so a weight shared by a thousand steps does not tie
 * the steps into a knot; inputs are drawn once.
 */
#ifndef TL_GRAPH_DOT_H
#define TL_GRAPH_DOT_H

#include <stdio.h>

#include "graph/tape.h"

typedef enum tl_dot_direction {
	TL_DOT_LR, /* left to right */
	TL_DOT_TB, /* top to bottom */
} tl_dot_direction;

typedef struct tl_dot_options {
	const char *title; /* NULL: none */
	tl_dot_direction direction;
	bool hide_shapes; /* and types */
	bool edge_shapes; /* the operands' shapes on the edges, too: a wider drawing */
	bool legend;      /* explain the shapes and colours that occur */
} tl_dot_options;

/*
 * Computes nothing and leaves the tape as it is. The bytes written follow from the recorded structure,
 * names and options alone. The outputs are of one tape; NULL options: all defaults.
 * TL_ERR_ARGUMENT for n < 1; TL_ERR_STALE for a variable of a tape that was reset, or of another tape;
 * for a failed variable the status that its tape holds; TL_ERR_IO where the stream refuses (part may be
 * written then); TL_ERR_MEMORY.
 */
TL_API tl_status tl_dot_write(
	FILE *to, int n, const tl_var *outputs, const tl_dot_options *options, tl_error *err);

#endif
