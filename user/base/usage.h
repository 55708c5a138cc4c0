/* SPDX-License-Identifier: Apache-2.0 */
/* What a process uses of this machine. */
#ifndef KEELWATCH_USAGE_H
#define KEELWATCH_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t resident_bytes;
	double cpu_seconds;
};

/* Of /proc/PID/stat. 0 or -errno. */
int usage_read(pid_t pid, struct usage *ret);

#endif
