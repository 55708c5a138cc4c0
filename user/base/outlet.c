/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

static int open_anew(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void outlet_open(struct outlet *o, int fd)
{
	struct stat st;

	*o = (struct outlet){ .fd = fd, .own = -1 };
	if (fstat(fd, &st))
		return;
	o->socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		o->own = open_anew(fd);
}

void outlet_close(struct outlet *o)
{
	cleanup_close(&o->own);
	o->own = -1;
}

bool outlet_wait(const struct outlet *o, int ms)
{
	struct pollfd ready = { .fd = o->fd, .events = POLLOUT };

	return poll(&ready, 1, ms) > 0;
}

ssize_t outlet_write(const struct outlet *o, const void *data, size_t len)
{
	ssize_t n;

	if (!outlet_wait(o, 0))
		return -EAGAIN;
	if (o->socket)
		n = send(o->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = write(o->own >= 0 ? o->own : o->fd, data, len);
	return n < 0 ? -errno : n;
}
