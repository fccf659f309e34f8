/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Examples that are recorded one by one, each a graph of its own, run as if they had been batched by hand:
 * trees, sequences of unequal lengths, nets without any loop. What is counted are the plan's instructions;
 * they may grow with the heights of the trees but not with the number of their nodes.
 */
#include "tests/plans.h"
#include "tests/suite.h"

#include <time.h>

enum { E = 5, H = 6, MOST_LEAVES = 400 };

/* A random binary tree: children first, the root last; left[i] < 0 in a leaf. */
typedef struct tree {
	int n, height;
	int left[2 * MOST_LEAVES], right[2 * MOST_LEAVES];
} tree;

static int draw(tree *t, int leaves, tl_rng *rng, int *height)
{
	int left = -1, right = -1, high[2] = {-1, -1};
	if (leaves > 1) {
		int first = 1 + (int)tl_rng_below(rng, leaves - 1);
		left = draw(t, first, rng, &high[0]);
		right = draw(t, leaves - first, rng, &high[1]);
	}
	*height = 1 + (high[0] > high[1] ? high[0] : high[1]);
	t->left[t->n] = left;
	t->right[t->n] = right;
	return t->n++;
}

static void tree_draw(tree *t, int leaves, tl_rng *rng)
{
	t->n = 0;
	draw(t, leaves, rng, &t->height);
}

typedef struct forest forest;

/* A tree cell: states of a leaf with input x, and of a node. */
typedef struct tree_cell {
	const char *name;
	int leaf_gates, node_gates;
	tl_state (*leaf)(const forest *f, tl_tape *tape, tl_var x);
	tl_state (*node)(const forest *f, tl_tape *tape, tl_state l, tl_state r);
} tree_cell;

struct forest {
	tl_store *store;
	const tree_cell *cell;
	tl_param *x, *w, *b, *l, *r, *j, *a;
	int trees, least, most;
	bool concat; /* [l.h r.h] J in place of l.h L + r.h R */
	int nodes, leaves, height; /* of the last recording */
};

static tl_var joined(const forest *f, tl_tape *tape, tl_state l, tl_state r)
{
	if (f->concat)
		return tl_linear(tl_concat(2, (tl_var[]){l.v[0], r.v[0]}, -1), tl_use(tape, f->j), tl_use(tape, f->a));
	return tl_add(tl_matmul(l.v[0], tl_use(tape, f->l)), tl_linear(r.v[0], tl_use(tape, f->r), tl_use(tape, f->a)));
}

static tl_state plain_leaf(const forest *f, tl_tape *tape, tl_var x)
{
	return tl_state1(tl_tanh(tl_linear(x, tl_use(tape, f->w), tl_use(tape, f->b))));
}

static tl_state plain_node(const forest *f, tl_tape *tape, tl_state l, tl_state r)
{
	return tl_state1(tl_tanh(joined(f, tape, l, r)));
}

static tl_state lstm_leaf(const forest *f, tl_tape *tape, tl_var x)
{
	tl_var z = tl_linear(x, tl_use(tape, f->w), tl_use(tape, f->b));
	tl_var c = tl_mul(tl_sigmoid(tl_part(z, -1, 0, 3)), tl_tanh(tl_part(z, -1, 1, 3)));
	return tl_state2(tl_mul(tl_sigmoid(tl_part(z, -1, 2, 3)), tl_tanh(c)), c);
}

static tl_state lstm_node(const forest *f, tl_tape *tape, tl_state l, tl_state r)
{
	tl_var z = joined(f, tape, l, r);
	tl_var c = tl_mul(tl_sigmoid(tl_part(z, -1, 0, 5)), tl_tanh(tl_part(z, -1, 1, 5)));
	c = tl_add(c, tl_mul(tl_sigmoid(tl_part(z, -1, 3, 5)), l.v[1]));
	c = tl_add(c, tl_mul(tl_sigmoid(tl_part(z, -1, 4, 5)), r.v[1]));
	return tl_state2(tl_mul(tl_sigmoid(tl_part(z, -1, 2, 5)), tl_tanh(c)), c);
}

static const tree_cell cells[] = {
	{"plain", 1, 1, plain_leaf, plain_node},
	{"lstm", 3, 5, lstm_leaf, lstm_node},
};

enum { CELLS = sizeof cells / sizeof *cells };

