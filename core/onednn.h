/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oneDNN in threads of ours. Debian's computes on libgomp, whose threads spin without end (core/threads.h),
 * so each call gets the caller's thread alone:
 *
 *	int before = tl__onednn_enter();
 *	dnnl_primitive_execute(...);
 *	tl__onednn_leave(before);
 *
 * For the files that call oneDNN only.
 */
#ifndef TL_CORE_ONEDNN_H
#define TL_CORE_ONEDNN_H

#include <dnnl.h>

/* libgomp's: how many threads its next region on this thread has. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

static inline int tl__onednn_enter(void)
{
	int before = omp_get_max_threads();
	if (before != 1)
		omp_set_num_threads(1);
	return before;
}

static inline void tl__onednn_leave(int before)
{
	if (before != 1)
		omp_set_num_threads(before);
}

#endif
