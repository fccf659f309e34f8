/* SPDX-License-Identifier: Apache-2.0 */
/* One row: sixteen running sums keep the vector units busy, whatever their width. */
#include "core/sum.h"

#include "core/map.h"
#include "core/vector.h"

#define LANES 16

TL_VECTOR double tl__sum(int64_t n, const tl_real *x, int64_t step)
{
	double total = 0;
	for (int64_t done = 0; done < n; done += TL_BLOCK) {
		int64_t count = n - done < TL_BLOCK ? n - done : TL_BLOCK, i = 0;
		const tl_real *from = x + done * step;
		tl_real lane[LANES] = {0};
		if (step == 1)
			for (; i + LANES <= count; i += LANES)
				for (int j = 0; j < LANES; j++)
					lane[j] += from[i + j];
		for (; i < count; i++)
			lane[i % LANES] += from[i * step];
		for (int half = LANES / 2; half > 0; half /= 2)
			for (int j = 0; j < half; j++)
				lane[j] += lane[half + j];
		total += lane[0];
	}
	return total;
}
