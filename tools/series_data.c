/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/series_data.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/batches.h"

#define CHECK_BLOCK ((int64_t)1 << 18) /* numbers that are held while a file is checked */

const char *series_target_name(series_target target)
{
	static const char *const names[] = {"classes", "labels of steps", "values", "values of steps",
		"next steps"};
	return names[target];
}

static tl_status refuse_shape(const tl_npy *f, const char *want, tl_error *err)
{
	char shape[TL_SHAPE_TEXT];
	return tl_error_set(err, TL_ERR_SHAPE, "%s has dtype %s and shape %s; %s", tl_npy_path(f),
		tl_npy_dtype(f), tl_shape_text(tl_npy_shape(f), shape), want);
}

/* Elements first .. first + n - 1 of axis 0. */
static tl_status read_rows(const tl_npy *f, int64_t first, int64_t n, tl_dtype dtype, void *to, tl_error *err)
{
	tl_shape shape = tl_npy_shape(f);
	shape.dim[0] = n;
	tl_tensor t = tl_tensor_dense(dtype, shape, to);
	return tl_npy_read(f, first, &t, err);
}

/* All of a file; *data is to be freed. */
static tl_status load(const tl_npy *f, tl_dtype dtype, void *data, tl_error *err)
{
	tl_shape shape = tl_npy_shape(f);
	void *all = malloc((size_t)tl_shape_size(shape) * tl_dtype_size(dtype) + 1);
	if (!all)
		return tl_error_memory(err);
	memcpy(data, &all, sizeof all);
	return read_rows(f, 0, shape.dim[0], dtype, all, err);
}

/* Whose rows cannot be read one at a time in reasonable time. */
static bool is_held(const tl_npy *f)
{
	return tl_npy_column_major(f) || tl_npy_deflated(f);
}

static tl_status open_x(series *s, const char *path, tl_error *err)
{
	s->x = tl_npy_open(path, err);
	if (!s->x)
		return err->status;
	tl_shape shape = tl_npy_shape(s->x);
	s->scaled = strcmp(tl_npy_dtype(s->x), "|u1") == 0;
	bool reals = tl_npy_kind(s->x) == TL_REAL;
	if ((!reals && !s->scaled) || shape.axes < 2 || shape.axes > 3)
		return refuse_shape(s->x, "x is (N, T, D) or (N, T), of reals or uint8", err);
	s->n = shape.dim[0];
	s->steps = shape.dim[1];
	s->inputs = shape.axes == 3 ? shape.dim[2] : 1;
	if (s->n == 0)
		return refuse_shape(s->x, "there is no series in it", err);
	if (s->steps == 0 || s->inputs == 0)
		return refuse_shape(s->x, "its series are empty", err);
	return is_held(s->x) ? load(s->x, TL_REAL, &s->x_held, err) : TL_OK;
}

static tl_status refuse_count(const series *s, const tl_npy *f, tl_error *err)
{
	tl_shape shape = tl_npy_shape(f);
	return tl_error_set(err, TL_ERR_SHAPE, "%s has %" PRId64 " series but %s has %" PRId64,
		tl_npy_path(s->x), s->n, tl_npy_path(f), shape.axes ? shape.dim[0] : 1);
}

static tl_status open_y(series *s, const char *path, tl_error *err)
{
	s->y = tl_npy_open(path, err);
	if (!s->y)
		return err->status;
	tl_shape shape = tl_npy_shape(s->y);
	bool whole = tl_npy_kind(s->y) == TL_I32;
	if (shape.axes < 1 || shape.axes > (whole ? 2 : 3))
		return refuse_shape(
			s->y, "y is whole numbers (N) or (N, T), or reals (N), (N, K) or (N, T, K)", err);
	if (shape.dim[0] != s->n)
		return refuse_count(s, s->y, err);
	bool by_step = shape.axes == (whole ? 2 : 3);
	if (by_step && shape.dim[1] != s->steps)
		return tl_error_set(err, TL_ERR_SHAPE,
			"%s has %" PRId64 " steps but the series in %s have %" PRId64
			"; y is whole numbers (N) or (N, T), "
			"or reals (N), (N, K) or (N, T, K)",
			tl_npy_path(s->y), shape.dim[1], tl_npy_path(s->x), s->steps);
	s->target = whole ? (by_step ? SERIES_STEP_LABELS : SERIES_CLASSES)
			  : (by_step ? SERIES_STEP_VALUES : SERIES_VALUES);
	s->outputs = whole || shape.axes == 1 ? 1 : shape.dim[shape.axes - 1];
	if (s->outputs == 0)
		return refuse_shape(s->y, "there are no values in it", err);
	if (whole)
		return load(s->y, TL_I32, &s->labels, err);
	if (by_step)
		return is_held(s->y) ? load(s->y, TL_REAL, &s->y_held, err) : TL_OK;
	return load(s->y, TL_REAL, &s->values, err);
}

