/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of every kind: each rule with what it really says, each operation, outcome and reason; as a
 * runtime, Kubernetes or nobody says them, and with hostile text and numbers in every field. They are
 * made the way the shipper gets them: packed, unpacked, cleaned.
 */
#ifndef KEELWATCH_TESTS_SAMPLE_H
#define KEELWATCH_TESTS_SAMPLE_H

#include <stddef.h>

#include "event.pb-c.h"

/* What happened. */
size_t sample_count(void);
const char *sample_name(size_t sample); /* "finding readonly-defeated", "gap queue", ... */

/* How it is told. */
size_t sample_flavour_count(void);
const char *sample_flavour_name(size_t flavour);

/* Caller frees with keelwatch__record__free_unpacked(). NULL without memory. */
Keelwatch__Record *sample_make(size_t sample, size_t flavour);
Keelwatch__Record *sample_make_named(const char *sample, const char *flavour); /* NULL: no such */

#endif
