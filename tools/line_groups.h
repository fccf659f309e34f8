/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a stream in groups, for commands that answer each line with one: as many as are there already, so
 * that they are computed side by side, and whoever waits for an answer gets it.
 *
 *	for (bool more = true; more;) {
 *		if (line_group_next(&reader, &group, WORDS_SPACE, 1024, &more, err))
 *			...
 *		... answer group.n lines, flush
 *	}
 */
#ifndef TL_TOOLS_LINE_GROUPS_H
#define TL_TOOLS_LINE_GROUPS_H

#include "tools/sentences.h"

/*
 * Waits for a line, then takes those that can be read without waiting, at most `most` in all. The group is cleared
 * first; after a failure it holds the lines before. *more: whether the end is still to come; then there is at
 * least one line.
 */
tl_status line_group_next(
	line_reader *r, sentences *group, words_rule rule, int64_t most, bool *more, tl_error *err);

#endif
