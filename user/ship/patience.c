/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/patience.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"

struct patience patience_for(uint64_t ns, int stop)
{
	return (struct patience){ .deadline_ns = clock_monotonic_ns() + ns, .stop = stop };
}

struct patience patience_at_most(const struct patience *p, uint64_t ns)
{
	struct patience shorter = patience_for(ns, p->stop);

	return shorter.deadline_ns < p->deadline_ns ? shorter : *p;
}

int patience_wait(const struct patience *p, int fd, short events)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = p->stop, .events = POLLIN },
			{ .fd = fd, .events = events },
		};
		uint64_t now = clock_monotonic_ns();
		uint64_t left = now < p->deadline_ns ? p->deadline_ns - now : 0;
		struct timespec t = { .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };
		int n = ppoll(fds, ARRAY_SIZE(fds), &t, NULL);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0 && fds[0].revents)
			return -ECANCELED;
		if (n > 0)
			return 0;
		if (!left)
			return -ETIMEDOUT;
	}
}

int patience_pause(const struct patience *p, int fd, short events, uint64_t ns)
{
	struct patience moment = patience_at_most(p, ns);
	int err = patience_wait(&moment, fd, events);

	return err == -ETIMEDOUT && moment.deadline_ns < p->deadline_ns ? 0 : err;
}
