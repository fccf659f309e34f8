/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/grad.h"

#include <inttypes.h>
#include <string.h>

#include "graph/algebra.h"
#include "graph/node.h"
#include "graph/replay.h"

/* One contribution to an adjoint; those of one node form a list in the order in which they came. */
typedef struct part {
	tl_var value;
	bool fresh; /* recorded for this contribution, not handed through: nobody else's adjoint */
	bool running; /* others are added to it as they come */
	struct part *next;
} part;

typedef struct parts {
	part *first, *last;
	uint32_t count;
} parts;

typedef struct sweep {
	tl_tape *tape;
	unsigned char *depends; /* does node i depend on some wrt? */
	parts *adjoint;         /* of node i */
	int *wanted;            /* 1 + the first k with wrt[k] = node i, or 0 */
	int *also;              /* 1 + the next k with the same node, or 0 */
} sweep;

static tl_status add_part(sweep *s, uint32_t node, tl_var value, bool fresh)
{
	part *p = tl_arena_alloc_small(&s->tape->scratch, sizeof *p);
	if (!p)
		return tl_error_memory(&s->tape->error);
	*p = (part){.value = value, .fresh = fresh};
	parts *list = &s->adjoint[node];
	if (list->last)
		list->last->next = p;
	else
		list->first = p;
	list->last = p;
	list->count++;
	return TL_OK;
}

/*
 * Adds a contribution to one that came before, if that was recorded for this node alone: it need not wait for the
 * last one to come, and its memory can be used again.
 */
static tl_status add_running(sweep *s, uint32_t node, tl_var value)
{
	for (part *p = s->adjoint[node].first; p; p = p->next)
		if (p->running) {
			p->value = tl_add(p->value, value);
			return s->tape->error.status;
		}
	tl_status status = add_part(s, node, value, true);
	if (!status)
		s->adjoint[node].last->running = true;
	return status;
}

#define FEW_PRODUCTS 8

/*
 * The sum of v[0..n), which one op made, contributions to node i's adjoint: by the op's own rule, or one
 * after the other. A few products that a state gets are not made one: those that do not wait for the
 * recurrence (what a layer above hands down) can then run for all time steps at once.
 */
static tl_var sum_group(const sweep *s, uint32_t i, const tl_op *op, uint32_t n, const tl_var *v)
{
	tl_var total = {0};
	bool state = op->flags & TL_OP_PRODUCT && !(s->tape->nodes[i].op->flags & TL_OP_LEAF) && n <= FEW_PRODUCTS;
	if (n > 1 && op->sum && !state)
		total = op->sum((int)n, v);
	if (total.tape)
		return total;
	total = v[0];
	for (uint32_t k = 1; k < n; k++)
		total = tl_add(total, v[k]);
	return total;
}

/*
 * The adjoint of a node: fresh contributions that the same op made are summed together first. One that
 * was handed through (by an addition, say) is another node's adjoint, too: to take it apart would compute
 * it twice, and along h' = h + f(h) the sums would grow with every step.
 */
static tl_var sum_parts(sweep *s, uint32_t i)
{
	const parts *list = &s->adjoint[i];
	if (list->count == 1)
		return list->first->value;
	tl_var *group = tl_arena_alloc_small(&s->tape->scratch, list->count * sizeof *group);
	if (!group) {
		tl_error_memory(&s->tape->error);
		return tl__var(s->tape, 0);
	}
	tl_var total = {0};
	for (part *p = list->first; p; p = p->next) {
		const tl_op *op = tl_var_op(p->value);
		uint32_t n = 0;
		if (!op)
			continue; /* taken into an earlier group */
		for (part *q = p; q; q = p->fresh ? q->next : NULL)
			if (q == p || (q->fresh && tl_var_op(q->value) == op)) {
				group[n++] = q->value;
				q->value.index = 0;
			}
		tl_var sum = sum_group(s, i, op, n, group);
		total = total.tape ? tl_add(total, sum) : sum;
	}
	return total;
}

/* All contributions of a node at once. */
static tl_status hand_all_back(sweep *s, const tl_op *op, const tl_adjoint *a, const uint32_t *operand)
{
	tl_tape *t = s->tape;
	size_t n = (size_t)a->n_in;
	unsigned char *need = tl_arena_alloc_small(&t->scratch, n + 1);
	tl_var *d = tl_arena_alloc_small(&t->scratch, (n + 1) * sizeof *d);
	if (!need || !d)
		return tl_error_memory(&t->error);
	for (size_t k = 0; k < n; k++) {
		need[k] = s->depends[operand[k]];
		d[k] = (tl_var){0};
	}
	op->gradients(a, need, d);
	for (size_t k = 0; k < n && !t->error.status; k++)
		if (d[k].tape)
			add_running(s, operand[k], d[k]);
	return t->error.status;
}

