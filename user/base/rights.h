/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up that needs none of it: its user, capabilities, files and ports (Landlock),
 * dumps of its memory. With one thread; system calls are the caller's own list.
 */
#ifndef KEELWATCH_RIGHTS_H
#define KEELWATCH_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

struct rights {
	uid_t uid; /* with gid: who to be; applied when we may change it */
	gid_t gid;
	/* folders and files; what is in none of these lists is not there */
	const char *const *readable;
	size_t readable_count;
	const char *const *writable; /* folders */
	size_t writable_count;
	const char *const *reachable; /* sockets and such, outside them, that may be opened */
	size_t reachable_count;
	/* of TCP, that may be connected to (kernel 6.7 and later); NULL: any */
	const uint16_t *ports;
	size_t port_count;
};

/* The user by name or number; NULL: keelwatch, else nobody. -ENOENT. */
int rights_user(const char *name, uid_t *uid, gid_t *gid);

#define RIGHTS_CAPABILITIES 64 /* bits of a set */

/*
 * Each a part of rights_give_up(), for who keeps some. 0 or -errno.
 *
 * The bounding set becomes what is to be kept. Who lacks CAP_SETPCAP keeps the set, and by no_new_privs can
 * gain nothing from it.
 */
int rights_bound(uint64_t keep);
int rights_keep(uint64_t keep); /* permitted and effective capabilities are these */
int rights_close(void); /* no_new_privs; no dump with secrets in it, no tracer of the same user */

/*
 * All of it, once. 0; or -errno, what says which step failed: then nothing may be done with what is left. A kernel
 * without Landlock is no error (said in a log line).
 */
int rights_give_up(const struct rights *r, struct buf *what);

#endif
