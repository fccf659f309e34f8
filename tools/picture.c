/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/picture.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/atomic_file.h"

extern char **environ;

static const char *ending(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	return dot && (!slash || dot > slash) ? dot + 1 : "";
}

static bool is_text(const char *path)
{
	return !strcmp(ending(path), "dot") || !strcmp(ending(path), "gv");
}

tl_status picture_check(const char *path, tl_error *err)
{
	const char *type = ending(path);
	if (is_text(path) || !strcmp(type, "svg") || !strcmp(type, "png") || !strcmp(type, "pdf"))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "-o %s: the ending must be .svg, .png, .pdf, .dot or .gv", path);
}

/* What dot makes of the text in `from`, into `to`. */
static tl_status run_dot(FILE *from, FILE *to, const char *type, tl_error *err)
{
	char option[16];
	snprintf(option, sizeof option, "-T%.8s", type);
	char *argv[] = {"dot", option, NULL};
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions))
		return tl_error_memory(err);
	pid_t child;
	int failed = posix_spawn_file_actions_adddup2(&actions, fileno(from), STDIN_FILENO) ||
		posix_spawn_file_actions_adddup2(&actions, fileno(to), STDOUT_FILENO);
	if (!failed)
		failed = posix_spawnp(&child, "dot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed)
		return tl_error_set(err, TL_ERR_IO,
			"the program 'dot' cannot be started (%s); it is in the package graphviz. "
			"Without -o the graph is printed as text",
			strerror(failed));
	int result;
	while (waitpid(child, &result, 0) < 0)
		if (errno != EINTR)
			return tl_error_set(err, TL_ERR_IO, "dot: %s", strerror(errno));
	if (!WIFEXITED(result) || WEXITSTATUS(result))
		return tl_error_set(err, TL_ERR_IO, "dot failed; its own message stands above");
	return TL_OK;
}

/* A finished temporary file under its final name. */
static tl_status keep(FILE *from, const char *path, tl_error *err)
{
	tl_atomic_file f;
	char buffer[1 << 16];
	size_t n;
	if (fflush(from) || fseek(from, 0, SEEK_SET))
		return tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	tl_status status = tl_atomic_file_open(&f, path, err);
	while (!status && (n = fread(buffer, 1, sizeof buffer, from)) > 0)
		status = tl_atomic_file_write(&f, buffer, n, err);
	if (!status)
		status = tl_atomic_file_commit(&f, err);
	tl_atomic_file_release(&f);
	return status;
}

static tl_status draw(FILE *text, FILE *image, const char *path, tl_error *err)
{
	if (is_text(path))
		return keep(text, path, err);
	if (fflush(text) || lseek(fileno(text), 0, SEEK_SET) < 0)
		return tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	tl_status status = run_dot(text, image, ending(path), err);
	return status ? status : keep(image, path, err);
}

tl_status picture_write(const char *path, int n, const tl_var *outputs, const tl_dot_options *o, tl_error *err)
{
	if (!path)
		return tl_dot_write(stdout, n, outputs, o, err);
	tl_status status = picture_check(path, err);
	if (status)
		return status;
	FILE *text = tmpfile(), *image = tmpfile();
	if (!text || !image)
		status = tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	if (!status)
		status = tl_dot_write(text, n, outputs, o, err);
	if (!status)
		status = draw(text, image, path, err);
	if (text)
		fclose(text);
	if (image)
		fclose(image);
	return status;
}
