/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 5.0

double seconds_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void progress_init(progress *p, bool quiet)
{
	*p = (progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO), .start = seconds_now()};
}

bool progress_due(const progress *p)
{
	return !p->quiet && seconds_now() - p->shown > (p->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS);
}

void progress_show(progress *p, bool finished, const char *format, ...)
{
	if (p->quiet)
		return;
	char line[256];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	int width = (int)strlen(line);
	if (p->terminal)
		fprintf(stderr, "\r%-*s%s", p->width, line, finished ? "\n" : "");
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	p->width = finished ? 0 : width;
	p->shown = seconds_now();
}

const char *duration_text(double seconds, char buf[24])
{
	int64_t s = (int64_t)(seconds + 0.5);
	if (s >= 3600)
		snprintf(buf, 24, "%" PRId64 "h%02dm", s / 3600, (int)(s / 60 % 60));
	else if (s >= 60)
		snprintf(buf, 24, "%dm%02ds", (int)(s / 60), (int)(s % 60));
	else
		snprintf(buf, 24, "%ds", (int)s);
	return buf;
}

const char *count_text(int64_t n, char buf[32])
{
	char digits[32];
	int length = snprintf(digits, sizeof digits, "%" PRId64, n), to = 0;
	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			buf[to++] = ',';
		buf[to++] = digits[i];
	}
	buf[to] = '\0';
	return buf;
}
