/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/npz.h"
#include "core/safetensors.h"

#define MOST 512 /* elements that are read */

#define PROMISE(holds)                                                                                       \
	do {                                                                                                 \
		if (!(holds)) {                                                                              \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #holds);            \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

/* A failure has a status and a sentence that starts with the path. */
static void check_error(const char *path, const tl_error *err)
{
	PROMISE(err->status != TL_OK);
	PROMISE(err->status == TL_ERR_MEMORY || strncmp(err->text, path, strlen(path)) == 0);
	for (const char *c = err->text; *c; c++)
		PROMISE((unsigned char)*c >= ' ');
}

/* Reads an array of this shape by `read`, densely and with room between the elements. */
static void read_all(const char *path, tl_shape shape, const void *f, int k,
	tl_status (*read)(const void *f, int k, const tl_tensor *to, tl_error *err))
{
	static double memory[2 * MOST];
	PROMISE(tl_shape_valid(shape));
	for (int way = 0; way < 4 && tl_shape_size(shape) <= MOST; way++) {
		tl_error err = {0};
		tl_tensor to = tl_tensor_dense(way & 1 ? TL_I32 : TL_REAL, shape, memory);
		for (int axis = 0; axis < shape.axes && way & 2; axis++)
			to.stride[axis] *= 2;
		if (read(f, k, &to, &err))
			check_error(path, &err);
	}
}

static tl_status read_tensor(const void *f, int k, const tl_tensor *to, tl_error *err)
{
	return tl_safetensors_read(f, k, to, err);
}

static int use_safetensors(const char *path)
{
	tl_error err = {0};
	tl_safetensors *f = tl_safetensors_open(path, &err);
	if (!f) {
		check_error(path, &err);
		return 0;
	}
	PROMISE(err.status == TL_OK);
	for (int k = 0; k < tl_safetensors_count(f); k++) {
		PROMISE(tl_safetensors_find(f, tl_safetensors_name(f, k)) == k);
		PROMISE(tl_safetensors_dtype(f, k));
		read_all(path, tl_safetensors_shape(f, k), f, k, read_tensor);
	}
	for (int i = 0; i < tl_safetensors_metadata_count(f); i++) {
		tl_safetensors_pair pair = tl_safetensors_metadata_pair(f, i);
		PROMISE(tl_safetensors_metadata(f, pair.key) == pair.value);
	}
	tl_safetensors_free(f);
	return 1;
}

static tl_status read_array(const void *f, int k, const tl_tensor *to, tl_error *err)
{
	return tl_npy_read(f, k, to, err);
}

static void use_array(const tl_npy *f)
{
	PROMISE(tl_npy_dtype(f) && (tl_npy_kind(f) == TL_REAL || tl_npy_kind(f) == TL_I32));
	tl_shape shape = tl_npy_shape(f);
	read_all(tl_npy_path(f), shape, f, 0, read_array);
	if (shape.axes > 0 && shape.dim[0] > 1) { /* all elements but the first */
		shape.dim[0]--;
		read_all(tl_npy_path(f), shape, f, 1, read_array);
	}
}

static int use_npy(const char *path)
{
	tl_error err = {0};
	tl_npy *f = tl_npy_open(path, &err);
	if (!f) {
		check_error(path, &err);
		return 0;
	}
	use_array(f);
	tl_npy_free(f);
	return 1;
}

static int use_npz(const char *path)
{
	tl_error err = {0};
	tl_npz *f = tl_npz_open(path, &err);
	if (!f) {
		check_error(path, &err);
		return 0;
	}
	for (int k = 0; k < tl_npz_count(f); k++) {
		PROMISE(tl_npz_find(f, tl_npz_name(f, k)) == k);
		use_array(tl_npz_at(f, k));
	}
	tl_npz_free(f);
	return 1;
}

int fuzz_file(const char *path)
{
	return use_safetensors(path) + use_npy(path) + use_npz(path);
}
