/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Language models that PyTorch saved: the state dict of
 *
 *	embedding (V, E) -> RNN, GRU or LSTM -> linear (V, H)
 *
 * in a safetensors file, under whatever names. Which module is which, sizes, layers, cell and biases follow from names
 * and shapes; what the symbols are does not:
 *
 *	--vocab symbols.json   a list of them, in the order of their numbers, or {"symbol": number, ...}
 *	--vocab book.txt       the text that they come from: its characters, sorted, as in sorted(set(text))
 *	in the file            save_file(model.state_dict(), path, {"tapeloop.vocabulary": json.dumps(symbols)})
 *
 * Vocabularies here are sorted, with <unk> in front: rows of symbols are moved to their places once the weights are read.
 */
#ifndef TL_TOOLS_FOREIGN_H
#define TL_TOOLS_FOREIGN_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "core/safetensors.h"
#include "models/cell.h"

/* PyTorch's names of a model's parts: see state_dict.h. */
enum { MODULE_EMBED, MODULE_RNN, MODULE_OUT, MODULES };
#define MODULE_NAME 256 /* bytes */

typedef struct state_dict {
	bool on; /* the model's file has PyTorch's names */
	bool given[MODULES];
	char module[MODULES][MODULE_NAME]; /* the usual name where nothing is given */
} state_dict;

/* What the file does not tell, or not clearly. */
typedef struct foreign_options {
	const char *vocab;   /* NULL: in the file */
	const tl_cell *cell; /* NULL: as it follows */
	int unit;            /* 1 + a text_unit; 0: as the symbols look */
	state_dict dict;     /* names of modules */
} foreign_options;

extern const struct argp foreign_argp; /* its input is a foreign_options */

/* Has anything been given? */
bool foreign_given(const foreign_options *o);
/* Is it a state dict with recurrent layers? */
bool foreign_is(const tl_safetensors *f);

typedef struct foreign {
	json_t *config;  /* as lm_kind has it */
	json_t *symbols; /* as vocab_from_json has it */
	int32_t *from;   /* symbol i's number in the file */
} foreign;

struct task;
/* TL_ERR_FORMAT and sentences where the file is no such model, or symbols are missing. */
tl_status foreign_open(foreign *x, const tl_safetensors *f, const foreign_options *o, tl_error *err);
/* Moves the symbols' rows of a task whose weights were read. */
tl_status foreign_reorder(const foreign *x, struct task *t, tl_error *err);
void foreign_release(foreign *x);

#endif
