/* SPDX-License-Identifier: Apache-2.0 */
/* From patterns to values over symbols. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/probe.h"

/*
 * How a trace lies over the symbols. Its shape, T in front, is one of
 *
 *	(T, 1, H)        one variable a step
 *	(1, T, 1, H)     one variable for all steps
 *	(T, S, 1, heads) the weights of an attention
 *
 * False where it does not lie over any.
 */
static bool place(const probe_reading *r, const tl_trace *trace, probe_node *node)
{
	tl_shape s = tl_trace_shape(trace);
	bool decoder = r->written.n && !strncmp(trace->path, "decoder", 7);
	const probe_axis *axis = decoder ? &r->written : &r->read;
	size_t length = strlen(trace->path);
	static const char weights[] = "attention/weights";
	bool looks = length >= sizeof weights - 1 && !strcmp(trace->path + length - (sizeof weights - 1), weights);
	if (tl_var_dtype(trace->at[0]) != TL_REAL || tl_var_op(trace->at[0])->flags & TL_OP_LEAF)
		return false;
	*node = (probe_node){.path = trace->path, .trace = trace, .axis = axis, .heads = 1};
	if (s.axes == 4 && looks && s.dim[0] == axis->n && s.dim[1] == r->read.n && s.dim[2] == 1) {
		node->source = &r->read;
		node->heads = s.dim[3];
		node->units = s.dim[1] * s.dim[3];
		return true;
	}
	node->units = s.axes > 0 ? s.dim[s.axes - 1] : 0;
	return (s.axes == 3 && s.dim[0] == axis->n && s.dim[1] == 1) ||
		(s.axes == 4 && s.dim[0] == 1 && s.dim[1] == axis->n && s.dim[2] == 1);
}

/* The reverse direction counts its steps from the end. */
static void turn(probe_node *node)
{
	tl_real *v = node->values;
	for (int64_t i = 0, j = node->axis->n - 1; i < j; i++, j--)
		for (int64_t k = 0; k < node->units; k++) {
			tl_real held = v[i * node->units + k];
			v[i * node->units + k] = v[j * node->units + k];
			v[j * node->units + k] = held;
		}
}

typedef enum bounds {
	UNKNOWN_BOUNDS,
	FROM_0, /* to 1 */
	FROM_MINUS_1,
} bounds;

/* What the op that made the values says of them; of products of such, and seen through what only looks at them. */
static bounds bounds_of(tl_var v, int depth)
{
	while (tl_var_op(v)->view && tl_var_operands(v) > 0)
		v = tl_var_operand(v, 0);
	const char *op = tl_var_op(v)->name;
	if (!strcmp(op, "sigmoid") || !strcmp(op, "softmax"))
		return FROM_0;
	if (!strcmp(op, "tanh"))
		return FROM_MINUS_1;
	if (strcmp(op, "mul") || depth == 0)
		return UNKNOWN_BOUNDS;
	bounds a = bounds_of(tl_var_operand(v, 0), depth - 1), b = bounds_of(tl_var_operand(v, 1), depth - 1);
	return !a || !b ? UNKNOWN_BOUNDS : a > b ? a : b;
}

/* The least round number that is not below x; 1 for what is no positive number. */
static double round_up(double x)
{
	static const double steps[] = {1, 1.5, 2, 3, 4, 5, 6, 8, 10};
	if (!(x > 0) || !isfinite(x))
		return 1;
	double unit = pow(10, floor(log10(x)));
	int k = 0;
	while (k < 8 && steps[k] * unit < x * (1 - 1e-9))
		k++;
	return steps[k] * unit;
}

static void set_scale(probe_node *node)
{
	static const colour_scale known[] = {[FROM_0] = {0, 1}, [FROM_MINUS_1] = {-1, 1}};
	bounds of_op = bounds_of(node->trace->at[0], 2);
	double most = 0;
	bool negative = false;
	node->bounded = of_op != UNKNOWN_BOUNDS;
	for (int64_t i = 0; i < node->axis->n * node->units; i++) {
		double v = (double)node->values[i];
		most = isfinite(v) ? fmax(most, fabs(v)) : most;
		negative = negative || v < 0;
	}
	node->scale = (colour_scale){negative ? -round_up(most) : 0, round_up(most)};
	if (node->bounded)
		node->scale = known[of_op];
}

/* One evaluation for all nodes: what they depend on is computed once. */
static tl_status compute(tl_tape *tape, const probe_nodes *nodes, tl_error *err)
{
	int64_t n = 0;
	for (int k = 0; k < nodes->n; k++)
		n += nodes->v[k].trace->steps;
	tl_var *all = tl_tape_alloc(tape, (size_t)n * sizeof *all), *to = all;
	for (int k = 0; all && k < nodes->n; k++)
		for (int64_t i = 0; i < nodes->v[k].trace->steps; i++)
			*to++ = nodes->v[k].trace->at[i];
	if (all)
		tl_eval((int)n, all);
	return tape_error(tape, err);
}

