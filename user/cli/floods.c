/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/floods.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

/* As many as the kernel half knows at once; it says which are gone. */
struct flooder {
	uint64_t container;
	__u64 seen[CLASS_MAX];
	__u64 told[CLASS_MAX];
	__u64 moved_ns;	 /* since when what was not told yet has been */
	__u64 told_ns;	 /* 0: never */
	__u64 since_ns;	 /* nobody has asked about it since then; 0: it is asked about */
	uint64_t record; /* number of the one that tells it; 0: it is in none */
	bool unsafe;	 /* what was told may not be on the disk yet, or nobody knows that it is */
	bool gone;	 /* its control group is */
	UT_hash_handle hh;
};

struct floods {
	struct flooder *all;
	size_t unsafe;
	__u64 since_ns; /* of those that are found now for the first time */
	bool ending;
	__u64 totals[CLASS_MAX];
};

int floods_new(struct floods **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void flooder_drop(struct floods *f, struct flooder *one)
{
	HASH_DEL(f->all, one);
	free(one);
}

void floods_free(struct floods *f)
{
	struct flooder *one, *next;

	if (!f)
		return;
	HASH_ITER(hh, f->all, one, next)
		flooder_drop(f, one);
	free(f);
}

static struct flooder *flooder_get(struct floods *f, uint64_t container)
{
	struct flooder *one;

	HASH_FIND(hh, f->all, &container, sizeof(container), one);
	if (one)
		return one;
	one = calloc(1, sizeof(*one));
	if (!one)
		return NULL;
	one->container = container;
	one->since_ns = f->since_ns;
	HASH_ADD(hh, f->all, container, sizeof(one->container), one);
	return one;
}

void floods_expect(struct floods *f, uint64_t container)
{
	flooder_get(f, container);
}

bool floods_expects(const struct floods *f, uint64_t container)
{
	struct flooder *one;

	HASH_FIND(hh, f->all, &container, sizeof(container), one);
	return one || f->ending;
}

/* True when it has grown since it was asked about last. */
static bool take_in(struct floods *f, struct flooder *one, const __u64 limited[CLASS_MAX])
{
	bool moved = false;

	for (size_t i = 0; i < CLASS_MAX; i++) {
		if (limited[i] <= one->seen[i])
			continue;
		f->totals[i] += limited[i] - one->seen[i];
		one->seen[i] = limited[i];
		moved = true;
	}
	return moved;
}

static bool is_due(const struct floods *f, const struct flooder *one, bool moved, bool gone,
		   __u64 now_ns)
{
	return gone || f->ending || !moved || !one->told_ns ||
	       now_ns - one->told_ns >= FLOOD_TOLD_NS;
}

static void hold(struct floods *f, struct flooder *one)
{
	f->unsafe += !one->unsafe;
	one->unsafe = true;
}

/* When it was asked about last. */
static __u64 asked_ns(const struct flooder *one, __u64 last_ns)
{
	if (one->since_ns)
		return one->since_ns;
	return last_ns > one->told_ns ? last_ns : one->told_ns;
}

bool floods_note(struct floods *f, uint64_t container, const __u64 limited[CLASS_MAX], bool gone,
		 __u64 now_ns, __u64 period_ns, struct flood_word *ret)
{
	struct flooder *one = flooder_get(f, container);
	bool moved, tell;

	if (!one)
		return false;
	moved = take_in(f, one, limited);
	if (moved && !one->moved_ns)
		one->moved_ns = asked_ns(one, now_ns - period_ns);
	one->since_ns = 0;
	tell = one->moved_ns && is_due(f, one, moved, gone, now_ns);
	if (tell) {
		ret->from_ns = one->moved_ns;
		for (size_t i = 0; i < CLASS_MAX; i++)
			ret->limited[i] = one->seen[i] - one->told[i];
		memcpy(one->told, one->seen, sizeof(one->told));
		one->told_ns = now_ns;
		one->moved_ns = 0;
	}
	if (tell || gone)
		hold(f, one);
	one->gone |= gone;
	return tell;
}

void floods_end(struct floods *f)
{
	f->ending = true;
}

void floods_recorded(struct floods *f, uint64_t container, uint64_t record)
{
	struct flooder *one = flooder_get(f, container);

	if (one)
		one->record = record;
}

void floods_safe(struct floods *f, uint64_t safe,
		 void (*fn)(void *arg, uint64_t container, const __u64 told[CLASS_MAX],
			    __u64 told_ns, bool gone),
		 void *arg)
{
	struct flooder *one, *next;

	if (!f->unsafe)
		return;
	HASH_ITER(hh, f->all, one, next) {
		if (!one->unsafe || one->record > safe)
			continue;
		one->unsafe = false;
		f->unsafe--;
		fn(arg, one->container, one->told, one->told_ns, one->gone);
		if (one->gone)
			flooder_drop(f, one);
	}
}

void floods_since(struct floods *f, __u64 since_ns)
{
	f->since_ns = since_ns;
}

void floods_resume(struct floods *f, uint64_t container, const __u64 told[CLASS_MAX], __u64 told_ns)
{
	struct flooder *one = flooder_get(f, container);

	if (!one)
		return;
	memcpy(one->seen, told, sizeof(one->seen));
	memcpy(one->told, told, sizeof(one->told));
	one->told_ns = one->since_ns = told_ns;
}

__u64 floods_total(const struct floods *f, enum ev_class class)
{
	return f->totals[class];
}
