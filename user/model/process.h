/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes, named by (tgid, start time): what each last executed, whose child it is, what
 * credentials it is known to have, which container it belongs to. Bounded; those that ended are
 * kept until their place is needed, so that ancestors can still be named.
 */
#ifndef KEELWATCH_PROCESS_H
#define KEELWATCH_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "event.h"

struct container;

/*
 * Remembered at once. Beyond it those of a container that takes more than an eighth go first; else the
 * ones that ended first, then the oldest.
 */
#define PROCESS_MAX 16384
#define PROCESS_BYTES (32u * 1024 * 1024) /* that they take in memory, as well */

/* What a process executed. Shared by the children that executed nothing of their own. */
struct image {
	unsigned int refs;
	size_t bytes; /* that it takes */
	char *exe;    /* clean text; "" unknown */
	char *cwd;
	char **argv; /* clean text */
	size_t argc;
	bool args_cut;
	/* Where it stood when executed, which exe and cwd start from; 0: unknown. */
	uint64_t root_ino;
	uint32_t root_dev;
	uint32_t mnt_ns; /* one of its threads may be in another by now, as runc's are */
	/* Of an OCI runtime's create or run: where the container's specification is. */
	char *bundle; /* NULL: it is none */
	char *container_id;
};

struct process {
	uint32_t tgid;
	uint64_t start_ns; /* CLOCK_BOOTTIME; from /proc only to the clock tick (see approximate) */
	struct ev_task parent;
	struct image *image;	     /* never NULL; counted reference */
	char comm[EV_COMM_LEN * 4];  /* clean text: a byte may need four */
	struct container *container; /* counted reference, or NULL */
	bool entered;		     /* runs within the container, not as its runtime's set-up */
	bool presumed;	   /* as far as can be told of one that is not known: until it executes */
	bool by_namespace; /* came into its container by the mount namespace alone, from the host */
	bool ended;
	bool approximate;
	bool cred_known;
	bool many_threads;   /* since its last exec: then what any thread was seen with counts */
	bool root_seen;	     /* some thread had effective uid 0 */
	struct ev_cred cred; /* last seen, and explained */
	uint64_t permitted_seen; /* by any thread since the last exec */
	uint32_t user_ns;
	uint32_t mnt_ns;
	uint32_t lost;		   /* ev_head.lost when its credentials were last seen */
	struct process_link *link; /* the table's own */
};

struct process_table;

int process_table_new(size_t max, struct process_table **ret);
void process_table_free(struct process_table *t);
size_t process_table_count(const struct process_table *t);
/* How many that had not ended had to make room. */
size_t process_table_dropped(const struct process_table *t);

/* Brings the table back to its bound. Between records: what was borrowed from it may go. */
void process_table_trim(struct process_table *t);
/* The process of that name, or NULL. Borrowed until the next trim. start_ns 0: any. */
struct process *process_find(struct process_table *t, uint32_t tgid, uint64_t start_ns);
/*
 * Finds or adds; NULL only without memory. A new one has an image that knows nothing. Frees
 * nothing, so that pointers at hand stay good: see process_table_trim().
 */
struct process *process_get(struct process_table *t, uint32_t tgid, uint64_t start_ns);
void process_set_container(struct process *p, struct container *c);
void process_end(struct process_table *t, struct process *p);

/* args: bytes, each argument ended by NUL. exe and cwd: raw bytes. NULL without memory. */
struct image *image_new(const char *exe, const char *cwd, const char *args, size_t args_len,
			bool args_cut);
struct image *image_ref(struct image *i);
void image_unref(struct image *i);
/* The last component of what it runs, or was called by where that has no name. Borrowed. */
const char *image_program(const struct image *i);
/* Takes over the caller's reference. */
void process_set_image(struct process *p, struct image *i);

/* Calls fn for each; fn must neither add nor remove. */
void process_each(struct process_table *t, void (*fn)(struct process *p, void *arg), void *arg);

#endif
