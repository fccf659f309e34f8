/* SPDX-License-Identifier: Apache-2.0 */
/* The symbols of a language model that PyTorch saved. For foreign.c. */
#ifndef TL_TOOLS_FOREIGN_SYMBOLS_H
#define TL_TOOLS_FOREIGN_SYMBOLS_H

#include "tools/foreign.h"
#include "tools/text.h"

/* Sets x->symbols, x->from and the unit; the number of symbols in *n. */
tl_status foreign_symbols(
	foreign *x, const tl_safetensors *f, const foreign_options *o, text_unit *unit, int64_t *n, tl_error *err);

#endif
