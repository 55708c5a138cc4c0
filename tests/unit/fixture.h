/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host without a kernel: records built by hand, files that are rows of a table, a pipeline over
 * both, and what it found, kept to be asked about.
 *
 * The host has /proc/1 and one docker container to offer (FIXTURE_ID); each record comes a
 * millisecond after the one before. Whatever is wrong in a record is said by an assertion here.
 */
#ifndef KEELWATCH_TESTS_FIXTURE_H
#define KEELWATCH_TESTS_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/pipeline.h"
#include "source/recording.h"

#define FIXTURE_ALL_CAPS ((1ULL << 41) - 1)
#define FIXTURE_DEFAULT_CAPS 0xa80425fbULL /* docker's and containerd's fourteen */
#define FIXTURE_REALTIME_NS 1700000000000000000ULL
#define FIXTURE_ROOT_DEV (0u << 20 | 40) /* of the container's overlay */

#define FIXTURE_ID "1511ec941f4d0f2321a8a0e0051e2fb878692f7e9215886b5935860a3edd8d21"
#define FIXTURE_BUNDLE "/run/containerd/io.containerd.runtime.v2.task/moby/" FIXTURE_ID
#define FIXTURE_CGROUP_PATH "/system.slice/docker-" FIXTURE_ID ".scope"
#define FIXTURE_CGROUP 5000
#define FIXTURE_RUNTIME 900 /* pids: of the runtime, */
#define FIXTURE_INIT 1000   /* and of the container's first process */

/* Namespace inodes: distinct, so that a mix-up shows. */
enum { FIXTURE_HOST_NS = 101, FIXTURE_CONTAINER_NS = 201 };

/* A record under construction. */
struct fixture_record {
	union {
		struct ev_head head;
		struct ev_exec exec;
		struct ev_fork fork;
		struct ev_exit exit;
		struct ev_cgroup cgroup;
		struct ev_attach attach;
		struct ev_file file;
		struct ev_mount mount;
		struct ev_cred_change cred;
		struct ev_capable capable;
		struct ev_ns ns;
		struct ev_guard guard;
		struct ev_start start;
		struct ev_fact fact;
		struct ev_mounts_changed mounts_changed;
		struct ev_loss loss;
		__u64 space[EV_RECORD_MAX / 8];
	};
};

/* Who does something: fills heads. */
struct fixture_task {
	uint32_t tgid;
	uint64_t start_ns; /* 0: tgid * 1000000 + 7 */
	struct ev_task parent;
	const char *comm; /* NULL: "task" */
	uint64_t cgroup;
	struct ev_cred cred;
	struct ev_nsset ns;
	uint32_t root_dev;
	uint64_t root_ino;
	uint16_t flags; /* enum ev_flag */
	uint8_t seccomp;
	uint32_t threads; /* 0: 1 */
	uint32_t lost;
};

/* What was asked of the kernel half for one cgroup or root. */
struct fixture_wish {
	uint64_t id;  /* of the cgroup; of a root: its inode */
	uint32_t dev; /* of a root */
	uint64_t container;
	uint32_t flags;
	bool gone; /* forgotten, or no longer guarded */
};

#define FIXTURE_WISHES 256

struct fixture {
	struct facts facts; /* the table of files */
	struct fixture_file *files;
	size_t file_count, file_cap;
	unsigned int asked; /* how many questions it answered */
	struct buf sockets;
	struct pipeline *pipeline; /* NULL until fixture_start() */
	struct model_control control;
	bool armed;
	unsigned int arms; /* how often that changed */
	struct fixture_wish cgroups[FIXTURE_WISHES], roots[FIXTURE_WISHES];
	size_t cgroup_count, root_count; /* the last wish for each counts */
	unsigned int watched;		 /* mount tables, now */
	struct recorder *recorder; /* set before the start: what is fed and asked is recorded */
	FILE *out;		   /* likewise: findings as JSON lines */
	const char *v1_root; /* likewise: where the hierarchy that names containers is; NULL: v2 */
	uint64_t now_ns;
	Keelwatch__Finding **findings; /* copies, in order */
	size_t count, cap;
};

/* --- the host --- */

/* A host with its files and its container's, nothing fed yet. Ends the test without memory. */
struct fixture *fixture_new(void);
void fixture_free(struct fixture *f);
void fixture_put(struct fixture *f, const char *path, const char *text);
void fixture_put_bytes(struct fixture *f, const char *path, const void *bytes, size_t len);
void fixture_put_link(struct fixture *f, const char *path, const char *target);
void fixture_put_stat(struct fixture *f, const char *path, const struct fact_stat *st);
/* Of reading it: a negative errno. */
void fixture_put_error(struct fixture *f, const char *path, int error);
void fixture_append(struct fixture *f, const char *path, const char *text);
/* What was kept of it stays readable, as with /proc. */
void fixture_remove(struct fixture *f, const char *path);
/*
 * A process that runs before the monitor does: its stat, status, namespaces, root, cgroup. exe, cwd and
 * args (NULL-terminated) are as given.
 */
