/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instructions of a body: each takes two variables of a state's shape, (B, H) or (B, 2, H), and makes
 * a third; k chooses a weight. Numbers stay of moderate size, but for what chains of squares may do.
 */
#include "tests/programs_parts.h"

/* INSTRUCTION(name, expression of r, a, b, k) */
#define INSTRUCTION(name, expression)                                                                        \
	static tl_var name(recording *r, tl_var a, tl_var b, int k)                                          \
	{                                                                                                    \
		(void)r, (void)a, (void)b, (void)k;                                                          \
		return (expression);                                                                         \
	}

#define LAST TL_AXES(-1)
#define FIRST TL_AXES(0)

INSTRUCTION(copy, a)

INSTRUCTION(unary_tanh, tl_tanh(a))
INSTRUCTION(unary_sigmoid, tl_sigmoid(a))
INSTRUCTION(unary_relu, tl_relu(a))
INSTRUCTION(unary_leaky, tl_leaky_relu(a, 0.1))
INSTRUCTION(unary_elu, tl_elu(a, 0.7))
INSTRUCTION(unary_softplus, tl_softplus(a))
INSTRUCTION(unary_gelu, tl_gelu(a))
INSTRUCTION(unary_sin, tl_sin(a))
INSTRUCTION(unary_cos, tl_cos(a))
INSTRUCTION(unary_erf, tl_erf(a))
INSTRUCTION(unary_bell, tl_exp(tl_neg(tl_square(a))))
INSTRUCTION(unary_square, tl_scale(tl_square(a), 0.5))
INSTRUCTION(unary_root, tl_sqrt(tl_shift(tl_square(a), 0.5)))
INSTRUCTION(unary_log, tl_log(tl_shift(tl_square(a), 1)))
INSTRUCTION(unary_abs, tl_abs(a))
INSTRUCTION(unary_power, tl_pow_by(tl_shift(tl_abs(a), 0.5), 0.75))
INSTRUCTION(unary_neg, tl_neg(a))
INSTRUCTION(unary_scale, tl_scale(a, 0.7))
INSTRUCTION(unary_shift, tl_shift(a, 0.2))
INSTRUCTION(unary_clamp, tl_clamp(a, -0.8, 0.8))

INSTRUCTION(binary_add, tl_add(a, b))
INSTRUCTION(binary_sub, tl_sub(a, b))
INSTRUCTION(binary_mul, tl_mul(a, b))
INSTRUCTION(binary_div, tl_div(a, tl_shift(tl_square(b), 1)))
INSTRUCTION(binary_lerp, tl_lerp(a, b, tl_sigmoid(a)))
INSTRUCTION(binary_minimum, tl_minimum(a, b))
INSTRUCTION(binary_maximum, tl_maximum(a, b))
INSTRUCTION(binary_pow, tl_pow(tl_shift(tl_sigmoid(a), 0.5), tl_tanh(b)))
INSTRUCTION(binary_choose, tl_where(tl_greater(a, b), a, tl_scale(b, 0.5)))
INSTRUCTION(binary_sign, tl_mul(tl_sign(a), b))
INSTRUCTION(binary_gate, tl_mul(tl_sigmoid(a), tl_tanh(b)))
INSTRUCTION(binary_multiply_add, tl_add(tl_mul(a, b), tl_mul(tl_shift(tl_neg(a), 1), b)))

static tl_var weight(recording *r, int k)
{
	return leaf(r, LEAF_W + (k + r->layer) % 3);
}

static tl_var bias(recording *r, int k)
{
	return leaf(r, LEAF_BIAS + (k + r->layer) % 3);
}

static tl_var gate_weight(recording *r, int k)
{
	return tl_part(leaf(r, LEAF_GATES), -1, k % 3, 3);
}

static tl_var stacked_weight(recording *r, int64_t k)
{
	return tl_select(leaf(r, LEAF_STACK), 0, k % 3);
}

