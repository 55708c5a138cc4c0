/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the host, taken apart as text. */
#include "model/host_path.h"

#include <string.h>

#include "base/buf.h"
#include "base/util.h"

static void add_components(struct buf *b, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.')) {
			buf_char(b, '/');
			buf_add(b, path, len);
		}
		path += len;
		path += *path == '/';
	}
}

char *host_path_join(const char *base, const char *path)
{
	_cleanup_(buf_free) struct buf b = {};

	if (*path != '/')
		add_components(&b, base);
	add_components(&b, path);
	if (!b.len)
		buf_char(&b, '/');
	return b.failed ? NULL : TAKE(b.data);
}

size_t host_path_up(const char *path, unsigned int n)
{
	size_t len = strlen(path);

	for (; n; n--) {
		while (len && path[len - 1] != '/')
			len--;
		if (len <= 1)
			return 0;
		len--;
	}
	return *path == '/' ? len : 0;
}

const char *host_path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool host_path_is_exact(const char *clean)
{
	return clean && *clean == '/' && !strchr(clean, '\\');
}

size_t host_path_dir_len(const char *dir)
{
	size_t len = strlen(dir);

	while (len && dir[len - 1] == '/')
		len--;
	return len;
}

bool host_path_within(const char *path, size_t path_len, const char *dir, size_t len)
{
	if (path_len < len || memcmp(path, dir, len))
		return false;
	return path_len == len || path[len] == '/';
}
