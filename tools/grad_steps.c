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

tl_status grad_steps_log(tl_var loss, json_t *line)
{
	const tl_trace *trace;
	int traces = tl_trace_find(loss.tape, "**/hidden", &trace);
	int64_t all = 0, most = 1, n = 0;
	for (int k = 0; k < traces; k++)
		for (int64_t t = 0; t < trace[k].steps; t++, all++) {
			int64_t size = tl_shape_size(tl_var_shape(trace[k].at[t]));
			most = size > most ? size : most;
		}
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
