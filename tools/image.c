/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/image.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "tools/progress.h"

extern char **environ;

const char *image_ending(const char *path)
{
	const char *dot = strrchr(path, '.'), *slash = strrchr(path, '/');
	return dot && (!slash || dot > slash) ? dot + 1 : "";
}

bool image_is_picture(const char *path)
{
	const char *type = image_ending(path);
	return !strcmp(type, "svg") || !strcmp(type, "png") || !strcmp(type, "pdf");
}

/* Until the program ends; one that takes too long is ended. */
static tl_status wait_for(const image_program *p, pid_t child, int *result, tl_error *err)
{
	const struct timespec nap = {.tv_nsec = 10000000};
	double end = seconds_now() + p->seconds;
	for (;;) {
		pid_t done = waitpid(child, result, p->seconds ? WNOHANG : 0);
		if (done == child)
			return TL_OK;
		if (done < 0 && errno != EINTR)
			return tl_error_set(err, TL_ERR_IO, "%s: %s", p->name, strerror(errno));
		if (p->seconds && seconds_now() > end)
			break;
		if (done == 0)
			nanosleep(&nap, NULL);
	}
	kill(child, SIGKILL);
	while (waitpid(child, result, 0) < 0 && errno == EINTR)
		;
	return tl_error_set(err, TL_ERR_IO, "%s did not end within %d second%s; %s", p->name, p->seconds,
		p->seconds == 1 ? "" : "s", p->faster);
}

/* What the program makes of the text in `from`, into `to`. */
static tl_status run(const image_program *p, const char *argument, FILE *from, FILE *to, tl_error *err)
{
	char name[32], option[32];
	snprintf(name, sizeof name, "%s", p->name);
	snprintf(option, sizeof option, "%s", argument ? argument : "");
	char *argv[] = {name, argument ? option : NULL, NULL};
	posix_spawn_file_actions_t actions;
	if (posix_spawn_file_actions_init(&actions))
		return tl_error_memory(err);
	pid_t child;
	int failed = posix_spawn_file_actions_adddup2(&actions, fileno(from), STDIN_FILENO) ||
		posix_spawn_file_actions_adddup2(&actions, fileno(to), STDOUT_FILENO);
	if (!failed)
		failed = posix_spawnp(&child, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed)
		return tl_error_set(err, TL_ERR_IO, "the program '%s' cannot be started (%s); it is in the package %s. %s",
			name, strerror(failed), p->package, p->instead);
	int result;
	if (wait_for(p, child, &result, err))
		return err->status;
	if (!WIFEXITED(result) || WEXITSTATUS(result))
		return tl_error_set(err, TL_ERR_IO, "%s failed; its own message stands above", name);
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

tl_status image_write(
	const char *path, FILE *text, const image_program *program, const char *argument, tl_error *err)
{
	if (!program)
		return keep(text, path, err);
	FILE *image = tmpfile();
	tl_status status = TL_OK;
	if (!image || fflush(text) || lseek(fileno(text), 0, SEEK_SET) < 0)
		status = tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	if (!status)
		status = run(program, argument, text, image, err);
	if (!status)
		status = keep(image, path, err);
	if (image)
		fclose(image);
	return status;
}
