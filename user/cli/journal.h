/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of all that happens: findings, containers' starts and ends, gaps, and our own word. Each
 * becomes a record with an id and goes to the store, where there is one.
 */
#ifndef KEELWATCH_JOURNAL_H
#define KEELWATCH_JOURNAL_H

#include <linux/types.h>

#include "cli/resume.h"
#include "control.h"
#include "enrich/enrich.h"
#include "message/stamp.h"
#include "store/store.h"

struct journal;

/* store may be NULL: findings get their ids, nothing is kept. Borrows both for its life. */
int journal_new(struct stamp *stamp, struct store *store, struct journal **ret);
void journal_free(struct journal *j);

/*
 * Where the record lies that all what follows is made of, until the next call; NULL: in no ring. So that
 * who reads it again makes the same ids.
 */
void journal_place(struct journal *j, const struct stamp_place *at);
/* What it knows is not kept, or told, a second time. Borrowed until it is set to NULL. */
void journal_resume(struct journal *j, const struct resume *resume);
/* The losses that were told, by whom ever, and when. */
void journal_counted(struct journal *j, const struct told_losses *told);
uint64_t journal_sequence(const struct journal *j); /* of the record that was accepted last; or 0 */

/* The finding with its metadata; borrowed until the next call. NULL: it was told before. */
const Keelwatch__Finding *journal_finding(struct journal *j, const Keelwatch__Finding *finding);
/* Notes what a moment is to a container's life, and what its losses are; most are neither. */
void journal_moment(struct journal *j, const struct moment *mo, const Keelwatch__Event *event);
/* start, stop, reload: in words. */
void journal_monitor(struct journal *j, const char *operation, const char *message);
/* What runs; beat's texts are borrowed. */
void journal_heartbeat(struct journal *j, Keelwatch__Heartbeat *beat);
/* Dead letters of a sink that their bound pushed out. */
void journal_dead_letters(struct journal *j, const char *sink, uint64_t lost);
/* Records that a monitor of another version left, and that cannot be read. */
void journal_left(struct journal *j, uint64_t records);
/* Records that a sink's receiver rejected for good without a word on which. */
void journal_rejected(struct journal *j, const char *sink, uint64_t records);

#endif