INSTRUCTION(product, tl_matmul(a, weight(r, k)))
INSTRUCTION(product_transposed, tl_matmul(a, tl_t(weight(r, k))))
INSTRUCTION(product_both_ways, tl_add(tl_matmul(a, weight(r, k)), tl_matmul(b, tl_t(weight(r, k)))))
INSTRUCTION(product_and_back, tl_matmul(tl_tanh(tl_matmul(a, weight(r, k))), tl_t(weight(r, k))))
INSTRUCTION(linear, tl_linear(a, weight(r, k), bias(r, k)))
INSTRUCTION(sum_of_products, tl_add(tl_linear(a, weight(r, k), bias(r, k)), tl_matmul(b, weight(r, k + 1))))
INSTRUCTION(
	same_left, tl_mul(tl_sigmoid(tl_matmul(a, weight(r, k))), tl_tanh(tl_matmul(a, weight(r, k + 1)))))
INSTRUCTION(scaled_weight, tl_matmul(a, tl_scale(weight(r, k), 0.5)))
INSTRUCTION(tied_weight, tl_matmul(a, tl_mul(weight(r, k), tl_t(weight(r, k)))))
INSTRUCTION(softmax_weight, tl_matmul(a, tl_softmax(weight(r, k), 0)))
INSTRUCTION(product_weight, tl_matmul(a, tl_matmul(weight(r, k), weight(r, k + 1))))
INSTRUCTION(part_weight, tl_matmul(a, gate_weight(r, k)))
INSTRUCTION(part_weight_transposed, tl_matmul(a, tl_t(gate_weight(r, k))))
INSTRUCTION(stack_weight, tl_matmul(a, stacked_weight(r, k)))
INSTRUCTION(weight_by_step, tl_matmul(a, stacked_weight(r, r->t)))

static tl_var gates(recording *r, tl_var a, tl_var b, int k)
{
	tl_var z = tl_linear(a, leaf(r, LEAF_GATES), leaf(r, LEAF_GATE_BIAS)), g[3];
	if (k % 2)
		tl_split(z, -1, 3, g);
	for (int i = 0; i < 3 && k % 2 == 0; i++)
		g[i] = tl_part(z, -1, i, 3);
	return tl_add(tl_mul(tl_sigmoid(g[0]), b), tl_mul(tl_sigmoid(g[1]), tl_tanh(g[2])));
}

static tl_var joined(recording *r, tl_var a, tl_var b, int k)
{
	tl_var ab[] = {a, b};
	tl_var z = tl_matmul(tl_concat(2, ab, -1), leaf(r, LEAF_JOINED));
	return k % 2 ? tl_add(z, bias(r, k)) : z;
}

/* (3, B, H) by broadcasting a's rows over a stack of weights. */
static tl_var product_with_stack(recording *r, tl_var a, tl_var b, int k)
{
	(void)b;
	if (r->shape.axes > 2)
		return product(r, a, b, k);
	return tl_sum(tl_matmul(a, leaf(r, LEAF_STACK)), FIRST, false);
}

static tl_var product_by_row(recording *r, tl_var a, tl_var b, int k)
{
	(void)b, (void)k;
	tl_var m = leaf_rows(r, LEAF_MATRICES);
	return r->shape.axes > 2 ? tl_matmul(a, m) : tl_squeeze(tl_matmul(tl_unsqueeze(a, 1), m), 1);
}

INSTRUCTION(rows_attend, tl_matmul(tl_softmax(tl_scale(tl_matmul(a, tl_t(b)), 0.5), -1), a))
INSTRUCTION(fast_weights, tl_scale(tl_matmul(a, tl_matmul(tl_t(a), b)), 0.2))
INSTRUCTION(of_stream, tl_matmul(tl_select(rows_of(r, leaf(r, LEAF_Y), 1), 0, r->t), weight(r, k)))
INSTRUCTION(add_stream, tl_add(a, tl_select(rows_of(r, leaf(r, LEAF_Y), 1), 0, r->t)))

static int64_t half(tl_var a)
{
	return tl_dim(a, -1) / 2;
}

static tl_var two(tl_var a, tl_var b, int axis)
{
	tl_var v[] = {a, b};
	return tl_concat(2, v, axis);
}

