/* SPDX-License-Identifier: Apache-2.0 */
/* Reading option values: a value that does not fit ends the program in argp with a sentence. */
#ifndef TL_TOOLS_OPTIONS_H
#define TL_TOOLS_OPTIONS_H

#include <argp.h>
#include <stdint.h>

#include "models/cell.h"
#include "tools/corpus.h"

/* `option` is the name with its dashes, for the sentence. */
int64_t option_int(struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high);
double option_real(struct argp_state *state, const char *option, const char *text, double low, double high);
const tl_cell *option_cell(struct argp_state *state, const char *text);
/* A file's name: not empty, UTF-8. */
const char *option_path(struct argp_state *state, const char *option, const char *text);
void option_split(struct argp_state *state, const char *text, double split[PARTS]);

/* The sizes of a language model, as `train lm` and `graph lm` share them. */
typedef struct net_options {
	const tl_cell *cell;
	int64_t embed, hidden, layers;
	double dropout;
} net_options;

#define NET_DEFAULTS ((net_options){.embed = 64, .hidden = 256, .layers = 1})

extern const struct argp net_argp; /* its input is a net_options */

#endif
