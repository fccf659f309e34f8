/* SPDX-License-Identifier: Apache-2.0 */
/* Reading option values: a value that does not fit ends the program in argp with a sentence. */
#ifndef TL_TOOLS_OPTIONS_H
#define TL_TOOLS_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdint.h>

#include "models/pool.h"
#include "tools/parts.h"

/* `option` is the name with its dashes, for the sentence. */
int64_t option_int(struct argp_state *state, const char *option, const char *text, int64_t low, int64_t high);
double option_real(struct argp_state *state, const char *option, const char *text, double low, double high);
const tl_cell *option_cell(struct argp_state *state, const char *text);
/* The one model that a command is for: an error, which ends in `rest`, where *model is set already. */
void option_model(struct argp_state *state, const char **model, const char *text, const char *rest);
/* A file's name: not empty, UTF-8. */
const char *option_path(struct argp_state *state, const char *option, const char *text);
/* A list of the planner's passes, for --plan. */
const char *option_plan(struct argp_state *state, const char *text);
void option_split(struct argp_state *state, const char *text, double split[PARTS]);
/* The number of `text` among words, which end with NULL: char|word, last|mean|max. */
int option_word(struct argp_state *state, const char *option, const char *text, const char *const *words);
/* The rules of models/pool.h, for option_word. */
extern const char *const option_pools[];
/* The number of a member's text among words, or -1 and an error. */
int config_word(const json_t *object, const char *key, const char *const *words, tl_error *err);
/* Of the option --check-nan: tl_tape_options.check. */
#define OPTION_CHECK_NAN_HELP \
	"Stop at the first NaN or infinity and name the operation, layer and time step that it comes from (some percent slower)"
/* For an argp's help_filter: the text with a default in brackets behind it, to be freed by argp. */
char *option_default(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * The sizes of a recurrent net, as tasks share them ("Model:" in --help). A task has one among its options,
 * sets defaults, and names net_argp as a child of its train_argp, with the net_options as the child's input:
 *
 *	case ARGP_KEY_INIT: state->child_inputs[0] = &o->net; break;
 */
typedef struct net_options {
	const tl_cell *cell;
	int64_t embed, hidden, layers;
	double dropout, recurrent_dropout, zoneout; /* zoneout: of all states */
	bool bidirectional, no_bias;
	tl_start start;
	int64_t project;    /* size of what the cell projects; 0: none */
	int64_t checkpoint; /* time steps of a segment that is computed again for the gradient; 0: none */
	int64_t tbptt;      /* time steps after which gradients are cut; 0: never */
	double forget_bias;
	bool set_forget_bias;
	bool given;         /* was any of these options on the command line? */
	bool vectors;       /* the input is vectors, which are not embedded: --embed is refused */
} net_options;

#define NET_DEFAULTS ((net_options){.cell = &tl_cell_lstm, .embed = 64, .hidden = 256, .layers = 1})

extern const struct argp net_argp; /* its input is a net_options, and what --help tells of defaults comes from it */

/* The driver's options for input of that size. */
tl_rnn_options net_rnn(const net_options *o, int64_t input);
/* The driver's default initialisation, and --forget-bias; TL_ERR_ARGUMENT where the net has no such bias. */
tl_status net_init(const net_options *o, tl_rnn *rnn, tl_rng *rng, tl_error *err);
/* The latter alone, for models that initialise their layers themselves. */
tl_status net_set_forget_bias(const net_options *o, tl_rnn *rnn, tl_error *err);

/*
 * As members of a model's configuration: "cell", "embed", "hidden", "layers", "dropout", and those of
 * "bidirectional", "no_bias", "start", "project", "recurrent_dropout", "zoneout" that are not off. False where
 * memory is out. Reading checks names and ranges.
 */
bool net_to_json(const net_options *o, json_t *object);
tl_status net_from_json(net_options *o, const json_t *object, tl_error *err);

#endif
