/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of JSON objects, one a line, that another process may be writing: log.jsonl and progress.jsonl of a
 * training.
 *
 *	records r = {0};
 *	if (records_read(&r, "out/log.jsonl", false, err)) ...        what there is
 *	if (records_read(&r, "out/log.jsonl", false, err)) ...        what has come since, after the same objects
 *	for (size_t k = 0; k < records_count(&r); k++)
 *		double loss = record_real(records_at(&r, k), "train", "loss");
 *	records_release(&r);
 *
 * A last line without its end is being written: it waits for the next reading. Where the file is shorter than it was,
 * or its last known line is another, a new training has begun, and all objects are read anew.
 */
#ifndef TL_TOOLS_RECORDS_H
#define TL_TOOLS_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/status.h"

typedef struct records {
	json_t *objects;   /* an array */
	char *last;        /* the text of the last line that was read */
	long last_at, end; /* where it begins, and ends */
	int64_t lines;
} records;

/*
 * `ended`: nobody writes any more, so that a last line without its end counts if it is an object. TL_ERR_IO where the
 * file cannot be read, TL_ERR_FORMAT with file and line at any other line that is no object.
 */
tl_status records_read(records *r, const char *path, bool ended, tl_error *err);
void records_release(records *r);

size_t records_count(const records *r);
const json_t *records_at(const records *r, size_t k);
/* line[part][name], or line[name] where part is NULL; also what real_json made of it. NaN where there is none. */
double record_real(const json_t *line, const char *part, const char *name);

#endif