static tl_status read_values(probe_node *node, tl_error *err)
{
	const tl_trace *trace = node->trace;
	tl_tape *tape = trace->at[0].tape;
	int64_t n = node->axis->n * node->units;
	node->values = tl_tape_alloc(tape, (size_t)n * sizeof *node->values);
	if (!node->values || tl_trace_read(trace, node->values, n))
		return tape_error(tape, err);
	if (strstr(trace->path, "reverse/"))
		turn(node);
	set_scale(node);
	return TL_OK;
}

/* Levenshtein's distance; of long texts that of their first parts. */
static int distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	int row[MOST + 1], n = (int)strnlen(b, MOST);
	for (int j = 0; j <= n; j++)
		row[j] = j;
	for (int i = 1; i <= MOST && a[i - 1]; i++) {
		int corner = row[0];
		row[0] = i;
		for (int j = 1; j <= n; j++) {
			int change = corner + (a[i - 1] != b[j - 1]), least = row[j] < row[j - 1] ? row[j] : row[j - 1];
			corner = row[j];
			row[j] = change < least + 1 ? change : least + 1;
		}
	}
	return row[n];
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

#define NEAR 3

/* "no node ...; near are ..." */
static tl_status refuse(task *t, const probe_reading *r, const char *pattern, bool matched, tl_error *err)
{
	const tl_trace *all;
	const char *near[NEAR] = {0};
	int n = tl_trace_find(t->tape, "**/*", &all), far[NEAR];
	probe_node ignored;
	for (int i = 0; i < n; i++) {
		if (!place(r, &all[i], &ignored))
			continue;
		int d = 4 * distance(last_part(pattern), last_part(all[i].path)) + distance(pattern, all[i].path), k = NEAR;
		for (; k > 0 && (!near[k - 1] || d < far[k - 1]); k--)
			if (k < NEAR) {
				near[k] = near[k - 1];
				far[k] = far[k - 1];
			}
		if (k < NEAR) {
			near[k] = all[i].path;
			far[k] = d;
		}
	}
	return tl_error_set(err, TL_ERR_INDEX, "--nodes '%.100s': %s%s%s%s%s%s%s; --list shows all", pattern,
		matched ? "what has this name has no values over the symbols" : "nothing has this name",
		near[0] ? "; near are " : "", near[0] ? near[0] : "", near[1] ? ", " : "", near[1] ? near[1] : "",
		near[2] ? ", " : "", near[2] ? near[2] : "");
}

static bool has(const probe_nodes *nodes, const char *path)
{
	for (int i = 0; i < nodes->n; i++)
		if (!strcmp(nodes->v[i].path, path))
			return true;
	return false;
}

static tl_status find_one(task *t, const probe_reading *r, const char *pattern, probe_nodes *out, tl_error *err)
{
	const tl_trace *trace;
	int n = tl_trace_find(t->tape, pattern, &trace), placed = 0;
	if (tape_error(t->tape, err))
		return err->status;
	probe_node *more = tl_tape_alloc(t->tape, (size_t)(out->n + n) * sizeof *more);
	if (!more)
		return tape_error(t->tape, err);
	if (out->n > 0)
		memcpy(more, out->v, (size_t)out->n * sizeof *more);
	out->v = more;
	for (int i = 0; i < n; i++) {
		probe_node *node = &out->v[out->n];
		if (!place(r, &trace[i], node))
			continue;
		placed++;
		if (has(out, trace[i].path))
			continue;
		node->symbols = !strcmp(last_part(node->path), "probabilities") ? r->out : NULL;
		out->n++;
	}
	return placed ? TL_OK : refuse(t, r, pattern, n > 0, err);
}

tl_status probe_nodes_find(
	task *t, const probe_reading *r, const char *const *pattern, int patterns, probe_nodes *out, tl_error *err)
{
	*out = (probe_nodes){0};
	for (int k = 0; k < patterns; k++)
		if (find_one(t, r, pattern[k], out, err))
			return err->status;
	return TL_OK;
}

tl_status probe_nodes_read(task *t, probe_nodes *nodes, tl_error *err)
{
	if (compute(t->tape, nodes, err))
		return err->status;
	for (int k = 0; k < nodes->n; k++)
		if (read_values(&nodes->v[k], err))
			return err->status;
	return TL_OK;
}

probe_figures probe_node_figures(const probe_node *node)
{
	probe_figures f = {.min = INFINITY, .max = -INFINITY};
	int64_t n = node->axis->n * node->units;
	double below = probe_low_end(node), sum = 0, squares = 0;
	for (int64_t i = 0; i < n; i++) {
		double v = (double)node->values[i];
		sum += v;
		f.min = fmin(f.min, v);
		f.max = fmax(f.max, v);
		f.low += v < below;
		f.high += v > 0.9;
	}
	f.mean = sum / (double)n;
	for (int64_t i = 0; i < n; i++)
		squares += ((double)node->values[i] - f.mean) * ((double)node->values[i] - f.mean);
	f.deviation = sqrt(squares / (double)n);
	f.low /= (double)n;
	f.high /= (double)n;
	return f;
}
