/* SPDX-License-Identifier: Apache-2.0 */
/* State dicts that PyTorch saved (tools/fixtures/state_dicts.py), read, run, written and read again. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include "models/tapeloop.h"
#include "tests/fixture.h"
#include "tests/scratch.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static tl_error err;
static tl_safetensors *expected;

static void setup(void)
{
	err = (tl_error){0};
	expected = tl_safetensors_open(TL_FIXTURES "/pytorch/expected.safetensors", &err);
	ck_assert_msg(expected != NULL, "%s", err.text);
}

static void teardown(void)
{
	tl_safetensors_free(expected);
}

static tl_safetensors *open_dict(const char *name)
{
	char path[SCRATCH_PATH];
	snprintf(path, sizeof path, "%s/pytorch/%s.safetensors", TL_FIXTURES, name);
	tl_safetensors *f = tl_safetensors_open(path, &err);
	ck_assert_msg(f != NULL, "%s", err.text);
	return f;
}

/* To be freed. */
static tl_tensor read_tensor(tl_safetensors *f, const char *name, tl_dtype dtype)
{
	return fixture_load(&(fixture){.file = f}, "", name, dtype);
}

/* The character model of the fixtures. */
typedef struct net {
	tl_store *store;
	tl_reader *reader;
	tl_pytorch *names;
} net;

static net build(const tl_safetensors *f, const tl_cell *cell, bool no_bias)
{
	net n = {.store = tl_store_new(), .names = tl_pytorch_new()};
	tl_shape table = tl_safetensors_shape(f, tl_safetensors_find(f, "embed.weight"));
	tl_reader_options o = {.symbols = table.dim[0], .labels = table.dim[0], .embed = table.dim[1]};
	ck_assert_msg(!tl_pytorch_describe(f, "rnn", &o.rnn, &err), "%s", err.text);
	ck_assert_int_eq(o.rnn.input, table.dim[1]);
	o.rnn.cell = cell ? cell : o.rnn.cell;
	o.rnn.no_bias = o.rnn.no_bias && no_bias;
	n.reader = tl_reader_new(n.store, &o, &err);
	ck_assert_msg(n.reader != NULL, "%s", err.text);
	ck_assert(!tl_pytorch_embedding(n.names, "embed", &n.reader->input, &err));
	ck_assert(!tl_pytorch_rnn(n.names, "rnn", n.reader->rnn, &err));
	ck_assert(!tl_pytorch_dense(n.names, "out", &n.reader->output, &err));
	return n;
}

static void discard(net *n)
{
	tl_pytorch_free(n->names);
	tl_reader_free(n->reader);
	tl_store_free(n->store);
}

static void check_logits(const net *n, const char *name)
{
	char full[64];
	snprintf(full, sizeof full, "%s.logits", name);
	tl_tape *tape = tl_tape_new(NULL);
	tl_tensor symbols = read_tensor(expected, "symbols", TL_I32);
	tl_var logits = tl_reader_tag(n->reader, tl_index(tape, symbols.shape, symbols.data), NULL, false);
	fixture_check(&(fixture){.file = expected}, full, logits);
	free(symbols.data);
	tl_tape_free(tape);
}

static const struct {
	const char *name;
	const tl_cell *cell, *given;
	int layers;
	bool both, no_bias;
	int64_t project;
} dicts[] = {
	{"lstm", &tl_cell_lstm, NULL, 1, false, false, 0},
	{"lstm_deep", &tl_cell_lstm, NULL, 2, false, false, 0},
	{"lstm_both", &tl_cell_lstm, NULL, 2, true, false, 0},
	{"lstm_plain", &tl_cell_lstm, NULL, 1, false, true, 0},
	{"lstm_projected", &tl_cell_lstm_projected, NULL, 2, false, false, 3},
	{"lstm_projected_both", &tl_cell_lstm_projected, NULL, 1, true, false, 3},
	{"gru", &tl_cell_gru_lbr, NULL, 1, false, false, 0},
	{"gru_deep", &tl_cell_gru_lbr, NULL, 3, false, false, 0},
	{"gru_both", &tl_cell_gru_lbr, NULL, 1, true, false, 0},
	{"gru_plain", &tl_cell_gru_lbr, NULL, 2, false, true, 0},
	{"rnn", &tl_cell_rnn, NULL, 2, false, false, 0},
	{"rnn_relu", &tl_cell_rnn, &tl_cell_rnn_relu, 1, false, false, 0},
	{"half", &tl_cell_lstm, NULL, 1, false, false, 0},
	{"bfloat", &tl_cell_gru_lbr, NULL, 1, false, false, 0},
};

