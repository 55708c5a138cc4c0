/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model learns from records who is who: processes, cgroups, containers. It never decides what is
 * wrong; it says what happened to whom as a moment, which the layers above judge.
 */
#ifndef KEELWATCH_MODEL_H
#define KEELWATCH_MODEL_H

#include "model/container.h"
#include "source/record.h"
#include "source/facts.h"
#include "model/mount_class.h"
#include "model/mounts.h"
#include "model/process.h"

struct model;

/* What the model asks of the kernel half. All of it optional; a replay asks nothing. */
struct model_control {
	void *self;
	void (*cgroup)(void *self, uint64_t id, uint64_t container, uint32_t flags);
	void (*cgroup_forget)(void *self, uint64_t id);
	void (*root)(void *self, uint32_t dev, uint64_t ino, uint64_t container, bool on);
	void (*arm)(void *self, bool on); /* system calls are of interest, or no longer */
	void (*watch)(void *self, int handle, uint64_t cgroup_id, bool on);
};

/* How a gain of privileges came about. */
enum explanation {
	EXPLAINED_BY_NONE,
	EXPLAINED_BY_SETUID_FILE,
	EXPLAINED_BY_FILE_CAPABILITY,
	EXPLAINED_BY_ROOT_EXEC, /* uid 0 executes: the kernel grants the bounding set */
	EXPLAINED_BY_SETUID_CALL,
	EXPLAINED_BY_CAPSET,
	EXPLAINED_BY_USER_NAMESPACE,
	EXPLAINED_BY_LOSS, /* records were lost before: it may have been any of these */
};

struct cred_change {
	bool gained; /* uid 0 or a capability that it did not have */
	bool gained_root;
	bool had_root;	       /* gained_root, and its real or saved uid was 0 before */
	uint64_t capabilities; /* permitted now and not before; for capset, effective */
	enum explanation explanation;
	struct ev_cred before;
	bool child_user_ns; /* it is in a user namespace below the initial one */
};

enum namespace_bit {
	NAMESPACE_MNT = 1 << 0,
	NAMESPACE_PID = 1 << 1,
	NAMESPACE_NET = 1 << 2,
	NAMESPACE_IPC = 1 << 3,
	NAMESPACE_UTS = 1 << 4,
	NAMESPACE_CGROUP = 1 << 5,
	NAMESPACE_USER = 1 << 6,
};

/* What says where a file lies. */
enum located_by {
	LOCATED_NOT,
	LOCATED_BY_TABLE,  /* the kernel's mount table */
	LOCATED_BY_SPEC,   /* the specification, and the record does not contradict it */
	LOCATED_BY_RECORD, /* the record alone: not on the root, and of what superblock */
};

/* A path, followed to the mount it lies on. Raw bytes. */
struct located {
	struct buf path;		/* as the process sees it */
	struct buf host_path;		/* empty when the host does not see it */
	const struct mount_line *mount; /* NULL: it is not known which */
	/* by record: a mount of the host with that superblock, or NULL */
	const struct mount_line *shown;
	enum mount_class class;
	enum located_by by;
};

struct moment {
	const struct ev_head *rec; /* never NULL */
	uint64_t epoch_ns;
	struct process *process;     /* NULL for records of no task */
	struct container *container; /* NULL: the host's own */
	bool setup;   /* the runtime prepares the container: nothing is its own doing yet */
	bool started; /* the container's first program, or it was found running */
	bool session; /* the first program of somebody who came in from outside */
	struct cred_change cred;
	unsigned int host_namespaces; /* namespace_bit: the host's, and not given to the container */
	struct located file;	      /* EV_FILE */
	struct container *owner;      /* EV_FILE from outside: whose root file system it is */
	struct container *ended;      /* this was its end: its first program's, or its cgroup's */
	/* EV_MOUNT, EV_MOUNTS_CHANGED: what the kernel's table says has changed. */
	const struct mount_table *mounts_before, *mounts_after;
	struct mount_change *changes;
	size_t change_count;
	bool mounts_foreign; /* mounts_after is of another mount namespace than the container's */
};

typedef void (*moment_fn)(void *arg, const struct moment *moment);

/* control may be NULL. Borrows facts and control for its life. */
int model_new(struct facts *facts, const struct model_control *control, struct model **ret);
void model_free(struct model *m);

/*
 * A container that a monitor before told of, and whose end it did not: records that are still to come may
 * be about it, though it may be gone. Before the first record. 0 or -ENOMEM.
 */
int model_recall(struct model *m, const Keelwatch__Container *told);

/* Whether the id is that of a cgroup or a container that is watched, or may have to be. */
bool model_watches(struct model *m, uint64_t cgroup_id);

/*
 * Takes in one record that passed record_check(), and calls fn for each moment it makes: as a rule
 * one, at the start one for each container found. -ENOMEM or 0.
 */
int model_feed(struct model *m, const struct ev_head *rec, moment_fn fn, void *arg);

struct process_table *model_processes(struct model *m);
const struct mount_table *model_host_mounts(struct model *m); /* may be NULL */
struct facts *model_facts(struct model *m);
/*
 * Whether the monitor that looks is the container's first process: by a number that is the kernel's to give,
 * so that no name and no image makes another container its own.
 */
bool model_is_own(const struct model *m, const struct container *c);
/* Whether the process is that monitor. What it begins is not: it speaks with strangers. */
bool model_is_monitor(const struct model *m, const struct process *p);
uint64_t model_all_capabilities(const struct model *m); /* those a process of the host may have */
const char *
model_sockets(struct model *m); /* facts_sockets(), asked anew at most once per record */
bool model_is_host_ns(const struct model *m, enum namespace_bit which, uint32_t inode);
uint64_t model_epoch(const struct model *m, uint64_t boot_ns);
/* Calls fn for each container alive. */
void model_containers(struct model *m, void (*fn)(void *arg, struct container *c), void *arg);

struct model_totals {
	uint64_t records, containers;
	uint64_t alive; /* containers that have not ended */
};

struct model_totals model_totals(const struct model *m);

#endif
