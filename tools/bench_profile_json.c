/* SPDX-License-Identifier: Apache-2.0 */
/* A profile as JSON, for programs: all entries, times in milliseconds of a step. */
#include "tools/bench_profile.h"
#include "tools/score.h"

static double ms(const bench_profile *p, double seconds)
{
	return 1e3 * seconds / (double)p->steps;
}

static json_t *phases(const bench_profile *p)
{
	json_t *all = json_object();
	for (int k = TL_PHASE_OTHER + 1; k < TL_PHASES; k++)
		json_object_set_new(all, tl_phase_name((tl_phase)k), json_real(ms(p, p->times->seconds[k])));
	json_object_set_new(all, "remainder", json_real(ms(p, bench_profile_rest(p))));
	return all;
}

static json_t *instruction(const bench_profile *p, const tl_profile_entry *e)
{
	return json_pack("{s:s, s:s*, s:s, s:b, s:b, s:I, s:I, s:I, s:I, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "kind",
		tl_profile_kind_name(e->kind), "op", e->name, "scope", e->scope, "gradient", e->adjoint, "recurrence",
		e->recurrence, "m", (json_int_t)e->m, "least_m", (json_int_t)e->least, "n", (json_int_t)e->n, "k",
		(json_int_t)e->k, "ops", (int)e->ops, "threads", e->threads, "calls",
		(double)e->calls / (double)p->steps, "ms", ms(p, e->seconds), "thread_ms", ms(p, e->thread_seconds),
		"flops", e->flops / (double)p->steps, "elements", e->elements / (double)p->steps, "bytes",
		e->bytes / (double)p->steps);
}

static json_t *instructions(const bench_profile *p)
{
	json_t *all = json_array();
	for (uint32_t i = 0; i < p->times->n_entries; i++)
		json_array_append_new(all, instruction(p, &p->times->entries[i]));
	return all;
}

static json_t *planner(const tl_plan_figures *f)
{
	if (!f)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:i, s:i, s:i, s:i, s:i, s:i, "
			 "s:i, s:i}",
		"nodes", (int)f->nodes, "views", (int)f->views, "classes", (int)f->classes, "repeated", (int)f->repeated,
		"recurrences", (int)f->recurrences, "recurrent", (int)f->recurrent, "hoisted", (int)f->hoisted, "products",
		(int)f->products, "taken", (int)f->taken, "elementwise", (int)f->elementwise, "internal", (int)f->internal,
		"bytes", (json_int_t)f->bytes, "value_bytes", (json_int_t)f->value_bytes, "stand_ins", (int)f->stand_ins,
		"packs", (int)f->packs, "splits", (int)f->splits, "split_steps", (int)f->split_steps, "gemms",
		(int)f->gemms, "programs", (int)f->programs, "kernels", (int)f->kernels, "copies", (int)f->copies);
}

bool bench_profile_write(const bench_profile *p, FILE *to)
{
	return print_json_line(to,
		json_pack("{s:s, s:i, s:I, s:f, s:f, s:f, s:o, s:f, s:f, s:o, s:o}", "work", p->work, "threads", p->threads,
			"steps", (json_int_t)p->steps, "ms_per_step", ms(p, p->seconds), "ms_per_step_without",
			1e3 * p->usual, "gemm_gflops", 1e-9 * p->peak, "phases", phases(p), "waiting_ms",
			ms(p, p->times->waiting), "remainder_ms", ms(p, bench_profile_run_rest(p)), "instructions",
			instructions(p), "planner", planner(p->plan)));
}
