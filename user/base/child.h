/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of ours that the monitor begins, and begins again when they die. */
#ifndef KEELWATCH_CHILD_H
#define KEELWATCH_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_FIRST_FD 3
#define CHILD_HOW 64

/*
 * Begins it with signals as they are by default, a process group of its own (Ctrl-C is for the monitor), no
 * standard input, and its standard output on standard error (the monitor's is the findings'). fds, numbers
 * above those it gets, are its descriptors from CHILD_FIRST_FD on, and no other is; NULL: it has those that
 * are not close-on-exec. 0 or -errno.
 */
int child_spawn(const char *program, char *const argv[], char *const envp[], const int *fds,
		size_t count, pid_t *ret);
/* How it ended, of wait(2)'s status: "was killed by signal 9". */
const char *child_how(int status, char room[CHILD_HOW]);

/* When one that died is begun again: ever later, unless it lived for a minute. CLOCK_BOOTTIME, ns. */
struct child_pace {
	uint64_t started_ns; /* set by who begins it */
	uint64_t restart_ns, backoff_ns;
};

void child_died(struct child_pace *p);

#endif
