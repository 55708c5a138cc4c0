/* SPDX-License-Identifier: Apache-2.0 */
/* Moments into events of the schema: one function for each type of record. */
#ifndef KEELWATCH_ENRICH_H
#define KEELWATCH_ENRICH_H

#include "event.pb-c.h"
#include "model/model.h"

struct enrich;

int enrich_new(struct model *model, struct enrich **ret);
void enrich_free(struct enrich *e);

/*
 * The event of a moment. It and all it points to belong to e, the model and the record, and are good
 * until the next call (or the next record).
 */
const Keelwatch__Event *enrich_event(struct enrich *e, const struct moment *mo);
/*
 * Names the ancestors in the event that enrich_event() gave for this moment. Apart, as most events
 * are looked at and neither found wanting nor shown.
 */
void enrich_ancestors(struct enrich *e, const struct moment *mo);

/* Names of capabilities: an array for protobuf's repeated strings. "all" alone when none is missing. */
char **enrich_capabilities(struct enrich *e, uint64_t bits, size_t *count);
/* "CAP_CHOWN, CAP_KILL" */
const char *enrich_capability_list(struct enrich *e, uint64_t bits);
const char *enrich_namespace_list(struct enrich *e, unsigned int bits);
const char *enrich_explanation(enum explanation explanation);
/* A mount table's line as a message. */
Keelwatch__Mount *enrich_mount_line(struct enrich *e, const struct mount_line *line,
				    const char *operation);
struct arena *enrich_arena(struct enrich *e); /* emptied with each event */

#endif
