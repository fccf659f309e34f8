/* SPDX-License-Identifier: Apache-2.0 */
/* The `tapeloop` command: finds the subcommand and reports its failure. Exit code 2 on every error. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "tools/command.h"
#include "tools/stop.h"
#include "tools/tasks.h"

static const struct {
	const char *word;
	command_fn run;           /* NULL: the command has a task as its second word */
	task_command_fn run_task;
	const char *usage, *summary;
} commands[] = {
	{"train", NULL, command_train, "train TASK [OPTION...]", "learn from data"},
	{"eval", NULL, command_eval, "eval TASK MODEL [OPTION...]", "how good a trained model is"},
	{"sample", command_sample, NULL, "sample MODEL [OPTION...]", "let a trained language model write"},
	{"tag", command_tag, NULL, "tag MODEL", "tag the words of lines from standard input"},
	{"classify", command_classify, NULL, "classify MODEL [OPTION...]", "label lines from standard input"},
	{"translate", command_translate, NULL, "translate MODEL [OPTION...]", "translate lines from standard input"},
	{"predict", command_predict, NULL, "predict MODEL [OPTION...]", "find classes, values, labels or what comes next in series"},
	{"graph", command_graph, NULL, "graph TASK|MODEL [OPTION...]", "draw a model unrolled over time"},
	{"probe", command_probe, NULL, "probe MODEL [OPTION...]", "look at a model's gates, states, attention"},
	{"info", command_info, NULL, "info MODEL", "what a model file holds"},
	{"convert", command_convert, NULL, "convert MODEL [OPTION...]", "models from PyTorch's state dicts, and back"},
	{"watch", command_watch, NULL, "watch DIR...", "see how trainings go, while they do"},
	{"plot", command_plot, NULL, "plot TRAINING... -o FILE", "draw how trainings went"},
	{"problem", command_problem, NULL, "problem NAME [OPTION...]", "learn a test of memory: adding, order, reber, copy"},
	{"gradients", command_gradients, NULL, "gradients [OPTION...]", "how gradients vanish and explode over time"},
	{"bench", command_bench, NULL, "bench WORK [OPTION...]", "time training steps"},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void print_tasks(FILE *to)
{
	const task_kind *kind;
	for (int k = 0; (kind = task_kind_at(k)); k++)
		fprintf(to, "  %-12s %s\n", kind->name, kind->summary);
}

static void print_help(FILE *to)
{
	fputs("Usage: tapeloop COMMAND [OPTION...]\n\n"
	      "Tapeloop trains recurrent networks that are composed from tensor algebra.\n\n",
		to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  tapeloop %-28s %s\n", commands[i].usage, commands[i].summary);
	fputs("\nTasks:\n\n", to);
	print_tasks(to);
	fputs("\n"
	      "Each command explains itself: tapeloop train lm --help. A first session:\n\n"
	      "  tapeloop train lm --data book.txt --cell lstm --epochs 10 --out model\n"
	      "  tapeloop sample model/model.safetensors --prime \"The time\" --chars 400 --temperature 0.7\n"
	      "  tapeloop graph lm --cell lstm --length 3 -o lstm.svg\n\n"
	      "Results go to standard output as one JSON object a line, progress and errors to standard error.\n"
	      "The exit code is 0, or 2 after an error, or 128 + n after a training that signal n stopped: SIGINT and\n"
	      "SIGTERM let it finish its step and save; it goes on with --resume.\n",
		to);
}

static void print_task_help(size_t i, FILE *to)
{
	fprintf(to, "Usage: tapeloop %s\n\nThe tasks:\n\n", commands[i].usage);
	print_tasks(to);
	fprintf(to, "\nEach explains itself: tapeloop %s lm --help.\n", commands[i].word);
}

static void print_version(void)
{
	char backend[32];
	printf("tapeloop %s (%s)\n", TL_VERSION, tl_gemm_backend(backend));
}

/* Runs commands[i] on what follows its words; a task where it has one. */
static int run(size_t i, const task_kind *kind, int argc, char **argv)
{
	char name[64];
	int words = kind ? 2 : 1;
	tl_error err = {0};
	snprintf(name, sizeof name, "tapeloop %s%s%s", commands[i].word, kind ? " " : "", kind ? kind->name : "");
	argv[words] = name;
	argp_err_exit_status = 2;
	tl_status status = kind ? commands[i].run_task(kind, argc - words, argv + words, &err)
				: commands[i].run(argc - words, argv + words, &err);
	if (!status && fflush(stdout))
		status = tl_error_set(&err, TL_ERR_IO, "standard output cannot be written");
	if (status)
		fprintf(stderr, "%s: %s\n", name, err.text);
	return status ? 2 : stop_signal() ? 128 + stop_signal() : EXIT_SUCCESS;
}

static bool asks_for_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?") || !strcmp(word, "help");
}

/* A command whose second word is a task. */
static int run_task(size_t i, int argc, char **argv)
{
	const char *task = argc > 2 ? argv[2] : "";
	const task_kind *kind = task_kind_by_name(task);
	if (kind)
		return run(i, kind, argc, argv);
	if (asks_for_help(task)) {
		print_task_help(i, stdout);
		return EXIT_SUCCESS;
	}
	if (*task)
		fprintf(stderr, "tapeloop %s: '%s' is no task; there are:\n\n", commands[i].word, task);
	else
		fprintf(stderr, "tapeloop %s: say which task first:\n\n", commands[i].word);
	print_tasks(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (asks_for_help(word)) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(word, "--version")) {
		print_version();
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(word, commands[i].word))
			return commands[i].run ? run(i, NULL, argc, argv) : run_task(i, argc, argv);
	if (argc > 1)
		fprintf(stderr, "tapeloop: there is no command '%s'; tapeloop --help lists them\n", word);
	else
		print_help(stderr);
	return 2;
}
