/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/picture.h"

#include <errno.h>
#include <string.h>

#include "tools/image.h"

static bool is_text(const char *path)
{
	return !strcmp(image_ending(path), "dot") || !strcmp(image_ending(path), "gv");
}

tl_status picture_check(const char *path, tl_error *err)
{
	if (is_text(path) || image_is_picture(path))
		return TL_OK;
	return tl_error_set(err, TL_ERR_ARGUMENT, "-o %s: the ending must be .svg, .png, .pdf, .dot or .gv", path);
}

tl_status picture_write(
	const char *path, int n, const tl_var *outputs, const tl_draw_options *o, int seconds, tl_error *err)
{
	image_program dot = {"dot", "graphviz", "Without -o the graph is printed as text", seconds,
		"draw less: --fold cell or layer, fewer --steps; or raise --time-limit"};
	if (!path)
		return tl_tape_draw(stdout, n, outputs, o, err);
	tl_status status = picture_check(path, err);
	if (status)
		return status;
	FILE *text = tmpfile();
	if (!text)
		return tl_error_set(err, TL_ERR_IO, "a temporary file: %s", strerror(errno));
	char type[16];
	snprintf(type, sizeof type, "-T%.8s", image_ending(path));
	status = tl_tape_draw(text, n, outputs, o, err);
	if (!status)
		status = image_write(path, text, is_text(path) ? NULL : &dot, type, err);
	fclose(text);
	return status;
}
