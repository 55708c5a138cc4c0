/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the service manager is told, by the protocol of sd_notify(3): datagrams to $NOTIFY_SOCKET. None
 * waits: a manager that does not read keeps nothing up, and is told again with the next tick.
 */
#ifndef KEELWATCH_NOTIFY_H
#define KEELWATCH_NOTIFY_H

#include <stdbool.h>

struct notify;

/*
 * Takes what the manager said out of the environment, so that no program we begin speaks in our name.
 * NULL in ret where there is none, which all others take. -errno of a socket that cannot be had.
 */
int notify_new(struct notify **ret);
void notify_free(struct notify *n);

void notify_ready(struct notify *n);	 /* started, or reloaded */
void notify_reloading(struct notify *n); /* until notify_ready() */
void notify_stopping(struct notify *n);
/* Once a second, where the loop went round: feeds the watchdog, and shows the status when it is new. */
void notify_tick(struct notify *n, const char *status);

#endif
