/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as numbers: drawing, printing, parsing, reducing. */
#include "tests/programs_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int draw_below(tl_rng *rng, int n)
{
	return (int)tl_rng_below(rng, n);
}

/* Small ones are as likely as all larger ones together. */
static int draw_register(tl_rng *rng)
{
	return draw_below(rng, draw_below(rng, 2) ? 3 : 4 + PROGRAM_OPS);
}

static int draw_instruction(tl_rng *rng)
{
	int total = 0, k = 0;
	for (int i = 0; instruction_at(i); i++)
		total += instruction_at(i)->weight;
	int at = draw_below(rng, total);
	while (at >= instruction_at(k)->weight)
		at -= instruction_at(k++)->weight;
	return k;
}

static int families(void)
{
	int n = 0;
	while (family_at(n))
		n++;
	return n;
}

/* One in fifty is larger in one way, so that work is worth sharing. */
static void draw_sizes(tl_rng *rng, int *number)
{
	number[P_STEPS] = draw_below(rng, 4) ? draw_below(rng, 7) : draw_below(rng, 2);
	number[P_ROWS] = draw_below(rng, 4) ? draw_below(rng, 5) : draw_below(rng, 7);
	number[P_WIDTH] = draw_below(rng, 4) ? 1 + draw_below(rng, 5) : draw_below(rng, 9);
	number[P_AXES] = draw_below(rng, 6) == 0;
	if (draw_below(rng, 8) == 0)
		number[P_STEPS] = 6 + draw_below(rng, 3);
	if (draw_below(rng, 50) == 0) {
		number[P_ROWS] = 7 + draw_below(rng, 40);
		number[P_WIDTH] = 7 + draw_below(rng, 20);
	}
}

static void draw_head(tl_rng *rng, int *number)
{
	static const struct {
		int which, below;
	} heads[] = {{P_STATES, 3}, {P_START, 3}, {P_STREAM, STREAMS}, {P_HOIST, 2}, {P_SCOPES, 3},
		{P_LOSS, LOSSES}, {P_READS, READS}, {P_LEAVES, 4}, {P_FROZEN, 8}, {P_ODD, 9}, {P_LAYERS, 3},
		{P_ORDER, 500}, {P_TAIL, 2}, {P_OPS, PROGRAM_OPS + 1}};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		number[heads[i].which] = draw_below(rng, heads[i].below);
	if (draw_below(rng, 3))
		number[P_START] = 0;
	if (draw_below(rng, 2))
		number[P_FROZEN] = 0;
}

program program_new(uint64_t seed)
{
	program p = {0};
	int *number = p.number;
	tl_rng rng = {.seed = seed};
	number[P_FAMILY] = draw_below(&rng, families());
	draw_sizes(&rng, number);
	draw_head(&rng, number);
	for (int j = 0; j < 3; j++)
		number[P_FINISH + j] = draw_below(&rng, FINISHES) + FINISHES * draw_register(&rng);
	for (int i = 0; i < PROGRAM_OPS; i++) {
		int *at = &number[P_BODY + 4 * i];
		at[0] = draw_instruction(&rng);
		at[1] = draw_register(&rng);
		at[2] = draw_register(&rng);
		at[3] = draw_below(&rng, 6);
	}
	return p;
}

typedef struct text {
	char *buf;
	size_t size, used;
} text;

__attribute__((format(printf, 2, 3))) static void put(text *to, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(to->buf + to->used, to->size - to->used, format, args);
	va_end(args);
	if (n > 0)
		to->used += (size_t)n < to->size - to->used ? (size_t)n : to->size - to->used - 1;
}

static void print_numbers(const program *p, text *to)
{
	int n = PROGRAM_NUMBERS;
	while (n > 0 && p->number[n - 1] == 0)
		n--;
	put(to, "[");
	for (int i = 0; i < n; i++)
		put(to, "%s%d", i ? "," : "", p->number[i]);
	put(to, "]\n");
}

static void print_body(const program *p, text *to)
{
	int states = 1 + p->number[P_STATES] % 3, ops = p->number[P_OPS] % (PROGRAM_OPS + 1);
	for (int i = 0; i < ops; i++) {
		const int *at = &p->number[P_BODY + 4 * i];
		int n = states + 1 + i;
		put(to, "  v%d = %s(v%d, v%d; %d)\n", n, instruction_at(at[0] % instructions())->name,
			n - 1 - at[1] % n, n - 1 - at[2] % n, at[3]);
	}
	for (int j = 0, n = states + 1 + ops; j < states; j++)
		put(to, "  state %d: %s(v%d)\n", j, finish_name(p->number[P_FINISH + j]),
			n - 1 - p->number[P_FINISH + j] / FINISHES % n);
}

