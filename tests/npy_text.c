/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .npy files from text and back, for tests in shell:
 *
 *	npy_text pack '<f4' '(3, 2)' FILE < numbers    '<f4', '<i4' or '|u1'; nobody checks how many there are
 *	npy_text print FILE                            a line for each element of axis 0
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/npy.h"

static int pack(const char *dtype, const char *shape, const char *path)
{
	char header[119];
	double x;
	FILE *to = fopen(path, "wb");
	if (!to)
		return EXIT_FAILURE;
	snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, shape);
	fwrite("\x93NUMPY\1\0\x76", 1, 10, to);
	fprintf(to, "%-117s\n", header);
	while (scanf("%lf", &x) == 1) {
		float real = (float)x;
		int32_t whole = (int32_t)x;
		if (dtype[1] == 'u')
			fputc((int)x, to);
		else
			fwrite(dtype[1] == 'f' ? (void *)&real : (void *)&whole, 1, 4, to);
	}
	return fclose(to) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int print(const char *path)
{
	tl_error err = {0};
	tl_npy *f = tl_npy_open(path, &err);
	tl_shape shape = f ? tl_npy_shape(f) : TL_SHAPE(0);
	int64_t n = tl_shape_size(shape);
	double *values = malloc((size_t)(n + 1) * sizeof *values);
	bool whole = f && tl_npy_kind(f) == TL_I32;
	tl_tensor t = tl_tensor_dense(whole ? TL_I32 : TL_REAL, shape, values);
	if (!f || !values || tl_npy_read(f, 0, &t, &err)) {
		fprintf(stderr, "npy_text: %s\n", err.text);
		return EXIT_FAILURE;
	}
	int64_t row = n / shape.dim[0];
	for (int64_t i = 0; i < n; i++) {
		double x = whole ? ((int32_t *)t.data)[i] : (double)((tl_real *)t.data)[i];
		printf("%.9g%c", x, (i + 1) % row ? ' ' : '\n');
	}
	free(values);
	tl_npy_free(f);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "pack"))
		return pack(argv[2], argv[3], argv[4]);
	if (argc == 3 && !strcmp(argv[1], "print"))
		return print(argv[2]);
	fputs("npy_text pack DTYPE SHAPE FILE < numbers; npy_text print FILE\n", stderr);
	return EXIT_FAILURE;
}
