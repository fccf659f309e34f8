/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `tapeloop`. Each is a function of its own arguments; argv[0] is the whole name ("tapeloop
 * train lm") for messages. It fails by a status with a sentence, which main prints; usage errors end the
 * program in argp with exit code 2, as all errors do.
 */
#ifndef TL_TOOLS_COMMAND_H
#define TL_TOOLS_COMMAND_H

#include "core/status.h"

typedef tl_status (*command_fn)(int argc, char **argv, tl_error *err);

tl_status command_sample(int argc, char **argv, tl_error *err);
tl_status command_translate(int argc, char **argv, tl_error *err);
tl_status command_tag(int argc, char **argv, tl_error *err);
tl_status command_classify(int argc, char **argv, tl_error *err);
tl_status command_predict(int argc, char **argv, tl_error *err);
tl_status command_probe(int argc, char **argv, tl_error *err);
tl_status command_graph(int argc, char **argv, tl_error *err);
tl_status command_convert(int argc, char **argv, tl_error *err);
tl_status command_info(int argc, char **argv, tl_error *err);
tl_status command_gradients(int argc, char **argv, tl_error *err);
tl_status command_watch(int argc, char **argv, tl_error *err);
tl_status command_plot(int argc, char **argv, tl_error *err);
tl_status command_problem(int argc, char **argv, tl_error *err);
tl_status command_bench(int argc, char **argv, tl_error *err);

/* Those that work for any task. */
struct task_kind;
typedef tl_status (*task_command_fn)(const struct task_kind *kind, int argc, char **argv, tl_error *err);

tl_status command_train(const struct task_kind *kind, int argc, char **argv, tl_error *err);
tl_status command_eval(const struct task_kind *kind, int argc, char **argv, tl_error *err);

#endif
