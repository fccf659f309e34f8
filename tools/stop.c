/* SPDX-License-Identifier: Apache-2.0 */
/* The handler has a stack of its own, since amid oneDNN's products there may be none: see core/gemm.h. */
#include "tools/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t noted; /* a handler reaches nothing else */
static unsigned char stack[1 << 16]; /* where it runs: the registers of AVX-512 and AMX take 11 KiB of it */

static void note(int signal_number)
{
	if (noted) {
		signal(signal_number, SIG_DFL);
		raise(signal_number);
	}
	noted = signal_number;
}

static void set_handler(void (*handler)(int))
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction before, action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
	sigemptyset(&action.sa_mask);
	for (size_t k = 0; k < sizeof signals / sizeof *signals; k++)
		if (sigaction(signals[k], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(signals[k], &action, NULL);
}

void stop_listen(void)
{
	sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
	set_handler(note);
}

void stop_listen_no_more(void)
{
	set_handler(SIG_DFL);
}

int stop_signal(void)
{
	return noted;
}

const char *stop_signal_name(int signal_number)
{
	return signal_number == SIGINT ? "SIGINT" : "SIGTERM";
}
