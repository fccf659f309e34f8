/* SPDX-License-Identifier: Apache-2.0 */
#include "models/cell.h"

#include <string.h>

int tl_cell_param_count(const tl_cell *cell)
{
	int n = 0;
	while (cell->params[n].name)
		n++;
	return n;
}

tl_shape tl_cell_param_shape(const tl_cell *cell, int k, int64_t input, int64_t hidden)
{
	const tl_cell_param *p = &cell->params[k];
	int64_t columns = hidden * (int64_t)strlen(p->gates);
	switch (p->rows) {
	case TL_INPUT_ROWS: return TL_SHAPE(input, columns);
	case TL_STATE_ROWS: return TL_SHAPE(hidden, columns);
	case TL_BIAS:
	case TL_DIAGONAL: break;
	}
	return TL_SHAPE(columns);
}
