/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing variables into a file: dot text, or a picture through Graphviz. */
#ifndef TL_TOOLS_PICTURE_H
#define TL_TOOLS_PICTURE_H

#include "graph/draw.h"

/*
 * By the path's ending: .svg, .png, .pdf (through the program `dot`, which is looked for on PATH), .dot or .gv.
 * NULL writes dot text to standard output. The file appears complete or not at all. `dot` may take so many
 * seconds; 0: any number.
 */
tl_status picture_write(
	const char *path, int n, const tl_var *outputs, const tl_draw_options *o, int seconds, tl_error *err);

/* Fails where the ending is none of these. */
tl_status picture_check(const char *path, tl_error *err);

#endif
