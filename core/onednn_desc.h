/* SPDX-License-Identifier: Apache-2.0 */
/* What of recurrent primitives the two versions of oneDNN spell differently. For core/onednn_*.c only. */
#ifndef TL_CORE_ONEDNN_DESC_H
#define TL_CORE_ONEDNN_DESC_H

#include "core/onednn.h"
#include "core/onednn_rnn.h"

/* A descriptor, which 2.x hands out by value and 3.x by a pointer that has to be given back. */
typedef struct tl__desc {
	dnnl_memory_desc_t md;
	bool there;
} tl__desc;

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t tl__look;
#else
typedef const dnnl_memory_desc_t *tl__look;
#endif

/* Of floats; what is described is forgotten in the end. */
dnnl_status_t tl__desc_set(tl__desc *d, int axes, const dnnl_dims_t dims, const dnnl_dims_t strides);
void tl__desc_forget(tl__desc *d);
/* As oneDNN takes it; NULL of one that was not set. */
tl__look tl__desc_look(const tl__desc *d);

/*
 * The descriptor of a primitive; d: its tensors; g: their gradients, for backward, whose hint is the
 * descriptor of the run in training.
 */
dnnl_status_t tl__desc_primitive(dnnl_engine_t engine, tl_onednn_cell cell, tl_onednn_run run,
	const tl__desc *d, const tl__desc *g, const_dnnl_primitive_desc_t hint,
	const_dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd);

#endif
