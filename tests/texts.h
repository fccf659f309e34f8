/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the tool's texts share: a file for each test; texts, tokens and symbols by hand. */
#ifndef TL_TESTS_TEXTS_H
#define TL_TESTS_TEXTS_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/vocab.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))
#define BYTES(literal) literal, sizeof(literal) - 1

static char path[] = "/tmp/tapeloop-corpus-XXXXXX";

static inline void write_file(const char *bytes, size_t size)
{
	FILE *f = fopen(path, "wb");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void make_path(void)
{
	strcpy(path + strlen(path) - 6, "XXXXXX");
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static inline void remove_path(void)
{
	unlink(path);
}

static inline text text_of(const char *bytes, size_t size)
{
	text t = {malloc(size + 1), size};
	ck_assert_ptr_nonnull(t.bytes);
	memcpy(t.bytes, bytes, size);
	t.bytes[size] = '\0';
	return t;
}

static inline token token_of(const char *s)
{
	return (token){s, (uint32_t)strlen(s)};
}

static inline void assert_symbols(const vocab *v, int n, const char *const *want)
{
	ck_assert_int_eq(v->n, n);
	for (int i = 0; i < n; i++)
		ck_assert_str_eq(v->symbols[i], want[i]);
}

#endif
