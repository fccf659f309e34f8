/* SPDX-License-Identifier: Apache-2.0 */
/* What a translator's attention looked at, as heat maps: target tokens are rows, source tokens are columns. */
#ifndef TL_TOOLS_TRANSLATOR_PICTURE_H
#define TL_TOOLS_TRANSLATOR_PICTURE_H

#include "tools/heatmap.h"
#include "tools/translator.h"

/* Of sentence i and its translation, a panel for each head. The model has attention. */
tl_status translator_draw(
	translator *t, const sentences *s, int64_t i, const tl_hypothesis *h, heatmap *to, tl_error *err);

#endif
