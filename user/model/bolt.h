/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one value of a bolt database (go.etcd.io/bbolt, version 2 of its format) from its bytes. */
#ifndef KEELWATCH_BOLT_H
#define KEELWATCH_BOLT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * path: the names of the buckets from the root on, then the key; NULL ends it. True, and the
 * value's bytes in data, when it is there. The file is hostile and may have been written to while
 * it was read: whatever does not fit together is not found.
 */
bool bolt_find(const void *data, size_t len, const char *const *path, const char **value,
	       size_t *value_len);

#endif