static tl_var columns(tl_var a, int64_t first, int64_t stop, int64_t step)
{
	return tl_slice(a, -1, first, stop, step);
}

static tl_var stack_of(tl_var a, tl_var b, int axis)
{
	tl_var v[] = {a, b};
	return tl_stack(2, v, axis);
}

INSTRUCTION(rotate, two(columns(a, 1, tl_dim(a, -1), 1), columns(b, 0, 1, 1), -1))
INSTRUCTION(swap_halves, two(columns(a, half(a), tl_dim(a, -1), 1), columns(b, 0, half(a), 1), -1))
INSTRUCTION(uninterleave, two(columns(a, 0, tl_dim(a, -1), 2), columns(a, 1, tl_dim(a, -1), 2), -1))
INSTRUCTION(flip_columns, tl_flip(a, -1))
INSTRUCTION(flip_rows, tl_flip(a, 0))
INSTRUCTION(pad_columns, columns(tl_pad(a, -1, 1, 0, 0.5), 0, tl_dim(a, -1), 1))
INSTRUCTION(pad_rows, tl_slice(tl_pad(a, 0, 0, 1, 0.5), 0, 1, 1 + tl_dim(a, 0), 1))
INSTRUCTION(transposed_tanh, tl_t(tl_tanh(tl_t(a))))
INSTRUCTION(flat_tanh, tl_reshape(tl_tanh(tl_reshape(a, TL_SHAPE(-1))), tl_var_shape(a)))
INSTRUCTION(stack_and_sum, tl_sum(stack_of(a, b, 0), FIRST, false))
INSTRUCTION(stack_and_mean, tl_mean(stack_of(a, b, -1), LAST, false))
INSTRUCTION(times_column, tl_mul(a, tl_sigmoid(columns(b, 0, 1, 1))))
INSTRUCTION(plus_row, tl_add(a, tl_scale(tl_slice(b, 0, 0, 1, 1), 0.5)))
INSTRUCTION(chosen_column, tl_mul(a, tl_unsqueeze(tl_select(b, -1, k % tl_dim(b, -1)), -1)))
INSTRUCTION(broadcast_row, tl_mul(a, tl_broadcast(tl_select(b, 0, 0), tl_var_shape(a))))

INSTRUCTION(plus_bias, tl_add(a, bias(r, k)))
INSTRUCTION(times_gain, tl_mul(a, bias(r, k)))
INSTRUCTION(times_leaf_column, tl_mul(a, leaf_rows(r, LEAF_COLUMN)))
INSTRUCTION(plus_scalar_fill, tl_add(a, tl_fill(r->tape, TL_SCALAR, 0.3)))
INSTRUCTION(times_vector_fill, tl_mul(a, tl_fill(r->tape, TL_SHAPE(r->width), 0.8)))
INSTRUCTION(plus_full_fill, tl_add(a, tl_fill(r->tape, tl_var_shape(a), -0.2)))
INSTRUCTION(plus_step_number, tl_add(a, tl_fill(r->tape, TL_SCALAR, 0.1 * (double)r->t)))
INSTRUCTION(scale_by_step, tl_scale(a, 1 / (1 + 0.5 * (double)r->t)))

INSTRUCTION(centered, tl_sub(a, tl_mean(a, LAST, true)))
INSTRUCTION(centered_rows, tl_sub(a, tl_mean(a, FIRST, true)))
INSTRUCTION(times_sum, tl_mul(a, tl_sigmoid(tl_sum(b, LAST, true))))
INSTRUCTION(less_greatest, tl_sub(a, tl_max(b, LAST, true)))
INSTRUCTION(less_least_row, tl_sub(a, tl_min(b, FIRST, true)))
INSTRUCTION(less_logsumexp, tl_sub(a, tl_logsumexp(b, LAST, true)))
INSTRUCTION(times_mean_of_all, tl_mul(a, tl_tanh(tl_mean_all(b))))
INSTRUCTION(plus_sum_to, tl_add(a, tl_scale(tl_sum_to(b, TL_SHAPE(r->width)), 0.2)))
INSTRUCTION(by_length, tl_div(a, tl_sqrt(tl_shift(tl_sum(tl_square(b), LAST, true), 0.5))))
INSTRUCTION(softmax, tl_softmax(a, -1))
INSTRUCTION(softmax_rows, tl_softmax(a, 0))
INSTRUCTION(log_softmax, tl_scale(tl_log_softmax(a, -1), 0.3))
INSTRUCTION(layer_norm, tl_layer_norm(a, bias(r, k), bias(r, k + 1), 0.1))
INSTRUCTION(normalize, tl_normalize(a, 0.2))

