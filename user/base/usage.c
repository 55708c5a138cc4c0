/* SPDX-License-Identifier: Apache-2.0 */
#include "base/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/util.h"

int usage_read(pid_t pid, struct usage *ret)
{
	char path[64], text[1024], *at;
	uint64_t user, system, pages;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	/* The name, which may hold anything, ends with the last parenthesis; then fields 3 to 24 of proc(5). */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
			  " %*d %*d %*d %*d %*d %*d %*u %*u %" SCNu64,
			  &user, &system, &pages) != 3)
		return -EINVAL;
	ret->resident_bytes = pages * sysconf(_SC_PAGESIZE);
	ret->cpu_seconds = (double)(user + system) * NS_PER_TICK / NS_PER_S;
	return 0;
}
