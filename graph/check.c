/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/statistics.h"
#include "graph/call.h"
#include "graph/check_run.h"
#include "graph/leaf.h"

#define MOST_OPERANDS 4 /* that a report describes */

typedef struct report {
	char text[TL_ERROR_TEXT];
	size_t used;
} report;

__attribute__((format(printf, 2, 3))) static void put(report *r, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(r->text + r->used, sizeof r->text - r->used, format, args);
	va_end(args);
	r->used += n > 0 ? (size_t)n : 0;
	if (r->used >= sizeof r->text)
		r->used = sizeof r->text - 1;
}

void tl_tape_set_check(tl_tape *t, bool on)
{
	t->check = on;
}

void tl__check_leaf(tl_tape *t, const tl_tensor *value)
{
	if (value->dtype == TL_REAL && !t->infinite)
		t->infinite = tl_statistics_of(value).infinite > 0;
}

/* The node in whose memory a value lies. */
static uint32_t root_of(const tl_tape *t, uint32_t i)
{
	while (t->nodes[i].op->view && (t->nodes[i].flags & TL_NODE_VIEW || !(t->nodes[i].flags & TL_NODE_READY)))
		i = t->nodes[i].in[0];
	return i;
}

/* What is looked at of a node's value. */
static tl_tensor looked_at(const tl_node *node)
{
	tl_tensor value = node->value;
	if (node->op->numbers)
		value.shape.dim[0] = tl__check_size(node->op, node->params, &value);
	return value;
}

static tl_statistics statistics_of(const tl_node *node)
{
	tl_tensor value = looked_at(node);
	return tl_statistics_of(&value);
}

static bool is_leaf(const tl_node *node)
{
	return node->op->flags & TL_OP_LEAF;
}

/* Is it a leaf with a fault of its own? A NaN is one; an infinity may be meant, but not in a parameter. */
static bool is_faulty_leaf(const tl_node *node, const tl_statistics *x)
{
	return is_leaf(node) && (x->nans || (node->op == &tl_op_param && x->infinite));
}

/* "log, node 93 'p'", "parameter 'rnn.l0.w'", "input, node 1 'x'" */
static void put_node(report *r, const tl_tape *t, uint32_t i)
{
	const tl_node *node = &t->nodes[i];
	if (node->op == &tl_op_param)
		put(r, "parameter");
	else if (is_leaf(node))
		put(r, "input, node %" PRIu32, i);
	else
		put(r, "%s, node %" PRIu32, node->op->name, i);
	if (node->name)
		put(r, " '%.80s'", node->name);
}

static void put_scope(report *r, const tl_tape *t, uint32_t i)
{
	char path[160];
	if (t->nodes[i].scope)
		put(r, ", in %s", tl__scope_path(t, t->nodes[i].scope, path, sizeof path));
}

/* Whose gradient an adjoint is for. */
static void put_origin(report *r, const tl_tape *t, uint32_t i)
{
	const tl_node *node = &t->nodes[i];
	if (!(node->flags & TL_NODE_ADJOINT) || !node->adjoint_of || node->adjoint_of >= t->n_nodes)
		return;
	put(r, ", in the gradient of ");
	put_node(r, t, node->adjoint_of);
}

/* "1 of 4 elements is -Inf", "5 of 12 elements are NaN or infinite"; ", first at (0, 2)" */
static void put_faults(report *r, const tl_statistics *x, const tl_tensor *value)
{
	double first;
	tl_shape shape = value->shape;
	int64_t n = x->nans + x->infinite, rest = tl__first_not_finite(value, &first);
	put(r, "%" PRId64 " of %" PRId64 " element%s %s ", n, x->count, x->count == 1 ? "" : "s", n == 1 ? "is" : "are");
	if (n == 1 && x->infinite)
		put(r, "%sInf", first < 0 ? "-" : "");
	else
		put(r, "%s%s%s", x->nans ? "NaN" : "", x->nans && x->infinite ? " or " : "", x->infinite ? "infinite" : "");
	int64_t index[TL_MAX_AXES];
	for (int i = (int)shape.axes - 1; i >= 0; i--) {
		index[i] = rest % shape.dim[i];
		rest /= shape.dim[i];
	}
	for (int i = 0; i < shape.axes; i++)
		put(r, "%s%" PRId64, i ? ", " : ", first at (", index[i]);
	if (shape.axes)
		put(r, ")");
}

/* "gate (1, 4) from 0 to 0.73" */
static void put_operand(report *r, const tl_tape *t, uint32_t i)
{
	const tl_node *node = &t->nodes[i], *root = &t->nodes[root_of(t, i)];
	char shape[TL_SHAPE_TEXT];
	if (node->name || !root->name)
		put(r, "%.60s", node->name ? node->name : node->op->name);
	else
		put(r, "%s of %.60s", node->op->name, root->name);
	put(r, " %s", tl_shape_text(node->value.shape, shape));
	if (node->value.dtype != TL_REAL)
		return;
	tl_statistics x = statistics_of(node);
	if (x.finite)
		put(r, " from %.4g to %.4g", x.least, x.greatest);
	if (x.nans)
		put(r, ", %" PRId64 " NaN", x.nans);
	if (x.infinite)
		put(r, ", %" PRId64 " infinite", x.infinite);
	if (x.nans || x.infinite)
		put_scope(r, t, root_of(t, i));
}

