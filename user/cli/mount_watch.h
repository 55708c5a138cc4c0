/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mount tables of containers, kept open: the kernel reports by poll(2) that one changed, before the call
 * that made it returns. Some moments after that the call's own record has been taken in, and what is
 * still new came from outside.
 */
#ifndef KEELWATCH_MOUNT_WATCH_H
#define KEELWATCH_MOUNT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct mount_watch;

/* mark: what an event of its in epoll has in its data, given the container's cgroup id. */
int mount_watch_new(int epoll, uint64_t (*mark)(uint64_t cgroup_id), struct mount_watch **ret);
void mount_watch_free(struct mount_watch *w);

/* handle: of the open table, or any where it is to be watched no longer. */
void mount_watch_set(struct mount_watch *w, int handle, uint64_t cgroup_id, bool on);
void mount_watch_changed(struct mount_watch *w, uint64_t cgroup_id); /* an event said so */
bool mount_watch_waits(const struct mount_watch *w); /* some have changed and not settled */
/* Calls fn for each container whose table has settled since. */
void mount_watch_settle(struct mount_watch *w, void (*fn)(void *arg, uint64_t cgroup_id),
			void *arg);

#endif
