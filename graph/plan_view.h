/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the planner made of each node: which instruction computes it, and what else that instruction does. A
 * view is attached to a tape; until it is detached, what runs there is written into it.
 *
 *	tl_plan_view *view = tl_plan_view_new();
 *	tl_plan_view_attach(tape, view);
 *	... record ...
 *	tl_backward(loss);
 *	tl_plan_view_attach(tape, NULL);
 *	const tl_plan_place *p = tl_plan_place_of(view, z);
 *	if (p->instruction)
 *		puts(tl_plan_text(&view->instructions[p->instruction - 1], buf, sizeof buf));
 *		                       // "hoisted: one product for t=0..34"
 *	tl_plan_view_free(view);
 *
 * A node is computed by one instruction at most in a run; one instruction computes many:
 *
 *	z_t = x_t W, all t           one product of several, outside of the recurrence: hoisted
 *	i, f, o, g, f c, i g, ..     one elementwise program of so many ops
 *	dW = sum over t of h_t' dz_t one node, one product of as many terms as there were products
 *
 * A view is of the step since the tape's last reset, whose runs it counts; the first run after a reset empties
 * it. Plans are made anew for tapes with views, once for each structure, and kept beside the others;
 * without a view all this costs one comparison for each run. Other executors than the planned one write nothing.
 */
#ifndef TL_GRAPH_PLAN_VIEW_H
#define TL_GRAPH_PLAN_VIEW_H

#include "graph/profile.h"

typedef enum tl_plan_role {
	TL_ROLE_NONE,     /* given, or not needed: no run computed it */
	TL_ROLE_LOOK,     /* a look at another value's memory: nothing is done */
	TL_ROLE_IN_PLACE, /* its operands were computed side by side where it lies: nothing is done, or copies */
	TL_ROLE_TAKEN,    /* a product that became part of the sum which reads it: of that one's instruction */
	TL_ROLE_COMPUTED,
} tl_plan_role;

/* Of one variable. */
typedef struct tl_plan_place {
	tl_plan_role role;
	uint32_t instruction; /* 1 + its number; 0: none */
	bool internal;        /* lives in a program's registers: takes no memory */
	bool inside;          /* lies in the memory of a value that reads it, as its part or its start */
	uint32_t products;    /* matrix products that it stands for: terms of a sum */
} tl_plan_place;

#define TL_PLAN_AXIS 24

typedef struct tl_plan_instruction {
	tl_profile_kind kind;
	const char *op;       /* of a kernel, or of a program of one op; NULL: of several */
	uint32_t run;         /* of the step: 0, 1, .. */
	uint32_t recurrence;  /* 1 + its number in the run; 0: it runs before or after what waits for its own past */
	bool adjoint;
	uint32_t first, count; /* of its variables: view->members[first ..]. A copy or pack has the one that it is for */
	uint32_t computed;    /* of these; the others are products that became part of a sum */
	uint32_t products;    /* recorded matrix products that it computes */
	uint32_t ops;         /* elementwise ops of a program; sums of a product that are called one by one */
	int64_t m, n, k;      /* as in a profile */
	char axis[TL_PLAN_AXIS]; /* the scope's label that counts its time steps, as "t"; "": there is none */
	int64_t from, to;     /* the first step and the last; -1: there is none */
	uint32_t steps;       /* different ones */
	double seconds;       /* with a profile attached besides; else 0 */
} tl_plan_instruction;

typedef struct tl_plan_view {
	tl_plan_instruction *instructions;
	uint32_t n_instructions, cap_instructions;
	uint32_t *members; /* indices of variables (tl_var.index) */
	uint32_t n_members, cap_members;
	tl_plan_place *places; /* of variable i */
	uint32_t n_places, cap_places;
	uint32_t runs;
	uint32_t generation; /* of the tape's variables */
	bool incomplete;     /* memory was out: something is missing */
} tl_plan_view;

TL_API tl_plan_view *tl_plan_view_new(void); /* NULL where memory is out */
TL_API void tl_plan_view_free(tl_plan_view *view); /* NULL is fine */
/* NULL: detach. A view must be detached before it is freed, and serves one tape at a time. */
TL_API void tl_plan_view_attach(tl_tape *tape, tl_plan_view *view);

/* Of a variable of the step that the view is of; for others a place of TL_ROLE_NONE. Never NULL. */
TL_API const tl_plan_place *tl_plan_place_of(const tl_plan_view *view, tl_var v);

/* Does it compute, outside of recurrences, what was recorded in several time steps? */
TL_API bool tl_plan_hoisted(const tl_plan_instruction *in);
/*
 * A line for people: "hoisted: one product for t=0..34", "one product of 35 terms", "fused: 9 ops",
 * "kernel mean_all"; returns buf.
 */
TL_API const char *tl_plan_text(const tl_plan_instruction *in, char *buf, size_t size);

#endif
