/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawings as text, and what Graphviz makes of them. Where the environment's TL_DRAWINGS names a folder, the
 * drawings that are named are kept there, to be looked at, and to become the stored ones of tests/fixtures/draw.
 */
#ifndef TL_TESTS_DRAWING_H
#define TL_TESTS_DRAWING_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "graph/draw.h"

/* The drawing as a string; the caller frees it. */
static inline char *drawing(int n, const tl_var *outputs, const tl_draw_options *options)
{
	static char *text; /* gcc 12 takes a local one's address for what is returned */
	static size_t size;
	tl_error err = {0};
	FILE *to = open_memstream(&text, &size);
	ck_assert_ptr_nonnull(to);
	ck_assert_msg(tl_tape_draw(to, n, outputs, options, &err) == TL_OK, "%s", err.text);
	fclose(to);
	return text;
}

/* How often it occurs. */
static inline int count(const char *text, const char *part)
{
	int n = 0;
	size_t length = strlen(part);
	for (const char *at = text; *at; at++) /* strstr under AddressSanitizer measures the text each time */
		n += *at == *part && strncmp(at, part, length) == 0;
	return n;
}

/* Boxes, and leaves beside them. */
static inline int count_boxes(const char *text)
{
	return count(text, "\" [label=<");
}

static inline int count_frames(const char *text)
{
	return count(text, "subgraph \"");
}

static inline void ck_drawn(const char *text, const char *part, int n)
{
	int found = count(text, part);
	ck_assert_msg(found == n, "%s occurs %d times, not %d, in\n%.3000s", part, found, n, text);
}

/* Runs `dot` with a limit of seconds of the processor's time. False where there is no such program. */
static inline bool graphviz(const char *text, const char *type, int seconds)
{
	char path[] = "/tmp/tl-draw-XXXXXX", command[256];
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	size_t size = strlen(text);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
	snprintf(command, sizeof command, "ulimit -t %d; dot -T%s %s > /dev/null 2>&1", seconds, type, path);
	bool there = system("command -v dot > /dev/null 2>&1") == 0;
	int status = there ? system(command) : 0;
	unlink(path);
	ck_assert_msg(status == 0, "dot -T%s took more than %d s, or failed", type, seconds);
	return there;
}

static inline void keep_drawing(const char *name, const char *text)
{
	const char *folder = getenv("TL_DRAWINGS");
	char path[1024];
	if (!folder)
		return;
	snprintf(path, sizeof path, "%s/%s.dot", folder, name);
	FILE *to = fopen(path, "w");
	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
}

#endif
