/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, and patterns that match them. */
#include "graph/find.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "graph/node.h"

const char *tl_var_path(tl_var v, char *buf, size_t size)
{
	const tl_node *node = tl__node(v);
	if (size == 0)
		return buf;
	buf[0] = '\0';
	if (!node)
		return buf;
	const char *name = node->name ? node->name : node->op->name, *point = node->name ? "" : ".";
	size_t length = strlen(point) + strlen(name) + 1; /* and a slash */
	size_t room = length + 1 < size ? size - length : 1;
	tl__scope_path(v.tape, node->scope, buf, room);
	size_t used = strlen(buf);
	snprintf(buf + used, size - used, "%s%s%s", used ? "/" : "", point, name);
	return buf;
}

/* Up to the next slash, or the end. */
static size_t part_length(const char *at)
{
	return strcspn(at, "/");
}

#define PART 128

static void copy_part(char to[PART], const char *at)
{
	size_t n = part_length(at);
	snprintf(to, PART, "%.*s", (int)(n < PART ? n : PART - 1), at);
}

/* "layer=3" as "l3", "reverse" as "r"; a name, which is the last part, has no short form. */
static bool shorten(char part[PART])
{
	char *index = strrchr(part, '=');
	if (!part[0] || !part[1])
		return false;
	size_t n = index ? strlen(index + 1) : 0;
	if (index)
		memmove(part + 1, index + 1, n);
	part[1 + n] = '\0';
	return true;
}

static bool part_matches(const char *pattern, const char *path)
{
	char want[PART], is[PART];
	copy_part(want, pattern);
	copy_part(is, path);
	if (fnmatch(want, is, FNM_PERIOD) == 0)
		return true;
	return path[part_length(path)] == '/' && shorten(is) && fnmatch(want, is, FNM_PERIOD) == 0;
}

static const char *next_part(const char *at)
{
	at += part_length(at);
	return *at ? at + 1 : NULL;
}

static bool is_any(const char *pattern)
{
	return pattern && part_length(pattern) == 2 && pattern[0] == '*' && pattern[1] == '*';
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Where a part does not match, the last ** before it takes one part more. */
bool tl_path_matches(const char *pattern, const char *path)
{
	const char *after_any = NULL, *again = NULL;
	while (path) {
		if (is_any(pattern)) {
			after_any = pattern = next_part(pattern);
			again = path;
			if (!pattern)
				return *last_part(path) != '.';
		} else if (pattern && part_matches(pattern, path)) {
			pattern = next_part(pattern);
			path = next_part(path);
		} else if (after_any && (again = next_part(again))) {
			pattern = after_any;
			path = again;
		} else {
			return false;
		}
	}
	while (is_any(pattern))
		pattern = next_part(pattern);
	return !pattern;
}

int64_t tl_find(tl_tape *t, const char *pattern, int64_t most, tl_var *out)
{
	int64_t n = 0;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		char path[TL_PATH_TEXT];
		tl_var v = tl__var(t, i);
		if ((t->nodes[i].flags & TL_NODE_ADJOINT && !t->nodes[i].name) ||
			!tl_path_matches(pattern, tl_var_path(v, path, sizeof path)))
			continue;
		if (n < most)
			out[n] = v;
		n++;
	}
	return n;
}
