/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"

int64_t option_int(struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end || errno || n < low || n > high)
		argp_error(state, "%s: '%s' is no whole number from %" PRId64 " to %" PRId64, option, text, low, high);
	return n;
}

double option_real(struct argp_state *state, const char *option, const char *text, double low, double high)
{
	char *end;
	double x = strtod(text, &end);
	if (end == text || *end || !(x >= low && x <= high))
		argp_error(state, "%s: '%s' is no number from %g to %g", option, text, low, high);
	return x;
}

const tl_cell *option_cell(struct argp_state *state, const char *text)
{
	const tl_cell *cell = tl_cell_by_name(text), *other;
	char names[256] = "";
	size_t used = 0;
	for (int k = 0; (other = tl_cell_at(k)) && used < sizeof names; k++)
		used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", k ? ", " : "", other->name);
	if (!cell)
		argp_error(state, "--cell: '%s' is none of %s", text, names);
	return cell;
}

void option_split(struct argp_state *state, const char *text, double split[PARTS])
{
	char rest;
	int n = sscanf(text, "%lf,%lf,%lf%c", &split[TRAIN], &split[VALID], &split[TEST], &rest);
	double sum = split[TRAIN] + split[VALID] + split[TEST];
	if (n != PARTS || !(split[TRAIN] >= 0 && split[VALID] >= 0 && split[TEST] >= 0 && sum > 0 && sum <= 100 + 1e-9))
		argp_error(state, "--split: '%s' is not three percentages like 90,5,5 with a sum above 0 and at most 100", text);
}

const char *option_path(struct argp_state *state, const char *option, const char *text)
{
	if (!*text)
		argp_error(state, "%s: the name is empty", option);
	if (text_check_utf8(option, text, strlen(text), &(tl_error){0}))
		argp_error(state, "%s %s: the name is no UTF-8, which results and model files need", option, text);
	return text;
}

enum { CELL = 0x200, EMBED, HIDDEN, LAYERS, DROPOUT };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "Model:", 1},
	{"cell", CELL, "NAME", 0, "lstm (default), lstm_peephole, lstm_norm (layer-normalised), "
	 "lstm_projected, gru, gru_lbr (PyTorch's GRU), rnn, rnn_relu, mgu, elman, jordan", 1},
	{"hidden", HIDDEN, "N", 0, "Size of a layer's state (256)", 1},
	{"embed", EMBED, "N", 0, "Size of a symbol's vector (64); 0: one-hot", 1},
	{"layers", LAYERS, "N", 0, "Recurrent layers, one upon the other (1)", 1},
	{"dropout", DROPOUT, "P", 0, "Of what goes from layer to layer, in training (0)", 1},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	net_options *o = state->input;
	switch (key) {
	case ARGP_KEY_INIT:
		if (!o->cell)
			o->cell = &tl_cell_lstm;
		break;
	case CELL: o->cell = option_cell(state, arg); break;
	case EMBED: o->embed = option_int(state, "--embed", arg, 0, 65536); break;
	case HIDDEN: o->hidden = option_int(state, "--hidden", arg, 1, 65536); break;
	case LAYERS: o->layers = option_int(state, "--layers", arg, 1, 1000); break;
	case DROPOUT: o->dropout = option_real(state, "--dropout", arg, 0, 0.999); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp net_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};
