/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A language model as one safetensors file: weights under their names, and as metadata
 *
 *	"tapeloop.config"      JSON: {"format": 1, "task": "lm", "cell": ..., sizes, how the text was read}
 *	"tapeloop.vocabulary"  JSON: the symbols in order
 *
 * so that evaluating and sampling need nothing else.
 */
#ifndef TL_TOOLS_LM_FILE_H
#define TL_TOOLS_LM_FILE_H

#include "models/lm.h"
#include "tools/corpus.h"

typedef struct lm_bundle {
	tl_lm *lm;
	tl_store *store;
	vocab vocab;
	text_unit unit;
	bool lowercase_letters;
	int64_t limit;
	double split[PARTS];
	char *data; /* path of the text as it was given; NULL: none */
} lm_bundle;

/* The net for bundle->vocab; other fields are the caller's. */
tl_status lm_bundle_build(lm_bundle *b, tl_lm_options options, tl_error *err);
tl_status lm_bundle_save(const lm_bundle *b, const char *path, tl_error *err);
tl_status lm_bundle_load(lm_bundle *b, const char *path, tl_error *err);
void lm_bundle_release(lm_bundle *b);

#endif