static tl_status check_lengths(const series *s, const char *path, const int32_t *lengths, tl_error *err)
{
	for (int64_t i = 0; i < s->n; i++) {
		if (lengths[i] < 0 || lengths[i] > s->steps)
			return tl_error_set(err, TL_ERR_FORMAT,
				"%s[%" PRId64 "] is %d; a length is 0 to %" PRId64 ", the steps of %s", path,
				i, (int)lengths[i], s->steps, tl_npy_path(s->x));
		s->length[i] = lengths[i];
	}
	return TL_OK;
}

static tl_status read_lengths(series *s, const char *path, tl_error *err)
{
	s->length = malloc((size_t)s->n * sizeof *s->length);
	if (!s->length)
		return tl_error_memory(err);
	for (int64_t i = 0; i < s->n; i++)
		s->length[i] = s->steps;
	if (!path)
		return TL_OK;
	tl_npy *f = tl_npy_open(path, err);
	if (!f)
		return err->status;
	int32_t *lengths = NULL;
	tl_shape shape = tl_npy_shape(f);
	tl_status status = TL_OK;
	if (shape.axes != 1 || tl_npy_kind(f) != TL_I32)
		status = refuse_shape(f, "lengths are whole numbers (N)", err);
	else if (shape.dim[0] != s->n)
		status = refuse_count(s, f, err);
	if (!status)
		status = load(f, TL_I32, &lengths, err);
	if (!status)
		status = check_lengths(s, path, lengths, err);
	free(lengths);
	tl_npy_free(f);
	return status;
}

/* "[3, 7]": the place of element k of row i. */
static const char *place(const tl_npy *f, int64_t i, int64_t k, char buf[TL_SHAPE_TEXT])
{
	tl_shape shape = tl_npy_shape(f), at = {.axes = shape.axes, .dim = {i}};
	for (int64_t a = shape.axes - 1; a > 0; a--) {
		at.dim[a] = k % shape.dim[a];
		k /= shape.dim[a];
	}
	tl_shape_text(at, buf);
	buf[0] = '[';
	buf[strlen(buf) - 1] = ']';
	return buf;
}

/* Row i has n reals, all of which must be finite. */
static tl_status check_row(const tl_npy *f, int64_t i, const tl_real *row, int64_t n, tl_error *err)
{
	char where[TL_SHAPE_TEXT];
	for (int64_t k = 0; k < n; k++)
		if (!isfinite(row[k]))
			return tl_error_set(err, TL_ERR_VALUE, "%s%s is %s", tl_npy_path(f),
				place(f, i, k, where), isnan(row[k]) ? "not a number (NaN)" : "infinite");
	return TL_OK;
}

/* Rows of x, or of y's steps, where all is held, else in `buffer`, which takes n of them. */
static tl_status get_rows(const series *s, const tl_npy *f, int64_t first, int64_t n, tl_real *buffer,
	const tl_real **rows, tl_error *err)
{
	const tl_real *held = f == s->x ? s->x_held : s->y_held;
	*rows = held ? held + first * (tl_shape_size(tl_npy_shape(f)) / s->n) : buffer;
	return held ? TL_OK : read_rows(f, first, n, TL_REAL, buffer, err);
}

/* All rows of a file of reals, up to their lengths where they have steps. */
static tl_status check_reals(const series *s, const tl_npy *f, bool by_step, tl_error *err)
{
	int64_t width = tl_shape_size(tl_npy_shape(f)) / s->n, step = width / s->steps;
	int64_t block = CHECK_BLOCK / width < 1 ? 1 : CHECK_BLOCK / width;
	tl_real *buffer = malloc((size_t)(block * width) * sizeof *buffer);
	tl_status status = buffer ? TL_OK : tl_error_memory(err);
	for (int64_t first = 0; first < s->n && !status; first += block) {
		int64_t n = s->n - first < block ? s->n - first : block;
		const tl_real *rows;
		status = get_rows(s, f, first, n, buffer, &rows, err);
		for (int64_t i = 0; i < n && !status; i++)
			status = check_row(f, first + i, rows + i * width,
				by_step ? s->length[first + i] * step : width, err);
	}
	free(buffer);
	return status;
}

/* The labels of series i that count: how many, from where. */
static int64_t row_labels(const series *s, int64_t i, const int32_t **labels)
{
	int64_t width = s->target == SERIES_STEP_LABELS ? s->steps : 1;
	*labels = s->labels + i * width;
	return s->target == SERIES_STEP_LABELS ? s->length[i] : 1;
}

static tl_status check_labels(series *s, tl_error *err)
{
	char where[TL_SHAPE_TEXT];
	bool may_ignore = s->target == SERIES_STEP_LABELS;
	for (int64_t i = 0; i < s->n; i++) {
		const int32_t *labels;
		int64_t n = row_labels(s, i, &labels);
		for (int64_t k = 0; k < n; k++) {
			if (labels[k] < 0 && !(may_ignore && labels[k] == SERIES_IGNORED))
				return tl_error_set(err, TL_ERR_FORMAT,
					"%s%s is %d; classes are numbered from 0", tl_npy_path(s->y),
					place(s->y, i, k, where), (int)labels[k]);
			if (labels[k] >= s->outputs)
				s->outputs = (int64_t)labels[k] + 1;
		}
	}
	return TL_OK;
}