/* Node i hands contributions to its operands. */
static tl_status hand_back(sweep *s, uint32_t i, tl_var dout)
{
	tl_tape *t = s->tape;
	const tl_op *op = t->nodes[i].op;
	uint32_t n = t->nodes[i].n_in;
	const uint32_t *operand = t->nodes[i].in;
	if (op->flags & TL_OP_STOP)
		return TL_OK;
	tl_var *in = tl_arena_alloc_small(&t->scratch, (n + 1) * sizeof *in);
	if (!in)
		return tl_error_memory(&t->error);
	for (uint32_t k = 0; k < n; k++)
		in[k] = tl__var(t, operand[k]);
	tl_adjoint a = {
		.params = t->nodes[i].params, .n_in = (int)n, .in = in, .out = tl__var(t, i), .dout = dout};
	if (op->gradients)
		return hand_all_back(s, op, &a, operand);
	for (uint32_t k = 0; k < n; k++) {
		uint32_t to = operand[k];
		if (!s->depends[to])
			continue;
		if (!op->gradient) {
			tl__fail_op(t, TL_ERR_NO_GRADIENT, op, (int)n, operand, t->nodes[i].scope,
				op->no_gradient ? op->no_gradient : "the op has no gradient");
			return t->error.status;
		}
		uint32_t recorded = t->n_nodes;
		t->role = k < TL_MOST_ROLES ? 1 + k : TL_MOST_ROLES;
		tl_var d = op->gradient(&a, (int)k);
		if (!d.tape)
			continue;
		if (!tl_shape_equal(tl_var_shape(d), t->nodes[to].value.shape))
			d = tl_sum_to(d, t->nodes[to].value.shape);
		if (t->error.status || add_part(s, to, d, d.index >= recorded))
			return t->error.status;
	}
	return TL_OK;
}

static tl_status sweep_back(sweep *s, tl_var y, tl_var dy, uint32_t lowest, tl_var *out)
{
	tl_tape *t = s->tape;
	tl_status status = add_part(s, y.index, dy, false);
	for (uint32_t i = y.index; !status && i >= lowest; i--) {
		if (!s->depends[i] || !s->adjoint[i].first)
			continue;
		t->scope = t->nodes[i].scope;
		t->adjoint_of = i;
		t->role = 0;
		tl_var dout = sum_parts(s, i);
		for (int k = s->wanted[i]; k; k = s->also[k - 1])
			out[k - 1] = dout;
		status = t->error.status;
		if (!status)
			status = hand_back(s, i, dout);
	}
	return status;
}

/* Marks what depends on wrt, from its lowest node up to y. */
static tl_status prepare(sweep *s, tl_var y, int n, const tl_var *wrt, uint32_t *lowest)
{
	tl_tape *t = s->tape;
	uint32_t size = y.index + 1;
	*lowest = size;
	s->depends = tl_arena_alloc(&t->scratch, size);
	s->adjoint = tl_arena_alloc(&t->scratch, size * sizeof *s->adjoint);
	s->wanted = tl_arena_alloc(&t->scratch, size * sizeof *s->wanted);
	s->also = tl_arena_alloc(&t->scratch, ((size_t)n + 1) * sizeof *s->also);
	if (!s->depends || !s->adjoint || !s->wanted || !s->also)
		return tl_error_memory(&t->error);
	memset(s->depends, 0, size);
	memset(s->adjoint, 0, size * sizeof *s->adjoint);
	memset(s->wanted, 0, size * sizeof *s->wanted);
	for (int k = 0; k < n; k++)
		if (wrt[k].index < size) {
			s->depends[wrt[k].index] = 1;
			s->also[k] = s->wanted[wrt[k].index];
			s->wanted[wrt[k].index] = k + 1;
			*lowest = wrt[k].index < *lowest ? wrt[k].index : *lowest;
		}
	for (uint32_t i = *lowest; i < size; i++) {
		const tl_node *node = &t->nodes[i];
		if (node->op->flags & TL_OP_STOP || node->value.dtype != TL_REAL)
			continue;
		for (uint32_t k = 0; k < node->n_in && !s->depends[i]; k++)
			s->depends[i] = s->depends[node->in[k]];
	}
	return TL_OK;
}

static tl_status check_wrt(tl_tape *t, int n, const tl_var *wrt)
{
	for (int k = 0; k < n; k++) {
		const tl_node *node = wrt[k].tape == t ? tl__node(wrt[k]) : NULL;
		if (!node) {
			if (!tl__failed(t, wrt[k]))
				tl__fail_var(t, "grad", wrt[k]);
			return t->error.status;
		}
		if (node->value.dtype != TL_REAL)
			return tl_error_set(&t->error, TL_ERR_TYPE, "grad: variable %d holds %s and has no gradient", k,
				tl_dtype_name(node->value.dtype));
	}
	return TL_OK;
}

