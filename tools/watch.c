/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop watch */
#include <argp.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/score.h"
#include "tools/stop.h"
#include "tools/watch_frame.h"

#define MOST_RUNS 32
#define LOOKS_APART 500000000L /* nanoseconds */

typedef struct watcher {
	const char *path[MOST_RUNS];
	int n;
	bool once, wait;
	bool open[MOST_RUNS];
	training run[MOST_RUNS];
	size_t told[MOST_RUNS]; /* epochs that have their line */
	frame_look look;
	char *frame;            /* what stands on the terminal */
	size_t size;
	int lines;
} watcher;

enum { ONCE = 0x100, WAIT };

static const struct argp_option options[] = {
	{"once", ONCE, 0, 0, "Show how things stand, and end", 0},
	{"wait", WAIT, 0, 0, "Also for trainings that have not begun; end with SIGINT only", 0},
	{0},
};

static const char doc[] =
	"Show trainings under way: loss, scores, gradient norm, learning rate, speed, and how long they will take."
	"\v"
	"On a terminal the picture is drawn anew as the files in DIR grow, until all trainings have ended or Ctrl-C is "
	"typed; no training notices. Elsewhere there is a line for each epoch. The result lines of trainings come last, and "
	"the exit code is 2 where one failed. In a UTF-8 locale curves are of Unicode's blocks. Examples:\n\n"
	"  tapeloop watch out\n"
	"  tapeloop watch --once lstm gru rnn\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	watcher *w = state->input;
	switch (key) {
	case ONCE: w->once = true; break;
	case WAIT: w->wait = true; break;
	case ARGP_KEY_ARG:
		if (w->n == MOST_RUNS)
			argp_error(state, "more than %d trainings", MOST_RUNS);
		w->path[w->n++] = arg;
		break;
	case ARGP_KEY_END:
		if (!w->n)
			argp_error(state, "say which training: its directory");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static bool speaks_utf8(void)
{
	locale_t l = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	if (!l)
		return false;
	bool does = !strcmp(nl_langinfo_l(CODESET, l), "UTF-8");
	freelocale(l);
	return does;
}

/* The terminal's size as it is now. */
static void measure(int *width, int *height)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	*width = columns && atoi(columns) > 0 ? atoi(columns) : 80;
	*height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		*width = size.ws_col;
		*height = size.ws_row > 1 ? size.ws_row : 24;
	}
}

/* Read what has come; with --wait a training may still be missing. */
static tl_status look(watcher *w, tl_error *err)
{
	for (int k = 0; k < w->n; k++) {
		tl_error why = {0};
		if (!w->open[k] && training_open(&w->run[k], w->path[k], &why)) {
			if (!w->wait)
				return tl_error_set(err, why.status, "%s", why.text);
			continue;
		}
		w->open[k] = true;
		if (training_read(&w->run[k], false, err))
			return err->status;
	}
	return TL_OK;
}

static bool any_runs(const watcher *w)
{
	for (int k = 0; k < w->n; k++)
		if (w->open[k] && training_find_fate(&w->run[k]) == RUNS)
			return true;
	return w->wait;
}

/* All trainings as one text; NULL where memory is out. */
static char *make_frame(const watcher *w, size_t *size)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, size);
	bool fine = to;
	for (int k = 0; k < w->n && fine; k++)
		if (w->open[k])
			fine = watch_frame(to, &w->run[k], &w->look);
		else
			fprintf(to, "%s: has not begun\n", w->path[k]);
	if (to && fclose(to) == 0 && fine)
		return text;
	free(text);
	return NULL;
}

/* In place of the frame before, as many lines as there is room for. */
static void draw(watcher *w, const char *frame, int height)
{
	if (w->lines)
		printf("\033[%dA\r", w->lines);
	w->lines = 0;
	for (const char *at = frame, *end; *at && w->lines < height - 1; at = end + 1) {
		end = strchr(at, '\n');
		printf("%.*s\033[K\n", (int)(end - at), at);
		w->lines++;
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

static tl_status show(watcher *w, tl_error *err)
{
	int width, height;
	size_t size = 0;
	measure(&width, &height);
	if (w->lines && width != w->look.width + 1) {
		fputs("\033[H\033[2J", stdout); /* the terminal has broken the lines anew */
		w->lines = 0;
	}
	w->look.width = width - 1; /* a full line may go on in the next one */
	char *frame = make_frame(w, &size);
	if (!frame)
		return tl_error_memory(err);
	if (w->once)
		fputs(frame, stdout);
	else if (!w->lines || size != w->size || memcmp(frame, w->frame, size))
		draw(w, frame, height);
	free(w->frame);
	w->frame = frame;
	w->size = size;
	return TL_OK;
}

static void tell(watcher *w)
{
	for (int k = 0; k < w->n; k++) {
		size_t n = records_count(&w->run[k].epochs);
		if (n < w->told[k])
			w->told[k] = 0; /* it began anew */
		while (w->told[k] < n)
			watch_epoch(stdout, &w->run[k], w->told[k]++);
	}
	fflush(stdout);
}

/* The result lines, and what went wrong. */
static tl_status tell_results(const watcher *w, tl_error *err)
{
	for (int k = 0; k < w->n; k++) {
		const training *t = &w->run[k];
		json_t *result = json_object_get(t->end, "result");
		training_fate fate = w->open[k] ? training_find_fate(t) : OLD;
		if (result && !print_json_line(stdout, json_incref(result)))
			return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
		if (err->status)
			continue;
		if (fate == FAILED)
			tl_error_set(err, TL_ERR_VALUE, "%s: the training failed: %s", t->name,
				json_string_value(json_object_get(t->end, "why")));
		else if (fate == GONE)
			tl_error_set(err, TL_ERR_VALUE, "%s: the training's process ended without a word; --resume goes on with it",
				t->name);
	}
	return err->status;
}

static tl_status watch(watcher *w, bool terminal, tl_error *err)
{
	if (look(w, err))
		return err->status;
	for (;;) {
		bool more = any_runs(w); /* asked first: what an end writes is read after it */
		if (look(w, err))
			return err->status;
		if (!terminal)
			tell(w);
		else if (show(w, err))
			return err->status;
		if (stop_signal())
			return TL_OK;
		if (!more && !any_runs(w))
			return tell_results(w, err);
		nanosleep(&(struct timespec){.tv_nsec = LOOKS_APART}, NULL); /* a signal ends it */
	}
}

tl_status command_watch(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "DIR...", doc, NULL, NULL, NULL};
	const char *type = getenv("TERM"), *plain = getenv("NO_COLOR");
	watcher *w = calloc(1, sizeof *w);
	if (!w)
		return tl_error_memory(err);
	argp_parse(&argp, argc, argv, 0, NULL, w);
	bool terminal = isatty(STDOUT_FILENO) && type && strcmp(type, "dumb");
	w->look.blocks = speaks_utf8();
	w->look.colours = terminal && !w->once && !(plain && *plain);
	if (w->once) {
		if (!look(w, err))
			show(w, err);
	} else {
		stop_listen();
		watch(w, terminal, err);
	}
	for (int k = 0; k < w->n; k++)
		training_release(&w->run[k]);
	free(w->frame);
	free(w);
	return err->status;
}
