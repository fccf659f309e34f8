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

static int64_t size(bool projected, tl_cell_sizes s)
{
	return projected && s.project ? s.project : s.hidden;
}

int64_t tl_cell_param_block(const tl_cell *cell, int k, tl_cell_sizes sizes)
{
	return size(cell->params[k].rows & TL_PROJECTED, sizes);
}

tl_shape tl_cell_param_shape(const tl_cell *cell, int k, tl_cell_sizes sizes)
{
	const tl_cell_param *p = &cell->params[k];
	int64_t columns = tl_cell_param_block(cell, k, sizes) * (int64_t)strlen(p->gates);
	switch ((int)(p->rows & TL_ROWS)) {
	case TL_INPUT_ROWS: return TL_SHAPE(sizes.input, columns);
	case TL_STATE_ROWS: return TL_SHAPE(sizes.hidden, columns);
	case TL_PROJECTED_ROWS: return TL_SHAPE(size(true, sizes), columns);
	default: return TL_SHAPE(columns);
	}
}

int64_t tl_cell_state_size(const tl_cell *cell, int k, tl_cell_sizes sizes)
{
	return size(cell->projected >> k & 1, sizes);
}

int64_t tl_cell_output_size(const tl_cell *cell, tl_cell_sizes sizes)
{
	return cell->output ? size(cell->projected & TL_OUTPUT_PROJECTED, sizes) : tl_cell_state_size(cell, 0, sizes);
}

bool tl_cell_projects(const tl_cell *cell)
{
	bool any = cell->projected;
	for (const tl_cell_param *p = cell->params; p->name; p++)
		any = any || p->rows & TL_PROJECTED || (p->rows & TL_ROWS) == TL_PROJECTED_ROWS;
	return any;
}
