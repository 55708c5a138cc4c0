/* SPDX-License-Identifier: Apache-2.0 */
/* What of a machine keeps keelwatch from seeing anything at all, in words for who can change it. */
#ifndef KEELWATCH_ENVIRONMENT_H
#define KEELWATCH_ENVIRONMENT_H

struct buf;

/*
 * Asks the kernel before the real load does. EXIT_FINE; or an exit code, with one line appended that
 * says what is refused or missing, by what, and what to change.
 */
int environment_check(struct buf *why);

/*
 * The part of it that needs no BPF: that /proc is there and of the host's pid namespace; and goes into
 * the host's control group namespace from one of its own, where not all of the hierarchy is to be seen.
 */
int environment_enter(struct buf *why);

#endif
