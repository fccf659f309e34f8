/* SPDX-License-Identifier: Apache-2.0 */
//
// Finding variables on a tape by where they stand and what they are called: gates and states of a cell, say, for
// which a program has no variable of its own.
//
// A variable's path is its scope and its name, "layer=0/t=3/forget". One without a name is called by its op with a
// point in front, "layer=0/t=3/.matmul". A pattern is matched part by part, between the slashes, as the shell does
// it (fnmatch(3)):
//
//	* ? [...]      any text, any character, one of these; a point in front must be written out, as with files
//	**             any number of parts, also none
//	l0  t3  r      a scope may be written by its first letter and its index: layer=0, t=3, reverse
//
//	layer=0/t=*/forget    l0/t*/forget    l0/*/forget      the forget gate at every step of layer 0
//	l0/r/*/hidden                                          states of its reverse direction
//	**/hidden                                              the states of all layers and directions
//
// A trace is what a pattern is mostly about: one variable for each step, in order. Where the pattern is wider, there
// are several, told apart by layer, direction and name:
//
//	const tl_trace *trace;
//	int n = tl_trace_find(tape, "*/*/forget", &trace);
//	for (int k = 0; k < n; k++) {
//		printf("%s\n", trace[k].path);                  // "layer=0/t=*/forget", "layer=1/t=*/forget"
//		if (tl_trace_read(&trace[k], forget, T * B * H)) // (T, B, H)
//			...
//	}
//
// Values are computed when they are read, whatever a plan made of these nodes before. Layers that run fused
// (ops/fused.h) have no gates on the tape, and what an ended checkpoint did not keep is gone. Gradients are found only
// where they were given names.
//
#ifndef TL_GRAPH_FIND_H
#define TL_GRAPH_FIND_H

#include "graph/tape.h"

#define TL_PATH_TEXT 256

/* The variable's path, cut to size (a path too long loses its outermost part); returns buf. */
TL_API const char *tl_var_path(tl_var v, char *buf, size_t size);
TL_API bool tl_path_matches(const char *pattern, const char *path);

/* How many variables match; the first `most` of them go to out, in the order in which they were recorded. */
TL_API int64_t tl_find(tl_tape *tape, const char *pattern, int64_t most, tl_var *out);

typedef struct tl_trace {
	/*
	 * Of all its variables, with * for the index that counts the steps: that of "t" where there is more than one t,
	 * else of the innermost scope but "layer" that has more than one index. Of several variables with one path the
	 * second has "#2" behind it, and so on.
	 */
	const char *path;
	int64_t steps;        /* T; 1 where no index counts */
	const tl_var *at;     /* T variables, by index */
	const int64_t *index; /* T of them: 0, 1, 2, ... where all steps were found */
} tl_trace;

/*
 * The traces that match, in the order of their first variables, in memory of the tape (see tl_tape_alloc). Returns
 * their number; 0 also where memory is out, with an error on the tape.
 */
TL_API int tl_trace_find(tl_tape *tape, const char *pattern, const tl_trace **out);
/* The shape of its values, with T in front: (T, B, H). Without axes, where its variables differ in shape. */
TL_API tl_shape tl_trace_shape(const tl_trace *trace);
/* Its values, dense; n must be their number. TL_ERR_SHAPE, on the tape, where its variables differ in shape. */
TL_API tl_status tl_trace_read(const tl_trace *trace, tl_real *to, int64_t n);

#endif
