/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accuracy and macro-averaged F1 of a classifier, both from 0 to 1, as scikit-learn has them:
 *
 *	accuracy = right / all
 *	F1 of a class = 2 right / (gold + predicted)
 *	macro F1 = mean of F1 over the classes that occur, as gold or as predicted ones
 *
 * A class that was never given and never predicted counts for nothing; both figures are 0 while there is
 * nothing to count.
 */
#ifndef TL_MODELS_CLASSES_H
#define TL_MODELS_CLASSES_H

#include <stdint.h>

#include "core/status.h"

typedef struct tl_class_count {
	int64_t gold, predicted, right;
} tl_class_count;

typedef struct tl_classes {
	int64_t classes;
	tl_class_count *of; /* by class */
	int64_t n, right;   /* of all classes */
} tl_classes;

/* NULL where memory is out. */
TL_API tl_classes *tl_classes_new(int64_t classes, tl_error *err);
TL_API void tl_classes_free(tl_classes *c); /* NULL is fine */

/* TL_ERR_INDEX for a class that is none of 0..classes - 1; then nothing was counted. */
TL_API tl_status tl_classes_add(
	tl_classes *c, int64_t n, const int32_t *gold, const int32_t *predicted, tl_error *err);
TL_API double tl_classes_accuracy(const tl_classes *c);
TL_API double tl_classes_macro_f1(const tl_classes *c);

#endif
