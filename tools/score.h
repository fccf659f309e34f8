/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good a model is on one part of the data: a few named numbers, the loss first. It is printed as a JSON
 * object, logged, and shown on the progress line.
 *
 *	score s = {0};
 *	score_add(&s, "loss", loss);
 *	score_add(&s, "accuracy", right / all);
 *	s.better = right / all;
 *	s.tokens = all;
 */
#ifndef TL_TOOLS_SCORE_H
#define TL_TOOLS_SCORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCORE_FIELDS 8

typedef struct score {
	int n; /* 0: there is no such part */
	struct {
		const char *name; /* a constant: is not copied */
		double value;
	} field[SCORE_FIELDS];
	double better;  /* the larger, the better: chooses the best model, ends a training that gains nothing */
	int64_t tokens; /* that were looked at, for the speed of `eval` */
} score;

void score_add(score *s, const char *name, double value);
/* The first field; NaN where there is none. */
double score_loss(const score *s);
/* {"loss": ..., ...}; null where there is no such part. NULL where memory is out. */
json_t *score_json(const score *s);
/* "loss 1.2345  accuracy 0.98"; returns buf. */
const char *score_text(const score *s, char *buf, size_t size);

/* JSON has no infinity: an infinite value is the text "inf", and what is not a number is null. */
json_t *real_json(double x);
/* The object as one line to a stream; the object is released. False where that fails. */
bool print_json_line(FILE *to, json_t *object);

#endif
