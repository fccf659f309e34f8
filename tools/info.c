/* SPDX-License-Identifier: Apache-2.0 */
/* tapeloop info */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/lm_file.h"
#include "tools/progress.h"

static const char doc[] = "Print what a model file holds: its configuration, vocabulary and parameters.";

static error_t parse(int key, char *arg, struct argp_state *state)
{
	const char **path = state->input;
	switch (key) {
	case ARGP_KEY_ARG:
		if (*path)
			argp_error(state, "one model at a time: '%s' is too many", arg);
		*path = arg;
		break;
	case ARGP_KEY_END:
		if (!*path)
			argp_error(state, "say which model: a file that `tapeloop train lm` saved");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Control characters and blanks as C writes them. */
static void print_symbol(const char *s)
{
	if (!strcmp(s, "\n"))
		fputs("\\n", stdout);
	else if (!strcmp(s, "\t"))
		fputs("\\t", stdout);
	else if ((unsigned char)*s < ' ' && s[1] == '\0')
		printf("\\x%02x", (unsigned char)*s);
	else if (!strcmp(s, " "))
		fputs("' '", stdout);
	else
		fputs(s, stdout);
}

static void print_vocabulary(const vocab *v)
{
	int64_t shown = v->n < 100 ? v->n : 100;
	printf("\nvocabulary   ");
	for (int64_t i = 0; i < shown; i++) {
		if (i)
			putchar(' ');
		print_symbol(v->symbols[i]);
	}
	puts(shown < v->n ? " ..." : "");
}

static void print_bundle(const char *path, const lm_bundle *b)
{
	char number[32], shape[TL_SHAPE_TEXT];
	const tl_lm_options *o = &b->lm->options;
	printf("model        %s\n", path);
	printf("task         lm (recurrent language model)\n");
	printf("cell         %s: %s\n", o->cell->name, o->cell->equations ? o->cell->equations : "");
	printf("sizes        %lld symbols, ", (long long)o->symbols);
	if (o->embed)
		printf("embedding %lld, ", (long long)o->embed);
	else
		printf("one-hot input, ");
	printf("%lld hidden units, %d layer%s, dropout %g\n", (long long)o->hidden, b->lm->rnn->options.layers,
		b->lm->rnn->options.layers == 1 ? "" : "s", o->dropout);
	printf("text         %s, one symbol a %s%s, split %g,%g,%g", b->data ? b->data : "not named",
		b->unit == UNIT_WORD ? "word" : "character", b->lowercase_letters ? ", lower-case letters only" : "",
		b->split[TRAIN], b->split[VALID], b->split[TEST]);
	if (b->limit)
		printf(", first %s symbols", count_text(b->limit, number));
	print_vocabulary(&b->vocab);
	printf("parameters   %s\n", count_text(tl_store_size(b->store), number));
	for (int k = 0; k < tl_store_count(b->store); k++) {
		const tl_param *p = tl_store_at(b->store, k);
		printf("  %-24s %-16s %s\n", p->name, tl_shape_text(p->value.shape, shape),
			count_text(tl_shape_size(p->value.shape), number));
	}
}

tl_status command_info(int argc, char **argv, tl_error *err)
{
	static const struct argp argp = {NULL, parse, "MODEL", doc, NULL, NULL, NULL};
	const char *path = NULL;
	argp_parse(&argp, argc, argv, 0, NULL, &path);
	lm_bundle b;
	tl_status status = lm_bundle_load(&b, path, err);
	if (!status)
		print_bundle(path, &b);
	lm_bundle_release(&b);
	return status;
}
