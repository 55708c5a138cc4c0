/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gets the kernel half running: chooses a way for each feature by trying, attaches what is wanted
 * when it is wanted, and carries what userspace decides into the kernel's maps.
 */
#ifndef KEELWATCH_PROBE_H
#define KEELWATCH_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/capability.h>
#include <linux/types.h>

#include "control.h"
#include "event.h"

struct probe;

enum way { WAY_NONE, WAY_TRACEPOINT, WAY_FEXIT };

/* A thing the kernel half can see, and how it came to see it here. */
struct feature_state {
	const char *name;      /* "exec", "mount", ... */
	const char *domain;    /* the file of bpf/ it lives in */
	const char *program;   /* the BPF program chosen, or wanted; of several the first */
	enum way way;	       /* WAY_NONE: it is missing */
	const char *hook;      /* where that program attaches */
	unsigned int programs; /* that the way consists of */
	const char *carries;   /* the rules that stand on it */
	const char *blind;     /* what this way cannot see; "" nothing known */
	const char *when;      /* "always", or "while a container runs" */
	char why[256];	       /* the preferred way is not taken: what the kernel said; else "" */
	__u32 instructions; /* verified by the kernel for all programs, where it says (5.16 and later) */
};

struct probe_options {
	bool report_all;  /* every open for writing in containers, for --all */
	bool unlimited;	  /* containers have no shares: what one floods with may cost the others */
	enum way way;	  /* this one alone, where it has a way; WAY_NONE: the best */
	const char *pins; /* folder of what outlives us: see probe/pins.h; NULL: nothing does */
};

/*
 * Loads what loads. -ENOSYS: no BTF; -EPERM: not allowed; -ENODEV: no feature at all could be had.
 * What is missing is logged, one line each, and kept for probe_features().
 */
int probe_new(const struct probe_options *options, struct probe **ret);
/* Detaches everything, and pins nothing any more, unless it is to be kept. */
void probe_free(struct probe *p);

/*
 * Attaches what watches always (processes, cgroups). Where programs of a monitor before are attached,
 * ours take over from them: no event falls between. 0, or -errno when none of it could be.
 */
int probe_attach(struct probe *p);

/*
 * The next monitor goes on where we stop: what is pinned is not detached by probe_free(). Nothing is
 * where nothing is pinned. Programs for containers are armed: one may start before the next monitor does.
 */
void probe_keep(struct probe *p);
bool probe_is_pinned(const struct probe *p);
bool probe_resumed(const struct probe *p); /* the ring and what watches are of a monitor before */
uint64_t probe_ring_id(const struct probe *p); /* see struct control */

/* Takes away what monitors of other versions left, and says how many of their records nobody reads. */
uint64_t probe_drop_others(struct probe *p);

/*
 * Forgets cgroups and roots that a monitor before had in the maps, and that known() does not know by the
 * cgroup's or the container's id.
 */
void probe_prune(struct probe *p, bool (*known)(void *arg, uint64_t id), void *arg);
/* Attaches or detaches what watches system calls: only while a container runs. */
void probe_arm(struct probe *p, bool on);

int probe_ring(const struct probe *p); /* descriptor of the ring buffer's map */
void probe_asleep(struct probe *p);    /* the ring's reader will sleep: the next record wakes it */
void probe_counts(const struct probe *p, struct ev_counts counts[CLASS_MAX]);
/*
 * Calls fn for each container of which something was held back as it said more than its share: how much
 * so far. last: its cgroup is gone, and it is found again until probe_flood_end().
 */
void probe_floods(struct probe *p,
		  void (*fn)(void *arg, uint64_t container, const __u64 limited[CLASS_MAX],
			     bool last),
		  void *arg);
/* The same of one; false: nothing was held back. */
bool probe_flood(const struct probe *p, uint64_t container, __u64 limited[CLASS_MAX]);
/* It is gone, and all of it is on the disk. */
void probe_flood_end(struct probe *p, uint64_t container);
/* So much of it is on the disk; and what a monitor before us said of that. */
void probe_flood_tell(struct probe *p, uint64_t container, const __u64 told[CLASS_MAX],
		      __u64 told_ns);
void probe_floods_told(const struct probe *p,
		       void (*fn)(void *arg, uint64_t container, const __u64 told[CLASS_MAX],
				  __u64 told_ns),
		       void *arg);
/* What of them was told, by us or by a monitor before; and that it is. */
void probe_told(const struct probe *p, struct told_losses *ret);
void probe_tell(struct probe *p, const struct told_losses *told);
size_t probe_features(const struct probe *p, const struct feature_state **ret);

/* What a program has taken since it was loaded; of those that another one calls it says nothing. */
struct program_use {
	const char *name, *feature; /* feature: of the one that calls the others "system-calls" */
	enum way way;
	uint64_t runs, run_ns;
};

/*
 * A descriptor, caller closes: while it is open the kernel measures what programs take, those of others
 * too. Needs CAP_SYS_ADMIN. Or -errno.
 */
int probe_measure(void);
size_t probe_programs(const struct probe *p, struct program_use *ret, size_t max);

const char *way_name(enum way way);
bool way_of_name(const char *name, enum way *ret);

void probe_cgroup(struct probe *p, uint64_t id, uint64_t container, uint32_t flags);
void probe_cgroup_forget(struct probe *p, uint64_t id);
void probe_root(struct probe *p, uint32_t dev, uint64_t ino, uint64_t container, bool on);

/* The name of a map that no longer held what we wrote, which it does again; NULL: all do. */
const char *probe_repair(struct probe *p);
/* Pins anew what somebody unpinned; what it is, or NULL: nothing was. */
const char *probe_repair_pins(struct probe *p);
/* A thread or cgroup of ours: what others do to it is told. What the probe itself made it knows. */
void probe_guard(struct probe *p, enum guarded_kind kind, uint64_t id, struct guarded value);
void probe_guard_end(struct probe *p, enum guarded_kind kind, uint64_t id);

/* The cgroup hierarchy that names containers on this machine. */
struct cgroup_layout {
	bool v1;
	char root[256];	     /* where it is mounted */
	char controller[32]; /* of v1: "pids", ... */
	__u32 hierarchy_id;
	/* Of v2, in a control group namespace of our own: where that begins on the host; "" in the host's. */
	char begins[4096];
};

/* v2 where it is all there is, else a v1 hierarchy that runtimes use. -ENOENT: no cgroups. */
int cgroup_layout_read(struct cgroup_layout *ret);
/* v2 also where v1 names containers. -ENOENT: it is not mounted. */
int cgroup_v2_read(struct cgroup_layout *ret);

/* To read /proc/PID/root, ns and mountinfo of others; and to load and attach as well. */
#define CAPABILITIES_TO_LOOK (1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH)
#define CAPABILITIES_TO_WATCH (CAPABILITIES_TO_LOOK | 1ULL << CAP_BPF | 1ULL << CAP_PERFMON)

/* The capabilities this process lacks of those wanted (bits), or 0. */
uint64_t missing_capabilities(uint64_t wanted);

#endif
