/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a data set: learned from, looked at while learning, and looked at when all is done. */
#ifndef TL_TOOLS_PARTS_H
#define TL_TOOLS_PARTS_H

enum { TRAIN, VALID, TEST, PARTS };
extern const char *const part_names[PARTS]; /* "train", "valid", "test" */

#endif
