/* SPDX-License-Identifier: Apache-2.0 */
/* The system calls a shipper needs, and none else. */
#ifndef KEELWATCH_SYSCALLS_H
#define KEELWATCH_SYSCALLS_H

/* From now on, for this thread and those it begins. Needs no_new_privs. 0 or -errno. */
int syscalls_restrict(void);

#endif
