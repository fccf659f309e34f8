/* SPDX-License-Identifier: Apache-2.0 */
/* A node as a matrix, and what is said about it. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "tools/probe.h"

void probe_matrix_release(probe_matrix *m)
{
	tl_arena_release(&m->arena);
}

static const char *unit_label(const probe_node *node, int64_t unit, tl_arena *arena)
{
	char number[24];
	if (node->symbols) {
		const char *symbol = node->symbols->symbols[unit];
		return probe_label(arena, (token){symbol, (uint32_t)strlen(symbol)});
	}
	snprintf(number, sizeof number, "%" PRId64, unit);
	return tl_arena_strdup(arena, number);
}

/* Attention: what is looked at stands at s * heads + head. */
static void fill_weights(const probe_node *node, int64_t head, int64_t first, probe_matrix *m)
{
	for (int64_t i = 0; i < m->rows; i++) {
		m->row_labels[i] = node->axis->label[first + i];
		for (int64_t s = 0; s < m->columns; s++)
			m->values[i * m->columns + s] = node->values[(first + i) * node->units + s * node->heads + head];
	}
	for (int64_t s = 0; s < m->columns; s++)
		m->column_labels[s] = node->source->label[s];
}

static bool fill_units(const probe_node *node, const probe_units *units, int64_t first, bool upright, probe_matrix *m)
{
	const char **symbols = upright ? m->row_labels : m->column_labels;
	const char **numbers = upright ? m->column_labels : m->row_labels;
	int64_t steps = upright ? m->rows : m->columns;
	for (int64_t t = 0; t < steps; t++)
		symbols[t] = node->axis->label[first + t];
	for (int64_t k = 0; k < units->n; k++) {
		if (!(numbers[k] = unit_label(node, units->v[k], &m->arena)))
			return false;
		for (int64_t t = 0; t < steps; t++)
			m->values[upright ? t * m->columns + k : k * m->columns + t] =
				node->values[(first + t) * node->units + units->v[k]];
	}
	return true;
}

tl_status probe_matrix_make(const probe_node *node, const probe_units *units, int64_t head, int64_t first, int64_t end,
	bool upright, probe_matrix *m, tl_error *err)
{
	*m = (probe_matrix){.rows = units->n, .columns = end - first};
	if (upright || node->source) {
		m->rows = end - first;
		m->columns = node->source ? node->source->n : units->n;
	}
	tl_arena_init(&m->arena, 1 << 16);
	m->values = tl_arena_alloc(&m->arena, (size_t)(m->rows * m->columns) * sizeof *m->values);
	m->row_labels = tl_arena_alloc(&m->arena, (size_t)m->rows * sizeof *m->row_labels);
	m->column_labels = tl_arena_alloc(&m->arena, (size_t)m->columns * sizeof *m->column_labels);
	if (!m->values || !m->row_labels || !m->column_labels)
		return tl_error_memory(err);
	if (node->source)
		fill_weights(node, head, first, m);
	else if (!fill_units(node, units, first, upright, m))
		return tl_error_memory(err);
	return TL_OK;
}

static bool is_stretch(const probe_units *u)
{
	for (int64_t k = 1; k < u->n; k++)
		if (u->v[k] != u->v[k - 1] + 1)
			return false;
	return u->n > 1;
}

const char *probe_note(const probe_node *node, const probe_units *u, char buf[PROBE_NOTE])
{
	probe_figures f = probe_node_figures(node);
	const char *unit = node->symbols ? "symbol" : "unit";
	size_t used = 0;
	buf[0] = '\0';
	if (node->source)
		used = (size_t)snprintf(buf, PROBE_NOTE, "%s by %s; ", node->axis->name, node->source->name);
	else if (u->n == node->units)
		used = (size_t)snprintf(buf, PROBE_NOTE, "%" PRId64 " %s%s; ", u->n, unit, u->n > 1 ? "s" : "");
	else if (is_stretch(u))
		used = (size_t)snprintf(buf, PROBE_NOTE, "%ss %" PRId64 "-%" PRId64 " of %" PRId64 "; ", unit, u->v[0],
			u->v[u->n - 1], node->units);
	else
		used = (size_t)snprintf(buf, PROBE_NOTE, "%" PRId64 " of %" PRId64 " %ss; ", u->n, node->units, unit);
	if (!node->source && u->n < node->units)
		used += (size_t)snprintf(buf + used, PROBE_NOTE - used, "all: ");
	if (!isfinite(f.mean))
		snprintf(buf + used, PROBE_NOTE - used, "some are not finite");
	else if (node->bounded)
		snprintf(buf + used, PROBE_NOTE - used, "mean %.3g, %.3g%% below %g, %.3g%% above 0.9", f.mean, 100 * f.low,
			probe_low_end(node), 100 * f.high);
	else
		snprintf(buf + used, PROBE_NOTE - used, "mean %.3g, from %.3g to %.3g", f.mean, f.min, f.max);
	return buf;
}

const char *probe_title(const probe_node *node, int64_t head, char buf[PROBE_TITLE])
{
	int used = snprintf(buf, PROBE_TITLE, "%s", node->path);
	if (node->heads > 1)
		snprintf(buf + used, PROBE_TITLE - (size_t)used, ", head %" PRId64, head + 1);
	return buf;
}
