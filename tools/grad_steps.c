/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The adjoints of all states at once: they are nodes that the gradient of the parameters needs anyway, so this costs
 * what one more backward pass costs.
 */
#include <math.h>
#include <string.h>

#include "graph/find.h"
#include "graph/grad.h"
#include "tools/grad_norms.h"
#include "tools/score.h"

/* In double: in float the squares of what has vanished would. */
static double norm(tl_var v, tl_real *room)
{
	int64_t n = tl_shape_size(tl_var_shape(v));
	double sum = 0;
	if (tl_read(v, room, n))
		return NAN;
	for (int64_t i = 0; i < n; i++)
		sum += (double)room[i] * (double)room[i];
	return sqrt(sum);
}

/* "layer=0/t=*" of "layer=0/t=*" "/hidden" */
static json_t *key(const char *path)
{
	const char *slash = strrchr(path, '/');
	return json_stringn(path, slash ? (size_t)(slash - path) : strlen(path));
}

static bool put_trace(const tl_trace *trace, const tl_var *adjoint, tl_real *room, json_t *into)
{
	json_t *norms = json_array(), *name = key(trace->path);
	bool fine = norms && name;
	for (int64_t t = 0; t < trace->steps && fine; t++)
		fine = !json_array_append_new(norms, real_json(norm(adjoint[t], room)));
	fine = !json_object_set_new(into, name ? json_string_value(name) : "", norms) && fine;
	json_decref(name);
	return fine;
}

/* Of all steps, each with a variable of its own? What checkpoints keep stands at the first step of each segment. */
static bool is_whole(const tl_trace *trace)
{
	return trace->index[trace->steps - 1] == trace->steps - 1 && !strchr(trace->path, '#');
}

/* Of n traces those that are whole, to `to`, and how many variables they have. */
static int choose(int n, const tl_trace *from, tl_trace *to, int64_t *all, int64_t *largest)
{
	int chosen = 0;
	for (int k = 0; k < n; k++) {
		if (!is_whole(&from[k]))
			continue;
		to[chosen++] = from[k];
		*all += from[k].steps;
		for (int64_t t = 0; t < from[k].steps; t++) {
			int64_t size = tl_shape_size(tl_var_shape(from[k].at[t]));
			*largest = size > *largest ? size : *largest;
		}
	}
	return chosen;
}

tl_status grad_steps_log(tl_var loss, json_t *line)
{
	const tl_trace *found;
	int64_t all = 0, most = 1, n = 0;
	int traces = tl_trace_find(loss.tape, "**/hidden", &found);
	tl_trace *trace = tl_tape_alloc(loss.tape, ((size_t)traces + 1) * sizeof *trace);
	traces = trace ? choose(traces, found, trace, &all, &most) : 0;
	if (!all || all > INT32_MAX)
		return tl_tape_status(loss.tape);
	tl_var *adjoint = tl_tape_alloc(loss.tape, (size_t)all * sizeof *adjoint);
	tl_real *room = tl_tape_alloc(loss.tape, (size_t)most * sizeof *room);
	json_t *into = json_object();
	for (int k = 0; adjoint && k < traces; k++)
		for (int64_t t = 0; t < trace[k].steps; t++)
			adjoint[n++] = trace[k].at[t];
	bool fine = adjoint && room && into && !tl_grad(loss, (int)all, adjoint, adjoint) && !tl_eval((int)all, adjoint);
	n = 0;
	for (int k = 0; k < traces && fine; k++) {
		fine = put_trace(&trace[k], adjoint + n, room, into);
		n += trace[k].steps;
	}
	if (json_object_set_new(line, "grad_by_step", into) || !fine)
		return tl_tape_status(loss.tape) ? tl_tape_status(loss.tape) : TL_ERR_MEMORY;
	return TL_OK;
}