tl_status series_open(series *s, const char *x, const char *y, const char *lengths, tl_error *err)
{
	*s = (series){0};
	tl_status status = open_x(s, x, err);
	s->target = SERIES_NEXT;
	s->outputs = s->inputs;
	if (!status && y)
		status = open_y(s, y, err);
	if (!status)
		status = read_lengths(s, lengths, err);
	if (!status && !s->scaled)
		status = check_reals(s, s->x, true, err);
	if (!status && s->labels)
		status = check_labels(s, err);
	else if (!status && s->y)
		status = check_reals(s, s->y, s->target == SERIES_STEP_VALUES, err);
	if (status)
		series_release(s);
	return status;
}

void series_release(series *s)
{
	tl_npy_free(s->x);
	tl_npy_free(s->y);
	free(s->x_held);
	free(s->y_held);
	free(s->labels);
	free(s->values);
	free(s->length);
	*s = (series){0};
}

tl_status series_check(
	const series *other, series_target target, int64_t inputs, int64_t outputs, tl_error *err)
{
	if (other->inputs != inputs)
		return tl_error_set(err, TL_ERR_SHAPE,
			"%s has %" PRId64 " inputs a step; the model has %" PRId64, tl_npy_path(other->x),
			other->inputs, inputs);
	if (other->target != target)
		return tl_error_set(err, TL_ERR_TYPE, "%s holds %s; the model was trained on %s",
			tl_npy_path(other->y), series_target_name(other->target), series_target_name(target));
	if (!other->labels && other->outputs != outputs)
		return tl_error_set(err, TL_ERR_SHAPE, "%s has %" PRId64 " values; the model has %" PRId64,
			tl_npy_path(other->y), other->outputs, outputs);
	char where[TL_SHAPE_TEXT];
	for (int64_t i = 0; i < other->n && other->labels && other->outputs > outputs; i++) {
		const int32_t *labels;
		int64_t n = row_labels(other, i, &labels);
		for (int64_t k = 0; k < n; k++)
			if (labels[k] >= outputs)
				return tl_error_set(err, TL_ERR_FORMAT,
					"%s%s is class %d; the training data have the classes 0 to %" PRId64,
					tl_npy_path(other->y), place(other->y, i, k, where), (int)labels[k],
					outputs - 1);
	}
	return TL_OK;
}

int64_t series_count(const series *s, int64_t i)
{
	const int32_t *labels;
	if (s->target != SERIES_STEP_LABELS)
		return s->target == SERIES_CLASSES || s->target == SERIES_VALUES ? 1 : s->length[i];
	int64_t n = row_labels(s, i, &labels), count = 0;
	for (int64_t k = 0; k < n; k++)
		count += labels[k] != SERIES_IGNORED;
	return count;
}

int64_t series_longest(const series *s, const int64_t *which, int64_t rows)
{
	return batch_longest(s->length, which, rows);
}

/* Numbers of steps (N, T, width) as (steps, rows, width), 0 past the lengths, divided by `divisor`. */
static tl_status read_steps(const series *s, const tl_npy *f, int64_t width, tl_real divisor,
	const int64_t *which, int64_t rows, int64_t steps, tl_real *to, tl_error *err)
{
	tl_real *buffer = malloc((size_t)(s->steps * width) * sizeof *buffer);
	tl_status status = buffer ? TL_OK : tl_error_memory(err);
	for (int64_t b = 0; b < rows && !status; b++) {
		const tl_real *row = NULL;
		status = get_rows(s, f, which[b], 1, buffer, &row, err);
		for (int64_t t = 0; t < steps && !status; t++)
			for (int64_t k = 0; k < width; k++)
				to[(t * rows + b) * width + k] =
					t < s->length[which[b]] ? row[t * width + k] / divisor : 0;
	}
	free(buffer);
	return status;
}

tl_status series_read_x(const series *s, const int64_t *which, int64_t rows, int64_t steps, tl_real *x,
	int64_t *lengths, tl_error *err)
{
	for (int64_t b = 0; b < rows && lengths; b++)
		lengths[b] = s->length[which[b]];
	return read_steps(s, s->x, s->inputs, s->scaled ? 255 : 1, which, rows, steps, x, err);
}

void series_read_labels(const series *s, const int64_t *which, int64_t rows, int64_t steps, int32_t *labels)
{
	int64_t width = s->target == SERIES_STEP_LABELS ? steps : 1;
	for (int64_t b = 0; b < rows; b++) {
		const int32_t *from;
		int64_t n = row_labels(s, which[b], &from);
		for (int64_t t = 0; t < width; t++)
			labels[t * rows + b] = t < n ? from[t] : SERIES_IGNORED;
	}
}

tl_status series_read_values(
	const series *s, const int64_t *which, int64_t rows, int64_t steps, tl_real *y, tl_error *err)
{
	if (s->target == SERIES_STEP_VALUES)
		return read_steps(s, s->y, s->outputs, 1, which, rows, steps, y, err);
	for (int64_t b = 0; b < rows; b++)
		memcpy(y + b * s->outputs, s->values + which[b] * s->outputs, (size_t)s->outputs * sizeof *y);
	return TL_OK;
}
