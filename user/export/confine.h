/* SPDX-License-Identifier: Apache-2.0 */
/* What an exporter is left with: its sockets, its memory and the clock. */
#ifndef KEELWATCH_CONFINE_H
#define KEELWATCH_CONFINE_H

#include <sys/types.h>

struct buf;

/* Called once, with one thread. 0; or -errno, what says which step failed: then nobody is answered. */
int confine(uid_t uid, gid_t gid, struct buf *what);

#endif
