/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT and SIGTERM as a wish to stop: the first one is noted, so that work can be brought to a good end; the
 * second ends the process at once. A signal that was ignored when the program began stays so.
 */
#ifndef TL_TOOLS_STOP_H
#define TL_TOOLS_STOP_H

void stop_listen(void);
/* From now on the first signal, too, ends the process. */
void stop_listen_no_more(void);
/* The signal that was noted, or 0. */
int stop_signal(void);
/* "SIGINT", "SIGTERM" */
const char *stop_signal_name(int signal);

#endif
