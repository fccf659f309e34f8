/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/colour_scale.h"

#include <math.h>

#define STEPS 5

/* Lightness falls evenly (CIE L* 100, 82, 64, 46, 28, 14). */
static const uint8_t blue[STEPS + 1][3] = {
	{255, 255, 255}, {185, 207, 232}, {119, 160, 211}, {60, 113, 178}, {23, 67, 124}, {6, 35, 74}};
static const uint8_t brown[STEPS + 1][3] = {
	{255, 255, 255}, {238, 197, 156}, {214, 143, 81}, {162, 92, 28}, {102, 54, 5}, {60, 25, 0}};

void colour_scale_rgb(const colour_scale *s, double value, uint8_t rgb[3])
{
	double white = s->low < 0 ? 0 : s->low, span = s->high - white;
	int below = s->low < 0 && value < 0;
	double x = below ? value / s->low : span > 0 ? (value - white) / span : 0;
	double at = fmin(fmax(x, 0), 1) * STEPS;
	int k = at < STEPS ? (int)at : STEPS - 1;
	const uint8_t(*c)[3] = below ? brown : blue;
	for (int i = 0; i < 3; i++)
		rgb[i] = (uint8_t)lround(c[k][i] + (at - k) * (c[k + 1][i] - c[k][i]));
}

int colour_is_dark(const uint8_t rgb[3])
{
	return 3 * rgb[0] + 6 * rgb[1] + rgb[2] < 1280;
}
