/* SPDX-License-Identifier: Apache-2.0 */
/* The `tapeloop` command: finds the subcommand and reports its failure. Exit code 2 on every error. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/gemm.h"
#include "tools/command.h"

static const struct {
	const char *word, *task; /* task NULL: the command has no second word */
	command_fn run;
	const char *usage, *summary;
} commands[] = {
	{"train", "lm", command_train_lm, "train lm --data FILE [OPTION...]", "train a language model on a text"},
	{"eval", "lm", command_eval_lm, "eval lm MODEL [OPTION...]", "loss and perplexity of a trained model"},
	{"sample", NULL, command_sample, "sample MODEL [OPTION...]", "let a trained model write"},
	{"graph", NULL, command_graph, "graph lm|MODEL [OPTION...]", "draw a model unrolled over time"},
	{"info", NULL, command_info, "info MODEL", "what a model file holds"},
	{"problem", NULL, command_problem, "problem NAME [OPTION...]", "learn what tells memories apart: adding, reber, copy"},
	{"gradients", NULL, command_gradients, "gradients [OPTION...]", "how gradients vanish and explode over time"},
	{"bench", NULL, command_bench, "bench WORK [OPTION...]", "time training steps"},
};

#define COMMANDS (sizeof commands / sizeof *commands)

static void print_help(FILE *to)
{
	fputs("Usage: tapeloop COMMAND [OPTION...]\n\n"
	      "Tapeloop trains recurrent networks that are composed from tensor algebra.\n\n",
		to);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  tapeloop %-36s %s\n", commands[i].usage, commands[i].summary);
	fputs("\n"
	      "Each command explains itself: tapeloop train lm --help. A first session:\n\n"
	      "  tapeloop train lm --data book.txt --cell lstm --epochs 10 --out model\n"
	      "  tapeloop sample model/model.safetensors --prime \"The time\" --chars 400 --temperature 0.7\n"
	      "  tapeloop graph lm --cell lstm --length 3 -o lstm.svg\n\n"
	      "Results go to standard output as one JSON object a line, progress and errors to standard error.\n"
	      "The exit code is 0, or 2 after an error.\n",
		to);
}

static void print_version(void)
{
	char backend[32];
	printf("tapeloop %s (%s)\n", TL_VERSION, tl_gemm_backend(backend));
}

/* Runs commands[i] on what follows its words. */
static int run(size_t i, int argc, char **argv)
{
	char name[64];
	int words = commands[i].task ? 2 : 1;
	tl_error err = {0};
	snprintf(name, sizeof name, "tapeloop %s%s%s", commands[i].word, commands[i].task ? " " : "",
		commands[i].task ? commands[i].task : "");
	argv[words] = name;
	argp_err_exit_status = 2;
	tl_status status = commands[i].run(argc - words, argv + words, &err);
	if (!status && fflush(stdout))
		status = tl_error_set(&err, TL_ERR_IO, "standard output cannot be written");
	if (status)
		fprintf(stderr, "%s: %s\n", name, err.text);
	return status ? 2 : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		print_help(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(word, "--version")) {
		print_version();
		return EXIT_SUCCESS;
	}
	const char *tasks = NULL;
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(word, commands[i].word))
			continue;
		if (!commands[i].task || (argc > 2 && !strcmp(argv[2], commands[i].task)))
			return run(i, argc, argv);
		tasks = commands[i].task;
	}
	if (tasks)
		fprintf(stderr, "tapeloop %s: '%s' is no task; there is: tapeloop %s %s (--help explains it)\n", word,
			argc > 2 ? argv[2] : "", word, tasks);
	else if (argc > 1)
		fprintf(stderr, "tapeloop: there is no command '%s'; tapeloop --help lists them\n", word);
	else
		print_help(stderr);
	return 2;
}