static forest forest_new(const tree_cell *cell, int trees, int least, int most)
{
	tl_error err = {0};
	forest f = {.store = tl_store_new(), .cell = cell, .trees = trees, .least = least, .most = most};
	f.x = tl_store_add(f.store, "x", TL_SHAPE(MOST_LEAVES, E), &err);
	f.w = tl_store_add(f.store, "w", TL_SHAPE(E, cell->leaf_gates * H), &err);
	f.b = tl_store_add(f.store, "b", TL_SHAPE(cell->leaf_gates * H), &err);
	f.l = tl_store_add(f.store, "l", TL_SHAPE(H, cell->node_gates * H), &err);
	f.r = tl_store_add(f.store, "r", TL_SHAPE(H, cell->node_gates * H), &err);
	f.j = tl_store_add(f.store, "j", TL_SHAPE(2 * H, cell->node_gates * H), &err);
	f.a = tl_store_add(f.store, "a", TL_SHAPE(cell->node_gates * H), &err);
	ck_assert_msg(err.status == TL_OK, "%s", err.text);
	fill_randomly(f.store, 3, 0.7);
	return f;
}

static tl_var record_tree(forest *f, tl_tape *tape, const tree *t)
{
	static tl_state state[2 * MOST_LEAVES];
	for (int i = 0, leaf = 0; i < t->n; i++) {
		if (t->left[i] >= 0) {
			state[i] = f->cell->node(f, tape, state[t->left[i]], state[t->right[i]]);
			continue;
		}
		state[i] = f->cell->leaf(f, tape, tl_slice(tl_use(tape, f->x), 0, leaf, leaf + 1, 1));
		leaf++;
		f->leaves++;
	}
	f->nodes += t->n;
	f->height = t->height > f->height ? t->height : f->height;
	return tl_sum_all(tl_square(state[t->n - 1].v[0]));
}

/* Trees drawn from the run's number, the sum of their losses. */
static tl_var record_forest(forest *f, tl_tape *tape, int run)
{
	static tree t;
	tl_rng rng = {.seed = 7 + (uint64_t)run};
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	f->nodes = f->leaves = f->height = 0;
	for (int k = 0; k < f->trees; k++) {
		tree_draw(&t, f->least + (int)tl_rng_below(&rng, f->most - f->least + 1), &rng);
		loss = tl_add(loss, record_tree(f, tape, &t));
	}
	return loss;
}

static void forest_scene(void *ctx, tl_tape *tape, int run, results *r)
{
	forest *f = ctx;
	keep_backward(f->store, record_forest(f, tape, run), r);
}

/* --- Equality */

START_TEST(random_trees_are_right)
{
	static const char *const plans[] = {"all", "-batch", "-place", "-fuse", "-merge", "-split", "-roll", "distribute,batch",
		"batch", "batch,fuse", "roll,batch,distribute,place", "-pack"};
	for (size_t k = 0; k < sizeof plans / sizeof *plans; k++)
		for (int concat = 0; concat < 2; concat++) {
			forest f = forest_new(&cells[_i], 6, 1, 9);
			f.concat = concat;
			check_plan(forest_scene, &f, 3, 1 + (int)k % 2, plans[k]);
			tl_store_free(f.store);
		}
}
END_TEST

/* --- Batches */

/* Instructions of one training step; of tapes with the passes given. */
static int64_t instructions(forest *f, const char *plan)
{
	tl_tape *tape = planned_tape(1, plan);
	tl_var loss = record_forest(f, tape, 0);
	ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(tape)->text);
	int64_t n = (int64_t)tl_tape_get_stats(tape).computed;
	tl_tape_free(tape);
	return n;
}

/* Per level one product forward and two backward, a few elementwise passes, copies between levels; per tree a loss. */
START_TEST(nodes_of_one_height_run_together)
{
	forest f = forest_new(&cells[_i / 2], 32, 20, 40);
	f.concat = _i % 2;
	int64_t together = instructions(&f, "all"), apart = instructions(&f, "-batch");
	ck_assert_int_gt(f.nodes, 1500);
	ck_assert_int_lt(f.height, 20);
	ck_assert_msg(together <= 60 + f.trees + 20 * f.height, "%s: %lld instructions for %d nodes of %d levels", f.cell->name,
		(long long)together, f.nodes, f.height);
	ck_assert_msg(apart > 8 * together, "%s: %lld instructions apart, %lld together", f.cell->name, (long long)apart,
		(long long)together);
	tl_store_free(f.store);
}
END_TEST

/* The same trees over and over cost a loss each. */
START_TEST(more_trees_take_no_more_instructions)
{
	forest few = forest_new(&cells[_i], 10, 12, 12), many = forest_new(&cells[_i], 100, 12, 12);
	int64_t a = instructions(&few, "all"), b = instructions(&many, "all");
	ck_assert_msg(b - a <= 90 + 20 * (many.height - few.height + 1), "%lld, then %lld", (long long)a, (long long)b);
	tl_store_free(few.store);
	tl_store_free(many.store);
}
END_TEST

