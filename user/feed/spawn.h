/* SPDX-License-Identifier: Apache-2.0 */
/* Begins a shipper: its program, its settings, a socket for each sink. */
#ifndef KEELWATCH_SPAWN_H
#define KEELWATCH_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

#include "base/child.h"
#include "config/config.h"

struct shipper_process {
	pid_t pid;
	int pidfd;		     /* readable when it has ended */
	int control;		     /* closing it asks it to end */
	int feeds[CONFIG_SINKS_MAX]; /* our ends, non-blocking, in the order of the names */
	size_t feed_count;
};

/*
 * Begins it for the named sinks of config. dead_letters: their folder, or NULL for one attempt only
 * (`keelwatch sink test`). 0 or -errno; -ENOENT: the program is not beside ours.
 */
int shipper_spawn(const struct config *config, const char *const *names, size_t count,
		  const char *dead_letters, struct shipper_process *ret);
/* Closes the descriptors that are open. The process is not waited for. */
void shipper_close(struct shipper_process *p);
/* Once pidfd is readable: says how it ended in words that are good for good ("was killed by signal 9"). */
const char *shipper_reap(struct shipper_process *p, char room[CHILD_HOW]);

#endif
