/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of detect/ share. */
#ifndef KEELWATCH_DETECT_PRIV_H
#define KEELWATCH_DETECT_PRIV_H

#include "base/arena.h"
#include "base/buf.h"
#include "detect/detect.h"

#define EVIDENCE_MAX 12

struct judgement {
	struct detect *d;
	const struct moment *mo;
	const Keelwatch__Event *event;
};

/* A finding being built. */
struct draft {
	const struct judgement *j;
	Keelwatch__Finding finding;
	Keelwatch__Evidence evidence[EVIDENCE_MAX];
	Keelwatch__Evidence *evidence_list[EVIDENCE_MAX];
	struct container *container; /* whose finding it is */
	enum rule rule;
	bool once;	/* repeats are not worth a count */
	struct buf key; /* what makes it the same finding again, beside rule and container */
};

struct detect {
	struct model *model;
	struct enrich *enrich;
	finding_fn fn;
	void *arg;
	struct repeat *repeats;
	size_t repeat_bytes;
	struct source *sources;
	struct detect_totals totals;
};

void draft_begin(struct draft *f, const struct judgement *j, enum rule rule,
		 Keelwatch__Severity severity);
void draft_message(struct draft *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void draft_key(struct draft *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void draft_evidence(struct draft *f, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Says it, or counts it when it was said before. */
void draft_end(struct draft *f);

void readonly_judge(const struct judgement *j);
void privilege_judge(const struct judgement *j);
void mounts_judge(const struct judgement *j);
void guard_judge(const struct judgement *j);

#endif
