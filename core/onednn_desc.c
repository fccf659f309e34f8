/* SPDX-License-Identifier: Apache-2.0 */
#include "core/onednn_desc.h"

#ifndef TL_DOUBLE

dnnl_status_t tl__desc_set(tl__desc *d, int axes, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
#if DNNL_VERSION_MAJOR >= 3
	dnnl_status_t status = dnnl_memory_desc_create_with_strides(&d->md, axes, dims, dnnl_f32, strides);
#else
	dnnl_status_t status = dnnl_memory_desc_init_by_strides(&d->md, axes, dims, dnnl_f32, strides);
#endif
	d->there = status == dnnl_success;
	return status;
}

void tl__desc_forget(tl__desc *d)
{
#if DNNL_VERSION_MAJOR >= 3
	if (d->there)
		dnnl_memory_desc_destroy(d->md);
#endif
	d->there = false;
}

tl__look tl__desc_look(const tl__desc *d)
{
	if (!d->there)
		return NULL;
#if DNNL_VERSION_MAJOR >= 3
	return d->md;
#else
	return &d->md;
#endif
}

#define LOOK(d) tl__desc_look(&(d))
/* Arguments of the constructors. */
#define PLAIN_MD                                                                                             \
	LOOK(d[TL_ONEDNN_X]), LOOK(d[TL_ONEDNN_H0]), LOOK(d[TL_ONEDNN_W]), LOOK(d[TL_ONEDNN_U]),             \
		LOOK(d[TL_ONEDNN_BIAS]), LOOK(d[TL_ONEDNN_Y]), LOOK(d[TL_ONEDNN_HN])
#define PLAIN_GRADIENT_MD                                                                                    \
	LOOK(g[TL_ONEDNN_X]), LOOK(g[TL_ONEDNN_H0]), LOOK(g[TL_ONEDNN_W]), LOOK(g[TL_ONEDNN_U]),             \
		LOOK(g[TL_ONEDNN_BIAS]), LOOK(g[TL_ONEDNN_Y]), LOOK(g[TL_ONEDNN_HN])
#define LSTM_MD                                                                                              \
	LOOK(d[0]), LOOK(d[1]), LOOK(d[2]), LOOK(d[3]), LOOK(d[4]), LOOK(d[5]), LOOK(d[6]), LOOK(d[7]),      \
		LOOK(d[8]), LOOK(d[9]), LOOK(d[10])
#define LSTM_GRADIENT_MD                                                                                     \
	LOOK(g[0]), LOOK(g[1]), LOOK(g[2]), LOOK(g[3]), LOOK(g[4]), LOOK(g[5]), LOOK(g[6]), LOOK(g[7]),      \
		LOOK(g[8]), LOOK(g[9]), LOOK(g[10])
#if DNNL_VERSION_MAJOR >= 3
#define MAKE(name, way, version, ...)                                                                        \
	dnnl_##name##_##way##_primitive_desc_create(pd, engine, __VA_ARGS__, attr)
#else
#define MAKE(name, way, version, ...) dnnl_##name##_##way##_desc_init##version(&rnn, __VA_ARGS__)
#endif

dnnl_status_t tl__desc_primitive(dnnl_engine_t engine, tl_onednn_cell cell, tl_onednn_run run,
	const tl__desc *d, const tl__desc *g, const_dnnl_primitive_desc_t hint,
	const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
	const dnnl_rnn_direction_t right = dnnl_unidirectional_left2right;
	dnnl_prop_kind_t kind = run == TL_ONEDNN_INFER ? dnnl_forward_inference : dnnl_forward_training;
	dnnl_alg_kind_t act = cell == TL_ONEDNN_RELU ? dnnl_eltwise_relu : dnnl_eltwise_tanh;
	dnnl_status_t status = dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
#define HINT , hint
#else
#define HINT
	dnnl_rnn_desc_t rnn;
#endif
	if (run == TL_ONEDNN_BACKWARD)
		switch (cell) {
		case TL_ONEDNN_TANH:
		case TL_ONEDNN_RELU:
			status = MAKE(vanilla_rnn, backward, , dnnl_backward, act, right, PLAIN_MD,
				PLAIN_GRADIENT_MD, 0, 0, 0 HINT);
			break;
		case TL_ONEDNN_LSTM:
			status = MAKE(
				lstm, backward, _v3, dnnl_backward, right, LSTM_MD, LSTM_GRADIENT_MD, 0 HINT);
			break;
		case TL_ONEDNN_GRU:
			status = MAKE(
				gru, backward, , dnnl_backward, right, PLAIN_MD, PLAIN_GRADIENT_MD, 0 HINT);
			break;
		case TL_ONEDNN_LBR_GRU:
			status = MAKE(lbr_gru, backward, , dnnl_backward, right, PLAIN_MD, PLAIN_GRADIENT_MD,
				0 HINT);
			break;
		}
	else
		switch (cell) {
		case TL_ONEDNN_TANH:
		case TL_ONEDNN_RELU:
			status = MAKE(vanilla_rnn, forward, , kind, act, right, PLAIN_MD, 0, 0, 0);
			break;
		case TL_ONEDNN_LSTM:
			status = MAKE(lstm, forward, _v3, kind, right, LSTM_MD, 0);
			break;
		case TL_ONEDNN_GRU:
			status = MAKE(gru, forward, , kind, right, PLAIN_MD, 0);
			break;
		case TL_ONEDNN_LBR_GRU:
			status = MAKE(lbr_gru, forward, , kind, right, PLAIN_MD, 0);
			break;
		}
#if DNNL_VERSION_MAJOR < 3
	if (status == dnnl_success)
		status = dnnl_primitive_desc_create(pd, &rnn, attr, engine, hint);
#endif
	return status;
}

#endif
