/* SPDX-License-Identifier: Apache-2.0 */
/* A recurrent net's sizes: as options, as the driver's options, as JSON. */
#include <string.h>

#include "models/cells.h"
#include "tools/options.h"

enum {
	CELL = 0x200, EMBED, HIDDEN, LAYERS, DROPOUT, RECURRENT_DROPOUT, ZONEOUT, BIDIRECTIONAL, START, PROJECT, CHECKPOINT,
	TBPTT, FORGET_BIAS, NO_BIAS
};

static const char *const starts[] = {
	[TL_START_ZERO] = "zero", [TL_START_LEARNED] = "learned", [TL_START_RANDOM] = "random", NULL};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Model:", 1},
	{"cell", CELL, "NAME", 0, "lstm, lstm_peephole, lstm_norm (layer-normalised), lstm_projected, gru, gru_lbr "
		"(PyTorch's GRU), rnn, rnn_relu, mgu, elman, jordan", 1},
	{"hidden", HIDDEN, "N", 0, "Size of a layer's state", 1},
	{"embed", EMBED, "N", 0, "Size of a symbol's vector; 0: one-hot", 1},
	{"layers", LAYERS, "N", 0, "Recurrent layers, one upon the other", 1},
	{"dropout", DROPOUT, "P", 0, "Of what goes from layer to layer, in training", 1},
	{"recurrent-dropout", RECURRENT_DROPOUT, "P", 0, "Of what goes from step to step, one mask for all steps (0)", 1},
	{"zoneout", ZONEOUT, "P", 0, "Probability that an element of a state keeps its value, in training (0)", 1},
	{"bidirectional", BIDIRECTIONAL, 0, 0, "Each layer reads forward and backward (no language model may)", 1},
	{"start", START, "zero|learned|random", 0, "States before the first step (zero)", 1},
	{"project", PROJECT, "N", 0, "Size that lstm_projected's output is projected to", 1},
	{"checkpoint", CHECKPOINT, "N", 0,
		"Keep states after every N time steps only, and compute what is between again for the gradient: less memory, "
		"more time", 1},
	{"tbptt", TBPTT, "N", 0, "Cut gradients after every N time steps", 1},
	{"forget-bias", FORGET_BIAS, "X", 0, "Start value of forget gates' biases, for cells that have one", 1},
	{"no-bias", NO_BIAS, 0, 0, "Recurrent layers without biases", 1},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	net_options *o = state->input;
	switch (key) {
	case CELL: o->cell = option_cell(state, arg); break;
	case EMBED:
		o->embed = option_int(state, "--embed", arg, 0, 65536);
		if (o->vectors)
			argp_error(state, "--embed: there are no symbols here, vectors are read as they are");
		break;
	case HIDDEN: o->hidden = option_int(state, "--hidden", arg, 1, 65536); break;
	case LAYERS: o->layers = option_int(state, "--layers", arg, 1, 1000); break;
	case DROPOUT: o->dropout = option_real(state, "--dropout", arg, 0, 0.999); break;
	case RECURRENT_DROPOUT:
		o->recurrent_dropout = option_real(state, "--recurrent-dropout", arg, 0, 0.999);
		break;
	case ZONEOUT: o->zoneout = option_real(state, "--zoneout", arg, 0, 0.999); break;
	case START: o->start = (tl_start)option_word(state, "--start", arg, starts); break;
	case PROJECT: o->project = option_int(state, "--project", arg, 0, 65536); break;
	case BIDIRECTIONAL: o->bidirectional = true; break;
	case NO_BIAS: o->no_bias = true; break;
	case CHECKPOINT: o->checkpoint = option_int(state, "--checkpoint", arg, 0, 1 << 24); break;
	case TBPTT: o->tbptt = option_int(state, "--tbptt", arg, 0, 1 << 24); break;
	case FORGET_BIAS:
		o->forget_bias = option_real(state, "--forget-bias", arg, -100, 100);
		o->set_forget_bias = true;
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	o->given = true;
	return 0;
}

static char *with_defaults(int key, const char *text, void *input)
{
	const net_options *o = input;
	if (!o)
		return (char *)text;
	switch (key) {
	case CELL: return option_default(text, "%s", o->cell->name);
	case EMBED: return o->vectors ? strdup("Refused here: vectors are read as they are") : option_default(text, "%lld", (long long)o->embed);
	case HIDDEN: return option_default(text, "%lld", (long long)o->hidden);
	case LAYERS: return option_default(text, "%lld", (long long)o->layers);
	case DROPOUT: return option_default(text, "%g", o->dropout);
	default: return (char *)text;
	}
}

