/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State dicts of PyTorch, saved with the safetensors package, into the same model here and back:
 *
 *	class CharLM(nn.Module):                        tl_lm *lm = tl_lm_new(store, ...);
 *	    def __init__(self):                         tl_pytorch *names = tl_pytorch_new();
 *	        self.embed = nn.Embedding(V, E)         tl_pytorch_embedding(names, "embed", &lm->input, &err);
 *	        self.rnn = nn.LSTM(E, H, 2)             tl_pytorch_rnn(names, "rnn", lm->rnn, &err);
 *	        self.out = nn.Linear(H, V)              tl_pytorch_dense(names, "out", &lm->output, &err);
 *	save_file(model.state_dict(), path)             tl_pytorch_load(names, file, &err);
 *	model.load_state_dict(load_file(path))          tl_pytorch_save(names, path, NULL, 0, &err);
 *
 * The names are those of the user's attributes; "" for a state dict of the layers alone. Modules of torch.nn and what
 * they are here: RNN tl_cell_rnn or tl_cell_rnn_relu, GRU tl_cell_gru_lbr, LSTM tl_cell_lstm, with proj_size
 * tl_cell_lstm_projected; num_layers, bidirectional and bias as in tl_rnn_options. Linear is tl_dense, Embedding
 * tl_embedding. Layer J has, and in the reverse direction with "_reverse" behind it,
 *
 *	NAME.weight_ih_lJ  (G*H, E)  = W'    gates in one order on both sides: LSTM i f g o; GRU r z n
 *	NAME.weight_hh_lJ  (G*H, H)  = U'    (G*H, P) with a projection
 *	NAME.weight_hr_lJ  (P, H)    = R'
 *	NAME.bias_ih_lJ, NAME.bias_hh_lJ  (G*H)
 *
 * PyTorch has two biases where one would do: its gates add W x + b_ih + U h + b_hh. Here they are one, b, but for the
 * new state of a GRU, n = tanh(x W_n + b_n + r*(h U_n + c_n)), where they differ:
 *
 *	load:  b = b_ih + b_hh                                  GRU: b_n = b_ih_n, c_n = b_hh_n
 *	save:  b_ih = b, b_hh = 0                               GRU: b_ih_n = b_n, b_hh_n = c_n
 *
 * So what is saved is loaded to the same bits, and a state dict that goes through here comes back as the same
 * function, with each pair of biases in its first. (Trained on there, a pair learns twice as fast as one.) A Linear
 * without a bias is read, but saved with one.
 */
#ifndef TL_MODELS_PYTORCH_H
#define TL_MODELS_PYTORCH_H

#include "core/safetensors.h"
#include "models/layers.h"
#include "models/rnn.h"

/* A list of tensors of a state dict and of what they are here; parameters must outlive it. */
typedef struct tl_pytorch tl_pytorch;

TL_API tl_pytorch *tl_pytorch_new(void); /* NULL where memory is out */
TL_API void tl_pytorch_free(tl_pytorch *p); /* NULL is fine */

/*
 * Add a module under its name. TL_ERR_ARGUMENT for what torch.nn does not have: other cells, zoneout, learned first
 * states, a projection that is not smaller than H. A one-hot embedding has no parameters, and nothing is added.
 */
TL_API tl_status tl_pytorch_rnn(tl_pytorch *p, const char *name, const tl_rnn *rnn, tl_error *err);
TL_API tl_status tl_pytorch_dense(tl_pytorch *p, const char *name, const tl_dense *layer, tl_error *err);
TL_API tl_status tl_pytorch_embedding(tl_pytorch *p, const char *name, const tl_embedding *layer, tl_error *err);

/*
 * Sets all parameters from a file, of F16, BF16, F32 or F64 tensors; whatever fails, none. TL_ERR_FORMAT with a
 * sentence that lists every name which is missing, unexpected or of another shape, as of tl_store_load. Where a module
 * was made with bias=False, and none of its biases is in the file, those here become 0. What two modules share, as
 * safetensors.torch.save_model writes it, is set in both.
 */
TL_API tl_status tl_pytorch_load(tl_pytorch *p, const tl_safetensors *f, tl_error *err);
/*
 * The same for some modules of a file, such as an encoder alone: what it has too many is not read, as by
 * load_state_dict(..., strict=False); but what is missing is still an error.
 *
 *	tl_pytorch_rnn(names, "encoder.rnn", rnn, &err);
 *	tl_pytorch_load_part(names, file, &err);
 */
TL_API tl_status tl_pytorch_load_part(tl_pytorch *p, const tl_safetensors *f, tl_error *err);
/* Writes a file that load_state_dict(load_file(path), strict=True) takes; errors as of tl_safetensors_write. */
TL_API tl_status tl_pytorch_save(
	const tl_pytorch *p, const char *path, const tl_safetensors_pair *metadata, int n_metadata, tl_error *err);

/*
 * The number of a tensor in a file, or -1. Of a tensor that two modules share, save_model writes one name, and the other
 * as a key of the metadata, with the first as its value.
 */
TL_API int tl_pytorch_find(const tl_safetensors *f, const char *name);

/*
 * The options of the recurrent layers that a file has under that name: cell, input, hidden, layers, project,
 * bidirectional, no_bias; the rest is 0. Tanh and relu cannot be told apart: it is tl_cell_rnn then. TL_ERR_FORMAT where
 * there are none, with the names under which there are some, or none of torch.nn.
 */
TL_API tl_status tl_pytorch_describe(
	const tl_safetensors *f, const char *name, tl_rnn_options *options, tl_error *err);

#endif
