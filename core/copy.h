/* SPDX-License-Identifier: Apache-2.0 */
/* Copies between layouts, shared by threads when they are long. */
#ifndef TL_CORE_COPY_H
#define TL_CORE_COPY_H

#include "core/tensor.h"
#include "core/threads.h"

/* Equal shapes and types; the tensors do not overlap. */
void tl__copy(const tl_tensor *to, const tl_tensor *from, tl_pool *pool);

#endif