void fixture_put_process(struct fixture *f, const struct fixture_task *task, const char *exe,
			 const char *cwd, const char *cgroup_path, const char *const *args);

/* --- tasks --- */

struct fixture_task fixture_host_task(uint32_t tgid, uint32_t parent); /* root, all powers */
/* A task as docker starts them: root with the default set, seccomp, namespaces of its own. */
struct fixture_task fixture_container_task(uint32_t tgid, uint32_t parent);
/* Permitted, effective; bounding all of default. */
struct ev_cred fixture_cred(uint32_t uid, uint64_t capabilities);
uint64_t fixture_start_ns(uint32_t tgid);
struct ev_task fixture_name(const struct fixture_task *task);

/* --- records --- */

/* Strings are put behind what is there; len of the record is brought up to date. */
void fixture_bytes(struct fixture_record *r, struct ev_str *to, enum ev_str_kind kind,
		   const void *bytes, size_t len);
void fixture_text(struct fixture_record *r, struct ev_str *to, const char *text);
void fixture_path(struct fixture_record *r, struct ev_str *to, const char *path); /* "/a/b" */
void fixture_args(struct fixture_record *r, struct ev_str *to, const char *const *args);

#define FIXTURE_ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

void fixture_make_head(struct fixture_record *r, enum ev_type type, size_t size,
		       const struct fixture_task *task);
void fixture_make_start(struct fixture_record *r, const char *v1_root); /* NULL: v2 */
void fixture_make_exec(struct fixture_record *r, const struct fixture_task *task, const char *exe,
		       const char *const *args);
void fixture_make_fork(struct fixture_record *r, const struct fixture_task *parent,
		       const struct fixture_task *child);
void fixture_make_exit(struct fixture_record *r, const struct fixture_task *task);
void fixture_make_cgroup(struct fixture_record *r, enum ev_type type,
			 const struct fixture_task *task, uint64_t id, uint64_t parent_id,
			 const char *path);
void fixture_make_attach(struct fixture_record *r, const struct fixture_task *task, uint64_t id,
			 const char *path, const struct fixture_task *target);
void fixture_make_file(struct fixture_record *r, const struct fixture_task *task,
		       enum ev_file_op op, int ret, const char *path);
void fixture_make_mount(struct fixture_record *r, const struct fixture_task *task,
			enum ev_mount_op op, const char *source, const char *target,
			const char *fstype);
/* task->cred is what it has now. */
void fixture_make_cred(struct fixture_record *r, const struct fixture_task *task,
		       enum ev_cred_op op);
void fixture_make_ns(struct fixture_record *r, const struct fixture_task *task, enum ev_ns_op op,
		     uint32_t ino);
void fixture_make_mounts_changed(struct fixture_record *r, uint64_t cgroup_id);

/* --- running --- */

/* Gives the record its time, checks it and feeds it. */
void fixture_feed(struct fixture *f, struct fixture_record *r);
void fixture_start(struct fixture *f); /* makes the pipeline and feeds an EV_START */
void fixture_exec(struct fixture *f, const struct fixture_task *task, const char *exe);
void fixture_fork(struct fixture *f, const struct fixture_task *parent,
		  const struct fixture_task *child);
void fixture_exit(struct fixture *f, const struct fixture_task *task);
void fixture_mkdir(struct fixture *f, uint64_t id, uint64_t parent_id, const char *path);
void fixture_rmdir(struct fixture *f, uint64_t id, const char *path);
void fixture_attach(struct fixture *f, uint64_t id, const char *path,
		    const struct fixture_task *target);
void fixture_cred_change(struct fixture *f, const struct fixture_task *task, enum ev_cred_op op);
void fixture_file(struct fixture *f, const struct fixture_task *task, enum ev_file_op op, int ret,
		  const char *path);
/* Lets this much time go by. */
void fixture_wait(struct fixture *f, uint64_t ns);

/*
 * The docker container's way up to its first program: the runtime is executed, makes the cgroup, puts
 * the first task (FIXTURE_INIT) into it. Starts the pipeline if nobody has.
 */
void fixture_create(struct fixture *f);
/* All of it: fixture_create() and then task, which executes /bin/app. Forgets what was found. */
void fixture_run(struct fixture *f, const struct fixture_task *task);

/* --- what came of it --- */

size_t fixture_count(const struct fixture *f, const char *rule); /* NULL: of any */
/* The one finding of that rule; an assertion fails unless there is exactly one. */
const Keelwatch__Finding *fixture_one(const struct fixture *f, const char *rule);
void fixture_silent(const struct fixture *f); /* nothing was found */
/* "" when absent. */
const char *fixture_evidence(const Keelwatch__Finding *finding, const char *name);
void fixture_forget(struct fixture *f);
struct model *fixture_model(struct fixture *f);
struct container *fixture_container(struct fixture *f); /* the one that is alive, or NULL */
size_t fixture_alive(struct fixture *f);
const struct fixture_wish *fixture_cgroup(const struct fixture *f, uint64_t id); /* or NULL */

#endif
