/* SPDX-License-Identifier: Apache-2.0 */
/* What `tapeloop graph` was told, and the drawing of it. */
#ifndef TL_TOOLS_GRAPH_H
#define TL_TOOLS_GRAPH_H

#include "graph/overlay.h"
#include "tools/example.h"
#include "tools/options.h"
#include "tools/picture.h"

typedef struct graph_options {
	const char *what;     /* a task's name, or a model file */
	task *task;           /* NULL: to be loaded */
	net_options net;      /* of a line that names no task */
	example example;
	tl_draw_options draw;
	tl_overlay_kind show; /* TL_OVERLAYS: nothing */
	const char *output;   /* NULL: standard output */
	int seconds;          /* for Graphviz */
	int64_t threads;
} graph_options;

/* Sets o->task if it is NULL; the caller frees it. */
tl_status graph_draw(graph_options *o, tl_error *err);

#endif
