/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/sparkline.h"

#include <math.h>
#include <string.h>

#define LEVELS 8

/* The mean of what place k of `width` stands for; NaN where that is nothing. */
static double mean_at(const double *v, size_t n, size_t width, size_t k)
{
	double sum = 0;
	size_t count = 0;
	for (size_t i = n * k / width; i < n * (k + 1) / width; i++)
		if (isfinite(v[i])) {
			sum += v[i];
			count++;
		}
	return count ? sum / (double)count : NAN;
}

int sparkline(const double *v, size_t n, int width, bool blocks, char *text)
{
	static const char *const unicode[LEVELS] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
	static const char *const ascii[LEVELS] = {".", ":", "-", "=", "+", "*", "#", "@"};
	const char *const *marks = blocks ? unicode : ascii;
	size_t places = width < 0 ? 0 : n < (size_t)width ? n : (size_t)width;
	double low = INFINITY, high = -INFINITY;
	for (size_t k = 0; k < places; k++) {
		double x = mean_at(v, n, places, k);
		low = fmin(low, x);
		high = fmax(high, x);
	}
	for (size_t k = 0; k < places; k++) {
		double x = mean_at(v, n, places, k);
		int level = high > low ? (int)((x - low) / (high - low) * LEVELS) : LEVELS / 2 - 1;
		const char *mark = isnan(x) ? " " : marks[level < LEVELS ? level : LEVELS - 1];
		memcpy(text, mark, strlen(mark));
		text += strlen(mark);
	}
	*text = '\0';
	return (int)places;
}
