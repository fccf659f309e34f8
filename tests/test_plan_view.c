/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which instructions compute which variables: what a person would write by hand for known cells, and for random
 * programs what must hold for any plan. A view changes no number.
 */
#include "tests/suite.h"

#include <string.h>

#include "graph/plan_figures.h"
#include "tests/plans.h"
#include "tests/views.h"

enum { B = 3, E = 7, H = 5 };

typedef struct loop {
	layers l;
	tl_tape *tape;
	tl_plan_view *view;
	tl_param *param[16];
	tl_var d[16]; /* their gradients */
	int params;
} loop;

/* The gradients of a layer's parameters, of the mean square of its last state, as one run. */
static loop loop_new(const tl_cell *cell, int steps, const char *plan)
{
	loop l = {.l = layers_new(&(tl_rnn_options){.cell = cell, .input = E, .hidden = H}, steps, B),
		.tape = planned_tape(1, plan),
		.view = tl_plan_view_new()};
	tl_rnn_result r = tl_rnn_run(l.l.rnn, tl_use(l.tape, l.l.x), (tl_state){0}, true);
	tl_var loss = mean_square(tl_select(r.last.v[0], 0, 0), 0.6);
	for (int k = 0; k < tl_store_count(l.l.store); k++)
		if (!strncmp(tl_store_at(l.l.store, k)->name, "net", 3)) {
			l.param[l.params] = tl_store_at(l.l.store, k);
			l.d[l.params++] = tl_use(l.tape, tl_store_at(l.l.store, k));
		}
	ck_assert_int_eq(tl_grad(loss, l.params, l.d, l.d), TL_OK);
	tl_plan_view_attach(l.tape, l.view);
	ck_assert_msg(tl_eval(l.params, l.d) == TL_OK, "%s", tl_tape_error(l.tape)->text);
	tl_plan_view_attach(l.tape, NULL);
	check_view(l.view, l.tape);
	return l;
}

static void loop_free(loop *l)
{
	tl_plan_view_free(l->view);
	tl_tape_free(l->tape);
	layers_free(&l->l);
}

static const tl_plan_instruction *computes(const loop *l, tl_var v)
{
	const tl_plan_place *p = tl_plan_place_of(l->view, v);
	ck_assert_int_eq(p->role, TL_ROLE_COMPUTED);
	return &l->view->instructions[p->instruction - 1];
}

/* How many instructions hoist products of the forward pass; *one is the last of them. */
static int hoisted(const loop *l, const tl_plan_instruction **one)
{
	int n = 0;
	for (uint32_t k = 0; k < l->view->n_instructions; k++) {
		const tl_plan_instruction *in = &l->view->instructions[k];
		if (in->kind != TL_PROFILE_PRODUCT || in->adjoint || !tl_plan_hoisted(in))
			continue;
		*one = in;
		n++;
	}
	return n;
}

/*
 * Each weight's gradient: one product, a term for each step (but for a first step that reads zeros, if that is left
 * out), with sums over the rows of all of them.
 */
static void check_weight_gradients(const loop *l, int steps)
{
	uint32_t seen[16];
	int n = 0;
	char text[96], want[96];
	for (int k = 0; k < l->params; k++) {
		if (l->param[k]->value.shape.axes != 2)
			continue;
		const tl_plan_instruction *in = computes(l, l->d[k]);
		ck_assert_int_eq(in->kind, TL_PROFILE_PRODUCT);
		ck_assert(in->adjoint && !in->recurrence && !tl_plan_hoisted(in));
		ck_assert_uint_eq(in->computed, 1);
		ck_assert_uint_eq(in->products, (unsigned)steps);
		ck_assert_uint_eq(in->ops, 1);
		ck_assert_int_eq(in->k, steps * B);
		ck_assert(in->from == 0 && in->to == steps - 1 && in->steps == (unsigned)steps);
		snprintf(want, sizeof want, "one product of %d terms, t=0..%d", steps, steps - 1);
		ck_assert_str_eq(tl_plan_text(in, text, sizeof text), want);
		seen[n] = tl_plan_place_of(l->view, l->d[k])->instruction;
		for (int j = 0; j < n; j++)
			ck_assert_uint_ne(seen[j], seen[n]);
		n++;
	}
	ck_assert_int_ge(n, 2);
}

