/* SPDX-License-Identifier: Apache-2.0 */
#include "export/listen.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"

#define BACKLOG 16
#define FOLDER_MODE 0755
#define PATIENCE_S 1

/* Whoever may write in the folder can put another socket in our place. */
static int check_folder(const char *folder)
{
	struct stat st;

	if (mkdir(folder, FOLDER_MODE) && errno != EEXIST)
		return -errno;
	if (stat(folder, &st))
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if ((st.st_uid && st.st_uid != geteuid()) ||
	    (st.st_mode & S_IWOTH && !(st.st_mode & S_ISVTX)))
		return -EPERM;
	return 0;
}

static int remove_stale(const struct endpoint *at)
{
	struct stat st;
	int fd;

	if (lstat(at->address.un.sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = endpoint_connect(at, PATIENCE_S);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(at->address.un.sun_path) ? -errno : 0;
}

static int prepare_path(const struct endpoint *at)
{
	char path[sizeof(at->address.un.sun_path)];
	int err;

	memcpy(path, at->address.un.sun_path, sizeof(path));
	err = check_folder(dirname(path));
	return err ? err : remove_stale(at);
}

static int open_to_group(const struct endpoint *at, gid_t group)
{
	const char *path = at->address.un.sun_path;

	if (!group || geteuid())
		return 0;
	return lchown(path, 0, group) || chmod(path, 0660) ? -errno : 0;
}

int listen_at(const struct endpoint *at, gid_t group)
{
	_cleanup_close_ int fd =
		socket(at->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool path = endpoint_is_unix(at);
	int err = fd < 0 ? -errno : path ? prepare_path(at) : 0, one = 1;
	mode_t before;

	if (err)
		return err;
	if (!path && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		return -errno;
	before = umask(0177);
	if (bind(fd, &at->address.any, at->len))
		err = -errno;
	umask(before);
	if (!err && path)
		err = open_to_group(at, group);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	return err ? err : TAKE_FD(fd);
}
