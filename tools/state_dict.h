/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Models under PyTorch's names (models/pytorch.h): those of tasks that are an embedding, recurrent layers and a dense
 * layer. Their files have, besides what model_file.h tells, in their configuration
 *
 *	"state_dict": {"embed": "embed", "rnn": "rnn", "out": "out"}
 *
 * the names that the three modules have there, which are attributes of the user's class.
 */
#ifndef TL_TOOLS_STATE_DICT_H
#define TL_TOOLS_STATE_DICT_H

#include "models/pytorch.h"
#include "tools/task.h"

/* "embed", "rnn", "out" */
const char *state_dict_module(int module);

/* Names that were given ("embed=encoder,out=decoder") into some that stand; a mistake ends the program in argp. */
void state_dict_option(struct argp_state *state, const char *option, const char *text, state_dict *dict);

/* The names of a task's parameters, to be freed; NULL where PyTorch does not have such a model. */
tl_pytorch *state_dict_of(const task *t, tl_error *err);

/* "state_dict" in a configuration, of t->dict; false where memory is out. */
bool state_dict_to_json(const task *t, json_t *config);
/* Reads it into t->dict, which is off where there is none. */
tl_status state_dict_from_json(task *t, const json_t *config, tl_error *err);

/*
 * Where t->dict is on: under which name and in which shape a file has one of our parameters, "embed.table", "out.w" or
 * (of some layer) "rnn.l1.w". buf holds the name.
 */
#define STATE_DICT_NAME 128
const char *state_dict_name(const task *t, const char *ours, tl_shape *shape, char buf[STATE_DICT_NAME]);

#endif