/* A fixture is described, read, run; what is written is read to the same bits, with the fixture's names and shapes. */
START_TEST(there_and_back)
{
	const char *name = dicts[_i].name;
	tl_safetensors *f = open_dict(name);
	tl_rnn_options o;
	ck_assert(!tl_pytorch_describe(f, "rnn", &o, &err));
	ck_assert_ptr_eq(o.cell, dicts[_i].cell);
	ck_assert_int_eq(o.layers, dicts[_i].layers);
	ck_assert_int_eq(o.hidden, 8);
	ck_assert_int_eq(o.project, dicts[_i].project);
	ck_assert(o.bidirectional == dicts[_i].both && o.no_bias == dicts[_i].no_bias);

	net first = build(f, dicts[_i].given, true), second = build(f, dicts[_i].given, true);
	ck_assert_msg(!tl_pytorch_load(first.names, f, &err), "%s", err.text);
	check_logits(&first, name);
	const char *path = scratch_path("there.safetensors");
	ck_assert_msg(!tl_pytorch_save(first.names, path, NULL, 0, &err), "%s", err.text);
	tl_safetensors *back = tl_safetensors_open(path, &err);
	ck_assert_msg(!tl_pytorch_load(second.names, back, &err), "%s", err.text);
	ck_assert_mem_eq(tl_store_values(first.store), tl_store_values(second.store),
		(size_t)tl_store_span(first.store) * sizeof(tl_real));
	/* a dense layer has its bias here */
	ck_assert_int_eq(tl_safetensors_count(back), tl_safetensors_count(f) + dicts[_i].no_bias);
	for (int k = 0; k < tl_safetensors_count(f); k++) {
		int there = tl_safetensors_find(back, tl_safetensors_name(f, k));
		ck_assert_msg(there >= 0, "%s is lost", tl_safetensors_name(f, k));
		ck_assert(tl_shape_equal(tl_safetensors_shape(back, there), tl_safetensors_shape(f, k)));
	}
	tl_safetensors_free(back);
	tl_safetensors_free(f);
	discard(&first);
	discard(&second);
}
END_TEST

/* bias=False, read into a net that has biases: they become 0. */
START_TEST(without_biases_into_a_net_with_them)
{
	const char *name = _i ? "gru_plain" : "lstm_plain";
	tl_safetensors *f = open_dict(name);
	net n = build(f, NULL, false);
	for (int64_t k = 0; k < tl_store_span(n.store); k++)
		tl_store_values(n.store)[k] = 1;
	ck_assert_msg(!tl_pytorch_load(n.names, f, &err), "%s", err.text);
	check_logits(&n, name);
	tl_safetensors_free(f);
	discard(&n);
}
END_TEST

/* A module alone, without a name before its parameters. */
START_TEST(a_module_alone)
{
	tl_safetensors *f = open_dict("alone");
	tl_store *store = tl_store_new();
	tl_pytorch *names = tl_pytorch_new();
	tl_tape *tape = tl_tape_new(NULL);
	tl_rnn_options o;
	ck_assert_msg(!tl_pytorch_describe(f, "", &o, &err), "%s", err.text);
	tl_rnn *rnn = tl_rnn_new(store, "any.name", &o, &err);
	ck_assert(!tl_pytorch_rnn(names, "", rnn, &err));
	ck_assert_msg(!tl_pytorch_load(names, f, &err), "%s", err.text);
	tl_tensor x = read_tensor(expected, "alone.x", TL_REAL);
	tl_rnn_result r = tl_rnn_run(rnn, tl_input(tape, x.shape, x.data), (tl_state){0}, false);
	fixture_check(&(fixture){.file = expected}, "alone.output", r.output);
	free(x.data);
	tl_pytorch_free(names);
	tl_rnn_free(rnn);
	tl_store_free(store);
	tl_tape_free(tape);
	tl_safetensors_free(f);
}
END_TEST

