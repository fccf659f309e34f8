/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes as NumPy's arrays. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "core/npz.h"
#include "tools/image.h"
#include "tools/probe.h"

#define PER_AXIS 3

tl_status probe_check(const char *path, tl_error *err)
{
	const char *ending = image_ending(path);
	if (image_is_picture(path) || !strcmp(ending, "npz") || !strcmp(ending, "npy"))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "-o %s: the ending must be .svg, .png, .pdf, .npz or .npy", path);
}

static tl_tensor tensor_of(const probe_node *n)
{
	tl_shape units = TL_SHAPE(n->axis->n, n->units), weights = TL_SHAPE(n->axis->n, n->units / n->heads, n->heads);
	return tl_tensor_dense(TL_REAL, n->source ? weights : units, n->values);
}

/* A list that is written: arrays and their names, with all that they hold. */
typedef struct archive {
	tl_arena arena;
	tl_npz_item *item;
	int n;
	json_t *arrays; /* [{"name": ..., "axes": [...], "shape": [...]}, ...] */
} archive;

static bool add(archive *a, const char *name, tl_tensor tensor, json_t *axes)
{
	json_t *shape = json_array(), *entry = NULL;
	a->item[a->n++] = (tl_npz_item){name, tensor};
	for (int64_t k = 0; k < tensor.shape.axes; k++)
		json_array_append_new(shape, json_integer(tensor.shape.dim[k]));
	entry = json_pack("{s:s, s:o, s:o}", "name", name, "axes", axes, "shape", shape);
	return entry && !json_array_append_new(a->arrays, entry);
}

static bool add_node(archive *a, const probe_node *n)
{
	json_t *axes = n->source ? json_pack("[s, s, s]", n->axis->name, n->source->name, "heads")
				 : json_pack("[s, s]", n->axis->name, n->symbols ? "symbols" : "units");
	return add(a, n->path, tensor_of(n), axes);
}

static char *join(archive *a, const char *name, const char *what)
{
	size_t size = strlen(name) + strlen(what) + 1;
	char *text = tl_arena_alloc_small(&a->arena, size);
	if (text)
		snprintf(text, size, "%s%s", name, what);
	return text;
}

static bool add_integers(archive *a, const probe_axis *axis, const char *what, int32_t *data, int64_t n)
{
	char *name = join(a, axis->name, what);
	return name && add(a, name, tl_tensor_dense(TL_I32, TL_SHAPE(n), data), json_pack("[s]", what + 1));
}

/* Numbers, and the symbols as code points. */
static bool add_axis(archive *a, const probe_axis *axis)
{
	size_t bytes = 0;
	int32_t n = 0;
	for (int64_t i = 0; i < axis->n; i++)
		bytes += axis->symbol[i].length;
	int32_t *points = tl_arena_alloc(&a->arena, (bytes + 1) * sizeof *points);
	int32_t *starts = tl_arena_alloc(&a->arena, ((size_t)axis->n + 1) * sizeof *starts);
	if (!points || !starts)
		return false;
	for (int64_t i = 0; i < axis->n; i++) {
		const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)axis->symbol[i].at, *end = at + axis->symbol[i].length;
		starts[i] = n;
		for (utf8proc_ssize_t used; at < end; at += used) {
			used = utf8proc_iterate(at, end - at, &points[n]); /* the text was checked: there is one */
			n++;
		}
	}
	starts[axis->n] = n;
	return (!axis->id || add_integers(a, axis, ".ids", axis->id, axis->n)) &&
		add_integers(a, axis, ".points", points, n) && add_integers(a, axis, ".starts", starts, axis->n + 1);
}

static tl_status save(archive *a, const char *path, const probe_nodes *nodes, const probe_reading *r, tl_error *err)
{
	bool single = !strcmp(image_ending(path), "npy");
	a->item = tl_arena_alloc(&a->arena, ((size_t)nodes->n + 2 * PER_AXIS) * sizeof *a->item);
	a->arrays = json_array();
	bool fine = a->item && a->arrays;
	for (int k = 0; k < nodes->n && fine; k++)
		fine = add_node(a, &nodes->v[k]);
	if (fine && single)
		return nodes->n == 1 ? tl_npy_write(path, &a->item[0].tensor, err)
				     : tl_error_set(err, TL_ERR_ARGUMENT,
					       "-o %s: an .npy file holds one node, but %d match; .npz holds them all", path, nodes->n);
	fine = fine && add_axis(a, &r->read) && (!r->written.n || add_axis(a, &r->written));
	return fine ? tl_npz_write(path, a->item, a->n, err) : tl_error_memory(err);
}

tl_status probe_save(const char *path, const probe_nodes *nodes, const probe_reading *r, tl_error *err)
{
	archive a = {0};
	tl_arena_init(&a.arena, 1 << 16);
	tl_status status = save(&a, path, nodes, r, err);
	json_t *line = status ? NULL : json_pack("{s:s, s:O}", "output", path, "arrays", a.arrays);
	if (!status && !print_json_line(stdout, line))
		status = tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	json_decref(a.arrays);
	tl_arena_release(&a.arena);
	return status;
}
