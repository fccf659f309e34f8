/* SPDX-License-Identifier: Apache-2.0 */
/* Event files against one that TensorBoard wrote, and the sum that guards its records. */
#include "tests/suite.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/crc32c.h"
#include "tools/tensorboard.h"

#define TIME 1234567890.125

/* RFC 3720, appendix B.4, and the digits that every catalogue has. */
START_TEST(sums_are_those_of_the_standard)
{
	unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
	memset(ones, 0xFF, sizeof ones);
	for (int k = 0; k < 32; k++) {
		up[k] = (unsigned char)k;
		down[k] = (unsigned char)(31 - k);
	}
	ck_assert_uint_eq(crc32c(zeros, 32), 0x8A9136AA);
	ck_assert_uint_eq(crc32c(ones, 32), 0x62A8AB43);
	ck_assert_uint_eq(crc32c(up, 32), 0x46DD794E);
	ck_assert_uint_eq(crc32c(down, 32), 0x113FDB5C);
	ck_assert_uint_eq(crc32c("123456789", 9), 0xE3069283);
	ck_assert_uint_eq(crc32c("", 0), 0);
}
END_TEST

/* The same events as in tools/fixtures/tensorboard_events.py. */
START_TEST(bytes_are_those_of_tensorboard)
{
	char *text = NULL, name[256] = "grad_norms/", want[4096];
	size_t size = 0;
	tl_error err = {0};
	FILE *to = open_memstream(&text, &size), *from = fopen(TL_FIXTURES "/events.tfevents", "rb");
	ck_assert(to && from);
	size_t known = fread(want, 1, sizeof want, from);
	ck_assert(known > 0 && known < sizeof want);
	fclose(from);
	memset(name + strlen(name), 'x', 200);

	tensorboard *b = tensorboard_new_at(to, TIME, 7, &err);
	ck_assert_msg(b != NULL, "%s", err.text);
	ck_assert(!tensorboard_flush(b, 3, &err)); /* nothing was added: no event */
	tensorboard_add(b, "train/loss", 1.25);
	tensorboard_add(b, "no number", NAN);
	tensorboard_add(b, "lr", 1e-30);
	tensorboard_add(b, "valid/loss", INFINITY);
	ck_assert(!tensorboard_flush(b, 7, &err));
	tensorboard_add(b, name, -0.1);
	ck_assert(!tensorboard_flush(b, (int64_t)1 << 40, &err));
	tensorboard_free(b);
	fclose(to);
	ck_assert_uint_eq(size, known);
	ck_assert_mem_eq(text, want, size);
	free(text);
}
END_TEST

START_TEST(what_begins_has_no_start)
{
	char *text = NULL;
	size_t size = 0;
	tl_error err = {0};
	FILE *to = open_memstream(&text, &size);
	tensorboard *b = tensorboard_new_at(to, TIME, 0, &err);
	ck_assert_ptr_nonnull(b);
	tensorboard_free(b);
	fclose(to);
	ck_assert_uint_eq(size, 8 + 4 + 9 + 2 + 13 + 4); /* the version alone */
	free(text);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	tl_error err = {0};
	FILE *to = fopen("/dev/full", "wb");
	if (!to)
		return;
	ck_assert_ptr_null(tensorboard_new_at(to, TIME, 0, &err));
	ck_assert_int_eq(err.status, TL_ERR_IO);
	fclose(to);
	err = (tl_error){0};
	ck_assert_ptr_null(tensorboard_new("/nowhere/at/all", 0, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/at/all/events.out.tfevents."));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("tensorboard");
	TCase *c = tcase_create("events");
	tcase_add_test(c, sums_are_those_of_the_standard);
	tcase_add_test(c, bytes_are_those_of_tensorboard);
	tcase_add_test(c, what_begins_has_no_start);
	tcase_add_test(c, a_full_disk_is_told);
	suite_add_tcase(s, c);
	return s;
}
