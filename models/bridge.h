/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the final states of an encoder to the first ones of a decoder, whatever cells, layers and sizes they have:
 *
 *	first = tanh(last W + b) for each layer and state of the decoder, or first = last
 *
 * Layers are paired from the last one down; a deeper decoder's first layers all read the encoder's first. State k
 * reads state k, or the encoder's last one where it has fewer.
 */
#ifndef TL_MODELS_BRIDGE_H
#define TL_MODELS_BRIDGE_H

#include "models/encoder.h"

typedef struct tl_bridge {
	tl_dense *dense;    /* of layer j, state k: dense[j * states + k]; NULL: states go over as they are */
	int layers, states; /* of the decoder */
	int from_layers, from_states;
} tl_bridge;

/*
 * Parameters: "NAME.lJ.K.w" and ".b" of layer J, state K; none where all sizes agree, unless they are `wanted`.
 * Clears the bridge first; on an error nothing is to be released.
 */
TL_API tl_status tl_bridge_add(tl_bridge *bridge, tl_store *store, const char *name, const tl_encoder *from,
	const tl_rnn *to, bool wanted, tl_error *err);
TL_API void tl_bridge_release(tl_bridge *bridge);
/* As a dense layer. */
TL_API void tl_bridge_init(tl_bridge *bridge, tl_rng *rng);
/* last: v[k] (from_layers, B, from_size) -> v[k] (layers, B, size) */
TL_API tl_state tl_bridge_run(const tl_bridge *bridge, tl_state last);

#endif
