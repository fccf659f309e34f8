/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as heat maps: a panel for each, or several below each other where a text is long. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/heatmap.h"
#include "tools/probe.h"

#define FIRST 32       /* units that are drawn where nothing else is said */
#define WRAP 100       /* symbols */
#define MOST 400000    /* cells: with more a picture is too large for what shows it */

/* Of attention: squares. Of units: the more there are, the lower. */
static double cell_height(const probe_node *node, const probe_matrix *m)
{
	return node->source ? 20 : m->rows <= 32 ? 14 : m->rows <= 64 ? 9 : 4;
}

static tl_status draw_part(heatmap *h, const probe_node *node, const probe_units *units, int64_t head, int64_t first,
	int64_t end, tl_error *err)
{
	probe_matrix m;
	char title[PROBE_TITLE], note[PROBE_NOTE];
	tl_status status = probe_matrix_make(node, units, head, first, end, false, &m, err);
	heatmap_panel panel = {.rows = m.rows, .columns = m.columns, .values = m.values, .row_labels = m.row_labels,
		.column_labels = m.column_labels, .cell_width = node->source ? 20 : 14, .cell_height = cell_height(node, &m)};
	if (first == 0) {
		panel.title = probe_title(node, head, title);
		panel.note = probe_note(node, units, note);
	}
	panel.scale = &node->scale;
	panel.hide_scale = first > 0;
	if (!status)
		status = heatmap_add(h, &panel, err);
	probe_matrix_release(&m);
	return status;
}

static tl_status draw_node(
	heatmap *h, const probe_node *node, const probe_style *style, int64_t *cells, tl_error *err)
{
	probe_units units;
	int64_t steps = node->axis->n, wrap = node->source ? steps : style->wrap ? style->wrap : WRAP;
	wrap = (steps + (steps - 1) / wrap) / ((steps - 1) / wrap + 1); /* parts of one length */
	tl_status status = probe_units_choose(node, style->units, style->top, FIRST, &units, err);
	*cells += steps * (node->source ? node->units : units.n);
	if (!status && *cells > MOST)
		status = tl_error_set(err, TL_ERR_ARGUMENT, "the picture would have more than %d cells: choose fewer nodes "
			"(--nodes), fewer units (--units) or a shorter text; -o FILE.npz has no such limit", MOST);
	for (int64_t head = 0; head < node->heads && !status; head++)
		for (int64_t first = 0; first < steps && !status; first += wrap)
			status = draw_part(h, node, &units, head, first, first + wrap < steps ? first + wrap : steps, err);
	free(units.v);
	return status;
}

tl_status probe_draw(const char *path, const probe_nodes *nodes, const probe_style *style, tl_error *err)
{
	int64_t cells = 0;
	heatmap *h = heatmap_new(0, 1);
	tl_status status = h ? TL_OK : tl_error_memory(err);
	for (int k = 0; k < nodes->n && !status; k++)
		status = draw_node(h, &nodes->v[k], style, &cells, err);
	if (!status)
		status = heatmap_write(h, path, err);
	heatmap_free(h);
	return status;
}
