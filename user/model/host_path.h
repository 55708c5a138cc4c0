/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the host, taken apart as text: nothing here looks at a file system. */
#ifndef KEELWATCH_HOST_PATH_H
#define KEELWATCH_HOST_PATH_H

#include <stdbool.h>
#include <stddef.h>

/*
 * path, or base/path where path is relative, without empty and "." components and without a slash
 * at the end. ".." stays: what it means depends on symbolic links. Caller frees; NULL: no memory.
 */
char *host_path_join(const char *base, const char *path);

/* Length of the directory n components above an absolute path; 0: there is none, or it is "/". */
size_t host_path_up(const char *path, unsigned int n);

/* The last component; an empty string for "/". Borrowed. */
const char *host_path_base(const char *path);

/*
 * True when clean text (text_clean) of a path is the path itself, absolute, and so may be looked
 * up. A path that had to be escaped is another one than its text says.
 */
bool host_path_is_exact(const char *clean);

/* The length without trailing slashes, so that "/" is a prefix of length 0. */
size_t host_path_dir_len(const char *dir);
/* Whether path (of path_len bytes) is the directory (of host_path_dir_len() bytes) or lies below it. */
bool host_path_within(const char *path, size_t path_len, const char *dir, size_t len);

#endif