/* A net without loops, recorded for each example. */
static int64_t instructions_of_layers(int examples)
{
	forest f = forest_new(&cells[0], 0, 1, 1);
	tl_tape *tape = planned_tape(1, "all");
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	for (int k = 0; k < examples; k++) {
		tl_var x = tl_slice(tl_use(tape, f.x), 0, k, k + 1, 1);
		tl_var h = tl_tanh(tl_linear(x, tl_use(tape, f.w), tl_use(tape, f.b)));
		h = tl_sigmoid(tl_matmul(h, tl_use(tape, f.l)));
		h = tl_tanh(tl_matmul(h, tl_use(tape, f.r)));
		loss = tl_add(loss, tl_sum_all(tl_square(h)));
	}
	ck_assert_int_eq(tl_backward(loss), TL_OK);
	int64_t n = (int64_t)tl_tape_get_stats(tape).computed;
	tl_tape_free(tape);
	tl_store_free(f.store);
	return n;
}

START_TEST(layers_recorded_for_each_example_run_together)
{
	int64_t few = instructions_of_layers(4), many = instructions_of_layers(64);
	ck_assert_msg(many - few <= 60 + 8, "%lld, then %lld", (long long)few, (long long)many);
}
END_TEST

/* Sequences of 1 to 12 steps: as many levels as the longest has. */
static int64_t instructions_of_sequences(int n, int64_t least)
{
	layers l = layers_new(&(tl_rnn_options){.cell = &tl_cell_lstm, .input = 3, .hidden = 4}, 12, 1);
	tl_tape *tape = planned_tape(1, "all");
	tl_rng rng = {.seed = 4};
	tl_var loss = tl_fill(tape, TL_SCALAR, 0);
	for (int k = 0; k < n; k++) {
		int64_t steps = k ? least + tl_rng_below(&rng, 12 - least + 1) : 12;
		tl_var x = tl_slice(tl_use(tape, l.x), 0, 0, steps, 1);
		loss = tl_add(loss, tl_sum_all(tl_square(tl_rnn_run(l.rnn, x, (tl_state){0}, true).last.v[0])));
	}
	ck_assert_int_eq(tl_backward(loss), TL_OK);
	int64_t count = (int64_t)tl_tape_get_stats(tape).computed;
	tl_tape_free(tape);
	layers_free(&l);
	return count;
}

START_TEST(sequences_run_together)
{
	for (int64_t least = 1; least <= 12; least += 11) {
		int64_t few = instructions_of_sequences(8, least), many = instructions_of_sequences(40, least);
		ck_assert_msg(many - few <= 3 * 32, "%lld, then %lld", (long long)few, (long long)many);
		ck_assert_msg(many <= 3 * 40 + 8 * 12, "%lld instructions", (long long)many);
	}
}
END_TEST

/* --- Planning */

/* Processor time to plan a training step and run it once: with states this small, to plan it. */
static double planning(int trees)
{
	double least = 1e9;
	forest f = forest_new(&cells[0], trees, 30, 30);
	for (int k = 0; k < 3; k++) {
		tl_tape *tape = planned_tape(1, "all");
		tl_var loss = record_forest(&f, tape, 0);
		clock_t begin = clock();
		ck_assert_int_eq(tl_backward(loss), TL_OK);
		double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
		least = seconds < least ? seconds : least;
		tl_tape_free(tape);
	}
	tl_store_free(f.store);
	return least;
}

/* The caches hold the small one; what is looked for took a hundred times as long. */
START_TEST(planning_takes_time_in_proportion)
{
	double few = planning(20), many = planning(640);
	ck_assert_msg(many < 6 * 32 * few, "%.2f ms, and %.2f ms for 32 times as much", 1e3 * few, 1e3 * many);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("plan trees");
	TCase *c = tcase_create("trees");
	tcase_add_loop_test(c, random_trees_are_right, 0, CELLS);
	tcase_add_loop_test(c, nodes_of_one_height_run_together, 0, 2 * CELLS);
	tcase_add_loop_test(c, more_trees_take_no_more_instructions, 0, CELLS);
	tcase_add_test(c, layers_recorded_for_each_example_run_together);
	tcase_add_test(c, sequences_run_together);
	tcase_add_test(c, planning_takes_time_in_proportion);
	suite_add_tcase(s, c);
	return s;
}
