/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop probe */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/command.h"
#include "tools/image.h"
#include "tools/model_file.h"
#include "tools/options.h"
#include "tools/probe.h"
#include "tools/tasks.h"

#define PATTERNS 32

typedef enum when {
	AUTO,
	ALWAYS,
	NEVER,
} when;

typedef struct probe_options {
	const char *model, *output;
	probe_input input;
	const char *nodes[PATTERNS];
	int patterns;
	probe_style style;
	bool list, stats;
	int colour; /* when */
	int64_t threads;
} probe_options;

enum { TEXT = 0x100, TARGET, X, ROW, NODES, LIST, STATS, UNITS, TOP, WRAP, COLOUR, THREADS };

static const struct argp_option options[] = {
	{0, 0, 0, 0, "What is read:", 1},
	{"text", TEXT, "TEXT", 0, "A text, for all models but those of series (standard input)", 1},
	{"target", TARGET, "TEXT", 0, "What a translator writes (its own greedy translation)", 1},
	{"x", X, "FILE", 0, "For models of series: an .npy file of series, as in training", 1},
	{"row", ROW, "N", 0, "Which of them (0)", 1},
	{0, 0, 0, 0, "What is looked at:", 2},
	{"nodes", NODES, "PATTERN", 0, "Nodes whose path matches; may be given several times (all gates and states)", 2},
	{"list", LIST, 0, 0, "Print which nodes there are", 2},
	{"units", UNITS, "LIST", 0, "Which units, as 0:16 or 3,7,-1 (the first 32, in a terminal 16)", 2},
	{"top", TOP, "N", 0, "The N units that change most between symbols", 2},
	{0, 0, 0, 0, "What comes out:", 3},
	{"output", 'o', "FILE", 0,
		"Heat maps as .svg, .png or .pdf, numbers as .npz or .npy (heat maps of digits in the terminal)", 3},
	{"stats", STATS, 0, 0, "Print a JSON object for each node: mean, range, how much of it is saturated", 3},
	{"wrap", WRAP, "N", 0, "Symbols side by side (100, in a terminal as many as fit)", 3},
	{"color", COLOUR, "WHEN", 0, "Colours in the terminal: auto, always, never (auto; NO_COLOR is honoured)", 3},
	{"threads", THREADS, "N", 0, "Threads (TL_THREADS, or all cores)", 3},
	{0},
};

static const char doc[] =
	"Look inside a trained model while it reads: its gates, states and attention weights over the characters or words "
	"of a text."
	"\v"
	"A node's path is where it stands and what it is called, as --list prints it, with * for the time step: "
	"layer=0/t=*/forget. In a pattern * ? [...] are as in the shell, ** is any number of parts, and a scope may be "
	"written by its first letter and number: l0/*/forget, l0/r/*/hidden (r: reverse direction), **/forget. What has no "
	"name goes by its op, as in l0/*/.matmul. \"probabilities\" is what the model puts out.\n\n"
	"A step belongs to the symbol that it reads; a decoder's to the one that it writes. Values of gates are between 0 "
	"and 1: one that is almost always at an end is saturated, and --stats tells how often it is below 0.1 and above "
	"0.9 (states: below -0.9). Arrays in .npz are (symbols, units), or (symbols, source symbols, heads) of attention; "
	"the symbols are beside them, as ids and as code points. Examples:\n\n"
	"  tapeloop probe out/model.safetensors --text \"The time machine\" --list\n"
	"  tapeloop probe out/model.safetensors --text \"The time machine\" \\\n"
	"      --nodes 'l0/*/forget'\n"
	"  tapeloop probe out/model.safetensors --text \"The time machine\" \\\n"
	"      --nodes 'l0/*/[fi]*' --top 24 -o gates.svg\n"
	"  head -c 5000 book.txt | tapeloop probe out/model.safetensors --stats\n"
	"  tapeloop probe fra/model.safetensors --text \"He is a teacher.\" \\\n"
	"      --nodes '**/weights' -o looks.png\n";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const whens[] = {"auto", "always", "never", NULL};
	probe_options *o = state->input;
	tl_error err = {0};
	switch (key) {
	case TEXT: o->input.text = arg; break;
	case TARGET: o->input.target = arg; break;
	case X: o->input.x = option_path(state, "--x", arg); break;
	case ROW: o->input.row = option_int(state, "--row", arg, 0, INT64_MAX); break;
	case NODES:
		if (o->patterns == PATTERNS)
			argp_error(state, "--nodes: more than %d patterns", PATTERNS);
		o->nodes[o->patterns++] = arg;
		break;
	case LIST: o->list = true; break;
	case STATS: o->stats = true; break;
	case UNITS:
		if (probe_units_check(arg, &err))
			argp_error(state, "%s", err.text);
		o->style.units = arg;
		break;
	case TOP: o->style.top = option_int(state, "--top", arg, 1, 1 << 24); break;
	case 'o':
		o->output = option_path(state, "-o", arg);
		if (probe_check(arg, &err))
			argp_error(state, "%s", err.text);
		break;
	case WRAP: o->style.wrap = option_int(state, "--wrap", arg, 1, 1 << 20); break;
	case COLOUR: o->colour = option_word(state, "--color", arg, whens); break;
	case THREADS: o->threads = option_int(state, "--threads", arg, 1, 4096); break;
	case ARGP_KEY_ARG: option_model(state, &o->model, arg, "; what it reads is given by --text"); break;
	case ARGP_KEY_END:
		if (!o->model)
			argp_error(state, "say which model: a file that `tapeloop train` saved");
		if (o->list + o->stats + (o->output != NULL) > 1)
			argp_error(state, "--list, --stats and -o exclude each other");
		if (o->style.units && o->style.top)
			argp_error(state, "--units and --top exclude each other");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* All of standard input but a last newline, to be freed. */
static char *read_input(tl_error *err)
{
	char *bytes = NULL, part[1 << 14];
	size_t size = 0, n;
	FILE *to = open_memstream(&bytes, &size);
	while (to && (n = fread(part, 1, sizeof part, stdin)) > 0)
		fwrite(part, 1, n, to);
	bool failed = !to || ferror(to);
	if ((to && fclose(to)) || failed) {
		tl_error_memory(err);
		free(bytes);
		return NULL;
	}
	if (ferror(stdin))
		tl_error_set(err, TL_ERR_IO, "standard input: %s", strerror(errno));
	else if (strlen(bytes) != size)
		tl_error_set(err, TL_ERR_FORMAT, "standard input: byte %zu is NUL, which no text has", strlen(bytes));
	else if (size > 0 && bytes[size - 1] == '\n')
		bytes[size - 1] = '\0';
	return bytes;
}

static tl_status print_list(const probe_nodes *nodes, tl_error *err)
{
	size_t longest = 0;
	for (int k = 0; k < nodes->n; k++) {
		size_t n = strlen(nodes->v[k].path);
		longest = n > longest ? n : longest;
	}
	for (int k = 0; k < nodes->n; k++) {
		const probe_node *n = &nodes->v[k];
		bool one = n->axis->n == 1;
		printf("%-*s  %" PRId64 " %s%s x ", (int)longest, n->path, n->axis->n,
			n->trace->steps > 1 || one ? "step" : "position", one ? "" : "s");
		if (n->source)
			printf("%" PRId64 " %s x %" PRId64 " head%s\n", n->source->n, n->source->name, n->heads,
				n->heads > 1 ? "s" : "");
		else
			printf("%" PRId64 " %s\n", n->units, n->symbols ? "symbols" : "units");
	}
	return ferror(stdout) ? tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno)) : TL_OK;
}