/* An encoder of a whole model, which a name that is not there points to. */
START_TEST(a_module_of_many)
{
	tl_safetensors *f = open_dict("gru");
	tl_store *store = tl_store_new();
	tl_pytorch *names = tl_pytorch_new();
	tl_rnn_options o;
	ck_assert_int_eq(tl_pytorch_describe(f, "", &o, &err), TL_ERR_FORMAT);
	ck_assert_msg(strstr(err.text, "gru.safetensors: the file has no recurrent layers named ''") != NULL, "%s", err.text);
	ck_assert_msg(strstr(err.text, "; it has layers named 'rnn'") != NULL, "%s", err.text);
	err = (tl_error){0};
	ck_assert_msg(!tl_pytorch_describe(f, "rnn", &o, &err), "%s", err.text);
	tl_rnn *rnn = tl_rnn_new(store, "any.name", &o, &err);
	ck_assert(!tl_pytorch_rnn(names, "rnn", rnn, &err));
	ck_assert_int_eq(tl_pytorch_load(names, f, &err), TL_ERR_FORMAT);
	ck_assert_msg(strstr(err.text, "gru.safetensors: the file does not fit; 3 unexpected (") != NULL, "%s", err.text);
	err = (tl_error){0};
	ck_assert_msg(!tl_pytorch_load_part(names, f, &err), "%s", err.text);
	tl_tensor w = read_tensor(f, "rnn.weight_ih_l0", TL_REAL);
	const tl_tensor *ours = &rnn->params[0]->value;
	for (int64_t i = 0; i < w.shape.dim[0]; i++)
		for (int64_t j = 0; j < w.shape.dim[1]; j++)
			ck_assert(((tl_real *)ours->data)[j * w.shape.dim[0] + i] == ((tl_real *)w.data)[i * w.shape.dim[1] + j]);
	free(w.data);
	tl_pytorch_free(names);
	tl_rnn_free(rnn);
	tl_store_free(store);
	tl_safetensors_free(f);
}
END_TEST

/* Two modules of one matrix, whose second name stands in the metadata. */
START_TEST(shared_matrices)
{
	tl_safetensors *f = open_dict("tied");
	int64_t symbols = tl_safetensors_shape(f, tl_safetensors_find(f, "decoder.bias")).dim[0];
	net n = {.store = tl_store_new(), .names = tl_pytorch_new()};
	tl_reader_options o = {.symbols = symbols, .labels = symbols, .embed = 8};
	ck_assert(!tl_pytorch_describe(f, "rnn", &o.rnn, &err));
	n.reader = tl_reader_new(n.store, &o, &err);
	ck_assert(!tl_pytorch_embedding(n.names, "encoder", &n.reader->input, &err));
	ck_assert(!tl_pytorch_rnn(n.names, "rnn", n.reader->rnn, &err));
	ck_assert(!tl_pytorch_dense(n.names, "decoder", &n.reader->output, &err));
	ck_assert_msg(!tl_pytorch_load(n.names, f, &err), "%s", err.text);
	check_logits(&n, "tied");
	tl_safetensors_free(f);
	discard(&n);
}
END_TEST

/* The second bias of a GRU goes where it belongs, and the first is not doubled when it is written. */
START_TEST(biases_as_the_header_says)
{
	tl_safetensors *f = open_dict("gru");
	net n = build(f, NULL, true);
	ck_assert(!tl_pytorch_load(n.names, f, &err));
	ck_assert(!tl_pytorch_save(n.names, scratch_path("gru"), NULL, 0, &err));
	tl_safetensors *back = tl_safetensors_open(scratch_path("gru"), &err);
	tl_tensor ih = read_tensor(f, "rnn.bias_ih_l0", TL_REAL), hh = read_tensor(f, "rnn.bias_hh_l0", TL_REAL);
	tl_tensor first = read_tensor(back, "rnn.bias_ih_l0", TL_REAL), second = read_tensor(back, "rnn.bias_hh_l0", TL_REAL);
	for (int i = 0; i < 24; i++) {
		tl_real a = ((tl_real *)ih.data)[i], b = ((tl_real *)hh.data)[i];
		ck_assert(b != 0);
		ck_assert_double_eq((double)((tl_real *)first.data)[i], (double)(i < 16 ? a + b : a));
		ck_assert_double_eq((double)((tl_real *)second.data)[i], (double)(i < 16 ? 0 : b));
	}
	free(ih.data);
	free(hh.data);
	free(first.data);
	free(second.data);
	tl_safetensors_free(back);
	tl_safetensors_free(f);
	discard(&n);
}
END_TEST

