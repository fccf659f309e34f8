/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures that another program makes of a text: Graphviz of a graph, gnuplot of a plot. */
#ifndef TL_TOOLS_IMAGE_H
#define TL_TOOLS_IMAGE_H

#include <stdbool.h>
#include <stdio.h>

#include "core/status.h"

typedef struct image_program {
	const char *name;    /* looked for on PATH */
	const char *package; /* that holds it */
	const char *instead; /* what a user can do without it: "Without -o ..." */
	int seconds;         /* that it may take; 0: any number */
	const char *faster;  /* what to do where it takes longer */
} image_program;

/* "svg" of "a/b.svg", "" where there is none. */
const char *image_ending(const char *path);
/* Whether it is .svg, .png or .pdf. */
bool image_is_picture(const char *path);

/*
 * What the program, called with one argument (NULL: none), makes of the text, as a file; program NULL: the text
 * itself. The file appears complete or not at all.
 */
tl_status image_write(
	const char *path, FILE *text, const image_program *program, const char *argument, tl_error *err);

#endif
