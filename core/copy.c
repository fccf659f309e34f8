/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs that are contiguous on both sides are moved as they are. Where the two sides are contiguous along
 * different axes, squares of SIDE x SIDE elements are turned in the processor's registers. All else goes
 * element by element.
 */
#include "core/copy.h"

#include <assert.h>
#include <string.h>

#include "core/vector.h"
#include "core/walk.h"

#define SIDE 8	    /* of a square */
#define BAND 16	    /* rows of the target that are turned together: a line of the cache in each source row */
#define GRAIN 65536 /* bytes worth waking a thread for */

/* Elements are moved as words of their size, whatever they hold. */
typedef uint32_t __attribute__((may_alias)) word32;
typedef uint64_t __attribute__((may_alias)) word64;

#define COPY(type)                                                                                           \
	do {                                                                                                 \
		type *to = (type *)at[0];                                                                    \
		const type *from = (const type *)at[1];                                                      \
		for (int64_t i = 0; i < n; i++)                                                              \
			to[i * step[0]] = from[i * step[1]];                                                 \
	} while (0)

static void copy_run(void *ctx, int64_t n, char *const *at, const int64_t *step)
{
	const tl_walk *w = ctx;
	if (step[0] == 1 && step[1] == 1)
		memcpy(at[0], at[1], (size_t)n * w->size[0]);
	else if (w->size[0] == sizeof(word32))
		COPY(word32);
	else
		COPY(word64);
}

static void copy_rows(void *ctx, int64_t first, int64_t last)
{
	tl__walk_rows(ctx, first, last, copy_run, ctx);
}

/* A matrix that is contiguous by rows on one side and by columns on the other. */
typedef struct turned {
	tl_walk outer; /* the other axes */
	size_t size;
	int64_t rows, columns;	     /* of the target */
	int64_t to_row, from_column; /* strides in elements */
	int64_t bands;		     /* of BAND rows each */
} turned;

/* Rows [row, end) by columns [column, last) of the target, element by element. */
#define TURN(type, row, end, column, last)                                                                   \
	do {                                                                                                 \
		const int64_t down = t->to_row, right = t->from_column, n = (end) - (row);                   \
		for (int64_t j = column; j < (last); j++) {                                                  \
			type *to = (type *)at[0] + (row)*down + j;                                           \
			const type *from = (const type *)at[1] + (row) + j * right;                          \
			for (int64_t i = 0; i < n; i++)                                                      \
				to[i * down] = from[i];                                                      \
		}                                                                                            \
	} while (0)

typedef word32 eight __attribute__((vector_size(32), aligned(4)));

/* SIDE x SIDE words: pairs, then quadruples, then halves change places. */
static inline __attribute__((always_inline)) void turn_square(
	word32 *to, const word32 *from, int64_t down, int64_t right)
{
	eight a[SIDE], b[SIDE];
	for (int k = 0; k < SIDE; k++)
		a[k] = *(const eight *)(from + k * right);
	for (int k = 0; k < SIDE; k += 2) {
		b[k] = __builtin_shufflevector(a[k], a[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
		b[k + 1] = __builtin_shufflevector(a[k], a[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
	}
	for (int h = 0; h < SIDE / 2; h++) {
		int k = h + h / 2 * 2;
		a[k] = __builtin_shufflevector(b[k], b[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
		a[k + 2] = __builtin_shufflevector(b[k], b[k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
	}
	for (int k = 0; k < SIDE / 2; k++) {
		*(eight *)(to + k * down) = __builtin_shufflevector(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
		*(eight *)(to + (k + 4) * down) =
			__builtin_shufflevector(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
	}
}

/* The part of a band that is made of whole squares. */
TL_VECTOR static void turn_squares(const turned *t, char *const *at, int64_t row, int64_t end, int64_t last)
{
	for (int64_t j = 0; j < last; j += SIDE)
		for (int64_t i = row; i < end; i += SIDE)
			turn_square((word32 *)at[0] + i * t->to_row + j,
				(const word32 *)at[1] + i + j * t->from_column, t->to_row, t->from_column);
}

static void turn_band(const turned *t, char *const *at, int64_t row, int64_t end)
{
	if (t->size != sizeof(word32)) {
		TURN(word64, row, end, 0, t->columns);
		return;
	}
	int64_t square_end = end - (end - row) % SIDE, last = t->columns - t->columns % SIDE;
	turn_squares(t, at, row, square_end, last);
	TURN(word32, row, square_end, last, t->columns);
	TURN(word32, square_end, end, 0, t->columns);
}

static void turn_bands(void *ctx, int64_t first, int64_t last)
{
	const turned *t = ctx;
	for (int64_t b = first; b < last; b++) {
		int64_t rest = b / t->bands, row = b % t->bands * BAND;
		char *at[2] = {t->outer.base[0], t->outer.base[1]};
		for (int i = t->outer.axes - 1; i >= 0; i--) {
			for (int k = 0; k < 2; k++)
				at[k] += rest % t->outer.dim[i] * t->outer.stride[k][i] * (int64_t)t->size;
			rest /= t->outer.dim[i];
		}
		turn_band(t, at, row, t->rows - row < BAND ? t->rows : row + BAND);
	}
}

/* Is the target contiguous along the last axis and the source along another one? */
static bool is_turned(const tl_walk *w, turned *t)
{
	int last = w->axes - 1, axis = last - 1;
	if (w->stride[0][last] != 1 || w->stride[1][last] == 1)
		return false;
	while (axis >= 0 && w->stride[1][axis] != 1)
		axis--;
	if (axis < 0)
		return false;
	*t = (turned){.outer = *w,
		.size = w->size[0],
		.rows = w->dim[axis],
		.columns = w->dim[last],
		.to_row = w->stride[0][axis],
		.from_column = w->stride[1][last],
		.bands = (w->dim[axis] + BAND - 1) / BAND};
	t->outer.axes = 0;
	for (int i = 0; i < last; i++) {
		if (i == axis)
			continue;
		t->outer.dim[t->outer.axes] = w->dim[i];
		for (int k = 0; k < 2; k++)
			t->outer.stride[k][t->outer.axes] = w->stride[k][i];
		t->outer.axes++;
	}
	return true;
}

/* A single run, cut between threads. */
static void copy_part(void *ctx, int64_t first, int64_t last)
{
	const tl_walk *w = ctx;
	char *at[2];
	int64_t step[2];
	for (int k = 0; k < 2; k++) {
		step[k] = w->stride[k][0];
		at[k] = w->base[k] + first * step[k] * (int64_t)w->size[k];
	}
	copy_run(ctx, last - first, at, step);
}

void tl__copy(const tl_tensor *to, const tl_tensor *from, tl_pool *pool)
{
	assert(tl_shape_equal(to->shape, from->shape) && to->dtype == from->dtype);
	tl_walk w;
	turned t;
	tl__walk_init(&w, 2, (const tl_tensor *[]){to, from});
	if (w.rows == 0)
		return;
	int64_t length = w.dim[w.axes - 1], bytes = length * (int64_t)w.size[0];
	if (is_turned(&w, &t))
		tl_parallel(pool, w.rows / t.rows * t.bands, 1 + GRAIN / (BAND * bytes), turn_bands, &t);
	else if (w.rows == 1)
		tl_parallel(pool, length, GRAIN / (int64_t)w.size[0], copy_part, &w);
	else
		tl_parallel(pool, w.rows, 1 + GRAIN / bytes, copy_rows, &w);
}
