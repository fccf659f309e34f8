/* SPDX-License-Identifier: Apache-2.0 */
/* Names, scopes, and the sentences of errors that use both. */
#include "graph/node.h"

#include <inttypes.h>
#include <stdio.h>

void tl_scope_begin(tl_tape *t, const char *label, int64_t index)
{
	char *copy = tl_arena_strdup(tl__records(t), label);
	if (!copy || !tl__grow((void **)&t->scopes, t->n_scopes, &t->cap_scopes, sizeof *t->scopes, &t->grown)) {
		tl_error_memory(&t->error);
		return;
	}
	t->scopes[t->n_scopes] = (tl_scope_entry){t->scope, copy, index};
	t->scope = t->n_scopes++;
}

void tl_scope_end(tl_tape *t)
{
	if (t->scope == 0)
		tl_error_set(&t->error, TL_ERR_ARGUMENT, "a scope was ended that was not begun");
	else
		t->scope = t->scopes[t->scope].parent;
}

/* Written from the end of buf towards its front, then moved; a path too long loses its outermost part. */
const char *tl__scope_path(const tl_tape *t, uint32_t scope, char *buf, size_t size)
{
	if (size == 0)
		return buf;
	size_t at = size - 1;
	buf[at] = '\0';
	for (; scope; scope = t->scopes[scope].parent) {
		const tl_scope_entry *s = &t->scopes[scope];
		char part[128];
		int n = s->index < 0 ? snprintf(part, sizeof part, "%s", s->label)
				     : snprintf(part, sizeof part, "%s=%" PRId64, s->label, s->index);
		size_t length = n < 0 ? 0 : (size_t)n < sizeof part ? (size_t)n : sizeof part - 1;
		if (length + 1 > at)
			break;
		if (buf[at] != '\0')
			buf[--at] = '/';
		at -= length;
		for (size_t i = 0; i < length; i++)
			buf[at + i] = part[i];
	}
	for (size_t i = 0; at > 0 && i < size - at; i++)
		buf[i] = buf[at + i];
	return buf;
}

const char *tl_var_scope(tl_var v, char *buf, size_t size)
{
	const tl_node *node = tl__node(v);
	return tl__scope_path(v.tape, node ? node->scope : 0, buf, size);
}

tl_var tl_name(tl_var v, const char *name)
{
	tl_node *node = tl__node(v);
	if (node) {
		node->name = tl_arena_strdup(tl__records(v.tape), name);
		if (!node->name)
			tl_error_memory(&v.tape->error);
	}
	return v;
}

/* Appends to text of capacity TL_ERROR_TEXT; what does not fit is cut. */
__attribute__((format(printf, 3, 4))) static void append(char *text, size_t *used, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(text + *used, TL_ERROR_TEXT - *used, format, args);
	va_end(args);
	if (n > 0)
		*used += (size_t)n;
	if (*used >= TL_ERROR_TEXT)
		*used = TL_ERROR_TEXT - 1;
}

static void append_scope(const tl_tape *t, uint32_t scope, char *text, size_t *used)
{
	char path[160];
	if (scope)
		append(text, used, "; in %s", tl__scope_path(t, scope, path, sizeof path));
}

tl_var tl__fail_op(tl_tape *t, tl_status status, const tl_op *op, int n, const uint32_t *in, uint32_t scope,
	const char *detail)
{
	char text[TL_ERROR_TEXT], shape[TL_SHAPE_TEXT];
	size_t used = 0;
	append(text, &used, "%s: %s", op->name, detail);
	for (int k = 0; k < n && k < 6; k++) {
		const tl_node *node = &t->nodes[in[k]];
		append(text, &used, "%s%s%s%s", k ? ", " : n > 1 ? "; operands " : "; operand ",
			node->name ? node->name : "", node->name ? " " : "",
			tl_shape_text(node->value.shape, shape));
	}
	if (n > 6)
		append(text, &used, ", ... (%d operands)", n);
	append_scope(t, scope, text, &used);
	tl_error_set(&t->error, status, "%s", text);
	return tl__var(t, 0);
}

tl_var tl__fail_var(tl_tape *t, const char *who, tl_var v)
{
	const char *why = !v.tape ? "an operand is no variable (it was never assigned)"
		: v.tape != t ? "an operand is a variable of another tape"
		: v.generation > t->generation
			? "an operand is a variable of a checkpoint that was ended without keeping it"
			: "an operand is a variable that was used after its tape was reset";
	return tl_tape_fail(t, TL_ERR_STALE, "%s: %s", who, why);
}

tl_var tl_tape_fail(tl_tape *t, tl_status status, const char *format, ...)
{
	char text[TL_ERROR_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	size_t used = 0;
	while (text[used])
		used++;
	append_scope(t, t->scope, text, &used);
	tl_error_set(&t->error, status, "%s", text);
	return tl__var(t, 0);
}