static tl_status print_stats(const probe_nodes *nodes, tl_error *err)
{
	for (int k = 0; k < nodes->n; k++) {
		const probe_node *n = &nodes->v[k];
		probe_figures f = probe_node_figures(n);
		json_t *line = json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "node", n->path, "symbols",
			(json_int_t)n->axis->n, "units", (json_int_t)n->units, "mean", real_json(f.mean), "deviation",
			real_json(f.deviation), "min", real_json(f.min), "max", real_json(f.max), "left_saturated",
			n->bounded ? real_json(f.low) : json_null(), "right_saturated",
			n->bounded ? real_json(f.high) : json_null());
		if (!print_json_line(stdout, line))
			return tl_error_set(err, TL_ERR_IO, "standard output: %s", strerror(errno));
	}
	return TL_OK;
}

static bool wants_colour(int when)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	bool may = isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
	return when == ALWAYS || (when == AUTO && may);
}

static tl_status show(probe_options *o, const probe_nodes *nodes, const probe_reading *r, tl_error *err)
{
	o->style.colour = wants_colour(o->colour);
	if (o->list)
		return print_list(nodes, err);
	if (o->stats)
		return print_stats(nodes, err);
	if (!o->output)
		return probe_print(stdout, nodes, &o->style, err);
	if (image_is_picture(o->output))
		return probe_draw(o->output, nodes, &o->style, err);
	return probe_save(o->output, nodes, r, err);
}

/* Without patterns: what stands in steps or layers, and in a list all that has a name. */
static tl_status look(probe_options *o, task *t, tl_error *err)
{
	probe_reading r = {0};
	probe_nodes nodes = {0};
	if (!o->patterns)
		o->nodes[o->patterns++] = o->list ? "**/*" : "**/*=*/**";
	t->tape = tl_tape_new(&(tl_tape_options){.threads = (int)o->threads});
	tl_status status = t->tape ? probe_read(t, &o->input, &r, err) : tl_error_memory(err);
	if (!status)
		status = probe_nodes_find(t, &r, o->nodes, o->patterns, &nodes, err);
	if (!status && !o->list)
		status = probe_nodes_read(t, &nodes, err);
	if (!status)
		status = show(o, &nodes, &r, err);
	probe_reading_release(&r);
	return status;
}

tl_status command_probe(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {options, parse, "MODEL", doc, NULL, NULL, NULL};
	probe_options o = {0};
	char *input = NULL;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	task *t = model_load(o.model, NULL, err);
	if (t && !o.input.text && t->kind != &series_kind)
		o.input.text = input = read_input(err);
	if (t && !err->status)
		look(&o, t, err);
	task_free(t);
	free(input);
	return err->status;
}
