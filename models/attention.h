/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention: a query looks at S places, each with a key and a value, in N heads:
 *
 *	e_s = score(k_s, q)    a = softmax of e over the places s    context = sum over s of a_s v_s
 *
 *	dot         k . q
 *	scaled dot  k . q / sqrt(D), D the size of k and q                Vaswani et al., 2017
 *	general     k W . q                                               Luong, Pham, Manning, 2015
 *	additive    v . tanh(k W_k + q W_q + b)                           Bahdanau, Cho, Bengio, 2015
 *	concat      v . tanh([k; q] W + b)                                Luong, Pham, Manning, 2015
 *
 * With projections (`project` = M) queries, keys and values first go through a dense layer each to M columns, of
 * which head n has the n-th D = M / N, with score weights of its own, and the contexts of all heads side by side
 * go through a last one: with scaled dot this is Vaswani's multi-head attention.
 *
 * Arrays are time first, the batch B second: keys (S, B, K), queries (B, Q) for one step or (T, B, Q), weights
 * (S, B, N) or (T, S, B, N). What does not depend on the query is computed once for a source:
 *
 *	tl_attention_memory m = tl_attention_prepare(attention, states, states, lengths, (tl_var){0});
 *	for (int64_t t = 0; t < T; t++) {
 *		tl_attention_result r = tl_attention_step(attention, &m, s);   // s (B, Q)
 *		... r.context (B, V) ...
 *	}
 *
 * or, where all queries are known, with tl_attention_run and tl_attention_self in products over all steps.
 *
 * Masked places have weight 0, and what stands there, NaN included, reaches no result and no gradient. Where all
 * places of a row are masked, weights and contexts (before the last projection) are 0.
 */
#ifndef TL_MODELS_ATTENTION_H
#define TL_MODELS_ATTENTION_H

#include "models/layers.h"

typedef enum tl_attention_score {
	TL_SCORE_DOT,
	TL_SCORE_SCALED_DOT,
	TL_SCORE_GENERAL,
	TL_SCORE_ADDITIVE,
	TL_SCORE_CONCAT,
} tl_attention_score;

/* "dot", "scaled_dot", "general", "additive", "concat"; NULL past the end. */
TL_API const char *tl_attention_score_name(int k);

typedef struct tl_attention_options {
	tl_attention_score score;
	int64_t query;   /* Q: size of a query */
	int64_t key;     /* K: size of a key */
	int64_t value;   /* V: size of a value; 0: K */
	int64_t hidden;  /* of additive and concat, for each head: size of the tanh; 0: that of a head's query */
	int heads;       /* N; 0: one. More need projections, and have them with M = Q if `project` is 0 */
	int64_t project; /* M: size of projected queries, keys and values, and of the context then; 0: none */
} tl_attention_options;

typedef struct tl_attention {
	tl_attention_options options;                    /* with the defaults filled in */
	tl_dense to_query, to_key, to_value, to_context; /* projections; unset where there are none */
	tl_param *w_key, *w_query, *b, *v;               /* of the score, NULL where it has none */
	tl_param *w;                                     /* of concat: W_k above W_q, for each head */
} tl_attention;

/*
 * Parameters: "NAME.query.w", ".b" and so on (query, key, value, context) of projections; of the score "NAME.w_key"
 * (general: W; additive), "NAME.w_query", "NAME.w" (concat), "NAME.b", "NAME.v", where matrices of several heads
 * stand one above the other. NULL on error.
 */
TL_API tl_attention *tl_attention_new(
	tl_store *store, const char *name, const tl_attention_options *options, tl_error *err);
TL_API void tl_attention_free(tl_attention *a);
/*
 * The score's weights as torch.nn.Linear: uniform in +-1/sqrt(rows); projections as torch.nn.MultiheadAttention's:
 * Glorot's, biases 0.
 */
TL_API void tl_attention_init(tl_attention *a, tl_rng *rng);
/* The size of a context: V or M. */
TL_API int64_t tl_attention_size(const tl_attention *a);

/* A source, ready to be looked at. */
typedef struct tl_attention_memory {
	tl_var keys;   /* (S, B, N D): as the score needs them */
	tl_var values; /* (S, B, N D_v) */
	tl_var mask;   /* (S, B, 1): 1 at places that count, else 0; unset: all do */
	tl_var bias;   /* (S, B, 1): 0 and -inf; unset: 0 */
} tl_attention_memory;

/*
 * keys (S, B, K), values (S, B, V). Row b has lengths[b] places, 0 to S; NULL: S. mask (S, B), reals: places
 * where it is 0 do not count; {0}: all do. Both may be given. `lengths` is read during the call only.
 */
TL_API tl_attention_memory tl_attention_prepare(
	const tl_attention *a, tl_var keys, tl_var values, const int64_t *lengths, tl_var mask);

typedef struct tl_attention_result {
	tl_var context; /* (B, size) or (T, B, size); named so on the tape, as are */
	tl_var weights; /* (S, B, N) or (T, S, B, N) */
} tl_attention_result;

/* One query for each row: (B, Q). */
TL_API tl_attention_result tl_attention_step(const tl_attention *a, const tl_attention_memory *m, tl_var query);
/* All queries at once: (T, B, Q). Causal: query t looks at places 0 to t only. */
TL_API tl_attention_result tl_attention_run(
	const tl_attention *a, const tl_attention_memory *m, tl_var queries, bool causal);
/* x (T, B, Q) looks at itself (K = V = Q); contexts of padding are 0. */
TL_API tl_attention_result tl_attention_self(const tl_attention *a, tl_var x, const int64_t *lengths, bool causal);

#endif
