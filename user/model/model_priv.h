/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the model share and nobody else sees. */
#ifndef KEELWATCH_MODEL_PRIV_H
#define KEELWATCH_MODEL_PRIV_H

#include <uthash.h>

#include "model/engine.h"
#include "model/model.h"
#include "model/view.h"

/* A cgroup of the hierarchy that names containers. */
struct cgroup_node {
	uint64_t id;
	uint64_t parent_id;
	char *path;		     /* clean text */
	struct container *container; /* counted reference, or NULL */
	uint64_t candidate_ns;	     /* it may become a container's: since when; 0: no */
	bool hosts; /* it held processes of the host at the start, where that was asked */
	UT_hash_handle hh;
};

struct model {
	struct facts *facts;
	const struct model_control *control;
	struct process_table *processes;
	struct cgroup_node *nodes;
	size_t candidates; /* nodes that may become containers */
	size_t alive;	   /* containers that have not ended */
	bool armed;
	struct container *ended; /* by the record being fed; a reference */
	uint64_t now_ns;	 /* of the newest record */
	struct ev_nsset host;
	uint64_t host_root_ino;
	uint32_t host_root_dev;
	uint32_t host_pid; /* see struct ev_start */
	uint32_t own_pid;  /* likewise */
	uint64_t realtime_ns;
	uint64_t all_capabilities;
	bool v1;
	bool hosts_asked; /* which cgroups hold processes of the host: see origin.c */
	char *cgroup_root;
	uint64_t swept_ns; /* when candidates were last looked through */
	uint64_t behind_ns; /* records of before the start are still to come, from this time on; 0: none */
	bool stock_taken; /* what runs was looked at once */
	struct mount_table *host_mounts;
	uint64_t host_mounts_ns;
	struct buf sockets;
	uint64_t sockets_ns;
	struct engine_roots engine_roots;
	struct model_totals totals;
};

/* identity.c */
struct cgroup_node *node_find(struct model *m, uint64_t id);
struct cgroup_node *node_get(struct model *m, uint64_t id, uint64_t parent_id, const char *path);
struct container *container_of_cgroup(struct model *m, uint64_t cgroup_id);
void node_drop(struct model *m,
	       struct cgroup_node *n); /* its container has ended, if it is its own */
/* The node is of this container from now on; the kernel half is told. */
void node_give(struct model *m, struct cgroup_node *n, struct container *c);
void identity_mkdir(struct model *m, const struct ev_cgroup *e);
void identity_rmdir(struct model *m, const struct ev_cgroup *e);
void identity_attach(struct model *m, const struct ev_attach *e, struct process *target);
/* A program runs in a root of its own in a cgroup that nobody has claimed. */
struct container *identity_derive(struct model *m, struct cgroup_node *node);
struct container *identity_bind(struct model *m, struct cgroup_node *node, struct spec *spec,
				const char *oci_runtime, Keelwatch__Attribution attribution);
/* Reads the specification in a bundle as it is seen from there, and binds it. id may be NULL. */
struct container *identity_read(struct model *m, struct cgroup_node *node, const struct view *view,
				const char *bundle, const char *id, const char *oci_runtime,
				Keelwatch__Attribution attribution);
bool identity_may_be_container(const char *cgroup_path);
/* Its facts are known: tell the kernel half. */
void identity_started(struct model *m, struct container *c);
void identity_ended(struct model *m, struct container *c);
void identity_sweep(struct model *m);

/* creds.c */
void creds_learn(struct model *m, struct moment *mo);
void creds_fork(const struct model *m, struct process *parent, struct process *child,
		const struct ev_fork *e, struct cred_change *ret);

/* places.c */
/* Keeps the mount table that the task sees from its root, for the container; anew: whatever was kept. */
void places_keep(struct model *m, struct container *c, uint32_t tid, uint32_t mnt_ns);
void places_keep_anew(struct model *m, struct container *c, const struct ev_head *rec);
void places_let_go(struct model *m, struct container *c);
/*
 * Reads the table a container starts with. after: NULL, or what it is by now, where the first program
 * has changed it already; the caller's to free.
 */
void places_start(struct model *m, struct container *c, struct mount_table **after);
/* The runtime has mounted all it wants to, or mounts on. */
void places_prepared(struct model *m, struct container *c);
void places_unprepared(struct container *c);
void places_file(struct model *m, struct moment *mo);
void places_mounts(struct model *m, struct moment *mo);
/* Takes over after: what places_start() gave. */
void places_changed_at_start(struct moment *mo, struct mount_table *after);
void places_clear(struct moment *mo);
void places_refresh_host(struct model *m);

/* declared.c */
/*
 * The mounts of a specification as a table of the kernel's kind, without the root. What is bound has the
 * superblock that the host has there now; what is not has none (dev 0). NULL: nothing is known.
 */
struct mount_table *declared_table(struct facts *facts, const struct spec *spec,
				   const struct mount_table *host);

/* recall.c */
/* What was told of it gives way to what is seen. */
void recall_replaced(struct model *m, struct container *told);
/* Ends those that are gone, and whose end nobody saw. */
void recall_settle(struct model *m, const struct ev_start *e, moment_fn fn, void *arg);

/* procfs.c */
uint32_t proc_ns(struct model *m, uint32_t pid, const char *kind); /* its inode; 0: not to be had */

/*
 * origin.c: of a process that runs in its cgroup; NULL: it is none. origin_seek() asks the runtime's
 * files alone, origin_find() takes what lives apart from the host for one too.
 */
struct container *origin_seek(struct model *m, struct cgroup_node *node, const struct process *p);
struct container *origin_find(struct model *m, struct cgroup_node *node, const struct process *p);

/* snapshot.c */
void snapshot_take(struct model *m, const struct ev_start *e, moment_fn fn, void *arg);

#endif
