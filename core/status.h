/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. Three tiers:
 *  - our own mistake: assert;
 *  - a user's mistake (shape, type, index, file) or a full memory: a function returns a status, and a
 *    tl_error keeps the FIRST sentence that was written to it, so that the cause is reported and not
 *    its consequences;
 *  - the library never exits and never aborts.
 *
 *	tl_error err = {0};
 *	tl_safetensors *f = tl_safetensors_open("model.safetensors", &err);
 *	if (!f || tl_store_load(store, f, &err))
 *		fprintf(stderr, "%s\n", err.text);
 *	tl_safetensors_free(f);
 */
#ifndef TL_CORE_STATUS_H
#define TL_CORE_STATUS_H

#include <stdarg.h>

#include "core/real.h"

typedef enum tl_status {
	TL_OK = 0,
	TL_ERR_MEMORY = -1,      /* an allocation failed */
	TL_ERR_SHAPE = -2,       /* shapes do not fit together */
	TL_ERR_TYPE = -3,        /* reals where indices are needed, or the other way round */
	TL_ERR_ARGUMENT = -4,    /* a parameter outside its range */
	TL_ERR_INDEX = -5,       /* an index value outside the axis that it indexes */
	TL_ERR_STALE = -6,       /* a variable of a tape that was reset, or of another tape */
	TL_ERR_NO_GRADIENT = -7, /* a gradient through an op that has none */
	TL_ERR_IO = -8,          /* the operating system refused a file */
	TL_ERR_FORMAT = -9,      /* a file's content is not what it should be */
	TL_ERR_VALUE = -10,      /* not a number, or infinite, where a finite one is needed */
	TL_ERR_BACKEND = -11,    /* oneDNN refused */
} tl_status;

#define TL_ERROR_TEXT 4096 /* room for the names that a file does not share with a model */

/* Zero-initialise before use, or tl_error_clear it. */
typedef struct tl_error {
	tl_status status;
	char text[TL_ERROR_TEXT];
} tl_error;

/* Cheaper than zeros, where a step of time counts. */
static inline void tl_error_clear(tl_error *err)
{
	err->status = TL_OK;
	err->text[0] = '\0';
}

/* "shape", "memory", ...: one word for a status. */
TL_API const char *tl_status_name(tl_status status);

/*
 * Write a sentence, unless err already holds one or is NULL; returns the status that err holds
 * (`status` itself where err is NULL), so `return tl_error_set(err, ...)` is the idiom.
 */
TL_API tl_status tl_error_set(tl_error *err, tl_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
TL_API tl_status tl_error_vset(tl_error *err, tl_status status, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

/* The sentence that every failed allocation reports. */
TL_API tl_status tl_error_memory(tl_error *err);

#endif
