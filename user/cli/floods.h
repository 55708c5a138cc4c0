/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers of which the kernel half held something back, as they said more than their share (see
 * bpf/lib/ration.bpf.h): when that is told, and how much it was.
 */
#ifndef KEELWATCH_FLOODS_H
#define KEELWATCH_FLOODS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "base/clock.h"
#include "event.h"

struct floods;

#define FLOOD_TOLD_NS (60 * NS_PER_S) /* how often one that goes on is told */

int floods_new(struct floods **ret);
void floods_free(struct floods *f);

/*
 * The table of who floods is ahead of the ring: a container may be found in it before its start has been
 * read. It is expected from then on, and told once what was in the ring by then has been.
 */
void floods_expect(struct floods *f, uint64_t container);
bool floods_expects(const struct floods *f, uint64_t container);

/* What is to be told of one container: of each class, since the time it was told last. */
struct flood_word {
	__u64 from_ns;
	__u64 limited[CLASS_MAX];
};

/*
 * What was held back of a container so far, asked about once a second. True: ret is to be told now, as
 * it began, has gone on for FLOOD_TOLD_NS, has stopped, is gone, or we end. period_ns: it is asked about
 * so often. Times are of CLOCK_BOOTTIME.
 */
bool floods_note(struct floods *f, uint64_t container, const __u64 limited[CLASS_MAX], bool gone,
		 __u64 now_ns, __u64 period_ns, struct flood_word *ret);

/* From now on all is expected and told at once: there is no later. */
void floods_end(struct floods *f);
/* What floods_note() told last of a container is in the record of that number; 0: nothing is kept. */
void floods_recorded(struct floods *f, uint64_t container, uint64_t record);
/*
 * Records up to that number are on the disk. Calls fn for each container of which that was waited for: what
 * was told of it in all, and whether it is gone, and forgotten then.
 */
void floods_safe(struct floods *f, uint64_t safe,
		 void (*fn)(void *arg, uint64_t container, const __u64 told[CLASS_MAX],
			    __u64 told_ns, bool gone),
		 void *arg);
/* So much was told by a monitor before, at that time: what is told now begins behind it. */
void floods_resume(struct floods *f, uint64_t container, const __u64 told[CLASS_MAX],
		   __u64 told_ns);
/* Nobody has asked since then: those of whom nothing is known yet may have begun there; 0: not any more. */
void floods_since(struct floods *f, __u64 since_ns);

/* Of all containers, those that are gone too. */
__u64 floods_total(const struct floods *f, enum ev_class class);

#endif
