/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the live monitor share and nobody else sees. */
#ifndef KEELWATCH_LIVE_PRIV_H
#define KEELWATCH_LIVE_PRIV_H

#include "cli/floods.h"
#include "cli/guard.h"
#include "cli/live.h"
#include "cli/mount_watch.h"
#include "cli/progress.h"
#include "source/host_view.h"
#include "source/ring.h"
#include "source/start.h"
#include "source/twins.h"

#define LIVE_TICK_S 1 /* between two looks at what counts up */

struct live {
	struct live_options options;
	struct probe *probe;
	struct guard *guard;
	struct facts facts;
	struct host_view view;
	struct recorder *recorder;
	struct model_control control;
	struct pipeline *pipeline;
	struct ring *ring;
	struct progress progress;
	__u64 disarm_ns;     /* when system calls are watched no longer; 0: not to be changed */
	__u64 begun_ns;	     /* when this process set out to watch */
	struct twins *twins; /* while records of two sides may be in the ring; else NULL */
	bool behind; /* what is before this place in the ring was written before our start */
	uint64_t behind_until;
	uint64_t loss_told; /* number of the record that tells the losses of counts; 0: they are told */
	int epoll, signals, timer;
	struct mount_watch *mounts;
	struct ev_counts counts[CLASS_MAX]; /* since the ring was made, as last looked at */
	struct ev_counts before[CLASS_MAX]; /* what of them monitors before us had, or told */
	struct floods *floods;
	bool floods_wait; /* to be told when the ring has been read to there */
	uint64_t floods_after;
	__u64 bad;	     /* records that did not pass the check */
	uint64_t lines_told; /* that were dropped, as far as that was said */
	int error;
	bool v1; /* of the cgroups that name containers */
	bool reload_asked;
	__u64 reloaded_ns;     /* the last time; 0: never */
	__u64 hand_over_until; /* told to end, waits for who stands by; 0: not told */
	bool leave;	       /* the next monitor goes on: what watches stays */
	union made_record made;
};

int live_take(struct live *l, const struct ev_head *rec); /* 0, or the error that ends the loop */
int live_take_stock(struct live *l);			  /* of what runs. 0 or -errno */

uint64_t live_safe(const struct live *l); /* number of a record: those up to it are on the disk */

/* live_resume.c: where a monitor before stopped. 0 or -errno */
int live_resume(struct live *l);
void live_caught_up(struct live *l); /* what was written before our start has been read */
void live_drop_others(struct live *l);

/* live_tell.c */
void live_tell(struct live *l); /* once in LIVE_TICK_S: losses, floods, that it lives, metrics */
void live_tell_metrics(struct live *l);
void live_tell_last(struct live *l);   /* at the end: what would be told later */
void live_tell_floods(struct live *l); /* those of the last live_tell(), when it is time */
/* Nobody is in it any more, and this is the last moment at which it has a name. */
void live_tell_flood_end(struct live *l, uint64_t cgroup_id);
/* Tells the next monitor which losses and floods it need not tell: their records are on the disk. */
void live_told_is_safe(struct live *l);

#endif
