/* SPDX-License-Identifier: Apache-2.0 */
/* Files written whole or not at all: what stands under the name and in the folder after each outcome. */
#define _POSIX_C_SOURCE 200809L
#include "tests/suite.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "core/atomic_file.h"
#include "tests/scratch.h"

static tl_error err;

static void setup(void)
{
	scratch_files(1);
	err = (tl_error){0};
}

static tl_status save(const char *path, const char *text)
{
	tl_atomic_file f;
	tl_status status = tl_atomic_file_open(&f, path, &err);
	if (!status)
		status = tl_atomic_file_write(&f, text, strlen(text), &err);
	if (!status)
		status = tl_atomic_file_commit(&f, &err);
	tl_atomic_file_release(&f);
	return status;
}

static void assert_holds(const char *path, const char *text)
{
	char got[64];
	ck_assert_uint_eq(scratch_get(path, got, sizeof got), strlen(text));
	ck_assert_mem_eq(got, text, strlen(text));
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_mode & 0777;
}

START_TEST(creates_and_replaces)
{
	const char *path = scratch_path("a");
	mode_t before = umask(027);
	ck_assert_int_eq(save(path, "one"), TL_OK);
	umask(before);
	assert_holds(path, "one");
	ck_assert_uint_eq(mode_of(path), 0640);
	ck_assert_int_eq(chmod(path, 0604), 0);
	ck_assert_int_eq(save(path, "second"), TL_OK);
	assert_holds(path, "second");
	ck_assert_uint_eq(mode_of(path), 0604);
	ck_assert_int_eq(save(path, ""), TL_OK);
	assert_holds(path, "");
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(name_without_a_folder)
{
	int before = open(".", O_RDONLY);
	ck_assert_int_eq(chdir(scratch_folder), 0);
	tl_status status = save("plain", "x");
	ck_assert_int_eq(fchdir(before), 0);
	close(before);
	ck_assert_int_eq(status, TL_OK);
	assert_holds(scratch_path("plain"), "x");
}
END_TEST

START_TEST(nothing_shows_before_commit)
{
	const char *path = scratch_path("a");
	ck_assert_int_eq(save(path, "old"), TL_OK);
	tl_atomic_file f;
	ck_assert_int_eq(tl_atomic_file_open(&f, path, &err), TL_OK);
	ck_assert_int_eq(tl_atomic_file_write(&f, "new", 3, &err), TL_OK);
	assert_holds(path, "old");
	ck_assert_int_eq(scratch_files(0), 2);
	tl_atomic_file_release(&f);
	assert_holds(path, "old");
	ck_assert_int_eq(scratch_files(0), 1);
	tl_atomic_file_release(&f);
}
END_TEST

START_TEST(last_of_two_writers_wins)
{
	const char *path = scratch_path("a");
	tl_atomic_file f, g;
	ck_assert_int_eq(tl_atomic_file_open(&f, path, &err), TL_OK);
	ck_assert_int_eq(tl_atomic_file_open(&g, path, &err), TL_OK);
	ck_assert_int_eq(tl_atomic_file_write(&f, "f", 1, &err), TL_OK);
	ck_assert_int_eq(tl_atomic_file_write(&g, "g", 1, &err), TL_OK);
	ck_assert_int_eq(tl_atomic_file_commit(&g, &err), TL_OK);
	assert_holds(path, "g");
	ck_assert_int_eq(tl_atomic_file_commit(&f, &err), TL_OK);
	assert_holds(path, "f");
	tl_atomic_file_release(&f);
	tl_atomic_file_release(&g);
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(link_is_replaced_not_followed)
{
	char to[SCRATCH_PATH];
	strcpy(to, scratch_path("target"));
	ck_assert_int_eq(save(to, "kept"), TL_OK);
	const char *path = scratch_path("link");
	ck_assert_int_eq(symlink(to, path), 0);
	ck_assert_int_eq(save(path, "new"), TL_OK);
	assert_holds(path, "new");
	assert_holds(to, "kept");
}
END_TEST

START_TEST(full_disk_keeps_the_old_file)
{
	const char *path = scratch_path("a");
	ck_assert_int_eq(save(path, "old"), TL_OK);
	struct rlimit before, small;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	tl_status status = save(path, "more than ten bytes");
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	ck_assert_int_eq(status, TL_ERR_IO);
	char want[SCRATCH_PATH + 64];
	snprintf(want, sizeof want, "%s: cannot be written: %s", path, strerror(EFBIG));
	ck_assert_str_eq(err.text, want);
	assert_holds(path, "old");
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(replacing_fails)
{
	const char *path = scratch_path("a");
	tl_atomic_file f;
	ck_assert_int_eq(tl_atomic_file_open(&f, path, &err), TL_OK);
	ck_assert_int_eq(mkdir(path, 0777), 0);
	tl_status status = tl_atomic_file_commit(&f, &err);
	tl_atomic_file_release(&f);
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(status, TL_ERR_IO);
	ck_assert_ptr_nonnull(strstr(err.text, "a: cannot be replaced: "));
	ck_assert_int_eq(scratch_files(0), 0);
}
END_TEST

/* A FIFO stands for all devices: a broken build would replace it, and nobody wants that in /dev. */
START_TEST(refused_paths)
{
	const char *fifo = scratch_path("fifo");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	const struct {
		const char *path, *want;
	} rows[] = {
		{fifo, "cannot be written: it is not a regular file"},
		{scratch_folder, "cannot be written: it is not a regular file"},
		{"/nonexistent/a", "its directory cannot be opened: No such file or directory"},
		{"/proc/tapeloop", "a temporary file beside it cannot be created: "},
	};
	for (int i = 0; i < 4; i++) {
		char want[SCRATCH_PATH + 128];
		snprintf(want, sizeof want, "%s: %s", rows[i].path, rows[i].want);
		err = (tl_error){0};
		ck_assert_int_eq(save(rows[i].path, "x"), TL_ERR_IO);
		ck_assert_msg(strncmp(err.text, want, strlen(want)) == 0, "%s", err.text);
	}
	struct stat st;
	ck_assert(stat(fifo, &st) == 0 && S_ISFIFO(st.st_mode));
	ck_assert_int_eq(scratch_files(0), 1);
}
END_TEST

START_TEST(sentence_about_a_long_path)
{
	char path[3000];
	memset(path, 'x', sizeof path);
	path[0] = '/';
	strcpy(path + sizeof path - 6, "x/end");
	ck_assert_int_eq(save(path, "x"), TL_ERR_IO);
	ck_assert_int_eq(strncmp(err.text, "...xxx", 6), 0);
	ck_assert_ptr_nonnull(strstr(err.text, "xxx/end: its directory cannot be opened: "));
}
END_TEST

Suite *tl_test_suite(void)
{
	Suite *s = suite_create("atomic_file");
	TCase *c = tcase_create("atomic_file");
	tcase_add_unchecked_fixture(c, scratch_create, scratch_remove);
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, creates_and_replaces);
	tcase_add_test(c, name_without_a_folder);
	tcase_add_test(c, nothing_shows_before_commit);
	tcase_add_test(c, last_of_two_writers_wins);
	tcase_add_test(c, link_is_replaced_not_followed);
	tcase_add_test(c, full_disk_keeps_the_old_file);
	tcase_add_test(c, replacing_fails);
	tcase_add_test(c, refused_paths);
	tcase_add_test(c, sentence_about_a_long_path);
	suite_add_tcase(s, c);
	return s;
}