/* (B, H), or (B, 1, H) to fit states of three axes. */
static tl_var fitted(recording *r, tl_var v)
{
	return r->shape.axes > 2 ? tl_unsqueeze(v, 1) : v;
}

static tl_var row_order(recording *r)
{
	if (!r->order.tape)
		r->order = tl_index(r->tape, TL_SHAPE(r->batch), r->w->order);
	return r->order;
}

INSTRUCTION(lookup, tl_add(a, fitted(r, tl_gather(leaf(r, LEAF_TABLE), symbols_at(r, r->t)))))
INSTRUCTION(one_hot_lookup,
	tl_add(a, fitted(r, tl_matmul(tl_one_hot(symbols_at(r, r->t), SYMBOLS), leaf(r, LEAF_TABLE)))))
INSTRUCTION(permute_rows, r->rows < r->batch ? tl_flip(a, 0) : tl_gather(a, row_order(r)))
INSTRUCTION(
	scatter_rows, r->rows < r->batch ? tl_flip(a, 0) : tl_scatter_add(tl_var_shape(a), row_order(r), a))
INSTRUCTION(at_greatest, tl_mul(tl_one_hot(tl_argmax(a, -1), r->width), b))
INSTRUCTION(chosen_by_data,
	tl_where(tl_less(tl_select(rows_of(r, leaf(r, LEAF_Y), 1), 0, r->t), tl_fill(r->tape, TL_SCALAR, 0)),
		a, b))

INSTRUCTION(dropout, tl_dropout(a, 0.3))
INSTRUCTION(same_mask, tl_mul(a, rows_of(r, shared_mask(r), 0)))
INSTRUCTION(plus_detached, tl_add(a, tl_detach(b)))
INSTRUCTION(times_detached, tl_mul(tl_detach(tl_sigmoid(a)), b))
INSTRUCTION(alternating, r->t % 2 ? tl_tanh(a) : tl_sigmoid(a))
INSTRUCTION(but_at_first, r->t == 0 ? a : tl_mul(tl_sigmoid(a), b))

/* Nobody reads what is recorded here. */
static tl_var dead(recording *r, tl_var a, tl_var b, int k)
{
	tl_matmul(tl_tanh(b), weight(r, k));
	return a;
}

