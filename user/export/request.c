/* SPDX-License-Identifier: Apache-2.0 */
#include "export/request.h"

#include <string.h>

/* Where the head's empty line ends, or NULL. Lines may end without the carriage return (RFC 9112, 2.2). */
static bool is_whole(const char *bytes, size_t len)
{
	for (size_t i = 0; i + 1 < len; i++) {
		if (bytes[i] != '\n')
			continue;
		if (bytes[i + 1] == '\n' ||
		    (bytes[i + 1] == '\r' && i + 2 < len && bytes[i + 2] == '\n'))
			return true;
	}
	return false;
}

static bool is_plain(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < ' ' || (unsigned char)bytes[i] >= 0x7f)
			return false;
	return true;
}

static bool is_word(const char *bytes, size_t len, const char *word)
{
	return len == strlen(word) && !memcmp(bytes, word, len);
}

/* METHOD SP TARGET SP VERSION */
static int parse_line(const char *line, size_t len, struct request *ret)
{
	const char *target = memchr(line, ' ', len), *version, *query;
	size_t path;

	if (!is_plain(line, len) || !target || target == line)
		return 400;
	target++;
	version = memchr(target, ' ', line + len - target);
	if (!version || target[0] != '/')
		return 400;
	if (!is_word(version + 1, line + len - version - 1, "HTTP/1.1") &&
	    !is_word(version + 1, line + len - version - 1, "HTTP/1.0"))
		return 400;
	ret->head = is_word(line, target - 1 - line, "HEAD");
	if (!ret->head && !is_word(line, target - 1 - line, "GET"))
		return 405;
	query = memchr(target, '?', version - target);
	path = (query ? query : version) - target;
	if (path >= sizeof(ret->path))
		return 414;
	memcpy(ret->path, target, path);
	ret->path[path] = '\0';
	return 200;
}

int request_parse(const char *bytes, size_t len, struct request *ret)
{
	const char *end = memchr(bytes, '\n', len);
	size_t line;

	if (!is_whole(bytes, len)) {
		/* What is no request at all need not be waited for. */
		if (len && (bytes[0] < 'A' || bytes[0] > 'Z'))
			return 400;
		return len >= REQUEST_MAX ? 431 : 0;
	}
	line = end - bytes;
	if (line && bytes[line - 1] == '\r')
		line--;
	return parse_line(bytes, line, ret);
}
