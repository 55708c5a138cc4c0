/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when somebody changes, replaces or removes a file of ours. */
#ifndef KEELWATCH_GUARD_FILES_H
#define KEELWATCH_GUARD_FILES_H

#include <stdbool.h>

#include <linux/types.h>

#include "event.h"

struct guard_files;

int guard_files_new(struct guard_files **ret); /* 0 or -ENOMEM */
void guard_files_free(struct guard_files *f);
/*
 * From now on, also when it or its folder comes to be later. ours: we write it ourselves, so that only its
 * place is looked at. -ENOSPC or -ENOMEM: it is not.
 */
int guard_files_add(struct guard_files *f, const char *path, bool ours);
/* Calls say for each of which something happened since; never waits. */
void guard_files_look(struct guard_files *f,
		      void (*say)(void *arg, const char *path, enum guard_file act), void *arg);

#endif