const instruction *instruction_at(int k)
{
	static const instruction all[] = {
		{"copy", copy, 0},
		{"tanh", unary_tanh, 4},
		{"sigmoid", unary_sigmoid, 4},
		{"relu", unary_relu, 2},
		{"leaky_relu", unary_leaky, 1},
		{"elu", unary_elu, 1},
		{"softplus", unary_softplus, 1},
		{"gelu", unary_gelu, 1},
		{"sin", unary_sin, 2},
		{"cos", unary_cos, 1},
		{"erf", unary_erf, 1},
		{"bell", unary_bell, 2},
		{"square", unary_square, 2},
		{"root", unary_root, 1},
		{"log", unary_log, 1},
		{"abs", unary_abs, 1},
		{"power", unary_power, 1},
		{"neg", unary_neg, 1},
		{"scale", unary_scale, 2},
		{"shift", unary_shift, 1},
		{"clamp", unary_clamp, 1},
		{"add", binary_add, 5},
		{"sub", binary_sub, 4},
		{"mul", binary_mul, 5},
		{"div", binary_div, 2},
		{"lerp", binary_lerp, 3},
		{"minimum", binary_minimum, 1},
		{"maximum", binary_maximum, 1},
		{"pow", binary_pow, 1},
		{"choose", binary_choose, 2},
		{"sign", binary_sign, 1},
		{"gate", binary_gate, 4},
		{"multiply_add", binary_multiply_add, 2},
		{"product", product, 6},
		{"product_transposed", product_transposed, 4},
		{"product_both_ways", product_both_ways, 3},
		{"product_and_back", product_and_back, 2},
		{"linear", linear, 5},
		{"sum_of_products", sum_of_products, 5},
		{"same_left", same_left, 3},
		{"scaled_weight", scaled_weight, 2},
		{"tied_weight", tied_weight, 1},
		{"softmax_weight", softmax_weight, 1},
		{"product_weight", product_weight, 1},
		{"part_weight", part_weight, 2},
		{"part_weight_transposed", part_weight_transposed, 1},
		{"stack_weight", stack_weight, 2},
		{"weight_by_step", weight_by_step, 1},
		{"gates", gates, 5},
		{"joined", joined, 4},
		{"product_with_stack", product_with_stack, 2},
		{"product_by_row", product_by_row, 2},
		{"rows_attend", rows_attend, 2},
		{"fast_weights", fast_weights, 1},
		{"of_stream", of_stream, 3},
		{"add_stream", add_stream, 3},
		{"rotate", rotate, 2},
		{"swap_halves", swap_halves, 2},
		{"uninterleave", uninterleave, 1},
		{"flip_columns", flip_columns, 1},
		{"flip_rows", flip_rows, 1},
		{"pad_columns", pad_columns, 1},
		{"pad_rows", pad_rows, 1},
		{"transposed_tanh", transposed_tanh, 1},
		{"flat_tanh", flat_tanh, 1},
		{"stack_and_sum", stack_and_sum, 1},
		{"stack_and_mean", stack_and_mean, 1},
		{"times_column", times_column, 2},
		{"plus_row", plus_row, 1},
		{"chosen_column", chosen_column, 1},
		{"broadcast_row", broadcast_row, 1},
		{"plus_bias", plus_bias, 4},
		{"times_gain", times_gain, 3},
		{"times_leaf_column", times_leaf_column, 2},
		{"plus_scalar_fill", plus_scalar_fill, 1},
		{"times_vector_fill", times_vector_fill, 1},
		{"plus_full_fill", plus_full_fill, 1},
		{"plus_step_number", plus_step_number, 1},
		{"scale_by_step", scale_by_step, 1},
		{"centered", centered, 2},
		{"centered_rows", centered_rows, 2},
		{"times_sum", times_sum, 2},
		{"less_greatest", less_greatest, 1},
		{"less_least_row", less_least_row, 1},
		{"less_logsumexp", less_logsumexp, 1},
		{"times_mean_of_all", times_mean_of_all, 1},
		{"plus_sum_to", plus_sum_to, 2},
		{"by_length", by_length, 2},
		{"softmax", softmax, 2},
		{"softmax_rows", softmax_rows, 1},
		{"log_softmax", log_softmax, 1},
		{"layer_norm", layer_norm, 3},
		{"normalize", normalize, 1},
		{"lookup", lookup, 3},
		{"one_hot_lookup", one_hot_lookup, 1},
		{"permute_rows", permute_rows, 1},
		{"scatter_rows", scatter_rows, 1},
		{"at_greatest", at_greatest, 1},
		{"chosen_by_data", chosen_by_data, 2},
		{"dropout", dropout, 2},
		{"same_mask", same_mask, 2},
		{"plus_detached", plus_detached, 2},
		{"times_detached", times_detached, 1},
		{"alternating", alternating, 1},
		{"but_at_first", but_at_first, 1},
		{"dead", dead, 1},
	};
	return k >= 0 && k < (int)(sizeof all / sizeof *all) ? &all[k] : NULL;
}

int instructions(void)
{
	int n = 0;
	while (instruction_at(n))
		n++;
	return n;
}
