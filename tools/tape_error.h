/* SPDX-License-Identifier: Apache-2.0 */
/* Pass a failure of the tape on; TL_OK where there is none. */
#ifndef TL_TOOLS_TAPE_ERROR_H
#define TL_TOOLS_TAPE_ERROR_H

#include "graph/tape.h"

tl_status tape_error(const tl_tape *tape, tl_error *err);

#endif
