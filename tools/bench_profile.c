/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of `tapeloop bench --profile`: phases, instructions, kinds and scopes, each sorted by time. */
#include "tools/bench_profile.h"

#include <stdlib.h>
#include <string.h>

#define TOP 16        /* lines of a table, and one for the others */
#define WIDE 30       /* columns of an instruction's text */
#define WHERE 18      /* columns of a scope */

/* A line of any table: a sum over entries. */
typedef struct line {
	double seconds;
	double calls;
	const tl_profile_entry *entry; /* the first one of the sum */
	const char *text;
} line;

static int by_time(const void *x, const void *y)
{
	const line *a = x, *b = y;
	return (a->seconds < b->seconds) - (a->seconds > b->seconds);
}

double bench_profile_rest(const bench_profile *p)
{
	double rest = p->seconds;
	for (int k = TL_PHASE_OTHER + 1; k < TL_PHASES; k++)
		rest -= p->times->seconds[k];
	return rest;
}

double bench_profile_run_rest(const bench_profile *p)
{
	double rest = p->times->seconds[TL_PHASE_RUN] - p->times->waiting;
	for (uint32_t i = 0; i < p->times->n_entries; i++)
		rest -= p->times->entries[i].seconds;
	return rest;
}

/* Milliseconds of a step and their share of it; calls of a step, where there are any. */
static void print_start(const bench_profile *p, FILE *to, double seconds, double calls)
{
	char text[16] = "";
	double each = calls / (double)p->steps;
	if (calls > 0)
		snprintf(text, sizeof text, each < 99999 ? "%.4g" : "%.2g", each);
	fprintf(to, "%9.3f %5.1f %6s  ", 1e3 * seconds / (double)p->steps, 100 * seconds / p->seconds, text);
}

static void print_sum(const bench_profile *p, FILE *to, double seconds, const char *text)
{
	print_start(p, to, seconds, 0);
	fprintf(to, "%s\n", text);
}

/* ".../attention" where it does not fit. */
static const char *cut(const char *text, size_t width, char *buf)
{
	size_t n = strlen(text);
	if (n <= width)
		return text;
	snprintf(buf, width + 1, "~%s", text + n - width + 1);
	return buf;
}

static void print_phases(const bench_profile *p, FILE *to)
{
	line lines[TL_PHASES];
	int n = 0;
	for (int k = TL_PHASE_OTHER + 1; k < TL_PHASES; k++)
		lines[n++] = (line){.seconds = p->times->seconds[k], .text = tl_phase_name((tl_phase)k)};
	qsort(lines, (size_t)n, sizeof *lines, by_time);
	fputs("\n       ms     %         phase of a step\n", to);
	for (int k = 0; k < n; k++)
		print_sum(p, to, lines[k].seconds, lines[k].text);
	print_sum(p, to, bench_profile_rest(p), "remainder");
	print_sum(p, to, p->seconds, "step");
}

static void instruction_text(const tl_profile_entry *e, char *buf, size_t size)
{
	char rows[48];
	if (e->least < e->m)
		snprintf(rows, sizeof rows, "%lld..%lld", (long long)e->least, (long long)e->m);
	else
		snprintf(rows, sizeof rows, "%lld", (long long)e->m);
	if (e->kind == TL_PROFILE_PRODUCT)
		snprintf(buf, size, "product %s x %lld x %lld", rows, (long long)e->n, (long long)e->k);
	else if (!e->name)
		snprintf(buf, size, "%u ops, %s x %lld", e->ops, rows, (long long)e->n);
	else
		snprintf(buf, size, "%s%s, %s x %lld",
			e->kind == TL_PROFILE_COPY   ? "copy for "
			: e->kind == TL_PROFILE_PACK ? "pack "
						     : "",
			e->name, rows, (long long)e->n);
}

/* How fast, and how that compares: a product with the peak, all else by the element. */
static void speed_text(const bench_profile *p, const tl_profile_entry *e, char *speed, char *per, size_t size)
{
	double thousand_millions = 1e-9 / e->seconds;
	*speed = *per = '\0';
	if (e->seconds <= 0)
		return;
	if (e->kind == TL_PROFILE_PRODUCT) {
		snprintf(speed, size, "%.1f GF/s", e->flops * thousand_millions);
		snprintf(per, size, "%.0f %%", 100 * e->flops / e->seconds / p->peak);
	} else {
		snprintf(speed, size, "%.1f GB/s", e->bytes * thousand_millions);
		double ns = e->elements > 0 ? 1e9 * e->seconds / e->elements : 0;
		snprintf(per, size, ns < 10 ? "%.2f ns" : ns < 1000 ? "%.0f ns" : "%.0f us", ns < 1000 ? ns : ns / 1000);
	}
}

static void print_instruction(const bench_profile *p, FILE *to, const line *l)
{
	const tl_profile_entry *e = l->entry;
	char text[96], speed[24], per[24], threads[16] = "", a[64], b[64];
	instruction_text(e, text, sizeof text);
	speed_text(p, e, speed, per, sizeof speed);
	if (e->threads)
		snprintf(threads, sizeof threads, "%d", e->threads);
	print_start(p, to, l->seconds, l->calls);
	fprintf(to, "%-*s %10s %7s %4s  %s%s%s\n", WIDE, cut(text, WIDE, a), speed, per, threads,
		e->adjoint ? "d" : "-", *e->scope ? " " : "", cut(e->scope, WHERE, b));
}

static void print_scope(const bench_profile *p, FILE *to, const line *l)
{
	print_start(p, to, l->seconds, l->calls);
	fprintf(to, "%s %s\n", l->entry->adjoint ? "d" : "-", *l->entry->scope ? l->entry->scope : "(no scope)");
}

