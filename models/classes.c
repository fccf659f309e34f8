/* SPDX-License-Identifier: Apache-2.0 */
#include "models/classes.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

tl_classes *tl_classes_new(int64_t classes, tl_error *err)
{
	tl_classes *c = calloc(1, sizeof *c);
	if (c)
		*c = (tl_classes){.classes = classes, .of = calloc((size_t)classes + 1, sizeof *c->of)};
	if (!c || !c->of) {
		tl_classes_free(c);
		tl_error_memory(err);
		return NULL;
	}
	return c;
}

void tl_classes_free(tl_classes *c)
{
	if (c)
		free(c->of);
	free(c);
}

static tl_status check_class(const tl_classes *c, const char *which, int64_t at, int32_t class, tl_error *err)
{
	if (class >= 0 && class < c->classes)
		return TL_OK;
	return tl_error_set(err, TL_ERR_INDEX, "classes: %s class %d at %" PRId64 " is none of 0..%" PRId64, which,
		(int)class, at, c->classes - 1);
}

tl_status tl_classes_add(tl_classes *c, int64_t n, const int32_t *gold, const int32_t *predicted, tl_error *err)
{
	tl_status status = TL_OK;
	for (int64_t i = 0; i < n && !status; i++)
		if (!(status = check_class(c, "gold", i, gold[i], err)))
			status = check_class(c, "predicted", i, predicted[i], err);
	for (int64_t i = 0; i < n && !status; i++) {
		bool right = gold[i] == predicted[i];
		c->of[gold[i]].gold++;
		c->of[gold[i]].right += right;
		c->of[predicted[i]].predicted++;
		c->right += right;
		c->n++;
	}
	return status;
}

double tl_classes_accuracy(const tl_classes *c)
{
	return c->n ? (double)c->right / (double)c->n : 0;
}

double tl_classes_macro_f1(const tl_classes *c)
{
	double total = 0;
	int64_t occur = 0;
	for (int64_t k = 0; k < c->classes; k++) {
		const tl_class_count *of = &c->of[k];
		if (of->gold + of->predicted == 0)
			continue;
		total += 2 * (double)of->right / (double)(of->gold + of->predicted);
		occur++;
	}
	return occur ? total / (double)occur : 0;
}
