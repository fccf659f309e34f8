/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random programs for testing executors against each other. A program is a short list of small numbers,
 * drawn from a seed: which loops it has, how large they are, the instructions of a loop's body, in which
 * order values and gradients are asked for. Any numbers make a valid program, and smaller ones a simpler
 * one, so a failing program is reduced by making its numbers smaller while it still fails.
 *
 *      program p = program_new(7);
 *      world *w = world_new(&p, 7);              // parameters and data
 *      results r = {0};
 *      program_run(&p, w, tape, 0, &r);          // resets the tape, records, evaluates, takes a step
 *      results_error(&r, &other, k) ...          // of array k
 *      results_free(&r);
 *      world_free(w);
 *
 * programs.c draws, prints and reduces; programs_ops.c has the instructions, programs_step.c a step of a
 * loop, programs_loops.c the loops, programs_run.c losses and the order of reads, programs_world.c
 * parameters, data and results, programs_rough.c an executor that is wrong on purpose.
 */
#ifndef TL_TESTS_PROGRAMS_H
#define TL_TESTS_PROGRAMS_H

#include "models/tapeloop.h"

enum {
	P_FAMILY, /* which loops */
	P_STEPS,  /* T - 1 */
	P_ROWS,   /* B - 1 */
	P_WIDTH,  /* H - 1 */
	P_AXES,   /* states (B, H) or (B, 2, H) */
	P_STATES, /* carried ones - 1 */
	P_START,  /* what the first states are */
	P_STREAM, /* how step t reads x */
	P_HOIST,  /* whether streams are read before the loop */
	P_SCOPES,
	P_LOSS,
	P_READS,  /* what is asked for, and when */
	P_LEAVES, /* which leaves are parameters */
	P_FROZEN,
	P_ODD,    /* the step at which something special happens */
	P_LAYERS, /* layers, or inner steps, - 1 */
	P_ORDER,  /* of a tree's nodes; lengths */
	P_TAIL,   /* what the last states count in the loss */
	P_OPS,    /* instructions in a body */
	P_FINISH, /* three: how each state is made */
	P_BODY = P_FINISH + 3,
	PROGRAM_OPS = 9, /* each four numbers: instruction, two registers, variant */
	PROGRAM_NUMBERS = P_BODY + 4 * PROGRAM_OPS,
};

typedef struct program {
	int number[PROGRAM_NUMBERS];
} program;

program program_new(uint64_t seed);
/* As numbers with their meaning, and back from the numbers alone, which stand in brackets. */
void program_print(const program *p, char *buf, size_t size);
bool program_parse(program *p, const char *text);
/* What is recorded on a tape, node by node, to stderr. */
void program_list(tl_tape *tape, uint32_t generation);

/* Makes numbers smaller for as long as the program fails. */
typedef bool (*program_test)(void *ctx, const program *p);
void program_reduce(program *p, program_test fails, void *ctx);

/* What a run gave: arrays with names. */
enum { RESULTS = 1024 };
typedef struct result {
	char name[24];
	int64_t at, size;
} result;

typedef struct results {
	int n;
	int64_t used, cap;
	tl_real *values;
	result item[RESULTS];
} results;

void results_add(results *r, const char *name, const tl_real *values, int64_t n);
/* Reads a variable of the tape now. */
void results_keep(results *r, const char *name, tl_var v);
/* The gradients of all parameters of a store. */
void results_keep_grads(results *r, const tl_store *store);
void results_free(results *r);
/*
 * The greatest difference of array k, relative to the greatest element of want's. Where one has no
 * finite number, the other must have the same; else, and where the arrays do not match, infinity.
 */
double results_error(const results *want, const results *got, int k);

/* Parameters, data and an optimiser of one program. */
typedef struct world world;
world *world_new(const program *p, uint64_t seed);
void world_free(world *w);

/*
 * Resets the tape, records the program with the data of run number `run`, and adds what it reads to r.
 * Where all parameters are trained, a step is taken at the end.
 */
void program_run(const program *p, world *w, tl_tape *tape, int run, results *r);

/*
 * The plain executor, but each computed number is off by a relative error of up to `rough_error`: what
 * rounding in another order may do to a program. A `rough_fault` in 1..100 makes it wrong: in every run of
 * the executor one node, after that percentage of all, is scaled by 1.01.
 */
extern const tl_executor rough_executor;
extern double rough_error;
extern int rough_fault;
extern uint64_t rough_seed;

#endif