static void print_kind(const bench_profile *p, FILE *to, const line *l)
{
	static const char *const about[TL_PROFILE_KINDS] = {"products", "elementwise programs", "kernels of ops",
		"copies", "weights laid out for products"};
	print_sum(p, to, l->seconds, about[l->entry->kind]);
}

typedef bool (*same_fn)(const tl_profile_entry *a, const tl_profile_entry *b);

static bool same_kind(const tl_profile_entry *a, const tl_profile_entry *b)
{
	return a->kind == b->kind;
}

static bool same_scope(const tl_profile_entry *a, const tl_profile_entry *b)
{
	return a->adjoint == b->adjoint && !strcmp(a->scope, b->scope);
}

static bool same_entry(const tl_profile_entry *a, const tl_profile_entry *b)
{
	return a == b;
}

/* Sums over entries that are the same in some sense, the greatest first. */
static uint32_t sum_up(const tl_profile *t, same_fn same, line *lines)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->n_entries; i++) {
		const tl_profile_entry *e = &t->entries[i];
		uint32_t k = same == same_entry ? n : 0;
		while (k < n && !same(lines[k].entry, e))
			k++;
		if (k == n)
			lines[n++] = (line){.entry = e};
		lines[k].seconds += e->seconds;
		lines[k].calls += (double)e->calls;
	}
	if (n)
		qsort(lines, n, sizeof *lines, by_time);
	return n;
}

static void print_top(const bench_profile *p, FILE *to, const line *lines, uint32_t n,
	void (*print)(const bench_profile *p, FILE *to, const line *l))
{
	uint32_t shown = n > TOP + 1 ? TOP : n;
	line others = {0};
	char text[48];
	for (uint32_t k = 0; k < shown; k++)
		print(p, to, &lines[k]);
	for (uint32_t k = shown; k < n; k++) {
		others.seconds += lines[k].seconds;
		others.calls += lines[k].calls;
	}
	if (shown == n)
		return;
	snprintf(text, sizeof text, "%u others", n - shown);
	print_start(p, to, others.seconds, others.calls);
	fprintf(to, "%s\n", text);
}

static void print_run_end(const bench_profile *p, FILE *to)
{
	print_sum(p, to, p->times->waiting, "waiting for other threads");
	print_sum(p, to, bench_profile_run_rest(p), "remainder");
	print_sum(p, to, p->times->seconds[TL_PHASE_RUN], "run");
}

static void print_run(const bench_profile *p, FILE *to, line *lines)
{
	fprintf(to, "\n%9s %5s %6s  %-*s %10s %7s %4s    %s\n", "ms", "%", "calls", WIDE, "instruction", "speed",
		"", "thr", "scope");
	print_top(p, to, lines, sum_up(p->times, same_entry, lines), print_instruction);
	print_run_end(p, to);
	fputs("\n       ms     %         kind of instruction\n", to);
	print_top(p, to, lines, sum_up(p->times, same_kind, lines), print_kind);
	print_run_end(p, to);
	fputs("\n       ms     %  calls    scope\n", to);
	print_top(p, to, lines, sum_up(p->times, same_scope, lines), print_scope);
	print_run_end(p, to);
}

static void print_plan(const tl_plan_figures *f, FILE *to)
{
	fputs("\nThe planner, pass by pass, in the last plan:\n", to);
	fprintf(to, "  roll        %u nodes in %u classes; %u are repeated\n", f->nodes, f->classes, f->repeated);
	fprintf(to, "  distribute  %u nodes in %u recurrences; %u hoisted out of loops\n", f->recurrent, f->recurrences,
		f->hoisted);
	fprintf(to, "  merge       %u products in %u calls; %u became part of a sum\n", f->products, f->gemms, f->taken);
	fprintf(to, "  fuse        %u elementwise nodes in %u passes; %u have no memory\n", f->elementwise, f->programs,
		f->internal);
	fprintf(to, "  place       %.1f MiB for values of %.1f MiB; copies: %u of given values, %u others\n",
		(double)f->bytes / (1 << 20), (double)f->value_bytes / (1 << 20), f->stand_ins, f->copies);
	fprintf(to, "  pack        %u weights\n", f->packs);
	fprintf(to, "  split       %u recurrences shared by rows; %u of %u instructions\n", f->splits, f->split_steps,
		f->gemms + f->programs + f->kernels + f->copies + f->stand_ins + f->packs);
}

bool bench_profile_print(const bench_profile *p, FILE *to)
{
	line *lines = malloc(((size_t)p->times->n_entries + 1) * sizeof *lines);
	if (!lines)
		return false;
	double step = 1e3 * p->seconds / (double)p->steps;
	fprintf(to, "%s, threads: %d, products reach %.1f GF/s\n", p->work, p->threads, 1e-9 * p->peak);
	fprintf(to, "%.3f ms a step: mean of %lld; without the profile the median was %.3f\n", step, (long long)p->steps,
		1e3 * p->usual);
	print_phases(p, to);
	if (p->times->n_entries) {
		print_run(p, to, lines);
		fputs("\nproduct M x N x K: share of what products reach. Others: rows x columns, time an element.\n"
		      "thr: threads that shared rows; ms is their mean. d: gradients. Scope: of one of the nodes.\n",
			to);
	}
	if (p->plan)
		print_plan(p->plan, to);
	if (p->times->incomplete)
		fputs("Out of memory: entries are missing.\n", to);
	free(lines);
	return fflush(to) == 0 && !ferror(to);
}