void program_print(const program *p, char *buf, size_t size)
{
	static const char *const starts[] = {"leaves", "zeros", "from x"};
	const int *n = p->number;
	text to = {buf, size, 0};
	print_numbers(p, &to);
	put(&to, "family %s, T %d, B %d, H %d%s, start %s, stream %s%s, scopes %d\n",
		family_at(n[P_FAMILY] % families())->name, n[P_STEPS] + 1, n[P_ROWS] + 1, n[P_WIDTH] + 1,
		n[P_AXES] % 2 ? ", states (B, 2, H)" : "", starts[n[P_START] % 3], stream_name(n[P_STREAM]),
		n[P_HOIST] % 2 ? " before the loop" : "", n[P_SCOPES] % 3);
	put(&to, "loss %s%s, reads %s, leaves %d, frozen %d, odd step %d, layers %d, order %d\n",
		loss_name(n[P_LOSS]), n[P_TAIL] % 2 ? " and last states" : "", reads_name(n[P_READS]),
		n[P_LEAVES] % 4, n[P_FROZEN] % 8, n[P_ODD] % (n[P_STEPS] + 1), 1 + n[P_LAYERS] % 3,
		n[P_ORDER]);
	put(&to, "body (states first, then x):\n");
	print_body(p, &to);
}

bool program_parse(program *p, const char *text)
{
	*p = (program){0};
	text += strspn(text, "[ ");
	for (int i = 0; *text && *text != ']'; i++) {
		char *end;
		long v = strtol(text, &end, 10);
		if (end == text || v < 0 || v > INT32_MAX || i == PROGRAM_NUMBERS)
			return false;
		p->number[i] = (int)v;
		text = end + strspn(end, ", ");
	}
	p->number[P_OPS] %= PROGRAM_OPS + 1;
	return p->number[P_STEPS] < STEPS_MAX;
}

void program_list(tl_tape *tape, uint32_t generation)
{
	for (uint32_t i = 1; i <= tl_tape_get_stats(tape).nodes; i++) {
		tl_var v = {tape, i, generation};
		char shape[TL_SHAPE_TEXT], scope[64];
		fprintf(stderr, "%%%" PRIu32 " = %s(", i, tl_var_op(v) ? tl_var_op(v)->name : "?");
		for (int k = 0; k < tl_var_operands(v); k++)
			fprintf(stderr, "%s%%%" PRIu32, k ? ", " : "", tl_var_operand(v, k).index);
		fprintf(stderr, ") %s %s\n", tl_shape_text(tl_var_shape(v), shape),
			tl_var_scope(v, scope, sizeof scope));
	}
}

/* Tries v in place of a number; keeps it where the program still fails. */
static bool try_number(program *p, int i, int v, program_test fails, void *ctx)
{
	program q = *p;
	q.number[i] = v;
	if (v < 0 || v >= p->number[i] || !fails(ctx, &q))
		return false;
	*p = q;
	return true;
}

/* Without instruction i; what read it reads the one before. */
static bool try_without(program *p, int i, program_test fails, void *ctx)
{
	program q = *p;
	int *at = &q.number[P_BODY + 4 * i];
	memmove(at, at + 4, (size_t)(PROGRAM_OPS - 1 - i) * 4 * sizeof *at);
	q.number[P_OPS]--;
	if (!fails(ctx, &q))
		return false;
	*p = q;
	return true;
}

static bool reduce_number(program *p, int i, program_test fails, void *ctx)
{
	for (int v = 0; v < 20 && v < p->number[i]; v++)
		if (try_number(p, i, v, fails, ctx))
			return true;
	return try_number(p, i, p->number[i] / 2, fails, ctx) ||
	       try_number(p, i, p->number[i] - 1, fails, ctx);
}

void program_reduce(program *p, program_test fails, void *ctx)
{
	for (bool again = true; again;) {
		again = false;
		for (int i = p->number[P_OPS] - 1; i >= 0; i--)
			again |= try_without(p, i, fails, ctx);
		for (int i = 0; i < PROGRAM_NUMBERS; i++)
			again |= reduce_number(p, i, fails, ctx);
	}
}
