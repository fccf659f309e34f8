/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task is something that `tapeloop train NAME` can learn: how its data are read, what model is built, what the
 * loss of a batch and the score of a part are. Everything else (options of training, the loop, clipping,
 * schedules, accumulation, saving and resuming, logs, signals, early stopping, model files, `eval`) is shared:
 * train.c and eval.c drive any task through its kind. A new task is one file with one constant, and one line in
 * tasks.c.
 *
 * A task's own struct begins with struct task:
 *
 *	struct tagger {
 *		struct task base;
 *		net_options net;             // options
 *		const char *words, *tags;
 *		tl_rnn *rnn;                 // the model, in base.store
 *		...
 *	};
 *
 *	const task_kind tagger_kind = {.name = "tagger", .size = sizeof(struct tagger), .open = tagger_open, ...};
 *
 * In which order a task is called, and what it finds:
 *
 *	train:  defaults, options parsed, open, build, init,
 *	        then for each epoch: epoch, (record, carry) for each batch, evaluate(VALID);  evaluate(TEST), release
 *	eval:   defaults, vocabularies read, configure, build, weights read, options parsed, open, evaluate, release
 *	others: defaults, vocabularies read, configure, build, weights read ... release
 *
 * What was given on the command line is parsed into the task's struct and nowhere else: a parser stores numbers
 * and pointers to arguments, and allocates nothing. (`eval` runs it twice: first to find the model.) All options
 * have long names, by which a training keeps them for --resume.
 *
 * Functions fail with a status and a sentence in err that names file and line where there is one. Errors on
 * the tape are found and reported by the trainer.
 */
#ifndef TL_TOOLS_TASK_H
#define TL_TOOLS_TASK_H

#include <argp.h>
#include <jansson.h>

#include "core/random.h"
#include "core/safetensors.h"
#include "graph/tape.h"
#include "models/layers.h"
#include "models/rnn.h"
#include "optim/store.h"
#include "tools/foreign.h"
#include "tools/parts.h"
#include "tools/score.h"
#include "tools/tape_error.h"
#include "tools/train_options.h"
#include "tools/vocab.h"

#define TASK_VOCABS 4

typedef struct task_kind task_kind;

/* A vocabulary of a task in the metadata of its model files. */
typedef struct task_vocab {
	const char *key;   /* "tapeloop.vocabulary"; NULL: no more */
	vocab_front front; /* what stands in front of its symbols; checked when it is read */
	bool maybe;        /* <unk>, or nothing, as the file shows; front is not looked at */
} task_vocab;

/* What PyTorch has as modules, too. */
typedef struct task_modules {
	const tl_embedding *embed;
	const tl_rnn *rnn;
	const tl_dense *out;
} task_modules;

/* What every task has. Fields are set by the caller of the task unless the comment says otherwise. */
typedef struct task {
	const task_kind *kind;
	tl_store *store;           /* empty before build */
	tl_tape *tape;             /* reset before record; evaluate resets it itself */
	vocab vocab[TASK_VOCABS];  /* made by open unless `loaded`; saved with the model under kind->vocabs, and released */
	bool loaded;               /* the model comes from a file: vocabularies stand, configure was called */
	const tl_safetensors *file; /* this file, during configure; see model_expect (model_file.h) */
	bool once;                 /* set by build: there is nothing to train, one epoch is all */
	int64_t batch;             /* --batch */
	const char *unit;          /* of the speed: kind->unit, or what open makes it */
	int64_t batches;           /* of the epoch: set by the task's epoch */
	/*
	 * Random numbers: at init those of the seed; at epoch e a sequence that depends on (seed, e) only; at record
	 * one that depends on (seed, batches recorded before) only. A task draws from nothing else.
	 */
	tl_rng rng;
	uint64_t digest;           /* of the training data: see task_digest */
	state_dict dict;           /* how the model's file names its tensors, or is to */
	foreign_options foreign;   /* --vocab and others, for a model that is not ours */
} task;

