/* SPDX-License-Identifier: Apache-2.0 */
#include "optim/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "optim/sweep.h"

struct tl_optimizer {
	tl_store *store;
	tl_optimizer_options options;        /* complete */
	tl_arena memory;                     /* of all that follows */
	tl_real *state[TL_OPTIMIZER_STATES]; /* of the store's layout, or NULL */
	int32_t *steps;                      /* whole, then of each parameter */
	tl_safetensors_item *items;
	int n_items;
};

static tl_status add_item(
	tl_optimizer *opt, const char *what, const char *param, tl_tensor tensor, tl_error *err)
{
	static const char format[] = "optimizer.%s%s%s";
	const char *dot = *param ? "." : "";
	size_t size = sizeof format + strlen(what) + strlen(param);
	char *name = tl_arena_alloc_small(&opt->memory, size);
	if (!name)
		return tl_error_memory(err);
	snprintf(name, size, format, what, dot, param);
	opt->items[opt->n_items++] = (tl_safetensors_item){name, tensor};
	return TL_OK;
}

static tl_status add_state(tl_optimizer *opt, int j, tl_error *err)
{
	const tl_store *store = opt->store;
	size_t bytes = (size_t)tl_store_span(store) * sizeof(tl_real);
	tl_real *state = opt->state[j] = tl_arena_alloc(&opt->memory, bytes);
	if (!state)
		return tl_error_memory(err);
	memset(state, 0, bytes);
	tl_status status = TL_OK;
	for (int k = 0; k < tl_store_count(store) && !status; k++) {
		const tl_param *p = tl_store_at(store, k);
		tl_tensor view = p->value;
		view.data = state + ((tl_real *)p->value.data - tl_store_values(store));
		status = add_item(opt, opt->options.kind->state[j], p->name, view, err);
	}
	return status;
}

static tl_status add_steps(tl_optimizer *opt, tl_error *err)
{
	int n = tl_store_count(opt->store);
	size_t bytes = ((size_t)n + 1) * sizeof(int32_t);
	opt->steps = tl_arena_alloc_small(&opt->memory, bytes);
	if (!opt->steps)
		return tl_error_memory(err);
	memset(opt->steps, 0, bytes);
	tl_status status = TL_OK;
	for (int k = 0; k <= n && !status; k++)
		status = add_item(opt, "step", k ? tl_store_at(opt->store, k - 1)->name : "",
			tl_tensor_dense(TL_I32, TL_SCALAR, &opt->steps[k]), err);
	return status;
}

static tl_status prepare(tl_optimizer *opt, tl_error *err)
{
	const tl_optimizer_kind *kind = opt->options.kind;
	size_t most = (TL_OPTIMIZER_STATES + 1) * (size_t)tl_store_count(opt->store) + 1;
	opt->items = tl_arena_alloc_small(&opt->memory, most * sizeof *opt->items);
	if (!opt->items)
		return tl_error_memory(err);
	tl_status status = add_steps(opt, err);
	for (int j = 0; j < TL_OPTIMIZER_STATES && kind->state[j] && !status; j++)
		if (!kind->needs || kind->needs(&opt->options, j))
			status = add_state(opt, j, err);
	return status;
}

tl_optimizer *tl_optimizer_new(tl_store *store, const tl_optimizer_options *options, tl_error *err)
{
	tl_optimizer_options complete = options ? *options : (tl_optimizer_options){0};
	if (tl_optimizer_options_complete(&complete, err))
		return NULL;
	tl_optimizer *opt = malloc(sizeof *opt);
	if (!opt) {
		tl_error_memory(err);
		return NULL;
	}
	*opt = (tl_optimizer){.store = store, .options = complete};
	tl_arena_init(&opt->memory, 4096);
	if (prepare(opt, err)) {
		tl_optimizer_free(opt);
		return NULL;
	}
	tl_store_seal(store);
	return opt;
}

void tl_optimizer_free(tl_optimizer *opt)
{
	if (!opt)
		return;
	tl_arena_release(&opt->memory);
	free(opt);
}

/* Counts stop at the largest: every correction that depends on them has long become 1. */
static int32_t count(int32_t *steps)
{
	return *steps < INT32_MAX ? ++*steps : *steps;
}

/* Elements at .. at + n of a parameter whose update as a whole is given. */
static void update_part(void *ctx, int part, int64_t at, int64_t n)
{
	tl_update u = *(const tl_update *)ctx;
	tl_real *state[TL_OPTIMIZER_STATES];
	(void)part;
	for (int j = 0; j < TL_OPTIMIZER_STATES; j++)
		state[j] = u.state[j] ? u.state[j] + at : NULL;
	u.n = n;
	u.value += at;
	u.grad += at;
	u.state = state;
	u.options->kind->update(&u);
}

static void update(const tl_optimizer *opt, const tl_param *p, tl_update *u)
{
	const tl_optimizer_kind *kind = u->options->kind;
	tl_pool *pool = tl__store_pool(opt->store);
	bool lazy = u->options->lazy && u->step > 1;
	if (!kind->elementwise)
		kind->update(u);
	else if (lazy || (kind->keeps && kind->keeps(u->options, u->step)))
		tl__sweep_nonzero(pool, p, update_part, u);
	else
		tl__sweep_all(pool, p, update_part, u);
}

void tl_optimizer_step(tl_optimizer *opt)
{
	const tl_store *store = opt->store;
	count(&opt->steps[0]);
	for (int k = 0; k < tl_store_count(store); k++) {
		const tl_param *p = tl_store_at(store, k);
		if (p->frozen)
			continue;
		int64_t at = (tl_real *)p->value.data - tl_store_values(store);
		tl_real *state[TL_OPTIMIZER_STATES];
		for (int j = 0; j < TL_OPTIMIZER_STATES; j++)
			state[j] = opt->state[j] ? opt->state[j] + at : NULL;
		update(opt, p, &(tl_update){.options = &opt->options,
			.step = count(&opt->steps[k + 1]),
			.n = tl_shape_size(p->value.shape),
			.value = p->value.data,
			.grad = p->grad.data,
			.state = state});
	}
}

int64_t tl_optimizer_steps(const tl_optimizer *opt)
{
	return opt->steps[0];
}

const tl_optimizer_options *tl_optimizer_get_options(const tl_optimizer *opt)
{
	return &opt->options;
}

tl_status tl_optimizer_set_lr(tl_optimizer *opt, double lr, tl_error *err)
{
	if (!(lr >= 0) || isinf(lr))
		return tl_error_set(err, TL_ERR_ARGUMENT, "%s: lr is %g, and must be finite and not negative",
			opt->options.kind->name, lr);
	opt->options.lr = lr;
	return TL_OK;
}

const tl_safetensors_item *tl_optimizer_state(const tl_optimizer *opt, int *n)
{
	*n = opt->n_items;
	return opt->items;
}
