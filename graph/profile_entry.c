/* SPDX-License-Identifier: Apache-2.0 */
/* A profile's entries: what an instruction is called, and sums over those that are called the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/leaf.h"
#include "graph/plan_run.h"
#include "graph/profile_run.h"

#define TOLD 8 /* indices of a scope's label are told up to here, e.g. layers */

static double bytes_of(const tl_tensor *t)
{
	return (double)tl_shape_size(t->shape) * (double)tl_dtype_size(t->dtype);
}

static void describe_gemm(tl_profile_entry *e, const tl_gemm_step *g)
{
	e->kind = TL_PROFILE_PRODUCT;
	e->m = g->m;
	e->n = g->n;
	e->ops = g->n_terms;
	e->elements = (double)g->m * (double)g->n;
	e->bytes = e->elements;
	for (uint32_t k = 0; k < g->n_terms; k++) {
		e->k += g->terms[k].k;
		e->bytes += (double)g->terms[k].k * (double)(g->m + g->n);
	}
	e->bytes *= sizeof(tl_real);
	e->flops = 2 * e->elements * (double)e->k;
}

static void describe_map(tl_profile_entry *e, const tl_map_step *m)
{
	e->kind = TL_PROFILE_PROGRAM;
	e->m = tl__map_rows(m);
	e->n = m->dim[m->axes - 1];
	e->ops = m->n_ops;
	e->elements = (double)e->m * (double)e->n;
	if (m->n_ops > 1)
		e->name = NULL;
	for (uint32_t k = 0; k < m->n_ports; k++) {
		double bytes = sizeof(tl_real);
		for (int i = 0; i < m->axes; i++)
			bytes *= m->ports[k].stride[i] ? (double)m->dim[i] : 1;
		e->bytes += bytes;
	}
}

static void set_size(tl_profile_entry *e, const tl_tensor *t)
{
	int64_t axes = t->shape.axes;
	e->n = axes ? t->shape.dim[axes - 1] : 1;
	e->m = e->n ? tl_shape_size(t->shape) / e->n : 0;
	e->elements = (double)tl_shape_size(t->shape);
}

#define FEW 8 /* operands that are looked at */

/*
 * The size of a call is that of its largest tensor, so a sum's is what it reads; but where indices select
 * rows, it is the result's, unless that is a number.
 */
static void describe_call(tl_profile_entry *e, const tl_op *op, uint32_t n, const tl_tensor *const *in, const tl_tensor *out)
{
	const tl_tensor *size = out;
	bool selects = op->index_operands && tl_shape_size(out->shape) > 1;
	e->kind = TL_PROFILE_KERNEL;
	e->bytes = bytes_of(out);
	for (uint32_t r = 0; r < n && r < FEW; r++) {
		e->bytes += selects && tl_shape_size(in[r]->shape) > tl_shape_size(out->shape) ? e->bytes : bytes_of(in[r]);
		if (!selects && tl_shape_size(in[r]->shape) > tl_shape_size(size->shape))
			size = in[r];
	}
	set_size(e, size);
	if (op->flags & TL_OP_PRODUCT && n > 1 && in[0]->shape.axes == 2 && out->shape.axes == 2) {
		set_size(e, out);
		e->kind = TL_PROFILE_PRODUCT;
		for (uint32_t r = 0; r + 1 < n && r < FEW; r += 2)
			e->k += in[r]->shape.dim[1];
		e->flops = 2 * e->elements * (double)e->k;
	}
}

static void describe_kernel(tl_profile_entry *e, const tl_kernel_step *k)
{
	const tl_tensor *in[FEW];
	e->name = k->op->name;
	for (uint32_t r = 0; r < k->n_in && r < FEW; r++)
		in[r] = &k->in[r].t;
	describe_call(e, k->op, k->n_in, in, &k->in[k->n_in].t);
}

static void describe_copy(tl_profile_entry *e, const tl_copy_step *c, const tl_node *node)
{
	e->kind = node->op == &tl_op_param ? TL_PROFILE_PACK : TL_PROFILE_COPY;
	set_size(e, &c->to.t);
	e->bytes = 2 * bytes_of(&c->to.t);
}

static bool is_folded(const tl_profile *p, const char *label)
{
	for (int k = 0; k < TL_PROFILE_LABELS; k++)
		if (!strcmp(p->labels[k], label))
			return true;
	return false;
}

void tl__profile_learn_labels(tl_profile *p, const tl_tape *t)
{
	for (uint32_t s = 1; s < t->n_scopes; s++) {
		const tl_scope_entry *e = &t->scopes[s];
		if (e->index < TOLD || strlen(e->label) >= sizeof *p->labels || is_folded(p, e->label))
			continue;
		for (int k = 0; k < TL_PROFILE_LABELS; k++)
			if (!*p->labels[k]) {
				memcpy(p->labels[k], e->label, strlen(e->label) + 1);
				break;
			}
	}
}