/* One hoisted input product, one fused group of 9 ops a step there, one a step back, a product for each weight. */
START_TEST(lstm)
{
	const int steps = 4 + 31 * _i;
	loop l = loop_new(&tl_cell_lstm, steps, "all");
	const tl_plan_instruction *input = NULL;
	char text[96], want[96];
	ck_assert_int_eq(hoisted(&l, &input), 1);
	ck_assert_uint_eq(input->products, (unsigned)steps);
	ck_assert(input->m == steps * B && input->n == 4 * H && input->k == E && input->ops == 1);
	ck_assert(input->from == 0 && input->to == steps - 1 && !strcmp(input->axis, "t"));
	snprintf(want, sizeof want, "hoisted: one product for t=0..%d", steps - 1);
	ck_assert_str_eq(tl_plan_text(input, text, sizeof text), want);
	for (uint32_t m = input->first; m < input->first + input->count; m++) {
		tl_var x = tl_var_operand((tl_var){l.tape, l.view->members[m], l.view->generation}, 0);
		while (tl_plan_place_of(l.view, x)->role == TL_ROLE_LOOK)
			x = tl_var_operand(x, 0);
		ck_assert_str_eq(tl_var_name(x), "x");
	}
	unsigned char fused[2][64] = {{0}}, products[2][64] = {{0}};
	for (uint32_t k = 0; k < l.view->n_instructions; k++) {
		const tl_plan_instruction *in = &l.view->instructions[k];
		if (!in->recurrence)
			continue;
		ck_assert_uint_eq(in->steps, 1);
		if (in->kind == TL_PROFILE_PROGRAM && in->ops > 1) {
			ck_assert(in->adjoint ? in->ops >= 9 : in->ops == 9);
			ck_assert_uint_eq(in->computed, in->ops);
			fused[in->adjoint][in->from]++;
		}
		products[in->adjoint][in->from] += in->kind == TL_PROFILE_PRODUCT;
	}
	for (int t = 0; t < steps; t++) {
		ck_assert_uint_eq(fused[0][t], 1);
		ck_assert_uint_eq(fused[1][t], 1);
		ck_assert_uint_eq(products[0][t], t > 0); /* the first h is given: its product waits for nothing */
		ck_assert_uint_eq(products[1][t], t > 0);
	}
	check_weight_gradients(&l, steps);
	loop_free(&l);
}
END_TEST

/* By hand: x W of all gates at once; of a GRU h U and (r h) U; back the same, and dW, dU as one product each. */
START_TEST(other_cells)
{
	static const struct {
		const tl_cell *cell;
		uint32_t products; /* that wait for the loop, a step */
	} cells[] = {{&tl_cell_rnn, 1}, {&tl_cell_gru, 2}, {&tl_cell_gru_lbr, 1}, {&tl_cell_mgu, 2}};
	const int steps = 9;
	loop l = loop_new(cells[_i].cell, steps, "all");
	const tl_plan_instruction *input = NULL;
	ck_assert_int_eq(hoisted(&l, &input), 1);
	ck_assert_uint_eq(input->products, (unsigned)steps);
	check_weight_gradients(&l, steps);
	uint32_t inside[2] = {0};
	for (uint32_t k = 0; k < l.view->n_instructions; k++) {
		const tl_plan_instruction *in = &l.view->instructions[k];
		if (in->recurrence && in->kind == TL_PROFILE_PRODUCT && in->from == steps / 2)
			inside[in->adjoint] += in->products;
	}
	ck_assert_uint_eq(inside[0], cells[_i].products);
	ck_assert_uint_eq(inside[1], cells[_i].products);
	loop_free(&l);
}
END_TEST

