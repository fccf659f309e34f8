/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/training.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/journal.h"

#define LOG_NAME "log.jsonl"

tl_status training_open(training *t, const char *path, tl_error *err)
{
	struct stat s;
	*t = (training){.name = path};
	if (strlen(path) > sizeof t->log - 32)
		return tl_error_set(err, TL_ERR_ARGUMENT, "the path is too long: %.100s...", path);
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	t->directory = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
	snprintf(t->log, sizeof t->log, "%.4100s%s", path, t->directory ? "/" LOG_NAME : "");
	if (t->directory)
		snprintf(t->journal, sizeof t->journal, "%.4100s/" JOURNAL_NAME, path);
	else if (!strcmp(file, LOG_NAME))
		snprintf(t->journal, sizeof t->journal, "%.*s" JOURNAL_NAME, (int)(file - path), path);
	if (access(t->journal, F_OK))
		t->journal[0] = '\0';
	if (t->directory && !t->journal[0] && access(t->log, F_OK))
		return tl_error_set(err, TL_ERR_IO, "%s holds no training: neither " LOG_NAME " nor " JOURNAL_NAME, path);
	if (!t->directory && access(t->log, F_OK))
		return tl_error_set(err, TL_ERR_IO, "%s: %s", path, strerror(errno));
	return TL_OK;
}

void training_release(training *t)
{
	records_release(&t->epochs);
	records_release(&t->entries);
}

tl_status training_read(training *t, bool ended, tl_error *err)
{
	if (t->journal[0] && records_read(&t->entries, t->journal, ended, err))
		return err->status;
	t->begin = t->end = NULL;
	for (size_t k = 0; k < records_count(&t->entries); k++) {
		const json_t *line = records_at(&t->entries, k);
		if (json_object_get(line, "begin")) {
			t->begin = line;
			t->end = NULL;
		} else if (json_object_get(line, "end")) {
			t->end = line;
		}
	}
	const char *log = json_string_value(json_object_get(t->begin, "log"));
	if (t->directory && log && *log == '/')
		snprintf(t->log, sizeof t->log, "%.4100s", log);
	if (t->begin && access(t->log, F_OK))
		return TL_OK;
	return records_read(&t->epochs, t->log, ended, err);
}

bool training_runs(const training *t)
{
	int file = t->journal[0] ? open(t->journal, O_RDONLY | O_CLOEXEC) : -1;
	bool runs = file >= 0 && journal_is_held(file);
	if (file >= 0)
		close(file);
	return runs;
}

const char *training_unit(const training *t)
{
	const char *unit = json_string_value(json_object_get(t->begin, "unit"));
	return unit ? unit : "tokens";
}

void training_curve(const training *t, training_axis axis, const char *part, const char *name, double *x, double *y)
{
	double seconds = 0;
	for (size_t k = 0; k < records_count(&t->epochs); k++) {
		const json_t *line = records_at(&t->epochs, k);
		double took = record_real(line, NULL, "seconds");
		seconds += isfinite(took) ? took : 0;
		x[k] = axis == BY_SECOND ? seconds : record_real(line, NULL, axis == BY_STEP ? "steps" : "epoch");
		y[k] = record_real(line, part, name);
	}
}

size_t training_curve_within(const training *t, training_axis axis, const char *name, double *x, double *y)
{
	size_t n = 0;
	for (size_t k = 0; k < records_count(&t->entries); k++) {
		const json_t *line = records_at(&t->entries, k);
		if (!json_object_get(line, "part"))
			continue;
		x[n] = axis == BY_EPOCH ? record_real(line, NULL, "epoch") - 1 + record_real(line, NULL, "part")
					: record_real(line, NULL, axis == BY_STEP ? "step" : "seconds");
		y[n++] = record_real(line, NULL, name);
	}
	return n;
}
