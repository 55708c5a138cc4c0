/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the host's files say. Every look at the host goes through here: live it reads the file
 * and, while recording, writes down what it said; in a replay it answers from the recording.
 *
 * Paths are the host's; below /proc/PID/root links lead to where they lead that process, absolute ones
 * too. What comes back is hostile.
 */
#ifndef KEELWATCH_FACTS_H
#define KEELWATCH_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct facts;

struct fact_stat {
	uint64_t ino;
	uint32_t dev;  /* as the kernel's dev_t: major << 20 | minor */
	uint32_t rdev; /* likewise, for device nodes */
	uint32_t mode; /* st_mode */
	uint32_t uid;
};

struct facts_ops {
	/* All return 0 or -errno. out is appended to. */
	int (*read)(void *self, const char *path, size_t max, struct buf *out);
	int (*readlink)(void *self, const char *path, struct buf *out);
	int (*list)(void *self, const char *dir, struct buf *out);
	int (*stat)(void *self, const char *path, struct fact_stat *ret);
	int (*sockets)(void *self, struct buf *out);
	int (*keep)(void *self, const char *path);
	int (*reread)(void *self, int handle, size_t max, struct buf *out);
	void (*release)(void *self, int handle);
};

struct facts {
	const struct facts_ops *ops;
	void *self;
};

#define FACT_MAX (4 * 1024 * 1024) /* no file of the host is read beyond this: -EFBIG */

/* The content of a regular (or procfs) file. -EFBIG beyond max, -EINVAL for what is no file. */
int facts_read(struct facts *f, const char *path, size_t max, struct buf *out);
int facts_readlink(struct facts *f, const char *path, struct buf *out);
/* Names of a directory's entries, each ended by NUL. */
int facts_list(struct facts *f, const char *dir, struct buf *out);
int facts_stat(struct facts *f, const char *path, struct fact_stat *ret); /* follows links */
/*
 * Unix sockets that listen in the host's network namespace, a line each: "DEV INO NAME" (decimal
 * dev as in fact_stat, decimal inode of the socket's file, its bound name, cleaned by
 * text_clean()). From sock_diag(7), unix_diag with UDIAG_SHOW_VFS.
 */
int facts_sockets(struct facts *f, struct buf *out);

/*
 * Keeps a file open to read it again: a mount table kept open stays readable when its process is
 * gone. Returns a handle (live: a descriptor, to be polled for changes) or -errno.
 */
int facts_keep(struct facts *f, const char *path);
int facts_reread(struct facts *f, int handle, size_t max, struct buf *out); /* from its start */
void facts_release(struct facts *f, int handle);			    /* negative is fine */

/* The live host. self: a struct host_view, or NULL. */
extern const struct facts_ops facts_live;

#endif
