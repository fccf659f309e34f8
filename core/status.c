/* SPDX-License-Identifier: Apache-2.0 */
#include "core/status.h"

#include <assert.h>
#include <stdio.h>

const char *tl_status_name(tl_status status)
{
	switch (status) {
	case TL_OK: return "ok";
	case TL_ERR_MEMORY: return "memory";
	case TL_ERR_SHAPE: return "shape";
	case TL_ERR_TYPE: return "type";
	case TL_ERR_ARGUMENT: return "argument";
	case TL_ERR_INDEX: return "index";
	case TL_ERR_STALE: return "stale variable";
	case TL_ERR_NO_GRADIENT: return "no gradient";
	case TL_ERR_IO: return "input/output";
	case TL_ERR_FORMAT: return "format";
	case TL_ERR_VALUE: return "value";
	case TL_ERR_BACKEND: return "backend";
	}
	return "unknown status";
}

tl_status tl_error_vset(tl_error *err, tl_status status, const char *format, va_list args)
{
	assert(status != TL_OK);
	if (!err)
		return status;
	if (err->status == TL_OK) {
		err->status = status;
		vsnprintf(err->text, sizeof err->text, format, args);
	}
	return err->status;
}

tl_status tl_error_set(tl_error *err, tl_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	status = tl_error_vset(err, status, format, args);
	va_end(args);
	return status;
}

tl_status tl_error_memory(tl_error *err)
{
	return tl_error_set(err, TL_ERR_MEMORY, "out of memory");
}
