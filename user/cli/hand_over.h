/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One monitor begins while the one before it still runs: it stands by until that ends, which looks whether
 * somebody does. Both know each other by a lock in the folder of the store.
 */
#ifndef KEELWATCH_HAND_OVER_H
#define KEELWATCH_HAND_OVER_H

#include <stdbool.h>

/*
 * We stand by, from now until the descriptor is closed. -ENOENT: there is no such folder, and nobody to
 * wait for; -errno. Waits for another one that stands by.
 */
int hand_over_stand_by(const char *state_dir);
bool hand_over_is_awaited(const char *state_dir); /* somebody stands by */

/* The folder is of nobody any more: takes away what we made in it, and the folder if nothing else is in it. */
void hand_over_forget(const char *state_dir);

#endif