/* Like tl__scope_path, from the end to the front; what does not fit loses its outermost part. */
static void write_scope(const tl_profile *p, const tl_tape *t, uint32_t scope, char *buf)
{
	size_t at = TL_PROFILE_SCOPE - 1;
	for (; scope; scope = t->scopes[scope].parent) {
		const tl_scope_entry *s = &t->scopes[scope];
		char part[TL_PROFILE_SCOPE];
		int n = s->index < 0            ? snprintf(part, sizeof part, "%s", s->label)
			: is_folded(p, s->label) ? snprintf(part, sizeof part, "%s=*", s->label)
						: snprintf(part, sizeof part, "%s=%lld", s->label, (long long)s->index);
		size_t length = n < 0 ? 0 : (size_t)n;
		if (length >= sizeof part || length + 1 > at)
			break;
		if (at < TL_PROFILE_SCOPE - 1)
			buf[--at] = '/';
		at -= length;
		memcpy(buf + at, part, length);
	}
	size_t used = TL_PROFILE_SCOPE - 1 - at;
	memmove(buf, buf + at, used);
	memset(buf + used, 0, TL_PROFILE_SCOPE - used);
}

static void describe_node(tl_profile_entry *e, const tl_profile *p, const tl_tape *t, const tl_node *node)
{
	memset(e, 0, sizeof *e);
	e->name = node->op->name;
	e->adjoint = node->flags & TL_NODE_ADJOINT;
	write_scope(p, t, node->scope, e->scope);
}

static void describe_gather(tl_profile_entry *e, const tl_gather_step *g)
{
	e->kind = TL_PROFILE_COPY;
	e->m = g->rows;
	e->n = g->columns;
	e->elements = (double)g->rows * (double)g->columns;
	e->bytes = 2 * e->elements * sizeof(tl_real);
}

void tl__profile_describe(tl_profile_entry *e, const tl_profile *p, const tl_tape *t, const tl_step *s)
{
	const tl_node *node = &t->nodes[s->node];
	describe_node(e, p, t, node);
	e->recurrence = s->stretch;
	switch (s->kind) {
	case TL_STEP_GEMM: describe_gemm(e, s->what); break;
	case TL_STEP_MAP: describe_map(e, s->what); break;
	case TL_STEP_KERNEL: describe_kernel(e, s->what); break;
	case TL_STEP_COPY: describe_copy(e, s->what, node); break;
	case TL_STEP_GATHER: describe_gather(e, s->what); break;
	}
	e->least = e->m;
}

void tl__profile_describe_node(tl_profile_entry *e, const tl_profile *p, const tl_tape *t, const tl_node *node)
{
	const tl_tensor *in[FEW];
	describe_node(e, p, t, node);
	for (uint32_t k = 0; k < node->n_in && k < FEW; k++)
		in[k] = &t->nodes[node->in[k]].value;
	describe_call(e, node->op, node->n_in, in, &node->value);
	e->least = e->m;
}

/* In a recurrence the number of rows may change from step to step. */
static bool same(const tl_profile_entry *a, const tl_profile_entry *b)
{
	return a->kind == b->kind && a->name == b->name && a->adjoint == b->adjoint && a->recurrence == b->recurrence &&
	       a->ops == b->ops && a->threads == b->threads && (a->recurrence || a->m == b->m) && a->n == b->n &&
	       a->k == b->k && !strcmp(a->scope, b->scope);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t hash_of(const tl_profile_entry *e)
{
	uint64_t h = mix((uintptr_t)e->name, (uint64_t)e->kind << 32 | e->ops);
	h = mix(mix(mix(h, e->recurrence ? 0 : (uint64_t)e->m), (uint64_t)e->n), (uint64_t)e->k);
	for (const char *c = e->scope; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3u;
	return h;
}

static tl_profile_entry *new_entry(tl_profile *p, const tl_profile_entry *e, uint64_t hash)
{
	if (p->n_entries == p->cap_entries) {
		uint32_t cap = p->cap_entries ? 2 * p->cap_entries : 64;
		tl_profile_entry *entries = realloc(p->entries, cap * sizeof *entries);
		if (!entries)
			return NULL;
		p->entries = entries;
		uint64_t *hashes = realloc(p->hashes, cap * sizeof *hashes);
		if (!hashes)
			return NULL;
		p->hashes = hashes;
		p->cap_entries = cap;
	}
	tl_profile_entry *added = &p->entries[p->n_entries];
	p->hashes[p->n_entries++] = hash;
	*added = *e;
	added->flops = added->elements = added->bytes = 0;
	return added;
}

void tl__profile_count(tl_profile *p, const tl_profile_entry *e, double seconds, double thread_seconds)
{
	uint64_t hash = hash_of(e);
	tl_profile_entry *found = NULL;
	for (uint32_t i = 0; i < p->n_entries && !found; i++)
		if (p->hashes[i] == hash && same(&p->entries[i], e))
			found = &p->entries[i];
	if (!found && !(found = new_entry(p, e, hash))) {
		p->incomplete = true;
		return;
	}
	found->calls++;
	found->seconds += seconds;
	found->thread_seconds += thread_seconds;
	found->flops += e->flops;
	found->elements += e->elements;
	found->bytes += e->bytes;
	found->m = e->m > found->m ? e->m : found->m;
	found->least = e->m < found->least ? e->m : found->least;
}