const struct argp net_argp = {options, parse, NULL, NULL, NULL, with_defaults, NULL};

tl_rnn_options net_rnn(const net_options *o, int64_t input)
{
	tl_rnn_options net = {
		.cell = o->cell,
		.input = input,
		.hidden = o->hidden,
		.layers = (int)o->layers,
		.dropout = o->dropout,
		.checkpoint = o->checkpoint,
		.project = o->project,
		.bidirectional = o->bidirectional,
		.no_bias = o->no_bias,
		.start = o->start,
		.start_scale = o->start == TL_START_RANDOM ? 1 : 0,
		.recurrent_dropout = o->recurrent_dropout,
		.truncate = o->tbptt,
	};
	for (int k = 0; k < o->cell->states; k++)
		net.zoneout[k] = o->zoneout;
	return net;
}

tl_status net_init(const net_options *o, tl_rnn *rnn, tl_rng *rng, tl_error *err)
{
	tl_rnn_init(rnn, rng);
	return net_set_forget_bias(o, rnn, err);
}

tl_status net_set_forget_bias(const net_options *o, tl_rnn *rnn, tl_error *err)
{
	if (o->set_forget_bias && !tl_rnn_set_bias(rnn, 'f', o->forget_bias))
		return tl_error_set(err, TL_ERR_ARGUMENT, "--forget-bias: the cell %s has no %s", o->cell->name,
			o->no_bias ? "biases, for --no-bias" : "forget gate");
	return TL_OK;
}

static bool add(json_t *object, const char *key, bool is_set, json_t *value)
{
	if (is_set)
		return json_object_set_new(object, key, value) == 0;
	json_decref(value);
	return true;
}

bool net_to_json(const net_options *o, json_t *object)
{
	return add(object, "cell", true, json_string(o->cell->name)) && add(object, "embed", true, json_integer(o->embed)) &&
		add(object, "hidden", true, json_integer(o->hidden)) && add(object, "layers", true, json_integer(o->layers)) &&
		add(object, "dropout", true, json_real(o->dropout)) &&
		add(object, "bidirectional", o->bidirectional, json_true()) &&
		add(object, "no_bias", o->no_bias, json_true()) &&
		add(object, "start", o->start != TL_START_ZERO, json_string(starts[o->start])) &&
		add(object, "project", o->project > 0, json_integer(o->project)) &&
		add(object, "recurrent_dropout", o->recurrent_dropout > 0, json_real(o->recurrent_dropout)) &&
		add(object, "zoneout", o->zoneout > 0, json_real(o->zoneout));
}

static bool in_range(double p)
{
	return p >= 0 && p < 1;
}

tl_status net_from_json(net_options *o, const json_t *object, tl_error *err)
{
	const char *cell, *start = starts[TL_START_ZERO];
	json_int_t embed, hidden, layers, project = 0;
	int bidirectional = false, no_bias = false, k = 0;
	json_error_t why;
	if (json_unpack_ex((json_t *)object, &why, 0, "{s:s, s:I, s:I, s:I, s:F, s?b, s?b, s?s, s?I, s?F, s?F}", "cell",
		    &cell, "embed", &embed, "hidden", &hidden, "layers", &layers, "dropout", &o->dropout, "bidirectional",
		    &bidirectional, "no_bias", &no_bias, "start", &start, "project", &project, "recurrent_dropout",
		    &o->recurrent_dropout, "zoneout", &o->zoneout))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration is incomplete: %s", why.text);
	if (!(o->cell = tl_cell_by_name(cell)))
		return tl_error_set(err, TL_ERR_FORMAT, "the cell '%.40s' is unknown", cell);
	if (embed < 0 || embed > 65536 || hidden < 1 || hidden > 65536 || layers < 1 || layers > 1000 || project < 0 ||
		project > 65536)
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's sizes are out of range");
	if (!in_range(o->dropout) || !in_range(o->recurrent_dropout) || !in_range(o->zoneout))
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's dropout or zoneout is not from 0 to 1");
	while (starts[k] && strcmp(starts[k], start))
		k++;
	if (!starts[k])
		return tl_error_set(err, TL_ERR_FORMAT, "the configuration's start is none of zero, learned, random");
	o->start = (tl_start)k;
	o->embed = embed;
	o->hidden = hidden;
	o->layers = layers;
	o->project = project;
	o->bidirectional = bidirectional;
	o->no_bias = no_bias;
	return TL_OK;
}
