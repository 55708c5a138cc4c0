/* SPDX-License-Identifier: Apache-2.0 */
/* Where the store is, for the commands that read it. */
#ifndef KEELWATCH_STATE_H
#define KEELWATCH_STATE_H

#include "store/store.h"

/*
 * Opens the store in dir, or where the settings (NULL: the usual ones) say. An exit code, having said on
 * standard error what is wrong.
 */
int state_open(const char *command, const char *dir, const char *config, struct store_reader **ret);
/* The same of a file, such as a store that was set aside. */
int state_open_file(const char *command, const char *path, struct store_reader **ret);

#endif
