/* SPDX-License-Identifier: Apache-2.0 */
/* Records that userspace itself puts into the stream. */
#ifndef KEELWATCH_START_H
#define KEELWATCH_START_H

#include <stdbool.h>

#include <linux/types.h>

#include "event.h"

/* room for the longest of them, aligned */
union made_record {
	struct ev_head head;
	struct ev_start start;
	struct ev_loss loss;
	struct ev_mounts_changed mounts;
	struct ev_flood flood;
	struct ev_guard guard;
	__u64 space[EV_RECORD_MAX / 8];
};

/* The host as its first process sees it. 0 or -errno. */
int make_start(union made_record *r, bool v1, const char *cgroup_root);
void make_loss(union made_record *r, const struct ev_counts counts[CLASS_MAX]);
void make_flood(union made_record *r, __u64 container, __u64 from_ns,
		const __u64 limited[CLASS_MAX]);
void make_mounts_changed(union made_record *r, __u64 cgroup_id);
/* Something about the monitor itself; name may be NULL. */
void make_guard(union made_record *r, enum guard_op op, __u32 detail, __s64 value,
		const char *name);
void make_stop(union made_record *r);
void make_resume(union made_record *r,
		 __u64 time_ns); /* of the first record that is still to come */

#endif
