/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding what repeats. A loop over T steps leaves T copies of its body on the tape, so the sequence of
 * node signatures has a period P. Two nodes of a loop are in the same class if the P signatures from
 * each one on are the same: a class is a place in the body, whatever copy of whatever loop it stands in.
 *
 * A signature holds op and shape (but for the number of rows, which may shrink from step to step) and,
 * for each operand, which parameter it is or which op made it and which columns are read; layers with weights of their own thus
 * have classes of their own. Blocks of signatures are compared by polynomial hashes of all prefixes:
 *
 *	H(i+1) = H(i) M + s_i,    hash of s_i .. s_{i+n-1} = H(i+n) - H(i) M^n
 *
 * A wrong guess costs speed and nothing else: classes are only a hint for what may run together.
 */
#include "graph/plan_draft.h"

#include "graph/leaf.h"

#define MULTIPLIER 0xd6e8feb86659fd93u
#define WINDOW 3 /* signatures by which a possible period is found */

typedef struct map_entry {
	uint64_t key;
	uint32_t value; /* 1 + value; 0: free */
} map_entry;

typedef struct roll {
	tl_draft *d;
	uint64_t *signature, *prefix, *power;
	uint64_t *key; /* of the place of seq[i] in its loop's body; 0: in no loop */
	map_entry *map;
	uint64_t mask;
} roll;

static map_entry *find(roll *r, uint64_t key)
{
	uint64_t at = key ^ key >> 32;
	while (r->map[at & r->mask].value && r->map[at & r->mask].key != key)
		at++;
	return &r->map[at & r->mask];
}

static uint64_t signature_of(const tl_draft *d, uint32_t i)
{
	const tl_node *node = &d->nodes[i];
	uint64_t h = tl__mix((uintptr_t)node->op, tl__draft_shape_key(node->value.shape));
	if (node->op->flags & TL_OP_ALONE)
		return tl__mix(h, i);
	for (uint32_t k = 0; k < node->n_in && k < 8; k++) {
		uint32_t from = d->root[node->in[k]];
		bool given = d->kind[from] == TL_DRAFT_GIVEN;
		bool param = given && d->nodes[from].op == &tl_op_param;
		h = tl__mix(h, param ? from : given ? 0 : (uintptr_t)d->nodes[from].op);
		if (!given)
			h = tl__mix(h, tl__draft_columns_key(d, node->in[k]));
	}
	return h;
}

static uint64_t block(const roll *r, uint32_t i, uint32_t n)
{
	return r->prefix[i + n] - r->prefix[i] * r->power[n];
}

/* The loop with copies of seq[start .. start+period) ends before `end`. */
static void name_classes(roll *r, uint32_t start, uint32_t period, uint32_t end)
{
	for (uint32_t i = start; i < end; i++) {
		uint32_t from = i;
		if (from + period > end)
			from -= (from + period - end + period - 1) / period * period;
		r->key[i] = tl__mix(block(r, from, period), period) | 1;
	}
}

/* Seen a window before, at `at`: is there a loop with the period i - at? Returns its end, or 0. */
static uint32_t try_period(roll *r, uint32_t at, uint32_t i, uint32_t lowest)
{
	uint32_t n = r->d->n_seq, period = i - at;
	if (period > n - i || block(r, at, period) != block(r, i, period))
		return 0;
	uint32_t end = i + period, start = at;
	while (end < n && r->signature[end] == r->signature[end - period])
		end++;
	while (start > lowest && r->signature[start - 1] == r->signature[start - 1 + period])
		start--;
	name_classes(r, start, period, end);
	return end;
}

static void find_loops(roll *r)
{
	uint32_t n = r->d->n_seq, lowest = 0;
	for (uint32_t i = 0; i + WINDOW <= n; i++) {
		map_entry *e = find(r, block(r, i, WINDOW));
		uint32_t end = e->value > lowest ? try_period(r, e->value - 1, i, lowest) : 0;
		*e = (map_entry){block(r, i, WINDOW), i + 1};
		if (end) {
			lowest = end;
			i = end - 1;
		}
	}
}

bool tl__draft_roll(tl_draft *d)
{
	uint32_t n = d->n_seq;
	roll r = {.d = d, .mask = 1};
	while (r.mask < 2 * (uint64_t)n + 2)
		r.mask *= 2;
	r.map = tl__draft_array(d, r.mask, sizeof *r.map);
	r.mask--;
	r.signature = tl__draft_array(d, n, sizeof *r.signature);
	r.prefix = tl__draft_array(d, n + 1, sizeof *r.prefix);
	r.power = tl__draft_array(d, n + 1, sizeof *r.power);
	r.key = tl__draft_array(d, n, sizeof *r.key);
	if (!r.map || !r.signature || !r.prefix || !r.power || !r.key)
		return false;
	r.power[0] = 1;
	for (uint32_t i = 0; i < n; i++) {
		r.signature[i] = signature_of(d, d->seq[i]);
		r.prefix[i + 1] = r.prefix[i] * MULTIPLIER + r.signature[i];
		r.power[i + 1] = r.power[i] * MULTIPLIER;
	}
	if (tl__draft_has(d, TL_PASS_ROLL))
		find_loops(&r);
	return tl__draft_classify(d, r.key);
}
