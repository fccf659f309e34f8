/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for a view of any plan (graph/plan_view.h), whatever was recorded. */
#ifndef TL_TESTS_VIEWS_H
#define TL_TESTS_VIEWS_H

#include <check.h>

#include "graph/plan_view.h"
#include "graph/tape.h"

static inline bool view_is_move(const tl_plan_instruction *in)
{
	return in->kind == TL_PROFILE_COPY || in->kind == TL_PROFILE_PACK;
}

/* 1 + the last instruction that was needed to have variable i's value; through looks and what is laid in place. */
static inline uint32_t view_ready_at(const tl_plan_view *v, const tl_tape *tape, uint32_t i)
{
	tl_var var = {(tl_tape *)tape, i, v->generation};
	const tl_plan_place *p = tl_plan_place_of(v, var);
	uint32_t last = p->instruction;
	if (p->role != TL_ROLE_LOOK && p->role != TL_ROLE_IN_PLACE)
		return last;
	for (int k = 0; k < (p->role == TL_ROLE_LOOK ? 1 : tl_var_operands(var)); k++) {
		uint32_t at = view_ready_at(v, tape, tl_var_operand(var, k).index);
		last = at > last ? at : last;
	}
	return last;
}

/*
 * An instruction's size is that of what it is said to compute; nothing is computed twice in a run; what is read was
 * computed before, or in the same pass.
 */
static inline void check_view(const tl_plan_view *v, const tl_tape *tape)
{
	ck_assert(!v->incomplete);
	for (uint32_t k = 0; k < v->n_instructions; k++) {
		const tl_plan_instruction *in = &v->instructions[k];
		double elements = 0;
		uint32_t computed = 0;
		ck_assert_uint_ge(in->count, 1);
		ck_assert_uint_le(in->first + in->count, v->n_members);
		if (view_is_move(in))
			continue;
		for (uint32_t m = in->first; m < in->first + in->count; m++) {
			tl_var var = {(tl_tape *)tape, v->members[m], v->generation};
			const tl_plan_place *p = tl_plan_place_of(v, var);
			for (uint32_t other = in->first; other < m && in->count < 64; other++)
				ck_assert_uint_ne(v->members[other], var.index);
			if (p->instruction != k + 1) { /* computed again by a later run of the step */
				ck_assert_uint_gt(p->instruction, k + 1);
				ck_assert_uint_gt(v->instructions[p->instruction - 1].run, in->run);
				computed = UINT32_MAX;
				break;
			}
			ck_assert(p->role == TL_ROLE_COMPUTED || p->role == TL_ROLE_TAKEN);
			ck_assert(p->role == TL_ROLE_COMPUTED || in->kind == TL_PROFILE_PRODUCT);
			computed += p->role == TL_ROLE_COMPUTED;
			if (p->role == TL_ROLE_COMPUTED)
				elements += (double)tl_shape_size(tl_var_shape(var));
			for (int r = 0; r < tl_var_operands(var); r++) {
				uint32_t ready = view_ready_at(v, tape, tl_var_operand(var, r).index);
				if (ready && v->instructions[ready - 1].run == in->run)
					ck_assert_uint_le(ready, k + 1);
			}
		}
		if (computed == UINT32_MAX)
			continue;
		ck_assert_uint_eq(computed, in->computed);
		if (in->kind == TL_PROFILE_PROGRAM)
			ck_assert_double_eq(elements, (double)in->ops * (double)in->m * (double)in->n);
		else if (in->kind == TL_PROFILE_PRODUCT)
			ck_assert_double_eq(elements, (double)in->m * (double)in->n);
		ck_assert(in->steps == 0 ? in->from < 0 : in->from >= 0 && in->to - in->from + 1 >= in->steps);
	}
	for (uint32_t i = 1; i < v->n_places; i++) {
		bool has = v->places[i].role == TL_ROLE_COMPUTED || v->places[i].role == TL_ROLE_TAKEN;
		ck_assert_msg(has == (v->places[i].instruction > 0), "variable %u", i);
	}
}

#endif