/* All that does not fit is said at once, and nothing is changed. */
START_TEST(every_name_that_does_not_fit)
{
	tl_safetensors *f = open_dict("gru"), *deep = open_dict("lstm_deep");
	net n = build(deep, NULL, true);
	tl_store_values(n.store)[0] = 7;
	ck_assert_int_eq(tl_pytorch_load(n.names, f, &err), TL_ERR_FORMAT);
	ck_assert_str_eq(strstr(err.text, ": the file does not fit"), ": the file does not fit; 4 missing (rnn.weight_ih_l1, rnn.weight_hh_l1, rnn.bias_ih_l1, "
		"rnn.bias_hh_l1); 4 of another shape (rnn.weight_ih_l0: (24, 5) instead of (32, 5), rnn.weight_hh_l0: (24, 8) "
		"instead of (32, 8), rnn.bias_ih_l0: (24) instead of (32), rnn.bias_hh_l0: (24) instead of (32))");
	ck_assert_double_eq((double)tl_store_values(n.store)[0], 7);
	net shallow = build(f, NULL, true);
	err = (tl_error){0};
	ck_assert_int_eq(tl_pytorch_load(shallow.names, deep, &err), TL_ERR_FORMAT);
	static const char *const deeper[] = {"rnn.weight_ih_l1", "rnn.weight_hh_l1", "rnn.bias_ih_l1", "rnn.bias_hh_l1"};
	ck_assert_ptr_nonnull(strstr(err.text, "4 unexpected ("));
	for (int k = 0; k < COUNT(deeper); k++)
		ck_assert_ptr_nonnull(strstr(err.text, deeper[k]));
	discard(&n);
	discard(&shallow);
	tl_safetensors_free(f);
	tl_safetensors_free(deep);
}
END_TEST

static const struct {
	tl_rnn_options o;
	const char *want;
} refused[] = {
	{{.cell = &tl_cell_mgu, .input = 2, .hidden = 3}, "torch.nn has no cell mgu: it has rnn, rnn_relu, lstm, "},
	{{.cell = &tl_cell_gru, .input = 2, .hidden = 3}, "torch.nn has no cell gru: it has rnn, rnn_relu, lstm, "
							  "lstm_projected, and as its GRU gru_lbr"},
	{{.cell = &tl_cell_lstm_peephole, .input = 2, .hidden = 3}, "torch.nn has no cell lstm_peephole"},
	{{.cell = &tl_cell_lstm, .input = 2, .hidden = 3, .start = TL_START_LEARNED}, "no learned first states"},
	{{.cell = &tl_cell_lstm, .input = 2, .hidden = 3, .zoneout = {0, 0.1}}, "torch.nn has no zoneout"},
	{{.cell = &tl_cell_lstm_projected, .input = 2, .hidden = 3}, "smaller than its hidden_size, not 3 of 3"},
};

START_TEST(what_pytorch_does_not_have)
{
	tl_store *store = tl_store_new();
	tl_pytorch *names = tl_pytorch_new();
	tl_rnn *rnn = tl_rnn_new(store, "rnn", &refused[_i].o, &err);
	ck_assert_msg(rnn != NULL, "%s", err.text);
	ck_assert_int_eq(tl_pytorch_rnn(names, "rnn", rnn, &err), TL_ERR_ARGUMENT);
	ck_assert_msg(strstr(err.text, refused[_i].want) != NULL, "%s", err.text);
	tl_pytorch_free(names);
	tl_rnn_free(rnn);
	tl_store_free(store);
}
END_TEST

