/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hand_over.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#define LOCK "next"

/* A descriptor of the lock's file, or -errno. */
static int open_lock(const char *state_dir)
{
	_cleanup_close_ int dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (dir < 0)
		return -errno;
	fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return fd < 0 ? -errno : fd;
}

int hand_over_stand_by(const char *state_dir)
{
	int fd = open_lock(state_dir);

	if (fd >= 0 && flock(fd, LOCK_EX)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

bool hand_over_is_awaited(const char *state_dir)
{
	_cleanup_close_ int fd = open_lock(state_dir);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
}

void hand_over_forget(const char *state_dir)
{
	static const char *const ours[] = { "store.db", "store.db-wal", "store.db-shm", "lock",
					    LOCK };
	_cleanup_close_ int dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		if (unlinkat(dir, ours[i], 0) && errno != ENOENT)
			log_warn("%s/%s stays: %s", state_dir, ours[i], strerror(errno));
	/* Dead letters are nowhere else. */
	if (unlinkat(dir, "dead-letter", AT_REMOVEDIR) && errno != ENOENT)
		log_warn("%s/dead-letter stays: %s", state_dir, strerror(errno));
	if (rmdir(state_dir))
		log_debug("%s stays: %s", state_dir, strerror(errno));
}
