/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning rates over time. A schedule is a plain value, and its rate a function of the step, counted
 * from 0 in whatever unit the caller steps in (updates, epochs); nothing needs to be saved but the step:
 *
 *	constant, plateau  lr
 *	step               lr gamma^floor(t / period)                           StepLR
 *	exponential        lr gamma^t                                           ExponentialLR
 *	cosine             min_lr + (lr - min_lr) (1 + cos(pi t / period)) / 2  CosineAnnealingLR
 *
 * and never below min_lr. The names at the right are torch.optim.lr_scheduler's. A cosine (Loshchilov,
 * Hutter, "SGDR", ICLR 2017) stays at min_lr from t = period on, where torch's would rise again. Before
 * t = 0 come `warmup` steps at which the rate grows on a line from warmup_from * lr to lr, as in a
 * SequentialLR of LinearLR and the other.
 *
 *	tl_schedule s = {.kind = &tl_schedule_cosine, .lr = 1e-3, .period = 10000, .warmup = 500};
 *	if (tl_schedule_check(&s, &err))
 *		...
 *	tl_optimizer_set_lr(opt, tl_schedule_lr(&s, tl_optimizer_steps(opt)), &err);
 *
 * "plateau" follows a measure instead of time: the caller puts tl_plateau_observe's result into s.lr.
 */
#ifndef TL_OPTIM_SCHEDULE_H
#define TL_OPTIM_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef struct tl_schedule_kind tl_schedule_kind;

typedef struct tl_schedule {
	const tl_schedule_kind *kind; /* NULL: tl_schedule_constant */
	double lr;                    /* what warm-up leads to, and all kinds start from */
	double min_lr;                /* 0 to lr */
	double gamma;                 /* step, exponential: in (0, 1] */
	int64_t period;               /* step, cosine: at least 1 */
	int64_t warmup;               /* steps; 0: none */
	double warmup_from;           /* rate at the first of them as a fraction of lr, 0 to 1 */
} tl_schedule;

/* A constant, as kinds of optimisers are; a program may have its own. */
struct tl_schedule_kind {
	const char *name;
	bool has_gamma, has_period;
	double (*lr)(const tl_schedule *s, int64_t t); /* t >= 0 counts from the end of warm-up */
};

extern TL_API const tl_schedule_kind tl_schedule_constant, tl_schedule_step, tl_schedule_exponential,
	tl_schedule_cosine, tl_schedule_plateau;

/* A built-in kind by its name, or NULL. */
TL_API const tl_schedule_kind *tl_schedule_kind_from_name(const char *name);
/* Built-in kind k, or NULL past the end. */
TL_API const tl_schedule_kind *tl_schedule_kind_at(int k);

/* TL_ERR_ARGUMENT for a field outside its range, or one that the kind does not have and that is not 0. */
TL_API tl_status tl_schedule_check(const tl_schedule *s, tl_error *err);

/* The rate at a step >= 0 under a schedule that passed the check. */
TL_API double tl_schedule_lr(const tl_schedule *s, int64_t step);

/*
 * Lowers a rate when a measure stops getting better: ReduceLROnPlateau with relative threshold. The
 * struct is its whole state; save it to go on later.
 *
 *	tl_plateau p = tl_plateau_default(1e-3);
 *	p.patience = 3;
 *	...
 *	s.lr = tl_plateau_observe(&p, validation_loss);
 */
typedef struct tl_plateau {
	double lr;             /* as it is now */
	double factor;         /* in (0, 1): lr becomes lr * factor */
	double threshold;      /* at least 0: better is below best * (1 - threshold) */
	double min_lr;         /* 0 to lr */
	int64_t patience;      /* so many measures in a row may be no better; at least 0 */
	bool higher_is_better; /* better is above best * (1 + threshold) */
	bool started;          /* whether best is one */
	double best;
	int64_t worse; /* measures since the best one or the last change of lr */
} tl_plateau;

/* PyTorch's: factor 0.1, patience 10, threshold 1e-4, min_lr 0, lower is better. */
TL_API tl_plateau tl_plateau_default(double lr);
/* TL_ERR_ARGUMENT for a field outside its range. */
TL_API tl_status tl_plateau_check(const tl_plateau *p, tl_error *err);
/*
 * To be called after each validation; returns lr. A measure that is not a number is no better. A change
 * of 1e-8 or less is not made, as in PyTorch.
 */
TL_API double tl_plateau_observe(tl_plateau *p, double measure);

#endif
