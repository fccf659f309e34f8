/* SPDX-License-Identifier: Apache-2.0 */
#include "graph/replay.h"

#include <stdlib.h>
#include <string.h>

#include "graph/plan_key.h"

#define MOST_BYTES ((size_t)32 << 20)
#define LAST 64 /* structures whose hashes are remembered */

/* One kept gradient: a block of memory with the words that it is found by, the nodes, what these point to. */
typedef struct kept {
	struct kept *newer, *older; /* by last use */
	uint64_t hash;
	uint64_t *word;
	size_t n_words, bytes;
	tl_node *nodes;
	uint32_t n_nodes, draws; /* appended */
	uint32_t *out;           /* of wrt[k] */
	uint32_t generation;     /* of the tape when it was last used: its nodes point here */
} kept;

struct tl_replay {
	tl_words words;
	uint64_t seen[LAST];
	uint32_t n_seen;
	kept *newest, *oldest;
	size_t bytes;
	uint64_t made;
};

/* The structure of all that stands on the tape, and the scopes that it stands in. */
static bool describe(tl_words *w, const tl_tape *t, tl_var y, tl_var dy, int n, const tl_var *wrt)
{
	uint32_t few[64], *want = few, count = (uint32_t)n + 3;
	if (count > 64 && !(want = malloc(count * sizeof *want)))
		return false;
	want[0] = y.index;
	want[1] = dy.index;
	for (int k = 0; k < n; k++)
		want[k + 2] = wrt[k].index;
	want[n + 2] = t->n_nodes - 1;
	bool done = tl__structure(w, t, (int)count, want);
	if (want != few)
		free(want);
	return done && tl__add_scopes(w, t);
}

static void unlink_kept(tl_replay *r, kept *k)
{
	*(k->newer ? &k->newer->older : &r->newest) = k->older;
	*(k->older ? &k->older->newer : &r->oldest) = k->newer;
}

static void link_newest(tl_replay *r, kept *k)
{
	k->newer = NULL;
	k->older = r->newest;
	*(r->newest ? &r->newest->newer : &r->oldest) = k;
	r->newest = k;
}

static kept *find(tl_replay *r)
{
	const tl_words *w = &r->words;
	kept *k = r->newest;
	while (k && (k->hash != w->hash || k->n_words != w->n || memcmp(k->word, w->word, w->n * sizeof *w->word)))
		k = k->older;
	if (k && k != r->newest) {
		unlink_kept(r, k);
		link_newest(r, k);
	}
	return k;
}

/* Was the structure met before? It is remembered from now on. */
static bool seen(tl_replay *r)
{
	for (uint32_t i = 0; i < LAST; i++)
		if (r->seen[i] == r->words.hash)
			return true;
	r->seen[r->n_seen++ % LAST] = r->words.hash;
	return false;
}

static bool append(tl_tape *t, const kept *k)
{
	while (t->cap_nodes - t->n_nodes < k->n_nodes)
		if (!tl__grow((void **)&t->nodes, t->cap_nodes, &t->cap_nodes, sizeof *t->nodes, &t->grown))
			return false;
	memcpy(&t->nodes[t->n_nodes], k->nodes, k->n_nodes * sizeof *k->nodes);
	t->n_nodes += k->n_nodes;
	t->draws += k->draws;
	return true;
}

bool tl__replay(tl_tape *t, tl_var y, tl_var dy, int n, const tl_var *wrt, tl_var *out, tl_before *before)
{
	*before = (tl_before){.nodes = t->n_nodes, .draws = t->draws, .scopes = t->n_scopes, .used = t->n_used,
		.runs = t->runs};
	if (t->no_replay || t->calls) /* whose bodies the nodes would name, and which may be gone */
		return false;
	if (!t->replay && !(t->replay = calloc(1, sizeof *t->replay)))
		return false;
	tl_replay *r = t->replay;
	if (t->recording_adjoints || !describe(&r->words, t, y, dy, n, wrt))
		return false;
	kept *k = find(r);
	if (!k) {
		before->possible = seen(r);
		return false;
	}
	if (!append(t, k))
		return false;
	for (int i = 0; i < n; i++)
		out[i] = tl__var(t, k->out[i]);
	k->generation = t->generation;
	return true;
}

