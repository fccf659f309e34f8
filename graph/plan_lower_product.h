/* SPDX-License-Identifier: Apache-2.0 */
/* What plan_lower_product.c and plan_lower_gather.c share. */
#ifndef TL_GRAPH_PLAN_LOWER_PRODUCT_H
#define TL_GRAPH_PLAN_LOWER_PRODUCT_H

#include "graph/plan_lower.h"

/* A matrix with its element strides. */
typedef struct tl_matrix {
	tl_ref at;
	int64_t rows, columns, down, right;
} tl_matrix;

typedef struct tl_pair {
	tl_matrix a, b;
} tl_pair;

/* One node of a group of products, or several that lie below each other: C = start + sum of A_k B_k. */
typedef struct tl_factors {
	uint32_t node, n;
	tl_pair *pairs;
	tl_matrix c, start; /* start.rows = 0: none */
	bool here;          /* the start is where the result goes */
} tl_factors;

static inline int64_t tl__real_bytes(int64_t elements)
{
	return elements * (int64_t)sizeof(tl_real);
}

bool tl__emit_product(tl_lowering *l, const tl_factors *f, uint32_t stretch);

/* The pairs of a weight's gradient that lie scattered become one, if that pays; `single`: before any were merged. */
bool tl__gather_inner(tl_lowering *l, tl_factors *f, tl_factors *single);
/* Emits the products all[0 .. n), in the order of their results: together where that pays. */
bool tl__gather_rows(tl_lowering *l, tl_factors *all, uint32_t n, uint32_t stretch);

#endif