/* A loop of one's own, with a label of its own: h_t = tanh(x_t W + h_t-1 U) (1 + h_t-1). */
START_TEST(own_loop)
{
	enum { STEPS = 12 };
	tl_tape *tape = planned_tape(1, "all");
	tl_plan_view *view = tl_plan_view_new();
	tl_real numbers[STEPS * B * E];
	for (int i = 0; i < STEPS * B * E; i++)
		numbers[i] = (tl_real)(0.01 * (i % 37) - 0.2);
	tl_var x = tl_input(tape, TL_SHAPE(STEPS, B, E), numbers), w = tl_input(tape, TL_SHAPE(E, H), numbers);
	tl_var u = tl_input(tape, TL_SHAPE(H, H), numbers), h = tl_input(tape, TL_SHAPE(B, H), numbers), xw[STEPS];
	for (int i = 0; i < STEPS; i++) {
		tl_scope_begin(tape, "turn", 10 + i);
		xw[i] = tl_matmul(tl_select(x, 0, i), w);
		h = tl_mul(tl_tanh(tl_add(tl_matmul(h, u), xw[i])), tl_shift(h, 1));
		tl_scope_end(tape);
	}
	tl_plan_view_attach(tape, view);
	ck_assert_int_eq(tl_eval(1, &h), TL_OK);
	check_view(view, tape);
	uint32_t same = tl_plan_place_of(view, xw[0])->instruction;
	ck_assert_uint_gt(same, 0);
	for (int i = 1; i < STEPS; i++)
		ck_assert_uint_eq(tl_plan_place_of(view, xw[i])->instruction, same);
	char text[96];
	ck_assert_str_eq(tl_plan_text(&view->instructions[same - 1], text, sizeof text), "hoisted: one product for turn=10..21");
	const tl_plan_place *last = tl_plan_place_of(view, h), *factor = tl_plan_place_of(view, tl_var_operand(h, 0));
	ck_assert_uint_eq(last->instruction, factor->instruction);
	ck_assert(factor->internal && !last->internal);
	ck_assert_str_eq(tl_plan_text(&view->instructions[last->instruction - 1], text, sizeof text), "fused: 2 ops");
	tl_var before = tl_var_operand(tl_var_operand(h, 1), 0); /* 1 + h runs as soon as there is h */
	uint32_t pass = tl_plan_place_of(view, before)->instruction;
	ck_assert_uint_eq(tl_plan_place_of(view, tl_var_operand(h, 1))->instruction, pass);
	ck_assert_str_eq(tl_plan_text(&view->instructions[pass - 1], text, sizeof text), "fused: 3 ops of turn=20..21");
	ck_assert_int_eq(tl_plan_place_of(view, x)->role, TL_ROLE_NONE);
	tl_tape_free(tape);
	tl_plan_view_free(view);
}
END_TEST

/* Where no pass is on, no instruction computes two variables. */
START_TEST(no_passes)
{
	loop l = loop_new(&tl_cell_lstm, 5, "none");
	for (uint32_t k = 0; k < l.view->n_instructions; k++) {
		const tl_plan_instruction *in = &l.view->instructions[k];
		ck_assert_uint_eq(in->count, 1);
		ck_assert(!tl_plan_hoisted(in) && !in->recurrence);
	}
	for (uint32_t i = 0; i < l.view->n_places; i++)
		ck_assert(!l.view->places[i].internal && l.view->places[i].role != TL_ROLE_TAKEN);
	loop_free(&l);
}
END_TEST

/* The same instructions as the figures and the profile count, each with a time of its own. */
START_TEST(all_of_them)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 16, .hidden = 32, .layers = 2}, 20, 64);
	tl_tape *tape = planned_tape(1 + _i, _i ? "all,tiny" : "all");
	tl_plan_view *view = tl_plan_view_new();
	tl_profile *p = tl_profile_new();
	tl_plan_view_attach(tape, view);
	tl_profile_attach(tape, p);
	ck_assert_int_eq(tl_backward(loss_of(layers_run(&l, tape))), TL_OK);
	const tl_plan_figures *f = tl_plan_last(tape);
	check_view(view, tape);
	ck_assert_uint_eq(view->runs, 1);
	ck_assert_uint_eq(view->n_instructions, tl_tape_get_stats(tape).computed);
	uint32_t gemms = 0, kernels = 0, products = 0;
	double seconds = 0, want = 0;
	for (uint32_t k = 0; k < view->n_instructions; k++) {
		const tl_plan_instruction *in = &view->instructions[k];
		gemms += in->kind == TL_PROFILE_PRODUCT;
		kernels += in->kind == TL_PROFILE_KERNEL;
		products += in->products;
		ck_assert(in->seconds > 0);
		seconds += in->seconds;
	}
	for (uint32_t i = 0; i < p->n_entries; i++)
		want += p->entries[i].seconds;
	ck_assert_uint_eq(gemms, f->gemms);
	ck_assert_uint_eq(kernels, f->kernels);
	ck_assert_uint_eq(products, f->products);
	ck_assert(f->splits > 0 || !_i);
	ck_assert_double_le(fabs(seconds - want), 1e-9 * (double)view->n_instructions);
	tl_profile_attach(tape, NULL);
	tl_profile_free(p);
	tl_tape_free(tape);
	tl_plan_view_free(view);
	layers_free(&l);
}
END_TEST

