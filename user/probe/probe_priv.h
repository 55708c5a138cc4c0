/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the probe share and nobody else sees. */
#ifndef KEELWATCH_PROBE_PRIV_H
#define KEELWATCH_PROBE_PRIV_H

#include "probe/guarded.h"
#include "probe/loader.h"
#include "probe/probe.h"

#define FEATURES_MAX 32

struct probe {
	struct cgroup_layout layout;
	struct btf *kernel; /* its types */
	struct loaded loaded;
	struct pins *pins; /* NULL: nothing outlives us */
	unsigned int side; /* of our programs */
	bool resumed;	   /* the other side's are attached: a monitor's before us */
	bool attached;	   /* and ours speak */
	bool unpinnable;   /* something could not be pinned: nothing is to outlive us */
	bool keep;
	struct bpf_link *links[ROWS_MAX]; /* of each row that is attached; else NULL */
	struct bpf_link *call_link;
	struct feature_state states[FEATURES_MAX];
	size_t feature_count;
	struct control control;
	struct ev_counts *per_cpu; /* room for one read of shared_counts */
	int cpus;
	size_t roots;
	__u32 calls[SYS_PROG_MAX]; /* id of the program entered for each, or 0 */
};

int probe_map(const struct probe *p, const char *name); /* its descriptor */
int probe_put_control(struct probe *p);
/* All keys of a map, as many bytes each; caller frees. */
void *probe_keys(int map, size_t size, size_t max, size_t *count);

/* succession.c: in the order of a start, and of an end */
void succession_open(struct probe *p, const char *dir); /* pins, and which side is ours */
int succession_begin_ring(struct probe *p);		/* its name, and who speaks */
/* Those that are not; the name of one of them, or NULL. */
const char *succession_pin_maps(struct probe *p);
void succession_pin(struct probe *p, const char *name,
		    int fd);		   /* nothing where nothing is pinned */
int succession_take_over(struct probe *p); /* from the other side, when all of ours are attached */
void succession_settle(
	struct probe *p); /* ours speak: what could not be pinned whole is not pinned */
void succession_unpin(struct probe *p, const char *name);
void succession_leave(struct probe *p);

#endif
