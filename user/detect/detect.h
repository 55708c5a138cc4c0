/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong: moments in, findings out. Pure but for its bounded memory of what it said already:
 * no I/O, no clock but the records'.
 */
#ifndef KEELWATCH_DETECT_H
#define KEELWATCH_DETECT_H

#include "base/clock.h"
#include "enrich/enrich.h"

struct detect;

enum rule {
	RULE_READONLY_WRITE_ATTEMPT,
	RULE_READONLY_DEFEATED,
	RULE_READONLY_WRITABLE_PATH,
	RULE_PRIVILEGED_CONTAINER,
	RULE_ADDED_CAPABILITY,
	RULE_PRIVILEGE_GAINED,
	RULE_PRIVILEGE_UNEXPLAINED,
	RULE_PRIVILEGED_EXEC_SESSION,
	RULE_NAMESPACE_ESCAPE,
	RULE_SENSITIVE_HOST_MOUNT,
	RULE_SENSITIVE_MOUNT_RUNTIME,
	RULE_MONITOR_TAMPERING,
	RULE_MONITOR_ALTERED,
	RULE_MONITOR_INTERRUPTED,
	RULE_CLOCK_CHANGED,
	RULE_MAX,
};

struct rule_info {
	const char *id;
	const char *technique; /* MITRE ATT&CK for containers and Linux */
	const char *technique_name;
	const char *summary;
};

extern const struct rule_info rules[RULE_MAX];

/* The finding is good until the call returns. */
typedef void (*finding_fn)(void *arg, const Keelwatch__Finding *finding);

/*
 * Different findings remembered. Beyond it the container with the most forgets the one that has not
 * happened for the longest time: its count is said, and if it happens again it is counted anew.
 */
#define DETECT_REPEATS 4096
#define DETECT_REPEAT_BYTES (8u * 1024 * 1024) /* that they take in memory, as well */
/*
 * Different findings of one rule that a container can have told one by one: so many at once, and one in
 * so many ns. Those beyond are one finding, with a count.
 */
#define DETECT_TOLD_AT_ONCE 500
#define DETECT_TOLD_NS (NS_PER_S / 2)
#define DETECT_REPEAT_NS (60 * NS_PER_S) /* how often repeats of one are summed up */

int detect_new(struct model *model, struct enrich *enrich, finding_fn fn, void *arg,
	       struct detect **ret);
void detect_free(struct detect *d);
/* event: what enrich_event() made of the moment. */
void detect_feed(struct detect *d, const struct moment *mo, const Keelwatch__Event *event);
/* Says the counts of what repeated since it was last said: at the end, or for one container. */
void detect_flush(struct detect *d, const struct container *only);

struct detect_totals {
	uint64_t findings; /* different ones, repeats not counted */
};

struct detect_totals detect_totals(const struct detect *d);

#endif
