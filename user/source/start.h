/* SPDX-License-Identifier: Apache-2.0 */
/* Records that userspace itself puts into the stream. */
#ifndef KEELWATCH_START_H
#define KEELWATCH_START_H

#include <stdbool.h>

#include <linux/types.h>

#include "event.h"

__u64 boot_time_ns(void);	/* CLOCK_BOOTTIME, as ev_head.time_ns */

/* room for the longest of them, aligned */
union made_record {
	struct ev_head head;
	struct ev_start start;
	struct ev_loss loss;
	struct ev_mounts_changed mounts;
	__u64 space[EV_RECORD_MAX / 8];
};

/* The host as its first process sees it. 0 or -errno. */
int make_start(union made_record *r, bool v1, const char *cgroup_root);
void make_loss(union made_record *r, const struct ev_counts counts[CLASS_MAX]);
void make_mounts_changed(union made_record *r, __u64 cgroup_id);
void make_stop(union made_record *r);

#endif
