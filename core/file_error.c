/* SPDX-License-Identifier: Apache-2.0 */
#include "core/file_error.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define PATH_SHOWN 240 /* bytes of a path that a sentence shows */

tl_status tl__file_error(tl_error *err, tl_status status, const char *path, const char *format, ...)
{
	char text[TL_ERROR_TEXT];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	size_t n = strlen(path);
	if (n <= PATH_SHOWN)
		return tl_error_set(err, status, "%s: %s", path, text);
	return tl_error_set(err, status, "...%s: %s", path + n - PATH_SHOWN, text);
}

const char *tl__excerpt(const char *text, char buf[TL_EXCERPT])
{
	static const char more[] = "...";
	size_t n = 0;
	for (; text[n] && n < TL_EXCERPT - sizeof more; n++)
		buf[n] = (unsigned char)text[n] < ' ' || text[n] == 127 ? '?' : text[n];
	buf[n] = '\0';
	if (text[n]) {
		while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80)
			n--;
		memcpy(buf + n, more, sizeof more);
	}
	return buf;
}

tl_status tl__file_text(const char *path, const char *text, tl_error *err)
{
	json_error_t e = {0}; /* jansson leaves the code unset where it reports nothing */
	json_t *string = json_pack_ex(&e, 0, "s", text);
	char shown[TL_EXCERPT];
	if (!string && json_error_code(&e) == json_error_invalid_utf8)
		return tl__file_error(err, TL_ERR_ARGUMENT, path,
			"cannot be written: '%s' is not valid UTF-8", tl__excerpt(text, shown));
	if (!string)
		return tl_error_memory(err);
	json_decref(string);
	return TL_OK;
}
