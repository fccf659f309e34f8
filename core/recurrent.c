/* SPDX-License-Identifier: Apache-2.0 */
#include "core/recurrent.h"

#include <stdlib.h>

bool tl__recurrent_shape(const tl_recurrent_spec *s, int k, tl_shape *shape)
{
	int64_t gates = s->cell == TL_RECURRENT_LSTM   ? 4
			: s->cell <= TL_RECURRENT_RELU ? 1
						       : 3,
		h = s->hidden;
	switch (k) {
	case TL_RECURRENT_X:
		*shape = TL_SHAPE(s->steps, s->rows, s->input);
		return true;
	case TL_RECURRENT_H0:
		*shape = TL_SHAPE(s->rows, s->out);
		return s->given;
	case TL_RECURRENT_C0:
		*shape = TL_SHAPE(s->rows, h);
		return s->given && s->cell == TL_RECURRENT_LSTM;
	case TL_RECURRENT_W:
		*shape = TL_SHAPE(s->input, gates * h);
		return true;
	case TL_RECURRENT_U:
		*shape = TL_SHAPE(s->out, (s->cell == TL_RECURRENT_GRU ? 2 : gates) * h);
		return true;
	case TL_RECURRENT_B:
		*shape = TL_SHAPE(gates * h);
		return true;
	case TL_RECURRENT_MORE:
		*shape = s->cell == TL_RECURRENT_GRU ? TL_SHAPE(h, h) : TL_SHAPE(h);
		return s->cell >= TL_RECURRENT_GRU;
	case TL_RECURRENT_PEEP:
		*shape = TL_SHAPE(3 * h);
		return s->peephole;
	case TL_RECURRENT_PROJ:
		*shape = TL_SHAPE(h, s->out);
		return s->projected;
	default:
		return false;
	}
}

#ifdef TL_DOUBLE

struct tl_recurrent {
	tl_recurrent_spec spec;
};

tl_recurrent *tl__recurrent_new(const tl_recurrent_spec *spec, int threads, tl_error *err)
{
	tl_recurrent *r = calloc(1, sizeof *r);
	(void)threads;
	if (r)
		r->spec = *spec;
	else
		tl_error_memory(err);
	return r;
}

void tl__recurrent_free(tl_recurrent *r)
{
	free(r);
}

uint64_t tl__recurrent_made(const tl_recurrent *r)
{
	(void)r;
	return 0;
}

tl_status tl__recurrent_kept(tl_recurrent *r, size_t *bytes, tl_error *err)
{
	(void)r;
	(void)err;
	*bytes = 0;
	return TL_OK;
}

tl_status tl__recurrent_forward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err)
{
	return tl__recurrent_plain_forward(&r->spec, run, err);
}

tl_status tl__recurrent_backward(tl_recurrent *r, const tl_recurrent_run *run, tl_error *err)
{
	return tl__recurrent_plain_backward(&r->spec, run, err);
}

#else

#include "core/recurrent_layer.h"

#define LEAST_WORK ((int64_t)1 << 20) /* multiply-adds that are worth waking a thread for */

static int parts_of(const tl_recurrent_spec *s, int threads)
{
	double work = (double)s->steps * (double)s->rows * (double)(s->input + s->out) * (double)s->hidden;
	int64_t parts = threads < s->rows ? threads : s->rows;
	while (parts > 1 && work / (double)parts < LEAST_WORK)
		parts--;
	return parts > 1 ? (int)parts : 1;
}

tl_recurrent *tl__recurrent_new(const tl_recurrent_spec *spec, int threads, tl_error *err)
{
	static const tl_onednn_cell cell[] = {
		TL_ONEDNN_TANH, TL_ONEDNN_RELU, TL_ONEDNN_LSTM, TL_ONEDNN_GRU, TL_ONEDNN_LBR_GRU};
	int parts = parts_of(spec, threads);
	tl_recurrent *r = calloc(1, sizeof *r + (size_t)parts * sizeof(tl__recurrent_part));
	if (!r) {
		tl_error_memory(err);
		return NULL;
	}
	r->spec = *spec;
	r->parts = parts;
	for (int k = 0; k < parts; k++) {
		tl__recurrent_part *p = &r->part[k];
		p->first = spec->rows * k / parts;
		p->rows = spec->rows * (k + 1) / parts - p->first;
		p->shape = (tl_onednn_shape){cell[spec->cell], spec->steps, p->rows, spec->input,
			spec->hidden, spec->out, spec->projected, spec->peephole};
	}
	return r;
}

void tl__recurrent_free(tl_recurrent *r)
{
	for (int k = 0; r && k < r->parts; k++) {
		tl__onednn_rnn_free(r->part[k].infer);
		tl__onednn_rnn_free(r->part[k].train);
	}
	free(r);
}

uint64_t tl__recurrent_made(const tl_recurrent *r)
{
	return r->made;
}

tl_status tl__recurrent_make(tl_recurrent *r, bool training, tl_error *err)
{
	for (int k = 0; k < r->parts; k++) {
		tl__recurrent_part *p = &r->part[k];
		tl_onednn_rnn **at = training ? &p->train : &p->infer;
		if (*at)
			continue;
		if (!(*at = tl__onednn_rnn_new(&p->shape, training, err)))
			return err->status;
		r->made += training ? 2 : 1;
	}
	return TL_OK;
}

static size_t whole_lines(size_t bytes)
{
	return (bytes + TL_ALIGN - 1) / TL_ALIGN * TL_ALIGN;
}

tl__recurrent_keep tl__recurrent_part_keep(const tl_recurrent *r, int k)
{
	const tl_recurrent_spec *s = &r->spec;
	tl__recurrent_keep keep = {.all = whole_lines(tl__onednn_rnn_workspace(r->part[k].train))};
	if (r->parts > 1 || s->backward) {
		size_t rows = (size_t)(s->steps * r->part[k].rows) * sizeof(tl_real);
		keep.x = keep.all;
		keep.y = keep.x + whole_lines(rows * (size_t)s->input);
		keep.all = keep.y + whole_lines(rows * (size_t)s->out);
	}
	return keep;
}

tl_status tl__recurrent_kept(tl_recurrent *r, size_t *bytes, tl_error *err)
{
	tl_status status = tl__recurrent_make(r, true, err);
	*bytes = 0;
	for (int k = 0; k < r->parts && !status; k++)
		*bytes += tl__recurrent_part_keep(r, k).all;
	return status;
}

#endif

const tl_recurrent_spec *tl__recurrent_spec(const tl_recurrent *r)
{
	return &r->spec;
}
