/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop convert: model files of ours from PyTorch's, and the other way round. */
#include <string.h>

#include "tools/command.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/state_dict.h"

typedef struct convert_options {
	const char *model, *out;
	bool pytorch_names;
	foreign_options foreign;
	state_dict names; /* of what is written */
} convert_options;

enum { PYTORCH_NAMES = 0x600, MODULE_NAMES };

static const struct argp_option options[] = {
	{"output", 'o', "FILE", 0, "The file to write (required)", 1},
	{"pytorch-names", PYTORCH_NAMES, 0, 0,
		"Write a state dict of PyTorch, for modules embed, rnn and out; else under this program's own names", 1},
	{"names", MODULE_NAMES, "LIST", 0, "Write a state dict for modules of these names, as in embed=encoder,rnn=lstm,out=fc", 1},
	{0},
};

static const char doc[] =
	"Make a model of a state dict that PyTorch saved, and a state dict for PyTorch of a model."
	"\v"
	"What is written has its vocabulary and configuration with it, under either names, and is a MODEL for every command. "
	"Cells that PyTorch has: rnn, rnn_relu, gru_lbr (its GRU), lstm, lstm_projected (proj_size). From PyTorch:\n\n"
	"  from safetensors.torch import save_file, load_file\n"
	"  save_file(model.state_dict(), \"charlm.safetensors\")\n\n"
	"  tapeloop convert charlm.safetensors --vocab book.txt -o model.safetensors\n"
	"  tapeloop sample model.safetensors\n\n"
	"And to PyTorch:\n\n"
	"  tapeloop convert out/model.safetensors \\\n"
	"      --names embed=embedding,rnn=lstm,out=linear -o charlm.safetensors\n\n"
	"  model.load_state_dict(load_file(\"charlm.safetensors\"), strict=True)\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	convert_options *o = state->input;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &o->foreign; break;
	case 'o': o->out = option_path(state, "-o", arg); break;
	case PYTORCH_NAMES: o->pytorch_names = true; break;
	case MODULE_NAMES:
		state_dict_option(state, "--names", arg, &o->names);
		o->pytorch_names = true;
		break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, ""); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train` or PyTorch saved");
		if (!o->out)
			argp_error(state, "-o FILE is missing");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

tl_status command_convert(int argc, char **argv, tl_error *err)
{
	static const struct argp_child children[] = {{&foreign_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {options, parse, "MODEL", doc, children, NULL, NULL};
	convert_options o = {0};
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	task *t = model_load_as(o.model, NULL, &o.foreign, err);
	if (!t)
		return err->status;
	t->dict = o.names;
	t->dict.on = o.pytorch_names;
	tl_error why = {0};
	if (model_save(t, o.out, &why))
		tl_error_set(err, why.status, "%s%s", why.status == TL_ERR_ARGUMENT ? "--pytorch-names: " : "", why.text);
	task_free(t);
	return err->status;
}
