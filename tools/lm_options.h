/* SPDX-License-Identifier: Apache-2.0 */
/* What describes a language model: options, configuration, words for people. For lm.c. */
#ifndef TL_TOOLS_LM_OPTIONS_H
#define TL_TOOLS_LM_OPTIONS_H

#include "tools/lm.h"

extern const struct argp lm_train_argp, lm_eval_argp;

void lm_defaults(task *t, train_options *o);
bool lm_config(const task *t, json_t *object);
tl_status lm_configure(task *t, const json_t *object, tl_error *err);
void lm_print(const task *t, FILE *to);

#endif
