/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/train_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/arena.h"
#include "optim/store_file.h"
#include "tools/model_file.h"

#define FORMAT 1
#define CARRIED "training."
#define MOST_CARRIED 16
#define HEX_TEXT 40

/* trainer_state as JSON, both ways. */
static const struct {
	const char *name;
	enum { INTEGER, REAL, TRUTH } type;
	size_t at;
} fields[] = {
	{"epoch", INTEGER, offsetof(trainer_state, epoch)},
	{"place", INTEGER, offsetof(trainer_state, place)},
	{"batches", INTEGER, offsetof(trainer_state, batches)},
	{"loss", REAL, offsetof(trainer_state, loss)},
	{"norm", REAL, offsetof(trainer_state, norm)},
	{"weight", INTEGER, offsetof(trainer_state, weight)},
	{"updates", INTEGER, offsetof(trainer_state, updates)},
	{"lr", REAL, offsetof(trainer_state, lr)},
	{"plateau_lr", REAL, offsetof(trainer_state, plateau.lr)},
	{"plateau_started", TRUTH, offsetof(trainer_state, plateau.started)},
	{"plateau_best", REAL, offsetof(trainer_state, plateau.best)},
	{"plateau_worse", INTEGER, offsetof(trainer_state, plateau.worse)},
	{"has_best", TRUTH, offsetof(trainer_state, has_best)},
	{"best", REAL, offsetof(trainer_state, best)},
	{"worse", INTEGER, offsetof(trainer_state, worse)},
	{"train_loss", REAL, offsetof(trainer_state, train_loss)},
	{"logged", INTEGER, offsetof(trainer_state, logged)},
};

#define FIELDS (sizeof fields / sizeof *fields)

/* They change when a run ends, and what it says, but nothing of what it computes up to there. */
static const char *const loose[] = {
	"epochs", "patience", "threads", "log-gradients", "max-steps", "save-every", "check-nan", "log", "tensorboard", "quiet",
	"out", "resume", "overwrite"};
#define LOOSE_SAVED 4 /* the first ones count for a run that goes on, too */

static bool is_one_of(const char *option, size_t from, size_t to)
{
	for (size_t k = from; k < to; k++)
		if (argument_is(option, loose[k]))
			return true;
	return false;
}

bool option_is_bound(const char *option)
{
	return !is_one_of(option, 0, sizeof loose / sizeof *loose);
}

bool option_is_saved(const char *option)
{
	return !is_one_of(option, LOOSE_SAVED, sizeof loose / sizeof *loose);
}

