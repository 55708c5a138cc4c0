/* SPDX-License-Identifier: Apache-2.0 */
/* What the monitor itself gives up before it does anything: powers, system calls, dumps of its memory. */
#ifndef KEELWATCH_MONITOR_RIGHTS_H
#define KEELWATCH_MONITOR_RIGHTS_H

struct buf;

/*
 * For this process and all it begins; called once, with one thread. 0; or -errno, what says which step
 * failed. keelwatch-security(7) has the lists.
 */
int monitor_rights_give_up(struct buf *what);

#endif
