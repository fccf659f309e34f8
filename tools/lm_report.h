/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that the commands on language models print and log: one object a line. */
#ifndef TL_TOOLS_LM_REPORT_H
#define TL_TOOLS_LM_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "models/perplexity.h"

/*
 * {"loss": nats a token, "perplexity": ...}, or null where there is no token. JSON has no infinity: an
 * infinite value is the text "inf".
 */
json_t *report_score(const tl_likelihood *l);
json_t *report_real(double x);

/* The object as one line to a stream; the object is released. False where that fails. */
bool report_line(FILE *to, json_t *object);

#endif
