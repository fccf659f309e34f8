/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as colours. From 0 upwards white becomes dark blue, and downwards dark brown, in even steps of lightness: so
 * sizes can be told apart without colour vision; signs can be only by what is drawn besides.
 */
#ifndef TL_TOOLS_COLOUR_SCALE_H
#define TL_TOOLS_COLOUR_SCALE_H

#include <stdint.h>

/* low < high. Where low is negative, white stands for 0, else for low. */
typedef struct colour_scale {
	double low, high;
} colour_scale;

/* What is outside gets the nearest end's colour. */
void colour_scale_rgb(const colour_scale *s, double value, uint8_t rgb[3]);
/* How dark a colour is: whether white can be read on it. */
int colour_is_dark(const uint8_t rgb[3]);

#endif