static tl_status fail(tl_tape *t, const report *r)
{
	return tl_error_set(&t->error, TL_ERR_VALUE, "%s", r->text);
}

static bool is_finite(const tl_node *node)
{
	if (node->value.dtype != TL_REAL)
		return true;
	tl_statistics x = statistics_of(node);
	return !x.nans && !x.infinite;
}

/* Of very many operands, those that are not finite come first: one of them is to blame. */
static uint32_t choose_operands(const tl_tape *t, const tl_node *node, uint32_t *chosen)
{
	bool many = node->n_in > MOST_OPERANDS;
	uint32_t n = 0;
	for (int finite = many ? 0 : 1; finite < 2; finite++)
		for (uint32_t k = 0; k < node->n_in && n < MOST_OPERANDS; k++)
			if (!many || is_finite(&t->nodes[node->in[k]]) == finite)
				chosen[n++] = node->in[k];
	return n;
}

static tl_status report_node(tl_tape *t, uint32_t i, const tl_statistics *x)
{
	const tl_node *node = &t->nodes[i];
	char shape[TL_SHAPE_TEXT];
	report r = {.used = 0};
	put(&r, "not finite: ");
	put_node(&r, t, i);
	put_origin(&r, t, i);
	put_scope(&r, t, i);
	put(&r, ": ");
	put_faults(&r, x, &node->value);
	put(&r, "; shape %s; operand%s ", tl_shape_text(node->value.shape, shape), node->n_in == 1 ? "" : "s");
	uint32_t shown[MOST_OPERANDS], n = choose_operands(t, node, shown);
	for (uint32_t k = 0; k < n; k++) {
		put(&r, "%s", k ? "; " : "");
		put_operand(&r, t, shown[k]);
	}
	if (node->n_in > n)
		put(&r, "; and %" PRIu32 " more", node->n_in - n);
	return fail(t, &r);
}

static tl_status report_leaf(tl_tape *t, uint32_t leaf, uint32_t user)
{
	const tl_node *node = &t->nodes[leaf];
	char shape[TL_SHAPE_TEXT];
	report r = {.used = 0};
	tl_statistics x = tl_statistics_of(&node->value);
	put(&r, "not finite: ");
	put_node(&r, t, leaf);
	put_scope(&r, t, leaf);
	put(&r, ": ");
	put_faults(&r, &x, &node->value);
	put(&r, "; shape %s; first used by ", tl_shape_text(node->value.shape, shape));
	put_node(&r, t, user);
	put_origin(&r, t, user);
	put_scope(&r, t, user);
	return fail(t, &r);
}

tl_status tl__check_node(tl_tape *t, uint32_t i)
{
	const tl_node *node = &t->nodes[i];
	int64_t n = tl__check_size(node->op, node->params, &node->value);
	if (node->value.dtype != TL_REAL || tl__greatest_bits(n, node->value.data) < TL_BITS_INFINITY)
		return TL_OK;
	tl_statistics x = statistics_of(node);
	bool taken_over = false;
	for (uint32_t k = 0; k < node->n_in; k++) {
		const tl_node *operand = &t->nodes[node->in[k]];
		if (operand->value.dtype != TL_REAL)
			continue;
		tl_statistics in = statistics_of(operand);
		uint32_t root = root_of(t, node->in[k]);
		if (is_faulty_leaf(&t->nodes[root], &in))
			return report_leaf(t, root, i);
		taken_over |= x.nans ? in.nans > 0 : in.infinite > 0;
	}
	if (taken_over)
		return TL_OK;
	return report_node(t, i, &x);
}

tl_status tl__check_call(tl_tape *t, const tl_node *node)
{
	for (uint32_t k = 0; k < node->n_in && t->check; k++) {
		uint32_t root = root_of(t, node->in[k]);
		const tl_tensor *value = &t->nodes[root].value;
		if (value->dtype != TL_REAL || !(t->nodes[root].flags & TL_NODE_READY))
			continue;
		tl_statistics x = tl_statistics_of(value);
		if (is_faulty_leaf(&t->nodes[root], &x))
			return report_leaf(t, root, (uint32_t)(node - t->nodes));
	}
	return t->error.status;
}

static tl_status search(tl_tape *t, int n, const uint32_t *want)
{
	const tl_executor *plain = &tl_executor_plain;
	void *state = plain->create(t);
	if (!state)
		return tl_error_memory(&t->error);
	tl_profile *profile = t->profile;
	t->profile = NULL;
	tl_status status = plain->run(state, t, n, want);
	t->profile = profile;
	plain->destroy(state);
	return status;
}

tl_status tl__check_search(tl_tape *t, int n, const uint32_t *want, uint32_t suspect)
{
	if (t->error.status)
		return t->error.status;
	tl_node *before = malloc(t->n_nodes * sizeof *before);
	if (!before)
		return tl_error_memory(&t->error);
	memcpy(before, t->nodes, t->n_nodes * sizeof *before);
	tl_status status = search(t, n, want);
	memcpy(t->nodes, before, t->n_nodes * sizeof *before);
	free(before);
	if (status)
		return status;
	report r = {.used = 0};
	put(&r, "not finite: in one of the plan's instructions, for ");
	put_node(&r, t, suspect);
	put_origin(&r, t, suspect);
	put_scope(&r, t, suspect);
	put(&r, "; computed one by one, all nodes are finite");
	return fail(t, &r);
}
