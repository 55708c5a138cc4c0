/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recordings: the records as they came, each followed by what the host's files said while it was
 * being understood. Replayed, they need neither root nor a kernel, and give the same findings.
 */
#ifndef KEELWATCH_RECORDING_H
#define KEELWATCH_RECORDING_H

#include <stdio.h>

#include "source/facts.h"
#include "source/record.h"

struct recorder;

/*
 * Begins a recording in f (borrowed). real: where facts come from. The recorder's facts answer as
 * real does and write down the answers.
 */
int recorder_new(FILE *f, struct facts *real, struct recorder **ret);
void recorder_free(struct recorder *r);
struct facts *recorder_facts(struct recorder *r);
int recorder_write(struct recorder *r, const struct ev_head *rec); /* 0 or -errno */
int recorder_error(const struct recorder *r); /* the first failed write of a fact, or 0 */

struct replay;

/* -EBADMSG: no recording, or of another version. f is borrowed. */
int replay_new(FILE *f, struct replay **ret);
void replay_free(struct replay *r);
struct facts *replay_facts(struct replay *r); /* answers for the record that replay_next() gave */
/*
 * The next record: 1, 0 at the end, -EBADMSG when the file is damaged from here on (what came
 * before is sound). Borrowed until the next call.
 */
int replay_next(struct replay *r, const struct ev_head **ret);

#endif
