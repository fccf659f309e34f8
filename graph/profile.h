/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a tape's time goes. A profile is attached to a tape; until it is detached, executors stamp
 * the clock around each instruction, and the time in between belongs to exactly one phase. What
 * a profile does for itself is a phase, too, so that it can be told apart.
 *
 *	tl_profile *p = tl_profile_new();
 *	tl_profile_attach(tape, p);
 *	... steps ...
 *	tl_profile_attach(tape, NULL);
 *	for (uint32_t i = 0; i < p->n_entries; i++)
 *		printf("%g s: %s\n", p->entries[i].seconds, p->entries[i].scope);
 *	tl_profile_free(p);
 *
 * In a recurrence that threads share by rows each thread stamps its own instructions. Such an
 * instruction's `seconds` are its share of the wall clock, the threads' sum divided by their number; what
 * is left of the wall clock there, because one waited for another, is the profile's `waiting`. So
 *
 *	seconds of all entries + waiting <= seconds of TL_PHASE_RUN
 *
 * and what is missing went into getting from one instruction to the next.
 */
#ifndef TL_GRAPH_PROFILE_H
#define TL_GRAPH_PROFILE_H

#include "graph/op.h"

typedef enum tl_phase {
	TL_PHASE_OTHER,     /* none of the following */
	TL_PHASE_RECORD,    /* for the program to enter, as TL_PHASE_UPDATE */
	TL_PHASE_GRADIENTS, /* to record them */
	TL_PHASE_LOOKUP,
	TL_PHASE_PLANNING,
	TL_PHASE_RUN,
	TL_PHASE_ADD,
	TL_PHASE_UPDATE,
	TL_PHASE_RESET,
	TL_PHASE_PROFILE,
	TL_PHASES,
} tl_phase;

typedef enum tl_profile_kind {
	TL_PROFILE_PRODUCT, /* m x n, k terms in each sum */
	TL_PROFILE_PROGRAM, /* an elementwise one of `ops` ops over m x n elements */
	TL_PROFILE_KERNEL,  /* of op `name`; its largest tensor, or a copy, has m x n elements */
	TL_PROFILE_COPY,
	TL_PROFILE_PACK,    /* a parameter is laid out in another way */
	TL_PROFILE_KINDS,
} tl_profile_kind;

#define TL_PROFILE_SCOPE 48

/* Instructions that are the same but for the time step. */
typedef struct tl_profile_entry {
	tl_profile_kind kind;
	const char *name; /* of the op; NULL for programs of several */
	char scope[TL_PROFILE_SCOPE]; /* of one node that it computes, time steps as "t=*"; "" is the root */
	bool adjoint, recurrence;
	uint32_t ops;
	int threads;   /* that shared its rows in a recurrence; 0: it ran before or after other instructions */
	int64_t m, n, k;
	int64_t least; /* of m, where a recurrence's rows grow fewer */
	uint64_t calls;
	double seconds, thread_seconds;
	double flops;  /* of products */
	double elements, bytes; /* computed; read and written, each byte once a call */
} tl_profile_entry;

#define TL_PROFILE_LABELS 8

typedef struct tl_profile {
	double seconds[TL_PHASES];
	double waiting;
	tl_profile_entry *entries;
	uint32_t n_entries, cap_entries;
	uint64_t *hashes; /* of the entries */
	uint64_t runs;    /* of plans */
	bool incomplete;  /* memory was out: entries are missing */
	/* Under way: */
	tl_phase phase;
	int64_t since;    /* when it was entered, in nanoseconds */
	int64_t *laps;    /* [threads + 1][steps] nanoseconds of the run */
	int64_t *clocks;  /* [threads + 1][CLOCK]: the last stamp, 0 for none */
	size_t cap_laps, cap_clocks, n_steps;
	char labels[TL_PROFILE_LABELS][24]; /* of scopes whose index is not told */
} tl_profile;

TL_API tl_profile *tl_profile_new(void); /* NULL where memory is out */
TL_API void tl_profile_free(tl_profile *p);
/* NULL: detach. The profile must be detached before it is freed, and serves one tape at a time. */
TL_API void tl_profile_attach(tl_tape *tape, tl_profile *p);
/* The time from now on belongs to another phase; returns the one before. Without a profile: nothing. */
TL_API tl_phase tl_profile_enter(tl_tape *tape, tl_phase phase);

TL_API const char *tl_phase_name(tl_phase phase);
TL_API const char *tl_profile_kind_name(tl_profile_kind kind);

#endif