/* wrt was checked. */
static tl_status record_adjoints(tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out)
{
	tl_tape *t = y.tape;
	sweep s = {.tape = t};
	uint32_t lowest;
	tl_mark mark = tl_arena_mark(&t->scratch); /* a gradient rule may itself call tl_grad */
	tl_status status = prepare(&s, y, n, wrt, &lowest);
	tl_var *of = status ? NULL : tl_arena_alloc_small(&t->scratch, (size_t)n * sizeof *of + 1);
	if (!of) {
		tl_arena_rewind(&t->scratch, mark);
		return status ? status : tl_error_memory(&t->error);
	}
	for (int k = 0; k < n; k++) /* wrt and out may be one array */
		of[k] = wrt[k];
	uint32_t scope = t->scope;
	bool nested = t->recording_adjoints;
	uint32_t of_before = t->adjoint_of, role = t->role;
	t->recording_adjoints = true;
	for (int k = 0; k < n; k++)
		out[k] = (tl_var){0};
	status = sweep_back(&s, y, dy, lowest, out);
	t->scope = scope;
	for (int k = 0; !status && k < n; k++)
		if (!out[k].tape)
			out[k] = tl_fill(t, tl_var_shape(of[k]), 0);
	t->recording_adjoints = nested;
	t->adjoint_of = of_before;
	t->role = role;
	tl_arena_rewind(&t->scratch, mark);
	return status ? status : t->error.status;
}

static tl_status differentiate(tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out)
{
	tl_phase before = tl_profile_enter(y.tape, TL_PHASE_GRADIENTS);
	tl_before on_tape;
	tl_status status = check_wrt(y.tape, n, wrt);
	if (!status && !tl__replay(y.tape, y, dy, n, wrt, out, &on_tape)) {
		status = record_adjoints(y, dy, n, wrt, out);
		if (!status)
			tl__replay_keep(y.tape, &on_tape, n, out);
	}
	tl_profile_enter(y.tape, before);
	return status;
}

/* y must be alive and real; reports otherwise. */
static tl_status check_result(const char *who, tl_var y)
{
	if (!y.tape)
		return TL_ERR_STALE;
	const tl_node *node = tl__node(y);
	if (!node && !tl__failed(y.tape, y))
		tl__fail_var(y.tape, who, y);
	if (y.tape->error.status)
		return y.tape->error.status;
	if (node->value.dtype != TL_REAL)
		return tl_error_set(&y.tape->error, TL_ERR_TYPE, "%s: the result holds %s and has no gradient", who,
			tl_dtype_name(node->value.dtype));
	return TL_OK;
}

tl_status tl__check_scalar(const char *who, tl_var loss)
{
	tl_status status = check_result(who, loss);
	if (status || tl_shape_size(tl_var_shape(loss)) == 1)
		return status;
	char text[TL_SHAPE_TEXT];
	const char *name = tl_var_name(loss);
	tl_tape_fail(loss.tape, TL_ERR_SHAPE,
		"%s: the loss must be a scalar, but %s%sthe result of %s has shape %s; sum it or take its mean", who,
		name ? name : "", name ? ", " : "", tl_var_op(loss)->name, tl_shape_text(tl_var_shape(loss), text));
	return loss.tape->error.status;
}

/* On failure: failed variables instead of none, for those who look at the status only later. */
static tl_status finish(tl_status status, tl_tape *t, int n, tl_var *out)
{
	for (int k = 0; status && k < n; k++)
		out[k] = t ? tl__var(t, 0) : (tl_var){0};
	return status;
}

static tl_status check_pair(tl_var y, tl_var dy)
{
	tl_status status = check_result("grad", y);
	if (!status)
		status = check_result("grad", dy);
	if (status)
		return status;
	char a[TL_SHAPE_TEXT], b[TL_SHAPE_TEXT];
	if (dy.tape != y.tape)
		tl__fail_var(y.tape, "grad", dy);
	else if (!tl_shape_equal(tl_var_shape(y), tl_var_shape(dy)))
		tl_tape_fail(y.tape, TL_ERR_SHAPE, "grad: the result has shape %s, its adjoint %s",
			tl_shape_text(tl_var_shape(y), a), tl_shape_text(tl_var_shape(dy), b));
	return y.tape->error.status;
}

tl_status tl_grad_from(tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out)
{
	tl_status status = check_pair(y, dy);
	if (!status)
		status = differentiate(y, dy, n, wrt, out);
	return finish(status, y.tape, n, out);
}

tl_status tl_grad(tl_var loss, int n, const tl_var *wrt, tl_var *out)
{
	tl_status status = tl__check_scalar("grad", loss);
	if (!status)
		status = differentiate(loss, tl_fill(loss.tape, tl_var_shape(loss), 1), n, wrt, out);
	return finish(status, loss.tape, n, out);
}
