/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A job is announced by its ticket, (number of the job << 16 | parts), in one atomic word. Part 0 is the caller's;
 * part k > 0 is thread k's, unless the caller, who has finished its own, claims it first: on a busy machine
 * a thread may not run for milliseconds, and what it has not begun need not wait for it. A claim is one
 * word for each part,
 *
 *	2 number        free to be claimed
 *	2 number + 1    claimed, by one of the two
 *
 * and who has not claimed a part never looks at the job, which stays as it is until `pending`, the parts that other
 * threads have not finished, is 0. So no thread reads a job that is being written.
 */
#define _GNU_SOURCE
#include "core/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096  /* threads */
#define SPINS 2000 /* looks at a word before sleeping: some tens of microseconds */

typedef struct job {
	tl_range_fn fn;
	void *ctx;
	int64_t n, parts;
} job;

typedef struct worker {
	struct tl_pool *pool;
	pthread_t id;
	int k; /* its part */
	_Alignas(64) atomic_uint_fast64_t claim;
} worker;

struct tl_pool {
	int threads;     /* the caller's included */
	bool started;
	worker *workers; /* threads - 1 of them, k = 1... */
	job job;
	_Alignas(64) atomic_uint_fast64_t ticket;
	_Alignas(64) atomic_int pending;
	atomic_bool busy, stop;
	atomic_int sleeping; /* workers that wait for `wake` */
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
};

int tl_threads_default(void)
{
	const char *text = getenv("TL_THREADS");
	if (text) {
		char *end;
		long n = strtol(text, &end, 10);
		if (*end == '\0' && n > 0 && n <= MOST)
			return (int)n;
	}
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
		return CPU_COUNT(&set);
	return 1;
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void run_part(const job *j, int64_t part)
{
	j->fn(j->ctx, j->n * part / j->parts, j->n * (part + 1) / j->parts);
}

/* Whether part w->k of a job was still free, and is the claimer's now. */
static bool claim(worker *w, uint_fast64_t number)
{
	uint_fast64_t is_free = 2 * number;
	return atomic_compare_exchange_strong(&w->claim, &is_free, 2 * number + 1);
}

/* The next ticket after `seen`, or the same one when the pool ends. */
static uint_fast64_t next_ticket(tl_pool *p, uint_fast64_t seen)
{
	for (int i = 0; i < SPINS; i++) {
		uint_fast64_t now = atomic_load(&p->ticket);
		if (now != seen || atomic_load(&p->stop))
			return now;
		pause_briefly();
	}
	pthread_mutex_lock(&p->lock);
	atomic_fetch_add(&p->sleeping, 1);
	while (atomic_load(&p->ticket) == seen && !atomic_load(&p->stop))
		pthread_cond_wait(&p->wake, &p->lock);
	atomic_fetch_sub(&p->sleeping, 1);
	pthread_mutex_unlock(&p->lock);
	return atomic_load(&p->ticket);
}

static void *work(void *argument)
{
	worker *w = argument;
	tl_pool *p = w->pool;
	uint_fast64_t seen = 0;
	for (;;) {
		uint_fast64_t now = next_ticket(p, seen);
		if (now == seen)
			return NULL;
		seen = now;
		if (w->k >= (int)(now & 0xffff) || !claim(w, now >> 16))
			continue;
		run_part(&p->job, w->k);
		if (atomic_fetch_sub(&p->pending, 1) == 1) {
			pthread_mutex_lock(&p->lock);
			pthread_cond_signal(&p->done);
			pthread_mutex_unlock(&p->lock);
		}
	}
}

tl_pool *tl_pool_new(int threads)
{
	tl_pool *p = aligned_alloc(64, (sizeof *p + 63) / 64 * 64);
	if (!p)
		return NULL;
	*p = (tl_pool){.threads = threads < 1 ? 1 : threads > MOST ? MOST : threads};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->done, NULL);
	return p;
}

int tl_pool_threads(const tl_pool *pool)
{
	return pool ? pool->threads : 1;
}

static void stop_workers(tl_pool *p, int count)
{
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < count; i++)
		pthread_join(p->workers[i].id, NULL);
}

void tl_pool_free(tl_pool *p)
{
	if (!p)
		return;
	if (p->workers)
		stop_workers(p, p->threads - 1);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
}

/* All signals but those that a thread's own mistakes raise. */
static void signals_of_others(sigset_t *set)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
	sigfillset(set);
	for (size_t k = 0; k < sizeof own / sizeof *own; k++)
		sigdelset(set, own[k]);
}

/*
 * A system that refuses the threads leaves a pool of the caller's thread alone. Handlers of the program's signals do
 * not run on them, see core/gemm.h.
 */
static void start_workers(tl_pool *p)
{
	int count = p->threads - 1, made = 0;
	sigset_t others, before;
	p->started = true;
	p->workers = aligned_alloc(64, (size_t)count * sizeof *p->workers);
	if (p->workers)
		memset(p->workers, 0, (size_t)count * sizeof *p->workers);
	signals_of_others(&others);
	pthread_sigmask(SIG_BLOCK, &others, &before);
	for (; p->workers && made < count; made++) {
		p->workers[made].pool = p;
		p->workers[made].k = made + 1;
		if (pthread_create(&p->workers[made].id, NULL, work, &p->workers[made]))
			break;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (made == count)
		return;
	if (p->workers)
		stop_workers(p, made);
	free(p->workers);
	p->workers = NULL;
}

static void wait_for_others(tl_pool *p)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load(&p->pending) == 0)
			return;
		pause_briefly();
	}
	pthread_mutex_lock(&p->lock);
	while (atomic_load(&p->pending) > 0)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

static void share(tl_pool *p, const job *j)
{
	p->job = *j;
	atomic_store(&p->pending, (int)j->parts - 1);
	uint_fast64_t number = (atomic_load(&p->ticket) >> 16) + 1;
	for (int64_t k = 1; k < j->parts; k++)
		atomic_store(&p->workers[k - 1].claim, 2 * number);
	atomic_store(&p->ticket, number << 16 | (uint_fast64_t)j->parts);
	if (atomic_load(&p->sleeping) > 0) {
		pthread_mutex_lock(&p->lock);
		pthread_cond_broadcast(&p->wake);
		pthread_mutex_unlock(&p->lock);
	}
	run_part(j, 0);
	for (int64_t k = 1; k < j->parts; k++)
		if (claim(&p->workers[k - 1], number)) {
			run_part(j, k);
			atomic_fetch_sub(&p->pending, 1);
		}
	wait_for_others(p);
}

void tl_parallel(tl_pool *p, int64_t n, int64_t grain, tl_range_fn fn, void *ctx)
{
	int64_t parts = grain > 0 ? n / grain : n;
	if (n <= 0)
		return;
	if (parts > tl_pool_threads(p))
		parts = tl_pool_threads(p);
	if (parts < 1)
		parts = 1;
	bool alone = parts <= 1 || atomic_exchange(&p->busy, true);
	if (!alone && !p->started)
		start_workers(p);
	job j = {fn, ctx, n, parts};
	if (!alone && p->workers)
		share(p, &j);
	else
		for (int64_t k = 0; k < parts; k++)
			run_part(&j, k);
	if (!alone)
		atomic_store(&p->busy, false);
}
