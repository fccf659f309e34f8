/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The works of `tapeloop bench`. A work is a constant: sizes with their defaults, a function that makes
 * the model and its random data, and one that records a training step's loss, or what a forward run computes.
 * What is measured, and how, is the same for all (tools/bench_run.c).
 */
#ifndef TL_TOOLS_BENCH_H
#define TL_TOOLS_BENCH_H

#include "core/arena.h"
#include "core/random.h"
#include "graph/tape.h"
#include "models/rnn.h"
#include "optim/store.h"

#define BENCH_SIZES 8

/* An option --NAME N, N from `low` to BENCH_LIMIT. */
typedef struct bench_size {
	const char *name;
	int64_t value, low;
	const char *about;
} bench_size;

#define BENCH_LIMIT (1 << 20)

typedef struct bench_options {
	int64_t size[BENCH_SIZES]; /* in the order of the work's sizes */
	const tl_cell *cell;
	tl_impl impl;
	int64_t threads, steps, warmup, seed;
	const char *plan;            /* NULL: as tapes have it */
	const tl_executor *executor; /* NULL: the tape's own */
	bool check_nan;
	const char *profile; /* NULL: none; "": tables on stderr; else a file for JSON */
} bench_options;

/* A work of certain sizes, ready to run. */
typedef struct bench_job {
	char name[160];  /* "lm lstm V65 E256 H256 L1 T35 B32" */
	int64_t tokens;  /* of one step */
	tl_store *store; /* all parameters */
	tl_arena memory; /* the model's description and its data */
	tl_rng rng;      /* of first values and data */
	void *model;
} bench_job;

typedef struct bench_work {
	const char *doc;
	const tl_cell *cell; /* the default of --cell; NULL: there is no such option */
	bool fused;          /* --impl fused makes sense */
	bench_size sizes[BENCH_SIZES + 1];
	/* Sets name, tokens and model; whatever fails, `release` comes after it if the model is set. */
	tl_status (*make)(bench_job *job, const bench_options *o, tl_error *err);
	tl_var (*record)(const void *model, tl_tape *tape);
	bool forward; /* what `record` returns is no loss: it is evaluated, and there are no gradients */
	void (*release)(void *model);
} bench_work;

/* Memory of zeros that lives as long as the job. */
void *bench_alloc(bench_job *job, size_t bytes, tl_error *err);
/* Dense tensors of random elements: normal with variance 1, or indices below a limit. */
tl_status bench_normal(bench_job *job, tl_shape shape, tl_tensor *out, tl_error *err);
tl_status bench_indices(bench_job *job, tl_shape shape, int64_t limit, tl_tensor *out, tl_error *err);
/* n lengths drawn evenly from low to high, the first of them high; returns their sum. */
int64_t bench_lengths(bench_job *job, int64_t low, int64_t high, int64_t n, int64_t *out);

/* Defaults, then the arguments; ends the program with a sentence where they make no sense. */
void bench_options_parse(bench_options *o, const bench_work *work, int argc, char **argv);

/* The whole command: arguments, the measured run, one JSON object on standard output. */
tl_status bench_command(const bench_work *work, int argc, char **argv, tl_error *err);

/* What the faster of two products reaches, in operations a second; 0 on error. */
double bench_gemm_peak(int threads, tl_error *err);

/* The middle of n numbers (the mean of the two in the middle), which are sorted. */
double bench_median(double *x, int64_t n);

/* The works, as commands of their own arguments. */
tl_status bench_lm(int argc, char **argv, tl_error *err);
tl_status bench_forward(int argc, char **argv, tl_error *err);
tl_status bench_infer(int argc, char **argv, tl_error *err);
tl_status bench_last_state(int argc, char **argv, tl_error *err);
tl_status bench_seq2seq(int argc, char **argv, tl_error *err);
tl_status bench_ragged(int argc, char **argv, tl_error *err);
tl_status bench_unequal(int argc, char **argv, tl_error *err);
tl_status bench_trees(int argc, char **argv, tl_error *err);
tl_status bench_fused(int argc, char **argv, tl_error *err);
tl_status bench_gemm(int argc, char **argv, tl_error *err);

#endif
