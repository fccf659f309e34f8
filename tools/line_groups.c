/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/line_groups.h"

#include <poll.h>

/*
 * Would reading not wait? At the end of a file it does not. What the stream has read ahead is not asked for: then a
 * group is smaller than it could be.
 */
static bool is_waiting(FILE *file)
{
	struct pollfd p = {.fd = fileno(file), .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

tl_status line_group_next(
	line_reader *r, sentences *group, words_rule rule, int64_t most, bool *more, tl_error *err)
{
	token line;
	sentences_clear(group);
	do {
		if (line_reader_next(r, &line, more, err))
			return err->status;
		if (*more && sentences_add(group, line, r->number - 1, rule, err))
			return err->status;
	} while (*more && group->n < most && is_waiting(r->file));
	return TL_OK;
}
