/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop bench: finds the work. */
#include "tools/bench.h"

#include <stdio.h>
#include <string.h>

#include "tools/command.h"

static const struct {
	const char *name;
	command_fn run;
	const char *summary;
} works[] = {
	{"lm", bench_lm, "language model: embedding, recurrent layers, cross entropy"},
	{"last-state", bench_last_state, "a recurrent layer, squared error of its last state"},
	{"forward", bench_forward, "recurrent layers over whole sequences, without gradients"},
	{"infer", bench_infer, "a recurrent net as a stream: one step at a time, the state carried"},
	{"seq2seq", bench_seq2seq, "encoder and decoder with attention"},
	{"ragged", bench_ragged, "an LSTM over a batch of sequences of unequal lengths"},
	{"unequal", bench_unequal, "an LSTM over sequences recorded one after the other"},
	{"trees", bench_trees, "a tree-LSTM over trees recorded one after the other"},
	{"fused", bench_fused, "a layer step by step, in one node, and as oneDNN's primitives alone"},
	{"gemm", bench_gemm, "matrix products alone: the machine's peak"},
};

#define WORKS (sizeof works / sizeof *works)

static void print_help(FILE *to)
{
	fputs("Usage: tapeloop bench WORK [OPTION...]\n\n"
	      "Time training steps, or runs of trained models, on random data. The works:\n\n",
		to);
	for (size_t i = 0; i < WORKS; i++)
		fprintf(to, "  tapeloop bench %-12s %s\n", works[i].name, works[i].summary);
	fputs("\n"
	      "Each explains itself: tapeloop bench lm --help. One JSON object goes to standard output. Examples:\n\n"
	      "  tapeloop bench lm --cell gru --vocab 65 --hidden 128 --length 100\n"
	      "  tapeloop bench last-state --cell mgu --threads 1\n",
		to);
}

tl_status command_bench(int argc, char **argv, tl_error *err)
{
	const char *work = argc > 1 ? argv[1] : "";
	if (!strcmp(work, "--help") || !strcmp(work, "-?") || !strcmp(work, "-h") || !strcmp(work, "help")) {
		print_help(stdout);
		return TL_OK;
	}
	for (size_t i = 0; i < WORKS; i++)
		if (!strcmp(work, works[i].name)) {
			char name[64];
			snprintf(name, sizeof name, "%s %s", argv[0], work);
			argv[1] = name;
			return works[i].run(argc - 1, argv + 1, err);
		}
	if (*work)
		return tl_error_set(err, TL_ERR_ARGUMENT, "'%s' is no work; tapeloop bench --help lists them", work);
	print_help(stderr);
	return tl_error_set(err, TL_ERR_ARGUMENT, "say which work");
}
