/* SPDX-License-Identifier: Apache-2.0 */
#include "models/pytorch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cells.h"
#include "models/rnn_run.h"
#include "optim/store_file.h"

/* A tensor of the state dict, and the parameter that it is here. */
typedef struct entry {
	char *name;
	const tl_param *param; /* of a second bias: its end, which stands apart here, or NULL */
	bool transposed, bias;
	bool second;           /* a bias that adds to that of the entry before */
	int module;            /* whose biases are there or not together */
} entry;

struct tl_pytorch {
	entry *entries;
	int count, modules;
};

tl_pytorch *tl_pytorch_new(void)
{
	return calloc(1, sizeof(tl_pytorch));
}

void tl_pytorch_free(tl_pytorch *p)
{
	if (!p)
		return;
	for (int k = 0; k < p->count; k++)
		free(p->entries[k].name);
	free(p->entries);
	free(p);
}

/* Takes the entry with the name that is made of the rest. */
__attribute__((format(printf, 4, 5))) static tl_status add(
	tl_pytorch *p, entry e, tl_error *err, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	entry *more = realloc(p->entries, ((size_t)p->count + 1) * sizeof *more);
	if (!more)
		return tl_error_memory(err);
	p->entries = more;
	e.name = n < 0 ? NULL : malloc((size_t)n + 1);
	e.module = p->modules;
	if (!e.name)
		return tl_error_memory(err);
	va_start(args, format);
	vsnprintf(e.name, (size_t)n + 1, format, args);
	va_end(args);
	p->entries[p->count++] = e;
	return TL_OK;
}

static const char *dot(const char *name)
{
	return *name ? "." : "";
}

/* Where the numbers stand, in PyTorch's orientation; this moves while a store grows. */
static tl_tensor here(const entry *e)
{
	if (!e->param)
		return tl_tensor_dense(TL_REAL, TL_SHAPE(0), NULL);
	const tl_tensor *v = &e->param->value;
	if (!e->transposed)
		return *v;
	return (tl_tensor){v->dtype, TL_SHAPE(v->shape.dim[1], v->shape.dim[0]), {v->stride[1], v->stride[0]}, v->data};
}

static tl_status check_rnn(const tl_rnn *rnn, tl_error *err)
{
	const tl_rnn_options *o = &rnn->options;
	static const tl_cell *const cells[] = {
		&tl_cell_rnn, &tl_cell_rnn_relu, &tl_cell_gru_lbr, &tl_cell_lstm, &tl_cell_lstm_projected};
	size_t k = 0;
	while (k < sizeof cells / sizeof *cells && cells[k] != o->cell)
		k++;
	if (k == sizeof cells / sizeof *cells)
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"torch.nn has no cell %s: it has rnn, rnn_relu, lstm, lstm_projected, and as its GRU gru_lbr",
			o->cell->name);
	for (int k = 0; k < o->cell->states; k++)
		if (o->zoneout[k] > 0)
			return tl_error_set(err, TL_ERR_ARGUMENT,
				"torch.nn has no zoneout, with which a trained model mixes its states with those before");
	if (rnn->starts)
		return tl_error_set(err, TL_ERR_ARGUMENT, "torch.nn has no learned first states");
	if (o->cell == &tl_cell_lstm_projected && (o->project == 0 || o->project >= o->hidden))
		return tl_error_set(err, TL_ERR_ARGUMENT,
			"torch.nn.LSTM takes a proj_size that is smaller than its hidden_size, not %lld of %lld",
			(long long)(o->project ? o->project : o->hidden), (long long)o->hidden);
	return TL_OK;
}

/* Which of PyTorch's names a parameter of those cells has; NULL for the second bias of a GRU. */
static const char *name_of(const tl_cell_param *p)
{
	switch (*p->name) {
	case 'w': return "weight_ih";
	case 'u': return "weight_hh";
	case 'r': return "weight_hr";
	case 'b': return "bias_ih";
	default: return NULL;
	}
}

static tl_status add_direction(tl_pytorch *p, const char *name, const tl_rnn *rnn, int i, tl_error *err)
{
	tl_param *const *params = rnn->params + i * rnn->count;
	const tl_cell_param *about = rnn->options.cell->params;
	const char *reverse = i % rnn->directions ? "_reverse" : "";
	int layer = i / rnn->directions;
	const tl_param *b = NULL, *c = NULL;
	tl_status status = TL_OK;
	for (int k = 0; k < rnn->count && !status; k++) {
		const char *theirs = name_of(&about[k]);
		if (!params[k])
			continue;
		if ((about[k].rows & TL_ROWS) != TL_BIAS)
			status = add(p, (entry){.param = params[k], .transposed = true}, err, "%s%s%s_l%d%s", name, dot(name),
				theirs, layer, reverse);
		else if (theirs)
			b = params[k];
		else
			c = params[k];
	}
	if (status || !b)
		return status;
	status = add(p, (entry){.param = b, .bias = true}, err, "%s%sbias_ih_l%d%s", name, dot(name), layer, reverse);
	return status ? status
		      : add(p, (entry){.param = c, .bias = true, .second = true}, err, "%s%sbias_hh_l%d%s", name, dot(name),
				layer, reverse);
}

tl_status tl_pytorch_rnn(tl_pytorch *p, const char *name, const tl_rnn *rnn, tl_error *err)
{
	tl_status status = check_rnn(rnn, err);
	for (int i = 0; i < rnn->options.layers * rnn->directions && !status; i++)
		status = add_direction(p, name, rnn, i, err);
	p->modules++;
	return status;
}