/* Shapes that are no layer of torch.nn: rows of weight_ih and weight_hh, columns of weight_hh, ... */
static const struct {
	tl_shape ih, hh, hr; /* hr without axes: none */
	const char *want;
} strange[] = {
	{{2, {8, 3}}, {2, {8, 4}}, {0}, "the recurrent layers 'r' are none of torch.nn's RNN, GRU and LSTM: 8 rows of "
					"weights for 4 units"},
	{{2, {9, 3}}, {2, {9, 4}}, {0}, "none of torch.nn's"},
	{{2, {12, 3}}, {2, {16, 4}}, {0}, "none of torch.nn's"},
	{{2, {16, 0}}, {2, {16, 4}}, {0}, "none of torch.nn's"},
	{{2, {0, 3}}, {2, {0, 0}}, {0}, "none of torch.nn's"},
	{{2, {16, 3}}, {2, {16, 2}}, {2, {3, 4}}, "none of torch.nn's"},
	{{2, {12, 3}}, {2, {12, 2}}, {2, {2, 4}}, "none of torch.nn's"},
	{{3, {16, 3, 1}}, {2, {16, 4}}, {0}, "no recurrent layers named 'r'"},
	{{2, {16, 3}}, {1, {16}}, {0}, "no recurrent layers named 'r'"},
};

START_TEST(strange_shapes)
{
	static tl_real zeros[64];
	tl_safetensors_item items[] = {{"r.weight_ih_l0", tl_tensor_dense(TL_REAL, strange[_i].ih, zeros)},
		{"r.weight_hh_l0", tl_tensor_dense(TL_REAL, strange[_i].hh, zeros)},
		{"r.weight_hr_l0", tl_tensor_dense(TL_REAL, strange[_i].hr, zeros)}};
	const char *path = scratch_path("strange");
	ck_assert_msg(!tl_safetensors_write(path, items, 2 + (strange[_i].hr.axes > 0), NULL, 0, &err), "%s", err.text);
	tl_safetensors *f = tl_safetensors_open(path, &err);
	tl_rnn_options o;
	ck_assert_int_eq(tl_pytorch_describe(f, "r", &o, &err), TL_ERR_FORMAT);
	ck_assert_msg(strstr(err.text, strange[_i].want) != NULL, "%s", err.text);
	tl_safetensors_free(f);
}
END_TEST

/* No name is too long, nor cut to another's. */
START_TEST(long_names)
{
	char name[600] = "", full[620];
	memset(name, 'n', sizeof name - 1);
	tl_store *store = tl_store_new();
	tl_pytorch *names = tl_pytorch_new();
	tl_rnn *rnn = tl_rnn_new(store, "r", &(tl_rnn_options){.cell = &tl_cell_lstm, .input = 2, .hidden = 3}, &err);
	ck_assert_msg(!tl_pytorch_rnn(names, name, rnn, &err), "%s", err.text);
	const char *path = scratch_path("long");
	ck_assert_msg(!tl_pytorch_save(names, path, NULL, 0, &err), "%s", err.text);
	tl_safetensors *f = tl_safetensors_open(path, &err);
	snprintf(full, sizeof full, "%s.bias_hh_l0", name);
	ck_assert_int_ge(tl_safetensors_find(f, full), 0);
	ck_assert_int_eq(tl_safetensors_count(f), 4);
	tl_safetensors_free(f);
	tl_pytorch_free(names);
	tl_rnn_free(rnn);
	tl_store_free(store);
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("pytorch_files");
	TCase *c = tcase_create("pytorch_files");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, there_and_back, 0, COUNT(dicts));
	tcase_add_loop_test(c, without_biases_into_a_net_with_them, 0, 2);
	tcase_add_test(c, a_module_alone);
	tcase_add_test(c, a_module_of_many);
	tcase_add_test(c, shared_matrices);
	tcase_add_test(c, biases_as_the_header_says);
	tcase_add_test(c, every_name_that_does_not_fit);
	tcase_add_loop_test(c, what_pytorch_does_not_have, 0, COUNT(refused));
	tcase_add_test(c, long_names);
	tcase_add_loop_test(c, strange_shapes, 0, COUNT(strange));
	suite_add_tcase(s, c);
	return s;
}
