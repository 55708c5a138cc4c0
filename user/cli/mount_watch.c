/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/mount_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <uthash.h>

#include "base/clock.h"

#define SETTLE_NS (50 * NS_PER_MS)

struct table {
	uint64_t cgroup_id;
	int handle;
	uint64_t due_ns; /* 0: nothing pending */
	UT_hash_handle hh;
};

struct mount_watch {
	int epoll;
	uint64_t (*mark)(uint64_t cgroup_id);
	struct table *tables;
	size_t pending;
};

int mount_watch_new(int epoll, uint64_t (*mark)(uint64_t cgroup_id), struct mount_watch **ret)
{
	struct mount_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->epoll = epoll;
	w->mark = mark;
	*ret = w;
	return 0;
}

static void drop(struct mount_watch *w, struct table *t)
{
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, t->handle, NULL);
	if (t->due_ns)
		w->pending--;
	HASH_DEL(w->tables, t);
	free(t);
}

void mount_watch_free(struct mount_watch *w)
{
	struct table *t, *next;

	if (!w)
		return;
	HASH_ITER(hh, w->tables, t, next)
		drop(w, t);
	free(w);
}

static struct table *find(struct mount_watch *w, uint64_t cgroup_id)
{
	struct table *t;

	HASH_FIND(hh, w->tables, &cgroup_id, sizeof(cgroup_id), t);
	return t;
}

void mount_watch_set(struct mount_watch *w, int handle, uint64_t cgroup_id, bool on)
{
	struct epoll_event ev = { .events = EPOLLPRI, .data.u64 = w->mark(cgroup_id) };
	struct table *t = find(w, cgroup_id);

	if (t)
		drop(w, t);
	if (!on)
		return;
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->cgroup_id = cgroup_id;
	t->handle = handle;
	if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, handle, &ev)) {
		free(t);
		return;
	}
	HASH_ADD(hh, w->tables, cgroup_id, sizeof(t->cgroup_id), t);
}

void mount_watch_changed(struct mount_watch *w, uint64_t cgroup_id)
{
	struct table *t = find(w, cgroup_id);

	if (!t || t->due_ns)
		return;
	t->due_ns = clock_boot_ns() + SETTLE_NS;
	w->pending++;
}

bool mount_watch_waits(const struct mount_watch *w)
{
	return w->pending;
}

void mount_watch_settle(struct mount_watch *w, void (*fn)(void *arg, uint64_t cgroup_id), void *arg)
{
	struct table *t, *next;
	uint64_t now;

	if (!w->pending)
		return;
	now = clock_boot_ns();
	HASH_ITER(hh, w->tables, t, next) {
		if (!t->due_ns || t->due_ns > now)
			continue;
		t->due_ns = 0;
		w->pending--;
		fn(arg, t->cgroup_id);
	}
}
