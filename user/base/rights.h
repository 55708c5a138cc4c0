/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up that needs none of it: its user, capabilities, files and ports (Landlock),
 * dumps of its memory. Called once, with one thread; system calls are the caller's own list.
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

/*
 * 0; or -errno, what says which step failed: then nothing may be done with what is left. A kernel
 * without Landlock is no error (said in a log line).
 */
int rights_give_up(const struct rights *r, struct buf *what);

#endif