static json_t *state_to_json(const trainer_state *state)
{
	json_t *object = json_object();
	for (size_t k = 0; k < FIELDS && object; k++) {
		const void *at = (const char *)state + fields[k].at;
		char text[HEX_TEXT];
		json_t *value = NULL;
		switch (fields[k].type) {
		case INTEGER: value = json_integer(*(const int64_t *)at); break;
		case TRUTH: value = json_boolean(*(const bool *)at); break;
		case REAL:
			snprintf(text, sizeof text, "%a", *(const double *)at);
			value = json_string(text);
			break;
		}
		if (json_object_set_new(object, fields[k].name, value)) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static tl_status state_from_json(trainer_state *state, const json_t *object, tl_error *err)
{
	for (size_t k = 0; k < FIELDS; k++) {
		void *at = (char *)state + fields[k].at;
		const json_t *value = json_object_get(object, fields[k].name);
		const char *text = json_string_value(value);
		char *end = NULL;
		bool good = false;
		switch (fields[k].type) {
		case INTEGER:
			*(int64_t *)at = json_integer_value(value);
			good = json_is_integer(value) && json_integer_value(value) >= 0;
			break;
		case TRUTH:
			*(bool *)at = json_is_true(value);
			good = json_is_boolean(value);
			break;
		case REAL:
			*(double *)at = text ? strtod(text, &end) : 0;
			good = text && end != text && !*end;
			break;
		}
		if (!good)
			return tl_error_set(err, TL_ERR_FORMAT, "the saved training is damaged: no '%s'", fields[k].name);
	}
	return TL_OK;
}

/* All tensors of a training: parameters, what the optimiser remembers, what is carried. */
typedef struct tensors {
	tl_safetensors_item *v;
	int n;
	tl_arena memory;
} tensors;

static tl_status tensors_list(tensors *all, const trainer *t, tl_error *err)
{
	const task *task = t->task;
	tl_safetensors_item carried[MOST_CARRIED];
	int params = tl_store_count(task->store), states, more = 0;
	const tl_safetensors_item *remembered = tl_optimizer_state(t->optimizer, &states);
	if (task->kind->carried && t->state.place > 0)
		more = task->kind->carried(t->task, carried, MOST_CARRIED);
	tl_arena_init(&all->memory, 0);
	all->n = params + states + more;
	all->v = tl_arena_alloc_small(&all->memory, (size_t)all->n * sizeof *all->v);
	if (!all->v)
		return tl_error_memory(err);
	for (int k = 0; k < params; k++)
		all->v[k] = tl_store_item(task->store, k);
	memcpy(all->v + params, remembered, (size_t)states * sizeof *all->v);
	for (int k = 0; k < more; k++) {
		size_t size = sizeof CARRIED + strlen(carried[k].name);
		char *name = tl_arena_alloc_small(&all->memory, size);
		if (!name)
			return tl_error_memory(err);
		snprintf(name, size, CARRIED "%s", carried[k].name);
		all->v[params + states + k] = (tl_safetensors_item){name, carried[k].tensor};
	}
	return TL_OK;
}

static char *digest_text(const task *t, char text[24])
{
	snprintf(text, 24, "%016" PRIx64, t->digest);
	return text;
}

tl_status train_state_save(const trainer *t, const arguments *options, const char *path, tl_error *err)
{
	char digest[24];
	model_pairs p = {0};
	tensors all = {0};
	tl_safetensors_pair pair[MODEL_PAIRS + 1];
	json_t *training = json_pack("{s:i, s:s, s:o, s:o}", "format", FORMAT, "data", digest_text(t->task, digest),
		"options", arguments_to_json(options, option_is_saved), "state", state_to_json(&t->state));
	if (training && t->norms && json_object_set_new(training, "grad_norms", grad_norms_save(t->norms))) {
		json_decref(training);
		training = NULL;
	}
	char *text = training ? json_dumps(training, JSON_COMPACT) : NULL;
	tl_status status = text ? model_pairs_make(&p, t->task, false, err) : tl_error_memory(err);
	if (!status)
		status = tensors_list(&all, t, err);
	if (!status) {
		memcpy(pair, p.pair, sizeof p.pair);
		pair[p.n] = (tl_safetensors_pair){MODEL_TRAINING, text};
		status = tl_safetensors_write(path, all.v, all.n, pair, p.n + 1, err);
	}
	tl_arena_release(&all.memory);
	model_pairs_release(&p);
	free(text);
	json_decref(training);
	return status;
}

/* Passes why on as a sentence about the file. */
tl_status saved_training_open(saved_training *s, const char *path, const char *task, tl_error *err)
{
	*s = (saved_training){.path = path, .file = tl_safetensors_open(path, err)};
	if (!s->file)
		return err->status;
	tl_error why = {0};
	int format = 0;
	json_t *options = NULL;
	json_t *config = model_metadata(s->file, MODEL_CONFIG, &why);
	const char *name = json_string_value(json_object_get(config, "task"));
	if (config && (!name || strcmp(name, task)))
		tl_error_set(&why, TL_ERR_FORMAT, "a training of '%.40s', not of %s", name ? name : "", task);
	if (!why.status)
		s->training = model_metadata(s->file, MODEL_TRAINING, &why);
	if (s->training && json_unpack(s->training, "{s:i, s:o}", "format", &format, "options", &options))
		tl_error_set(&why, TL_ERR_FORMAT, "the saved training is damaged: no options");
	else if (s->training && format != FORMAT)
		tl_error_set(&why, TL_ERR_FORMAT, "format %d of a saved training is not the one that this program reads, %d",
			format, FORMAT);
	else if (s->training)
		arguments_from_json(&s->options, options, &why);
	json_decref(config);
	if (model_error(path, &why, err))
		saved_training_release(s);
	return err->status;
}

void saved_training_release(saved_training *s)
{
	tl_safetensors_free(s->file);
	json_decref(s->training);
	arguments_release(&s->options);
	*s = (saved_training){0};
}

/* Data and model are those of the file, down to the order of the symbols. */
static tl_status check_same(const saved_training *s, const task *t, tl_error *err)
{
	char digest[24];
	model_pairs p;
	const char *saved = json_string_value(json_object_get(s->training, "data"));
	if (!saved || strcmp(saved, digest_text(t, digest)))
		return tl_error_set(err, TL_ERR_ARGUMENT, "the data are not those that the training began with");
	if (model_pairs_make(&p, t, false, err))
		return err->status;
	for (int k = 0; k < p.n && !err->status; k++) {
		const char *text = tl_safetensors_metadata(s->file, p.pair[k].key);
		if (!text || strcmp(text, p.pair[k].value))
			tl_error_set(err, TL_ERR_ARGUMENT, "data and options give another %s than the one that is saved",
				p.pair[k].key);
	}
	model_pairs_release(&p);
	return err->status;
}

static tl_status load(const saved_training *s, trainer *t, tl_error *err)
{
	tensors all = {0};
	if (check_same(s, t->task, err) || state_from_json(&t->state, json_object_get(s->training, "state"), err))
		return err->status;
	if (t->norms)
		grad_norms_load(t->norms, json_object_get(s->training, "grad_norms"));
	if (t->state.epoch < 1)
		return tl_error_set(err, TL_ERR_FORMAT, "the saved training is damaged: epoch 0");
	tl_status status = trainer_finished(t) && t->state.place == 0 ? TL_OK : trainer_begin_epoch(t, err);
	if (!status && t->state.place > t->task->batches)
		status = tl_error_set(err, TL_ERR_FORMAT, "the saved training is damaged: batch %" PRId64 " of %" PRId64,
			t->state.place, t->task->batches);
	if (!status)
		status = tensors_list(&all, t, err);
	if (!status)
		status = tl_items_load(all.v, all.n, s->file, err);
	tl_arena_release(&all.memory);
	return status;
}

tl_status saved_training_load(const saved_training *s, trainer *t, tl_error *err)
{
	tl_error why = {0};
	load(s, t, &why);
	return model_error(s->path, &why, err);
}
