/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: who they are, what they were declared to be, and what the kernel says they are. */
#ifndef KEELWATCH_CONTAINER_H
#define KEELWATCH_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "event.h"
#include "event.pb-c.h"
#include "model/mounts.h"
#include "model/spec.h"

/* The kernel's facts on a container, as of its first program (or as found at the start). */
struct container_facts {
	struct ev_cred cred;
	struct ev_nsset ns;
	uint32_t root_dev;
	uint64_t root_ino;
	bool root_mnt_ro, root_sb_ro;
	uint8_t seccomp;
	bool no_new_privs;
};

struct container {
	unsigned int refs;
	uint64_t cgroup_id;
	char *cgroup_path;	  /* clean text, from the root of the hierarchy */
	struct spec *spec;	  /* NULL: none was found */
	char *oci_runtime;	  /* clean text, or NULL */
	Keelwatch__Container msg; /* strings are borrowed from the fields above */
	Keelwatch__Kubernetes kubernetes;
	bool started; /* its own program has run */
	bool ended;
	bool found;    /* it ran before the monitor did */
	bool recalled; /* all that is known of it is what a monitor before told */
	struct container_facts facts;
	uint32_t init_tgid;
	uint64_t init_start_ns;
	struct mount_table *mounts; /* last read, or NULL */
	/* what the specification says, where none was to be had at the start */
	struct mount_table *declared;
	uint32_t mounts_asked;	      /* the process that was last asked for one later */
	struct mount_table *prepared; /* as its runtime left it, read before its program; or NULL */
	int mounts_kept;	      /* facts_keep() handle of its mount table, or -1 */
	bool guarded; /* the kernel half was told to report writes from outside to its root */
	uint64_t guarded_ino; /* by which key: see struct root_key */
	bool masked;	      /* parts of /proc are covered */
	/* Where its runtime stands (see model/view.h); 0: unknown. */
	uint64_t runtime_root_ino;
	uint32_t runtime_root_dev;
	uint32_t runtime_mnt_ns;
	bool root_is_given; /* its root is its runtime's own, or the host's */
	uint64_t findings;  /* raised on it */
	uint64_t events;    /* of its own */
};

/* Takes over spec. id and runtime fall back to the cgroup's name and "unknown". */
struct container *container_new(uint64_t cgroup_id, const char *cgroup_path, struct spec *spec,
				const char *oci_runtime, Keelwatch__Attribution attribution);
struct container *container_ref(struct container *c); /* NULL is fine */
void container_unref(struct container *c);
/* Brings msg up to date with spec, facts and flags. */
void container_describe(struct container *c);

/* The id within a cgroup's path: "docker-<id>.scope" and its like to <id>. Caller frees; NULL without memory. */
char *container_id_of_cgroup(const char *path);

#endif
