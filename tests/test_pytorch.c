/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent networks against PyTorch's: values and gradients (tests/pytorch.h), and a curve of losses. */
#include "tests/suite.h"

#include "tests/pytorch.h"

static fixture f;

static void teardown(void)
{
	fixture_close(&f);
	f = (fixture){0};
}

static void check_cell(const tl_cell *cell, tl_impl impl)
{
	char name[64];
	snprintf(name, sizeof name, "recurrent_%s", cell->name);
	f = fixture_open(name);
	pytorch_check_net(&f, (tl_rnn_options){.cell = cell, .impl = impl});
}

/* For each cell. */
START_TEST(values_and_gradients)
{
	check_cell(tl_cell_at(_i), TL_COMPOSED);
}
END_TEST

static const tl_cell *const fused[] = {&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru, &tl_cell_gru_lbr, &tl_cell_lstm,
	&tl_cell_lstm_peephole, &tl_cell_lstm_projected};
enum { FUSED = sizeof fused / sizeof *fused };

/* For each cell that runs over a sequence in one node. */
START_TEST(fused_values_and_gradients)
{
	check_cell(fused[_i], TL_FUSED);
}
END_TEST

static const tl_cell *const directed[] = {&tl_cell_rnn, &tl_cell_gru_lbr, &tl_cell_lstm, &tl_cell_lstm_projected};
static const struct {
	const char *name;
	bool bidirectional, batch_first;
} kinds[] = {{"deep", false, false}, {"both", true, true}, {"packed", true, true}};

enum { KINDS = sizeof kinds / sizeof *kinds, DIRECTED = KINDS * sizeof directed / sizeof *directed };

static void check_directions(int i, tl_impl impl)
{
	const tl_cell *cell = directed[i / KINDS];
	char name[64];
	snprintf(name, sizeof name, "directions_%s_%s", cell->name, kinds[i % KINDS].name);
	f = fixture_open(name);
	pytorch_check_net(&f, (tl_rnn_options){.cell = cell,
				      .bidirectional = kinds[i % KINDS].bidirectional,
				      .batch_first = kinds[i % KINDS].batch_first,
				      .impl = impl});
}

/* For each of those cells and kinds of nets: deep, in both directions, with sequences of unequal lengths. */
START_TEST(directions)
{
	check_directions(_i, TL_COMPOSED);
}
END_TEST

/* In one node for each layer and direction, where sequences are of one length; the others are composed. */
START_TEST(fused_directions)
{
	check_directions(_i, strcmp(kinds[_i % KINDS].name, "both") ? TL_AUTO : TL_FUSED);
}
END_TEST

/* 1 to 3 layers, in one direction and both, with and without biases and first states. */
static void check_interface(const tl_cell *cell, tl_impl impl)
{
	for (int way = 0; way < 12; way++) {
		int layers = 1 + way / 4, both = way / 2 % 2, bias = way % 2, given = (layers + both + bias) % 2 == 0;
		char name[64];
		snprintf(name, sizeof name, "interface_%s", cell->name);
		f = fixture_open(name);
		snprintf(f.prefix, sizeof f.prefix, "%d.%s%s%s", layers, both ? "both." : "", bias ? "bias." : "",
			given ? "given." : "");
		ck_assert_int_eq(fixture_has(&f, "", "bias_ih_l0"), bias);
		ck_assert_int_eq(fixture_has(&f, "", "h0"), given);
		pytorch_check_net(&f, (tl_rnn_options){.cell = cell, .bidirectional = both, .impl = impl});
		teardown();
	}
}

/* For each cell. */
START_TEST(interface)
{
	check_interface(tl_cell_at(_i), TL_COMPOSED);
}
END_TEST

/* For each cell that runs over a sequence in one node. */
START_TEST(fused_interface)
{
	check_interface(fused[_i], TL_FUSED);
}
END_TEST

static void set(const tl_param *p, const char *name, bool transposed)
{
	tl_tensor t = fixture_load(&f, "", name, TL_REAL);
	if (transposed)
		pytorch_transpose(&t, 0, &p->value);
	else
		tl_tensor_copy(&p->value, &t);
	free(t.data);
}

static tl_lm *language_model(void)
{
	tl_error err = {0};
	tl_tensor table = fixture_load(&f, "", "embedding.weight", TL_REAL);
	tl_tensor u = fixture_load(&f, "", "lstm.weight_hh_l0", TL_REAL);
	tl_lm *lm = tl_lm_new(f.store,
		&(tl_lm_options){.cell = &tl_cell_lstm,
			.symbols = table.shape.dim[0],
			.embed = table.shape.dim[1],
			.hidden = u.shape.dim[1]},
		&err);
	ck_assert_msg(lm != NULL, "%s", err.text);
	set(lm->input.table, "embedding.weight", false);
	set(lm->output.w, "linear.weight", true);
	set(lm->output.b, "linear.bias", false);
	for (int k = 0; k < lm->rnn->count; k++)
		pytorch_convert(&f, "lstm.", "_l0", tl_cell_lstm.params[k].name, &lm->rnn->params[k]->value);
	free(table.data);
	free(u.data);
	return lm;
}

/* Ten steps of Adam on a language model: embedding, LSTM, softmax. */
START_TEST(a_loss_curve)
{
	f = fixture_open("lm");
	tl_lm *lm = language_model();
	tl_tensor symbols = fixture_load(&f, "", "symbols", TL_I32), losses = fixture_load(&f, "", "losses", TL_REAL);
	int64_t steps = symbols.shape.dim[1] - 1, batch = symbols.shape.dim[2];
	tl_optimizer *adam =
		tl_optimizer_new(f.store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 0.01}, NULL);
	ck_assert_ptr_nonnull(adam);
	for (int64_t k = 0; k < losses.shape.dim[0]; k++) {
		const int32_t *s = (const int32_t *)symbols.data + k * (steps + 1) * batch;
		tl_tape_reset(f.tape);
		tl_var x = tl_index(f.tape, TL_SHAPE(steps, batch), s);
		tl_var y = tl_index(f.tape, TL_SHAPE(steps, batch), s + batch);
		tl_var loss = tl_cross_entropy(tl_lm_run(lm, x, (tl_state){0}, true).logits, y, NULL);
		tl_real got = 0;
		tl_store_zero_grad(f.store);
		ck_assert_msg(tl_backward(loss) == TL_OK, "%s", tl_tape_error(f.tape)->text);
		tl_read(loss, &got, 1);
		tl_tensor is = tl_tensor_dense(TL_REAL, TL_SCALAR, &got);
		tl_tensor should = tl_tensor_dense(TL_REAL, TL_SCALAR, (tl_real *)losses.data + k);
		fixture_compare_to("loss", &is, &should);
		tl_optimizer_step(adam);
	}
	tl_optimizer_free(adam);
	tl_lm_free(lm);
	free(symbols.data);
	free(losses.data);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("pytorch");
	TCase *c = tcase_create("pytorch");
	int cells = 0;
	while (tl_cell_at(cells))
		cells++;
	tcase_add_checked_fixture(c, NULL, teardown);
	tcase_add_loop_test(c, values_and_gradients, 0, cells);
	tcase_add_loop_test(c, directions, 0, DIRECTED);
	tcase_add_loop_test(c, interface, 0, cells);
	tcase_add_loop_test(c, fused_values_and_gradients, 0, FUSED);
	tcase_add_loop_test(c, fused_directions, 0, DIRECTED);
	tcase_add_loop_test(c, fused_interface, 0, FUSED);
	tcase_add_test(c, a_loss_curve);
	suite_add_tcase(s, c);
	return s;
}
