/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a data set: learned from, looked at while learning, and looked at when all is done. */
#ifndef TL_TOOLS_PARTS_H
#define TL_TOOLS_PARTS_H

enum { TRAIN, VALID, TEST, PARTS };

/* "train", "valid", "test" */
static inline const char *part_name(int part)
{
	return part == TRAIN ? "train" : part == VALID ? "valid" : "test";
}

#endif
