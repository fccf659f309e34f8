/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A progress line on stderr: rewritten in place on a terminal, a plain line every few seconds otherwise.
 */
#ifndef TL_TOOLS_PROGRESS_H
#define TL_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
	bool quiet, terminal;
	double start, shown; /* seconds on the monotonic clock */
	int width;           /* of the line on the terminal */
} progress;

double seconds_now(void);

void progress_init(progress *p, bool quiet);
/* Is it time to show a line again? Asks the clock only. */
bool progress_due(const progress *p);
/* Show a line now; a finished one stays. */
void progress_show(progress *p, bool finished, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "1h02m", "3m20s", "12s"; returns buf. */
const char *duration_text(double seconds, char buf[24]);
/* 61234 as "61,234"; returns buf. */
const char *count_text(int64_t n, char buf[32]);

#endif