/* Plans with notes are kept like others: a step again needs no planning, and a view of it says the same. */
START_TEST(kept_plans)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_gru, .input = E, .hidden = H}, 6, B);
	tl_tape *tape = planned_tape(1, "all");
	tl_plan_view *view = tl_plan_view_new();
	uint32_t instructions = 0, members = 0;
	results r = {0};
	for (int run = 0; run < 6; run++) {
		uint64_t misses = tl_tape_get_stats(tape).plan_misses;
		tl_plan_view_attach(tape, run % 3 == 2 ? NULL : view);
		tl_tape_reset(tape);
		layers_scene(&l, tape, 0, &r);
		ck_assert_uint_eq(tl_tape_get_stats(tape).plan_misses - misses, run == 0 || run == 2 ? 1 : 0);
		if (run == 0) {
			instructions = view->n_instructions;
			members = view->n_members;
		}
		ck_assert_uint_eq(view->n_instructions, instructions);
		ck_assert_uint_eq(view->n_members, members);
		ck_assert_uint_eq(view->runs, 1);
	}
	tl_plan_view_attach(tape, NULL);
	tl_tape_free(tape);
	tl_plan_view_free(view);
	results_free(&r);
	layers_free(&l);
}
END_TEST

/* Of another step, of another generation, of no tape at all: no place. */
START_TEST(strangers)
{
	tl_tape *tape = planned_tape(1, "all");
	tl_plan_view *view = tl_plan_view_new();
	tl_plan_view_attach(tape, view);
	tl_var y = tl_tanh(tl_fill(tape, TL_SHAPE(2), 0.5));
	ck_assert_int_eq(tl_plan_place_of(view, y)->role, TL_ROLE_NONE);
	ck_assert_int_eq(tl_eval(1, &y), TL_OK);
	ck_assert_int_eq(tl_plan_place_of(view, y)->role, TL_ROLE_COMPUTED);
	ck_assert_int_eq(tl_plan_place_of(view, (tl_var){0})->role, TL_ROLE_NONE);
	tl_tape_reset(tape);
	tl_var z = tl_exp(tl_fill(tape, TL_SHAPE(2), 0.5));
	ck_assert_int_eq(tl_plan_place_of(view, z)->role, TL_ROLE_NONE);
	ck_assert_int_eq(tl_eval(1, &z), TL_OK);
	ck_assert_int_eq(tl_plan_place_of(view, z)->role, TL_ROLE_COMPUTED);
	ck_assert_int_eq(tl_plan_place_of(view, y)->role, TL_ROLE_NONE);
	ck_assert_uint_eq(view->n_instructions, 1);
	tl_tape_free(tape);
	tl_plan_view_free(view);
	tl_plan_view_free(NULL);
}
END_TEST

enum { SEEDS = 300, CHUNK = 20 };

/* Several runs a step, trees, ragged batches: see tests/programs.h. Bit for bit the numbers without a view. */
START_TEST(random_programs)
{
	static const char *const plans[] = {"all", "-batch", "roll,distribute,merge", "fuse,place", "all,tiny"};
	for (uint64_t seed = (uint64_t)_i * CHUNK; seed < (uint64_t)(_i + 1) * CHUNK; seed++) {
		program p = program_new(seed);
		results r[2] = {{0}};
		for (int k = 0; k < 2; k++) {
			world *w = world_new(&p, seed);
			tl_tape *tape = planned_tape(seed % 5 == 4 ? 2 : 1, plans[seed % 5]);
			tl_plan_view *view = tl_plan_view_new();
			tl_plan_view_attach(tape, k ? view : NULL);
			for (int run = 0; run < 3; run++) {
				program_run(&p, w, tape, run, &r[k]);
				if (k)
					check_view(view, tape);
			}
			ck_assert(!k || view->runs > 0);
			tl_tape_free(tape);
			tl_plan_view_free(view);
			world_free(w);
		}
		ck_assert_msg(r[0].used == r[1].used &&
				      !memcmp(r[0].values, r[1].values, (size_t)r[0].used * sizeof *r[0].values),
			"seed %d: a view changes numbers", (int)seed);
		results_free(&r[0]);
		results_free(&r[1]);
	}
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan view");
	TCase *c = tcase_create("known");
	tcase_add_loop_test(c, lstm, 0, 2);
	tcase_add_loop_test(c, other_cells, 0, 4);
	tcase_add_test(c, own_loop);
	tcase_add_test(c, no_passes);
	tcase_add_loop_test(c, all_of_them, 0, 2);
	tcase_add_test(c, kept_plans);
	tcase_add_test(c, strangers);
	suite_add_tcase(s, c);
	c = tcase_create("random");
	tcase_add_loop_test(c, random_programs, 0, SEEDS / CHUNK);
	suite_add_tcase(s, c);
	return s;
}
