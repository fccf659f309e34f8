/* SPDX-License-Identifier: Apache-2.0 */
#include "core/shape.h"

#include <inttypes.h>
#include <stdio.h>

bool tl_shape_valid(tl_shape s)
{
	int64_t bytes = 2 * (int64_t)sizeof(double);
	bool fits = s.axes >= 0 && s.axes <= TL_MAX_AXES;
	for (int64_t i = 0; fits && i < s.axes; i++)
		fits = s.dim[i] >= 0 && (s.dim[i] == 0 || !__builtin_mul_overflow(bytes, s.dim[i], &bytes));
	return fits;
}

bool tl_shape_broadcast(tl_shape a, tl_shape b, tl_shape *out)
{
	if (tl_shape_equal(a, b)) {
		*out = a;
		return true;
	}
	tl_shape r = {.axes = a.axes > b.axes ? a.axes : b.axes};
	for (int64_t i = 1; i <= r.axes; i++) {
		int64_t da = i <= a.axes ? a.dim[a.axes - i] : 1;
		int64_t db = i <= b.axes ? b.dim[b.axes - i] : 1;
		if (da != db && da != 1 && db != 1)
			return false;
		r.dim[r.axes - i] = da == 1 ? db : da;
	}
	*out = r;
	return true;
}

int tl_shape_axis(tl_shape s, int axis)
{
	if (axis < 0)
		axis += (int)s.axes;
	return axis >= 0 && axis < s.axes ? axis : -1;
}

void tl_shape_strides(tl_shape s, int64_t stride[TL_MAX_AXES])
{
	int64_t step = 1;
	for (int64_t i = s.axes - 1; i >= 0; i--) {
		stride[i] = step;
		step *= s.dim[i];
	}
}

const char *tl_shape_text(tl_shape s, char buf[TL_SHAPE_TEXT])
{
	size_t used = (size_t)snprintf(buf, TL_SHAPE_TEXT, "(");
	for (int i = 0; i < s.axes && i < TL_MAX_AXES && used < TL_SHAPE_TEXT; i++)
		used += (size_t)snprintf(
			buf + used, TL_SHAPE_TEXT - used, "%s%" PRId64, i ? ", " : "", s.dim[i]);
	if (used < TL_SHAPE_TEXT)
		snprintf(buf + used, TL_SHAPE_TEXT - used, ")");
	return buf;
}
