/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimisers: rules that turn the gradients of a store into new values. Formulas and defaults are those
 * of torch.optim. A field of the options that is 0 means the default of the kind; "-" is a field that
 * the kind does not have, and that must stay 0:
 *
 *	               sgd      rmsprop  adagrad  adadelta  adam     adamw
 *	lr             0.001    0.01     0.01     1         0.001    0.001
 *	weight_decay   0        0        0        0         0        0.01
 *	momentum       0        0        -        -         -        -
 *	dampening      0        -        -        -         -        -
 *	nesterov       false    -        -        -         -        -
 *	beta1          -        -        -        -         0.9      0.9
 *	beta2          -        -        -        -         0.999    0.999
 *	rho            -        0.99     -        0.9       -        -
 *	eps            -        1e-8     1e-10    1e-6      1e-8     1e-8
 *	centered       -        false    -        -         -        -
 *	lr_decay       -        -        0        -         -        -
 *	accumulator    -        -        0        -         -        -
 *	lazy           false    false    false    false     false    false
 *
 * To get 0 where the default is another number, pass one as small as 1e-30.
 *
 *	tl_optimizer *opt = tl_optimizer_new(
 *		store, &(tl_optimizer_options){.kind = &tl_adam, .lr = 3e-4}, &err);
 *	for (...) {
 *		tl_store_zero_grad(store);
 *		tl_backward(loss);
 *		tl_clip_norm(store, 1);
 *		tl_optimizer_step(opt);
 *	}
 *	tl_optimizer_free(opt);
 *
 * Large tables of which a step looks up few rows (graph/param.h): sgd without momentum and weight decay, and
 * adagrad without weight decay, change nothing where the gradient is 0, so they pass over those rows only, with
 * the very results of a pass over all. The other rules move every row in every step. With `lazy` they leave the
 * rows alone that were not looked up: values and state stay, weight decay and the decay of means happen to a
 * row only in steps that touch it, as in torch.optim.SparseAdam (but for eps, which is added where Adam adds
 * it). The parameter's first step is taken by all rows, since state begins with it. Parameters that are used
 * in other ways, too, do not notice.
 */
#ifndef TL_OPTIM_OPTIMIZER_H
#define TL_OPTIM_OPTIMIZER_H

#include "core/safetensors.h"
#include "optim/store.h"

typedef struct tl_optimizer_kind tl_optimizer_kind;

typedef struct tl_optimizer_options {
	const tl_optimizer_kind *kind; /* NULL: tl_sgd */
	double lr;
	double weight_decay; /* of the gradient (L2); of the value itself in adamw */
	double momentum;     /* in [0, 1), as are dampening, the betas and rho */
	double dampening;
	double beta1, beta2; /* decay of the mean gradient, of the mean square */
	double rho;          /* decay of the mean square: "alpha" in torch's RMSprop */
	double eps;
	double lr_decay;
	double accumulator; /* the sum of squares starts at this: "initial_accumulator_value" */
	bool nesterov;      /* needs momentum and no dampening */
	bool centered;
	bool lazy; /* rows that were not touched stay as they are */
} tl_optimizer_options;

/* Which fields a kind has besides kind, lr and weight_decay. */
enum {
	TL_OPTION_MOMENTUM = 1,
	TL_OPTION_DAMPENING = 2,
	TL_OPTION_BETAS = 4,
	TL_OPTION_RHO = 8,
	TL_OPTION_EPS = 16,
	TL_OPTION_LR_DECAY = 32,
	TL_OPTION_ACCUMULATOR = 64,
	TL_OPTION_NESTEROV = 128,
	TL_OPTION_CENTERED = 256,
};

/* What a rule receives: one parameter, or a part of it, as n elements, none of whose arrays overlap. */
typedef struct tl_update {
	const tl_optimizer_options *options; /* defaults filled in, lr as it is now */
	int64_t step;                        /* of this parameter, which was frozen at times; from 1 */
	int64_t n;
	tl_real *value;
	const tl_real *grad;
	tl_real *const *state; /* n elements each, 0 before step 1; NULL where the kind did not need it */
} tl_update;

#define TL_OPTIMIZER_STATES 4

/*
 * A kind is a constant; nothing is registered, and options may point to one of a program's own. The
 * built-in ones stand in optim/rules.c with a table of them.
 */
struct tl_optimizer_kind {
	const char *name;
	const char *state[TL_OPTIMIZER_STATES]; /* names of the state arrays; unused entries are NULL */
	unsigned options;                       /* TL_OPTION_... */
	tl_optimizer_options defaults;
	/* Whether state array k is needed under these options; NULL: all are. */
	bool (*needs)(const tl_optimizer_options *options, int k);
	void (*update)(const tl_update *u);
	/* No element's update depends on another element: parts may be updated apart, and by several threads. */
	bool elementwise;
	/* Of an elementwise rule: does gradient 0 change neither value nor state in this step? NULL: it does. */
	bool (*keeps)(const tl_optimizer_options *options, int64_t step);
};

extern TL_API const tl_optimizer_kind tl_sgd, tl_rmsprop, tl_adagrad, tl_adadelta, tl_adam, tl_adamw;

/* A built-in kind by its name, or NULL. */
TL_API const tl_optimizer_kind *tl_optimizer_kind_from_name(const char *name);
/* Built-in kind k, or NULL past the end. */
TL_API const tl_optimizer_kind *tl_optimizer_kind_at(int k);

/*
 * Fills the defaults in and checks ranges; TL_ERR_ARGUMENT for a field outside its range, or one that
 * the kind does not have.
 */
TL_API tl_status tl_optimizer_options_complete(tl_optimizer_options *options, tl_error *err);

typedef struct tl_optimizer tl_optimizer;

/*
 * Seals the store, which must live longer than the optimiser. NULL options: all defaults. NULL on
 * failure: as tl_optimizer_options_complete, or TL_ERR_MEMORY.
 */
TL_API tl_optimizer *tl_optimizer_new(tl_store *store, const tl_optimizer_options *options, tl_error *err);
TL_API void tl_optimizer_free(tl_optimizer *opt); /* NULL is fine */

/*
 * One step with the gradients in the store, which stay as they are. Frozen parameters are passed by:
 * their values, state and step counts stay.
 */
TL_API void tl_optimizer_step(tl_optimizer *opt);
/* How many steps were taken. */
TL_API int64_t tl_optimizer_steps(const tl_optimizer *opt);

/* Defaults filled in. */
TL_API const tl_optimizer_options *tl_optimizer_get_options(const tl_optimizer *opt);
/* From the next step on; TL_ERR_ARGUMENT for a number that is negative or not finite. */
TL_API tl_status tl_optimizer_set_lr(tl_optimizer *opt, double lr, tl_error *err);

/*
 * All that the optimiser remembers, as n named tensors over its own memory: "optimizer.exp_avg.w" for
 * parameter w, and counts of steps (int32) "optimizer.step.w" and "optimizer.step". Saved, and read back
 * (tl_items_load) into an optimiser of equal options, they let training go on bit for bit. The learning
 * rate is the caller's to save if it was changed. Items and names live as long as the optimiser.
 */
TL_API const tl_safetensors_item *tl_optimizer_state(const tl_optimizer *opt, int *n);

#endif
