/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share: a record taken apart, and what of it no foreign schema has a place for. */
#ifndef KEELWATCH_FORMAT_PRIV_H
#define KEELWATCH_FORMAT_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "message/head.h"
#include "ship/format.h"

#define ECS_VERSION "9.5.0-dev"
#define OCSF_VERSION "1.9.0"

/* One of the four messages is there; the rest are NULL. Strings of messages are never NULL. */
struct subject {
	struct record_head head;
	const Keelwatch__Finding *finding;
	const Keelwatch__Lifecycle *lifecycle;
	const Keelwatch__Gap *gap;
	const Keelwatch__Monitor *monitor;
	const Keelwatch__Host *host; /* never NULL */
	const Keelwatch__Kubernetes *pod;
	const Keelwatch__Exit *exit;
};

/* 0, or -EINVAL: it holds nothing, or nothing that makes it one of its own. */
int subject_of(const Keelwatch__Record *record, struct subject *ret);

/* "keelwatch.finding": what receivers tell our kinds of records by. */
const char *subject_dataset(const struct subject *s);

bool lifecycle_is(const struct subject *s, const char *operation);

/* The last component of a path, the whole of "/" and "". */
const char *path_name(const char *path);

/*
 * What names a process over all hosts and boots: BOOT-PID-START. False, and nothing is written, where
 * one of them is not known.
 */
#define ENTITY_SIZE 128
bool process_entity(const struct subject *s, const Keelwatch__Process *p, char to[ENTITY_SIZE]);

/* An ancestor that was not seen in action has ids of 0 and no capabilities. */
bool process_ids_known(const Keelwatch__Process *p);

/* Of a sub-technique ("T1565.001") the technique it belongs to ("T1565"); false of any other. */
#define TECHNIQUE_SIZE 16
bool technique_parent(const Keelwatch__Finding *f, char to[TECHNIQUE_SIZE]);

/* Into an open object: what is left for a namespace of our own, by the names of proto/event.proto. */
void rest_write(struct buf *b, const struct subject *s);

/* Each appends its format; the record is sound, only memory can be lacking, which b remembers. */
void ecs_write(struct buf *b, const struct subject *s);
void ocsf_write(struct buf *b, const struct subject *s);
void cef_write(struct buf *b, const struct subject *s);

#endif
