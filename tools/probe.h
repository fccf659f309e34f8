/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens inside a model while it reads: gates, states, attention weights and whatever else has a name on the
 * tape, over the symbols of a text.
 *
 *	probe_read       a text goes through the model, recorded on the task's tape; its symbols are the axes
 *	probe_nodes_find which nodes match patterns (graph/find.h)
 *	probe_nodes_read their values, in the order of the symbols
 *	probe_print, probe_draw, probe_save
 *
 * Step t of a reader or of a language model belongs to symbol t, the one that it reads; in the reverse direction,
 * which starts at the end, too. A decoder's step belongs to the symbol that it writes.
 */
#ifndef TL_TOOLS_PROBE_H
#define TL_TOOLS_PROBE_H

#include <stdio.h>

#include "core/arena.h"
#include "graph/find.h"
#include "tools/colour_scale.h"
#include "tools/task.h"

#define PROBE_MOST 20000 /* symbols of a text */

/* The symbols along which values lie. */
typedef struct probe_axis {
	const char *name; /* "text", "source", "target", "steps" */
	int64_t n;
	token *symbol;    /* n, as they are, in UTF-8 */
	char **label;     /* n, as they are shown: blanks and control characters can be seen */
	int32_t *id;      /* n, their numbers in the vocabulary; NULL: they have none */
	tl_arena arena;   /* holds them */
} probe_axis;

/* Owned by the caller, to be released also after failures. */
typedef struct probe_reading {
	probe_axis read;    /* what goes in */
	probe_axis written; /* what a decoder writes; n = 0: there is none */
	const vocab *out;   /* what probabilities are of; NULL: there are none */
} probe_reading;

/* What is to be read; NULL: not given. */
typedef struct probe_input {
	const char *text, *target;
	const char *x; /* an array of series, of which one is read */
	int64_t row;
} probe_input;

/* The task has a model and a tape. Sentences name the option ("--text"); so do notes, to standard error. */
tl_status probe_read(task *t, const probe_input *in, probe_reading *r, tl_error *err);
void probe_reading_release(probe_reading *r);

/*
 * For the above: n symbols, a token each, and their numbers or NULL, are copied. A symbol's label is itself, with
 * blanks, line ends and tabs as U+2423, U+21B5, U+21E5 and other controls as U+2400 and following.
 */
tl_status probe_axis_make(probe_axis *a, const char *name, const token *t, const int32_t *id, int64_t n, tl_error *err);
/*
 * Numbers of tokens. Where the vocabulary has <unk>, that is what the others become, and a note says which; where not
 * they are refused. `name` is the option.
 */
tl_status probe_encode(const vocab *v, const char *name, const token *t, int64_t n, int32_t *id, tl_error *err);
/* probe_translator.c */
tl_status probe_read_translator(task *t, const probe_input *in, probe_reading *r, tl_error *err);

/* Values over an axis: of units, or of the symbols that a decoder looks at. */
typedef struct probe_node {
	const char *path;          /* as tl_trace.path; in memory of the tape, as all of this */
	const tl_trace *trace;
	const probe_axis *axis;    /* T symbols */
	const probe_axis *source;  /* of attention weights: S symbols are looked at in `heads` heads; else NULL */
	int64_t units, heads;      /* H; or S * heads, those of a symbol side by side; heads: 1 where there are none */
	const vocab *symbols;      /* of probabilities: the units' names; else NULL */
	tl_real *values;           /* (T, units); NULL before they are read */
	colour_scale scale;        /* between which they lie: 0 and 1 for gates, else round numbers */
	bool bounded;              /* the scale's ends are those of the function that made them */
} probe_node;

typedef struct probe_nodes {
	probe_node *v;
	int n;
} probe_nodes;

/*
 * Those that match any of the patterns, each once, without values and scales. A pattern that nothing matches, or only
 * what does not lie over symbols, is refused, with names that are near.
 */
