/* SPDX-License-Identifier: Apache-2.0 */
/* Running a program: its losses, and the order in which values and gradients are asked for. */
#include "tests/programs_parts.h"

#include <check.h>

#include "optim/clip.h"

enum {
	BACKWARD,
	LOSS_FIRST,
	VALUES_AFTER,
	IN_THE_MIDDLE,
	EVERY_STEP,
	HELD,
	TWO_BACKWARDS,
	BACKWARD_AND_GRAD,
	TRAINING, /* those above call tl_backward and take a step */
	GRAD = TRAINING,
	ONE_BY_ONE,
	GO_ON,
	SECOND,
	GRAD_FROM,
	FORWARD,
};

const char *reads_name(int k)
{
	static const char *const names[READS] = {"backward", "loss first", "values after", "in the middle",
		"every step", "held", "two backwards", "backward and grad", "grad", "one by one", "go on",
		"second", "grad from", "forward"};
	return names[k % READS];
}

static int reads(const recording *r)
{
	return (int)choice(r, P_READS, READS);
}

void put_mark(recording *r, tl_var v)
{
	if (r->marks < MARKS)
		r->mark[r->marks++] = v;
}

void at_step(recording *r, tl_state s)
{
	bool odd = r->t == choice(r, P_ODD, r->steps);
	if (odd)
		put_mark(r, s.v[s.n - 1]);
	if (reads(r) == EVERY_STEP || (odd && reads(r) == IN_THE_MIDDLE))
		results_keep(r->r, "state on the way", s.v[0]);
	if (odd && reads(r) == HELD)
		tl_eval(s.n, s.v);
}

/* Row i of a leaf (n, B, H), as many rows of the batch as v has. */
static tl_var target_for(recording *r, int64_t i, tl_var v)
{
	tl_var y = leaf(r, LEAF_Y), at = tl_select(y, 0, i % tl_dim(y, 0));
	return tl_dim(v, 0) < r->batch ? tl_slice(at, 0, 0, tl_dim(v, 0), 1) : at;
}

static tl_var squared_error(recording *r, int64_t i, tl_var v)
{
	return tl_mse(v, target_for(r, i, v), TL_MEAN);
}

/* Over states of three axes: of their sum over the middle one. */
static tl_var class_error(recording *r, int64_t i, tl_var v)
{
	if (tl_var_shape(v).axes > 2)
		v = tl_sum(v, TL_AXES(1), false);
	tl_var classes = tl_index(r->tape, TL_SHAPE(tl_dim(v, 0)), &r->w->classes[i * r->batch]);
	return tl_cross_entropy(v, classes, NULL);
}

static tl_var add_up(recording *r, tl_var (*loss)(recording *r, int64_t i, tl_var v))
{
	tl_var sum = loss(r, 0, r->out[0]);
	for (int i = 1; i < r->outs; i++)
		sum = tl_add(sum, loss(r, i, r->out[i]));
	return sum;
}

/* All outputs side by side, or {0} where their shapes differ. */
static tl_var stacked(recording *r)
{
	for (int i = 0; i < r->outs; i++)
		if (!tl_shape_equal(tl_var_shape(r->out[i]), r->shape))
			return (tl_var){0};
	return tl_stack(r->outs, r->out, 0);
}

static tl_var loss_each(recording *r)
{
	return add_up(r, squared_error);
}

static tl_var loss_stack(recording *r)
{
	tl_var all = stacked(r), y = leaf(r, LEAF_Y);
	if (!all.tape || r->outs > tl_dim(y, 0))
		return loss_each(r);
	return tl_mse(all, tl_slice(y, 0, 0, r->outs, 1), TL_MEAN);
}

static tl_var loss_in_loop(recording *r)
{
	return r->loss;
}

static tl_var loss_last(recording *r)
{
	return tl_mean_all(tl_square(r->out[r->outs - 1]));
}

static tl_var loss_classes(recording *r)
{
	return add_up(r, class_error);
}

static tl_var loss_all_classes(recording *r)
{
	tl_var all = stacked(r);
	if (!all.tape)
		return loss_classes(r);
	if (r->shape.axes > 2)
		all = tl_sum(all, TL_AXES(2), false);
	all = tl_linear(all, leaf(r, LEAF_W + 1), leaf(r, LEAF_BIAS + 1));
	tl_var classes = tl_index(r->tape, TL_SHAPE(r->outs, r->batch), r->w->classes);
	return tl_cross_entropy(all, classes, &(tl_cross_entropy_options){.label_smoothing = 0.1});
}

static tl_var loss_sum(recording *r)
{
	tl_var sum = tl_sum_all(tl_square(r->out[0]));
	for (int i = 1; i < r->outs; i++)
		sum = tl_add(tl_sum_all(tl_square(r->out[i])), sum);
	return tl_scale(sum, 0.3);
}

static tl_var loss_normalized(recording *r)
{
	tl_var all = stacked(r);
	if (!all.tape)
		return loss_sum(r);
	all = tl_tanh(tl_matmul(tl_concat(2, (tl_var[]){all, tl_flip(all, 0)}, -1), leaf(r, LEAF_JOINED)));
	return tl_mean_all(tl_square(tl_layer_norm(all, leaf(r, LEAF_BIAS), leaf(r, LEAF_BIAS + 2), 0.1)));
}

static const struct {
	const char *name;
	tl_var (*record)(recording *r);
} losses[LOSSES] = {{"stack", loss_stack}, {"each", loss_each}, {"in the loop", loss_in_loop},
	{"last", loss_last}, {"classes", loss_classes}, {"all classes", loss_all_classes}, {"sum", loss_sum},
	{"normalized", loss_normalized}};