/* The loss of a batch, as record leaves it. */
typedef struct batch_loss {
	tl_var mean;    /* over `weight` things (tokens, examples); a scalar with gradients */
	int64_t weight; /* how much this batch counts in the mean over batches; at least 1 */
	int64_t tokens; /* for the speed; 0: weight */
} batch_loss;

struct task_kind {
	const char *name;    /* "tagger" */
	const char *summary; /* "a word or character model of a text": for `tapeloop train --help` */
	const char *unit;    /* of tokens, for the speed: "words" */
	size_t size;         /* of its struct */
	/*
	 * Its own options, for `train` and for `eval`; input is the task. Shared ones: net_argp (options.h) as a
	 * child for the model's. doc ("what the command does \v details and examples") is shown by --help.
	 * `eval` has options that name data; what belongs to the model comes from the model file.
	 */
	const struct argp *train_argp, *eval_argp;
	task_vocab vocabs[TASK_VOCABS]; /* of task.vocab[k] */

	/* Defaults of its options, and of the shared ones. */
	void (*defaults)(task *t, train_options *o);
	/*
	 * Read the data, all parts that were named. Without `loaded` build the vocabularies (and sizes of
	 * the model that depend on data); with it, what the vocabularies do not hold is unknown. `training` false:
	 * a train part is not needed.
	 */
	tl_status (*open)(task *t, bool training, tl_error *err);
	/* Is there such a part? Asked after open. */
	bool (*has)(const task *t, int part);
	/* Add the model's parameters to t->store (sizes from options, vocabularies, configuration). */
	tl_status (*build)(task *t, tl_error *err);
	/* First values, from t->rng. */
	tl_status (*init)(task *t, tl_error *err);

	/*
	 * Everything that is needed to build the model again and to prepare data as in training, put into an
	 * object that already has "format" and "task"; false where memory is out. The same back from a file:
	 * ranges are checked, sizes are compared with the file's tensors (model_expect) before anything is built.
	 */
	bool (*config)(const task *t, json_t *object);
	tl_status (*configure)(task *t, const json_t *object, tl_error *err);

	/* Order the examples for epoch e = 1, 2, ... and set t->batches (at least 1); state that is carried starts anew. */
	tl_status (*epoch)(task *t, int64_t e, tl_error *err);
	/* Record the loss of batch k = 0 .. batches - 1 on t->tape, in training. */
	tl_status (*record)(task *t, int64_t k, batch_loss *loss, tl_error *err);
	/* NULL, or: after the gradients, read from the tape what goes on to the next batch. */
	tl_status (*carry)(task *t, tl_error *err);
	/*
	 * NULL, or: tensors over the task's own memory that hold what is carried from batch to batch; returns how
	 * many, at most `most`. They are saved and, after epoch() was called again, read back. Names without dots.
	 */
	int (*carried)(task *t, tl_safetensors_item *items, int most);

	/* Score a part that it has (any, TRAIN too), without training: `better` is set for VALID at least. */
	tl_status (*evaluate)(task *t, int part, score *s, tl_error *err);
	/* NULL, or: fields of a training score that follow from its loss (a perplexity), which it already has. */
	void (*derive)(score *s);
	/* Data and model, but not what struct task has. Called once, also after failures: fields may be 0. */
	void (*release)(task *t);
	/* NULL, or: what PyTorch has as modules, after build; false where the model is another. */
	bool (*modules)(const task *t, task_modules *m);
	/* NULL, or: lines for `tapeloop info` in place of the configuration. */
	void (*print)(const task *t, FILE *to);
};

/* A task with defaults; NULL where memory is out. The options may be NULL. */
task *task_new(const task_kind *kind, train_options *o);
void task_free(task *t); /* NULL is fine */

/* Take data into t->digest: a training that goes on with other data than it began with is refused by it. */
void task_digest(task *t, const void *data, size_t bytes);

#endif
