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

#include <linux/capability.h>
#include <linux/types.h>

#include "event.h"

struct probe;

enum way { WAY_NONE, WAY_TRACEPOINT, WAY_FEXIT };

/* A thing the kernel half can see, and how it came to see it here. */
struct feature_state {
	const char *name;	/* "exec", "mount", ... */
	const char *domain;	/* the file of bpf/ it lives in */
	const char *program;	/* the BPF program chosen, or wanted; of several the first */
	enum way way;		/* WAY_NONE: it is missing */
	const char *hook;	/* where that program attaches */
	unsigned int programs;	/* that the way consists of */
	const char *carries;	/* the rules that stand on it */
	const char *blind;	/* what this way cannot see; "" nothing known */
	const char *when;	/* "always", or "while a container runs" */
	char why[256];		/* the preferred way is not taken: what the kernel said; else "" */
	__u32 instructions;	/* verified by the kernel for all programs, where it says (5.16 and later) */
};

struct probe_options {
	bool report_all;	/* every open for writing in containers, for --all */
	enum way way;		/* this one alone, where it has a way; WAY_NONE: the best */
};

/*
 * Loads what loads. -ENOSYS: no BTF; -EPERM: not allowed; -ENODEV: no feature at all could be had.
 * What is missing is logged, one line each, and kept for probe_features().
 */
int probe_new(const struct probe_options *options, struct probe **ret);
void probe_free(struct probe *p);	/* detaches everything */

/* Attaches what watches always (processes, cgroups). 0, or -errno when none of it could be. */
int probe_attach(struct probe *p);
/* Attaches or detaches what watches system calls: only while a container runs. */
void probe_arm(struct probe *p, bool on);

int probe_ring(const struct probe *p);	/* descriptor of the ring buffer's map */
void probe_asleep(struct probe *p);	/* the ring's reader will sleep: the next record wakes it */
void probe_counts(const struct probe *p, struct ev_counts counts[CLASS_MAX]);
size_t probe_features(const struct probe *p, const struct feature_state **ret);
const char *way_name(enum way way);
bool way_of_name(const char *name, enum way *ret);

void probe_cgroup(struct probe *p, uint64_t id, uint64_t container, uint32_t flags);
void probe_cgroup_forget(struct probe *p, uint64_t id);
void probe_root(struct probe *p, uint32_t dev, uint64_t ino, uint64_t container, bool on);

/* The cgroup hierarchy that names containers on this machine. */
struct cgroup_layout {
	bool v1;
	char root[256];		/* where it is mounted */
	char controller[32];	/* of v1: "pids", ... */
	__u32 hierarchy_id;
};

/* v2 where it is all there is, else a v1 hierarchy that runtimes use. -ENOENT: no cgroups. */
int cgroup_layout_read(struct cgroup_layout *ret);

/* To read /proc/PID/root, ns and mountinfo of others; and to load and attach as well. */
#define CAPABILITIES_TO_LOOK (1ULL << CAP_SYS_PTRACE | 1ULL << CAP_DAC_READ_SEARCH)
#define CAPABILITIES_TO_WATCH (CAPABILITIES_TO_LOOK | 1ULL << CAP_BPF | 1ULL << CAP_PERFMON)

/* The capabilities this process lacks of those wanted (bits), or 0. */
uint64_t missing_capabilities(uint64_t wanted);

#endif
