/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A curve in one line of text: "▇▆▄▃▂▂▁▁". Each mark stands for the mean of as many numbers, the lowest for the least of
 * these means, the highest for the greatest; a curve that is even stands halfway. What is no finite number is left out,
 * and a place with nothing else is blank.
 */
#ifndef TL_TOOLS_SPARKLINE_H
#define TL_TOOLS_SPARKLINE_H

#include <stdbool.h>
#include <stddef.h>

#define SPARKLINE_BYTES 3 /* of a mark, at most */

/*
 * At most `width` marks: fewer where there are fewer numbers. `blocks`: of Unicode, as UTF-8; else of ASCII, .:-=+*#@.
 * text has room for SPARKLINE_BYTES * width + 1 bytes. Returns how many marks there are.
 */
int sparkline(const double *v, size_t n, int width, bool blocks, char *text);

#endif
