/* SPDX-License-Identifier: Apache-2.0 */
/* What a state dict says of recurrent layers. */
#include <stdio.h>
#include <string.h>

#include "core/file_error.h"
#include "models/cells.h"
#include "models/pytorch.h"

#define NAME 320
#define REVERSE (-1)

/* Is there "NAME.PART_lLAYER" or, at REVERSE, "NAME.PART_l0_reverse", with that many axes? Then its shape, too. */
static bool find(const tl_safetensors *f, const char *name, const char *part, int layer, int axes, tl_shape *shape)
{
	char full[NAME];
	int n = snprintf(full, sizeof full, "%s%s%s_l%d%s", name, *name ? "." : "", part, layer == REVERSE ? 0 : layer,
		layer == REVERSE ? "_reverse" : "");
	int k = n < NAME ? tl_safetensors_find(f, full) : -1;
	*shape = k >= 0 ? tl_safetensors_shape(f, k) : TL_SCALAR;
	return k >= 0 && shape->axes == axes;
}

/* With the names that recurrent layers have there. */
static tl_status refuse(const tl_safetensors *f, const char *shown, tl_error *err)
{
	static const char part[] = "weight_ih_l0";
	char others[600] = "", one[TL_EXCERPT], module[NAME];
	size_t used = 0;
	for (int k = 0; k < tl_safetensors_count(f) && used < sizeof others; k++) {
		const char *name = tl_safetensors_name(f, k);
		size_t n = strlen(name), m = sizeof part - 1, length = n > m ? n - m - 1 : 0;
		if (n < m || strcmp(name + n - m, part) || (n > m && name[length] != '.') || length >= sizeof module)
			continue;
		snprintf(module, sizeof module, "%.*s", (int)length, name);
		used += (size_t)snprintf(
			others + used, sizeof others - used, "%s'%s'", used ? ", " : "", tl__excerpt(module, one));
	}
	return tl__file_error(err, TL_ERR_FORMAT, tl_safetensors_path(f),
		"the file has no recurrent layers named '%s': no matrices weight_ih_l0 and weight_hh_l0%s%s", shown,
		used ? "; it has layers named " : "", others);
}

tl_status tl_pytorch_describe(
	const tl_safetensors *f, const char *name, tl_rnn_options *options, tl_error *err)
{
	static const tl_cell *const cells[] = {[1] = &tl_cell_rnn, [3] = &tl_cell_gru_lbr, [4] = &tl_cell_lstm};
	tl_shape ih, hh, hr, other;
	char shown[TL_EXCERPT];
	tl__excerpt(name, shown);
	if (!find(f, name, "weight_ih", 0, 2, &ih) || !find(f, name, "weight_hh", 0, 2, &hh))
		return refuse(f, shown, err);
	bool projects = find(f, name, "weight_hr", 0, 2, &hr);
	int64_t rows = hh.dim[0], hidden = projects ? hr.dim[1] : hh.dim[1], gates = hidden ? rows / hidden : 0;
	bool fits = hidden > 0 && rows % hidden == 0 && (gates == 1 || gates == 3 || gates == 4) && ih.dim[0] == rows &&
		ih.dim[1] > 0 && (!projects || (gates == 4 && hr.dim[0] == hh.dim[1] && hr.dim[0] > 0));
	if (!fits)
		return tl_error_set(err, TL_ERR_FORMAT,
			"the recurrent layers '%s' are none of torch.nn's RNN, GRU and LSTM: %lld rows of weights for %lld units",
			shown, (long long)rows, (long long)hidden);
	int layers = 1;
	while (layers <= tl_safetensors_count(f) && find(f, name, "weight_ih", layers, 2, &other))
		layers++;
	*options = (tl_rnn_options){
		.cell = projects ? &tl_cell_lstm_projected : cells[gates],
		.input = ih.dim[1],
		.hidden = hidden,
		.layers = layers,
		.project = projects ? hr.dim[0] : 0,
		.bidirectional = find(f, name, "weight_ih", REVERSE, 2, &other),
		.no_bias = !find(f, name, "bias_ih", 0, 1, &other),
	};
	return TL_OK;
}