/* Can the nodes from `first` on be appended again as they are? */
static bool repeatable(const tl_tape *t, uint32_t first)
{
	for (uint32_t i = first; i < t->n_nodes; i++)
		if (t->nodes[i].flags & TL_NODE_READY || t->nodes[i].name || t->nodes[i].shown)
			return false;
	return true;
}

static size_t rounded(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

static size_t list_bytes(const tl_node *node)
{
	return rounded(node->n_in * sizeof *node->in) + rounded(node->params_size);
}

static void *cut(char **free_part, size_t bytes)
{
	void *piece = *free_part;
	*free_part += rounded(bytes);
	return piece;
}

static kept *copy_nodes(const tl_tape *t, uint32_t first, const tl_words *w, int n)
{
	uint32_t count = t->n_nodes - first;
	size_t bytes = sizeof(kept) + w->n * sizeof *w->word + count * sizeof(tl_node) +
		       rounded((size_t)n * sizeof(uint32_t));
	for (uint32_t i = first; i < t->n_nodes; i++)
		bytes += list_bytes(&t->nodes[i]);
	kept *k = bytes <= MOST_BYTES ? malloc(bytes) : NULL;
	if (!k)
		return NULL;
	char *rest = (char *)(k + 1);
	*k = (kept){.hash = w->hash, .n_words = w->n, .bytes = bytes, .n_nodes = count};
	k->word = cut(&rest, w->n * sizeof *w->word);
	k->nodes = cut(&rest, count * sizeof *k->nodes);
	k->out = cut(&rest, (size_t)n * sizeof *k->out);
	memcpy(k->word, w->word, w->n * sizeof *w->word);
	memcpy(k->nodes, &t->nodes[first], count * sizeof *k->nodes);
	for (uint32_t i = 0; i < count; i++) {
		tl_node *node = &k->nodes[i];
		uint32_t *in = cut(&rest, node->n_in * sizeof *in);
		void *params = cut(&rest, node->params_size);
		if (node->n_in)
			memcpy(in, node->in, node->n_in * sizeof *in);
		if (node->params_size)
			memcpy(params, node->params, node->params_size);
		node->in = in;
		node->params = node->params_size ? params : NULL;
	}
	return k;
}

/* The oldest go, but for those that nodes of this step point to. */
static void make_room(tl_replay *r, uint32_t generation)
{
	for (kept *k = r->oldest, *newer; k && r->bytes > MOST_BYTES; k = newer) {
		newer = k->newer;
		if (k->generation == generation)
			continue;
		unlink_kept(r, k);
		r->bytes -= k->bytes;
		free(k);
	}
}

void tl__replay_keep(tl_tape *t, const tl_before *before, int n, const tl_var *out)
{
	tl_replay *r = t->replay;
	if (!before->possible || t->n_scopes != before->scopes || t->n_used != before->used ||
		t->runs != before->runs || !repeatable(t, before->nodes))
		return;
	kept *k = copy_nodes(t, before->nodes, &r->words, n);
	if (!k)
		return;
	k->draws = t->draws - before->draws;
	for (int i = 0; i < n; i++)
		k->out[i] = out[i].index;
	link_newest(r, k);
	r->bytes += k->bytes;
	r->made++;
	make_room(r, t->generation);
}

void tl__replay_free(tl_replay *r)
{
	if (!r)
		return;
	for (kept *k = r->newest, *older; k; k = older) {
		older = k->older;
		free(k);
	}
	free(r->words.word);
	free(r);
}

size_t tl__replay_bytes(const tl_replay *r)
{
	return r ? sizeof *r + r->words.cap * sizeof *r->words.word + r->bytes : 0;
}

uint64_t tl__replay_allocations(const tl_replay *r)
{
	return r ? 1 + r->words.grown + r->made : 0;
}