tl_status tl_pytorch_dense(tl_pytorch *p, const char *name, const tl_dense *layer, tl_error *err)
{
	tl_status status = add(p, (entry){.param = layer->w, .transposed = true}, err, "%s%sweight", name, dot(name));
	if (!status)
		status = add(p, (entry){.param = layer->b, .bias = true}, err, "%s%sbias", name, dot(name));
	p->modules++;
	return status;
}

tl_status tl_pytorch_embedding(tl_pytorch *p, const char *name, const tl_embedding *layer, tl_error *err)
{
	p->modules++;
	return layer->table ? add(p, (entry){.param = layer->table}, err, "%s%sweight", name, dot(name)) : TL_OK;
}

/* What is handed to the file: `extra` are second biases, one after the other. */
typedef struct exchange {
	tl_safetensors_item *items;
	int *entry; /* of each item */
	int n;
	tl_real *extra;
} exchange;

static void exchange_release(exchange *x)
{
	free(x->items);
	free(x->entry);
	free(x->extra);
}

static int64_t size_of(tl_tensor t)
{
	return tl_shape_size(t.shape);
}

/* A module's biases are left out where `f` has none of them. */
static bool has_biases(const tl_pytorch *p, int module, const tl_safetensors *f)
{
	for (int k = 0; k < p->count; k++)
		if (p->entries[k].module == module && p->entries[k].bias && tl_safetensors_find(f, p->entries[k].name) >= 0)
			return true;
	return false;
}

int tl_pytorch_find(const tl_safetensors *f, const char *name)
{
	int k = tl_safetensors_find(f, name);
	const char *kept = k < 0 ? tl_safetensors_metadata(f, name) : NULL;
	return kept ? tl_safetensors_find(f, kept) : k;
}

/* Under which name the file has it. */
static const char *name_in(const tl_safetensors *f, const char *name)
{
	int k = f ? tl_pytorch_find(f, name) : -1;
	return k < 0 ? name : tl_safetensors_name(f, k);
}

/* f: the file that is to be read, or NULL. To be released after a failure, too. */
static tl_status exchange_init(exchange *x, const tl_pytorch *p, const tl_safetensors *f, tl_error *err)
{
	int64_t extra = 0;
	for (int k = 0; k < p->count; k++)
		extra += p->entries[k].second ? size_of(here(&p->entries[k - 1])) : 0;
	*x = (exchange){
		.items = calloc((size_t)p->count + 1, sizeof *x->items),
		.entry = calloc((size_t)p->count + 1, sizeof *x->entry),
		.extra = calloc((size_t)extra + 1, sizeof *x->extra),
	};
	if (!x->items || !x->entry || !x->extra)
		return tl_error_memory(err);
	tl_real *at = x->extra;
	for (int k = 0; k < p->count; k++) {
		const entry *e = &p->entries[k];
		if (f && e->bias && !has_biases(p, e->module, f))
			continue;
		tl_tensor t = here(e);
		if (e->second) {
			t = tl_tensor_dense(TL_REAL, here(e - 1).shape, at);
			at += size_of(t);
		}
		x->entry[x->n] = k;
		x->items[x->n++] = (tl_safetensors_item){name_in(f, e->name), t};
	}
	return TL_OK;
}

/* The end of a second bias that stands apart here; what is before it belongs to the first. */
static tl_tensor end_of(const tl_tensor *second, tl_tensor apart)
{
	return tl_tensor_dense(
		TL_REAL, apart.shape, (tl_real *)second->data + size_of(*second) - size_of(apart));
}

tl_status tl_pytorch_save(
	const tl_pytorch *p, const char *path, const tl_safetensors_pair *metadata, int n_metadata, tl_error *err)
{
	exchange x;
	tl_status status = exchange_init(&x, p, NULL, err);
	for (int i = 0; i < x.n && !status; i++) {
		const entry *e = &p->entries[x.entry[i]];
		if (e->second && e->param) {
			tl_tensor apart = here(e), end = end_of(&x.items[i].tensor, apart);
			tl_tensor_copy(&end, &apart);
		}
	}
	if (!status)
		status = tl_safetensors_write(path, x.items, x.n, metadata, n_metadata, err);
	exchange_release(&x);
	return status;
}

static void take_second(const entry *e, const tl_tensor *second)
{
	tl_real *b = here(e - 1).data;
	const tl_real *more = second->data;
	tl_tensor apart = here(e), end = end_of(second, apart);
	for (int64_t i = 0; i < size_of(*second) - size_of(apart); i++)
		b[i] += more[i];
	if (e->param)
		tl_tensor_copy(&apart, &end);
}

static tl_status load(tl_pytorch *p, const tl_safetensors *f, bool whole, tl_error *err)
{
	exchange x;
	tl_status status = exchange_init(&x, p, f, err);
	if (!status)
		status = (whole ? tl_items_load : tl_items_load_part)(x.items, x.n, f, err);
	for (int k = 0, i = 0; k < p->count && !status; k++) {
		const entry *e = &p->entries[k];
		bool read = i < x.n && x.entry[i] == k;
		if (!read && e->param)
			memset(e->param->value.data, 0, (size_t)size_of(e->param->value) * sizeof(tl_real));
		else if (read && e->second)
			take_second(e, &x.items[i].tensor);
		i += read;
	}
	exchange_release(&x);
	return status;
}

tl_status tl_pytorch_load(tl_pytorch *p, const tl_safetensors *f, tl_error *err)
{
	return load(p, f, true, err);
}

tl_status tl_pytorch_load_part(tl_pytorch *p, const tl_safetensors *f, tl_error *err)
{
	return load(p, f, false, err);
}
