/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exporter as the monitor sees it: a process of its own, begun with the monitor and again whenever it
 * dies, that is shown a snapshot and says nothing back but that it listens.
 */
#ifndef KEELWATCH_EXPORTER_H
#define KEELWATCH_EXPORTER_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct exporter;

/* Begins it. listen as in the settings; borrowed for its life. One that cannot listen is no error. */
int exporter_new(const char *listen, struct exporter **ret);
void exporter_free(struct exporter *e); /* ends it, and takes the unix socket away */

/* Never waits. -E2BIG: the text is too long, the one before stays. */
int exporter_publish(struct exporter *e, const struct buf *text, const struct buf *why);
/* Once a second: begins it again when it has ended. */
void exporter_tick(struct exporter *e);

pid_t exporter_pid(const struct exporter *e); /* 0: there is none at the moment */
uint64_t exporter_restarts(const struct exporter *e);

/* The process's own main: of the descriptors it inherits, until control closes. An exit code. */
int exporter_main(int board, int control, const char *listen, bool quiet);

#endif
