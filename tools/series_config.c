/* SPDX-License-Identifier: Apache-2.0 */
/* What a model file of series says of itself. */
#include "tools/model_file.h"
#include "tools/series.h"

#define MOST_NUMBERS ((json_int_t)1 << 30) /* in a vector, or steps */

static const char *const targets[] = {
	[SERIES_CLASSES] = "classes",
	[SERIES_STEP_LABELS] = "step_labels",
	[SERIES_VALUES] = "values",
	[SERIES_STEP_VALUES] = "step_values",
	[SERIES_NEXT] = "next",
	NULL,
};

bool series_config(const task *base, json_t *object)
{
	const series_task *t = (const series_task *)base;
	json_t *own = json_pack("{s:s, s:I, s:I, s:s, s:I, s:b, s:I}", "target", targets[t->target], "inputs",
		(json_int_t)t->inputs, "outputs", (json_int_t)t->outputs, "pool", option_pools[t->pool], "order",
		(json_int_t)t->order, "linear", (int)t->linear, "ahead", (json_int_t)t->ahead);
	bool done = own && json_object_update(object, own) == 0 && net_to_json(&t->net, object);
	json_decref(own);
	if (done && t->x_scale.n)
		done = json_object_set_new(object, "x_scale", series_scale_to_json(&t->x_scale)) == 0;
	if (done && t->y_scale.n)
		done = json_object_set_new(object, "y_scale", series_scale_to_json(&t->y_scale)) == 0;
	return done;
}

/* The first layer's weights of the input have as many rows as a vector has numbers. */
static tl_status expect_net(const series_task *t, const char *name, tl_error *err)
{
	const tl_cell *cell = t->net.cell;
	tl_cell_sizes sizes = {t->inputs, t->net.hidden, t->net.project};
	char first[64];
	for (int k = 0; cell->params[k].name; k++)
		if ((cell->params[k].rows & TL_ROWS) == TL_INPUT_ROWS) {
			snprintf(first, sizeof first, "%s.l0.%s", name, cell->params[k].name);
			if (model_expect(&t->base, first, tl_cell_param_shape(cell, k, sizes), err))
				return err->status;
		}
	return model_expect_net(&t->base, name, &t->net, err);
}

static tl_status expect_weights(const series_task *t, tl_error *err)
{
	const net_options *o = &t->net;
	int64_t hidden = o->project ? o->project : o->hidden, seen = t->order * t->inputs;
	if (t->next && t->order > 0) {
		if (!t->linear && model_expect(&t->base, "ar.hidden.w", TL_SHAPE(seen, o->hidden), err))
			return err->status;
		return model_expect(&t->base, "ar.out.w", TL_SHAPE(t->linear ? seen : o->hidden, t->inputs), err);
	}
	const char *output = t->next ? "ar.out.w" : "out.w";
	if (model_expect(&t->base, output, TL_SHAPE(hidden * (o->bidirectional ? 2 : 1), t->outputs), err))
		return err->status;
	return expect_net(t, t->next ? "ar.rnn" : "rnn", err);
}

tl_status series_configure(task *base, const json_t *object, tl_error *err)
{
	series_task *t = (series_task *)base;
	json_int_t inputs, outputs, order, ahead;
	int linear;
	json_error_t why;
	int target = config_word(object, "target", targets, err);
	int pool = target < 0 ? -1 : config_word(object, "pool", option_pools, err);
	if (pool < 0 || net_from_json(&t->net, object, err))
		return err->status;
	if (json_unpack_ex((json_t *)object, &why, 0, "{s:I, s:I, s:I, s:b, s:I}", "inputs", &inputs, "outputs", &outputs,
		    "order", &order, "linear", &linear, "ahead", &ahead))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration is incomplete: %s", why.text);
	if (inputs < 1 || inputs > MOST_NUMBERS || outputs < 1 || outputs > MOST_NUMBERS || order < 0 ||
		order > MOST_NUMBERS || ahead < 0 || ahead > MOST_NUMBERS || (target == SERIES_NEXT && inputs != outputs))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes are out of range");
	t->target = (series_target)target;
	t->next = target == SERIES_NEXT;
	t->pool = (tl_pool_rule)pool;
	t->inputs = inputs;
	t->outputs = outputs;
	t->order = order;
	t->linear = linear;
	t->ahead = ahead;
	if (expect_weights(t, err))
		return err->status;
	const json_t *x = json_object_get(object, "x_scale"), *y = json_object_get(object, "y_scale");
	if (x && series_scale_from_json(&t->x_scale, x, inputs, err))
		return err->status;
	return y ? series_scale_from_json(&t->y_scale, y, outputs, err) : TL_OK;
}