tl_status probe_nodes_find(
	task *t, const probe_reading *r, const char *const *pattern, int patterns, probe_nodes *out, tl_error *err);
/* Their values, computed together, and scales. */
tl_status probe_nodes_read(task *t, probe_nodes *nodes, tl_error *err);

/*
 * Figures of all units of a node, and how much is saturated (Karpathy, Johnson, Fei-Fei, "Visualizing and understanding
 * recurrent networks", 2015).
 */
typedef struct probe_figures {
	double mean, deviation, min, max;
	double low, high; /* fractions below probe_low_end and above 0.9: of bounded nodes */
} probe_figures;

/* 0.1; where the scale has negative values, -0.9. */
static inline double probe_low_end(const probe_node *node)
{
	return node->scale.low < 0 ? -0.9 : 0.1;
}

probe_figures probe_node_figures(const probe_node *node);

/* Which units are shown: a list. */
typedef struct probe_units {
	int64_t n, *v;
} probe_units;

/*
 * By a text like "0:16", "3,7,-1" or "10:" (from the end where negative), or the `top` ones whose values differ most
 * from symbol to symbol; neither: the first `most`. `v` is to be freed.
 */
tl_status probe_units_choose(
	const probe_node *node, const char *text, int64_t top, int64_t most, probe_units *out, tl_error *err);
/* The same text without a node: fails where it is none. */
tl_status probe_units_check(const char *text, tl_error *err);

/* How nodes are shown. */
typedef struct probe_style {
	const char *units; /* as for probe_units_choose; NULL, ... */
	int64_t top;       /* ... 0: the first ones */
	int64_t wrap;      /* symbols side by side; 0: what is usual */
	bool colour;       /* in a terminal */
} probe_style;

/* A table of digits, coloured or not. */
tl_status probe_print(FILE *to, const probe_nodes *nodes, const probe_style *style, tl_error *err);
/* Heat maps: .svg, .png, .pdf. */
tl_status probe_draw(const char *path, const probe_nodes *nodes, const probe_style *style, tl_error *err);
/*
 * All values, (T, units) or (T, S, heads): .npy for a single node; .npz for any, under their paths, and of each axis
 * that they lie over "NAME.ids" (n), "NAME.points" and "NAME.starts" (n + 1): symbol i has the code points
 * points[starts[i]] to points[starts[i + 1] - 1]. Prints what the file holds as a JSON object.
 */
tl_status probe_save(const char *path, const probe_nodes *nodes, const probe_reading *r, tl_error *err);
/* Fails where a path's ending is none that can be written. */
tl_status probe_check(const char *path, tl_error *err);

/* A part of a node as a matrix with labels, to be released. */
typedef struct probe_matrix {
	int64_t rows, columns;
	tl_real *values;
	const char **row_labels, **column_labels;
	tl_arena arena; /* holds them */
} probe_matrix;

/*
 * Of the symbols first to end - 1: units are rows and symbols columns, or the other way round (`upright`). Attention
 * weights, of one head, have what is looked at in columns and look at no units.
 */
tl_status probe_matrix_make(const probe_node *node, const probe_units *units, int64_t head, int64_t first, int64_t end,
	bool upright, probe_matrix *m, tl_error *err);
void probe_matrix_release(probe_matrix *m);
/* "units 0-31 of 64; all: mean 0.713, 3% below 0.1, 42% above 0.9"; returns buf. */
#define PROBE_NOTE 160
const char *probe_note(const probe_node *node, const probe_units *units, char buf[PROBE_NOTE]);
/* The path, ", head 2" behind it where there are several. */
#define PROBE_TITLE (TL_PATH_TEXT + 32)
const char *probe_title(const probe_node *node, int64_t head, char buf[PROBE_TITLE]);
/* A symbol as it is shown, in memory of the arena; NULL where that is out. */
char *probe_label(tl_arena *arena, token t);

#endif