const char *loss_name(int k)
{
	return losses[k % LOSSES].name;
}

void put_output(recording *r, tl_var v)
{
	if (r->outs == OUTPUTS)
		return;
	if (losses[choice(r, P_LOSS, LOSSES)].record == loss_in_loop) {
		tl_var e = squared_error(r, r->outs, v);
		r->loss = r->outs ? tl_add(r->loss, e) : e;
	}
	r->out[r->outs++] = v;
}

static tl_var record(recording *r)
{
	int n = 0;
	while (family_at(n))
		n++;
	family_at((int)choice(r, P_FAMILY, n))->record(r);
	put_mark(r, r->out[0]);
	r->rows = r->batch;
	r->layer = 0;
	tl_var loss = losses[choice(r, P_LOSS, LOSSES)].record(r);
	for (int j = 0; j < r->last.n && choice(r, P_TAIL, 2); j++)
		loss = tl_add(loss, tl_scale(tl_mean_all(tl_square(r->last.v[j])), 0.3));
	return loss;
}

static void keep_marks(recording *r)
{
	for (int i = 0; i < r->marks; i++)
		results_keep(r->r, "variable in the middle", r->mark[i]);
}

/* Another loss of what stands there already. */
static tl_var more(recording *r, tl_var loss)
{
	tl_var m = tl_mean_all(tl_square(tl_tanh(tl_shift(r->mark[0], 0.2))));
	return tl_add(tl_scale(loss, 0.5), m);
}

static void check_tape(recording *r)
{
	ck_assert_msg(tl_tape_status(r->tape) == TL_OK, "%s", tl_tape_error(r->tape)->text);
}

static void train(recording *r, tl_var loss)
{
	tl_var d = {0};
	tl_tensor held = {0};
	if (reads(r) == HELD && tl_value(r->mark[0]))
		held = *tl_value(r->mark[0]);
	if (reads(r) == LOSS_FIRST || reads(r) == IN_THE_MIDDLE)
		results_keep(r->r, "loss", loss);
	if (reads(r) == BACKWARD_AND_GRAD)
		tl_grad(loss, 1, r->mark, &d);
	tl_backward(loss);
	if (reads(r) == TWO_BACKWARDS)
		tl_backward(more(r, loss));
	if (d.tape)
		results_keep(r->r, "d variable", d);
	results_keep_grads(r->r, r->w->store);
	if (reads(r) != BACKWARD)
		results_keep(r->r, "loss", loss);
	if (reads(r) == VALUES_AFTER || reads(r) == HELD)
		keep_marks(r);
	if (held.data)
		results_keep(r->r, "held", tl_borrow(r->tape, &held));
	check_tape(r);
	tl_clip_norm(r->w->store, 1);
	tl_optimizer_step(r->w->optimizer);
}

enum { WRT = LEAVES + MARKS };

static int all_wrt(recording *r, tl_var wrt[WRT], const char *name[WRT])
{
	int n = 0;
	for (int k = 0; k < LEAVES; k++)
		if (r->leaf[k].tape) {
			name[n] = r->w->leaf[k]->name;
			wrt[n++] = r->leaf[k];
		}
	for (int i = 0; i < r->marks; i++) {
		name[n] = "d variable";
		wrt[n++] = r->mark[i];
	}
	return n;
}

static void differentiate(recording *r, tl_var loss)
{
	tl_var wrt[WRT], d[WRT];
	const char *name[WRT];
	int n = all_wrt(r, wrt, name);
	tl_var y = r->out[r->outs / 2];
	if (reads(r) == GRAD_FROM)
		tl_grad_from(y, tl_fill(r->tape, tl_var_shape(y), 0.7), n, wrt, d);
	else
		tl_grad(loss, n, wrt, d);
	if (reads(r) != ONE_BY_ONE)
		tl_eval(n, d);
	for (int i = n - 1; i >= 0; i--)
		results_keep(r->r, name[i], d[i]);
	if (reads(r) == GO_ON || reads(r) == SECOND) {
		tl_var again = reads(r) == GO_ON ? more(r, loss) : loss;
		for (int i = 0; i < n && reads(r) == SECOND; i++)
			again = tl_add(again, tl_scale(tl_mean_all(tl_square(d[i])), 0.3));
		tl_grad(again, n, wrt, d);
		for (int i = 0; i < n; i++)
			results_keep(r->r, name[i], d[i]);
	}
	results_keep(r->r, "loss", loss);
	keep_marks(r);
}

void program_run(const program *p, world *w, tl_tape *tape, int run, results *results)
{
	int64_t batch = 1 + p->number[P_ROWS], width = 1 + p->number[P_WIDTH];
	recording r = {.p = p,
		.w = w,
		.tape = tape,
		.r = results,
		.batch = batch,
		.rows = batch,
		.width = width,
		.steps = 1 + p->number[P_STEPS]};
	r.shape = p->number[P_AXES] % 2 ? TL_SHAPE(batch, 2, width) : TL_SHAPE(batch, width);
	r.trains = reads(&r) < TRAINING;
	tl_tape_reset(tape);
	tl_tape_set_step(tape, (uint64_t)run);
	world_next(w, run, !r.trains);
	tl_var loss = record(&r);
	check_tape(&r);
	if (r.trains)
		train(&r, loss);
	else if (reads(&r) == FORWARD) {
		for (int i = r.outs; i-- > 0;)
			results_keep(results, "output", r.out[i]);
		results_keep(results, "loss", loss);
		keep_marks(&r);
	} else
		differentiate(&r, loss);
	check_tape(&r);
}
