/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* ev_begin, ev_text, ev_args, ev_end: builds a record in a slot of this CPU and sends it at its right size. */
#ifndef KEELWATCH_EMIT_BPF_H
#define KEELWATCH_EMIT_BPF_H

#include "lib/ration.bpf.h"

#define BULK_FILL (RING_BYTES / 4 * 3) /* above this, bulk classes are held back */
#define WAKE_EVERY_NS 1000000
#define USER_READ_MAX (EV_STR_MAX - 1)

static __always_inline struct ev_counts *counts_of(__u32 class)
{
	return bpf_map_lookup_elem(&shared_counts, &class);
}

/* A record that will not be delivered: counted by class and cause, and in the one running total. */
static __always_inline void count_gone(void)
{
	__u32 zero = 0;
	__u64 *lost = bpf_map_lookup_elem(&shared_lost, &zero);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

#define COUNT(class, what)                                       \
	do {                                                     \
		struct ev_counts *counts_ = counts_of(class);    \
		if (counts_)                                     \
			__sync_fetch_and_add(&counts_->what, 1); \
	} while (0)

#define COUNT_GONE(class, what)     \
	do {                        \
		COUNT(class, what); \
		count_gone();       \
	} while (0)

/*
 * Tracing programs can be preempted by others on the same CPU. Without an atomic exchange (5.10
 * has none for BPF) two could take one slot in the same instant: the second owner wins, and the
 * first one finds out in ev_end() and counts its record as busy.
 */
static __always_inline struct scratch *slot_take(__u64 me)
{
	for (__u32 i = 0; i < SCRATCH_SLOTS; i++) {
		__u32 key = i;
		struct scratch *s = bpf_map_lookup_elem(&shared_scratch, &key);

		if (!s)
			return NULL;
		if (*(volatile __u64 *)&s->owner)
			continue;
		*(volatile __u64 *)&s->owner = me;
		s->key = i;
		return s;
	}
	return NULL;
}

static __always_inline __u64 slot_me(void)
{
	return bpf_get_current_pid_tgid() ?: ~0ULL;
}

static __always_inline int class_is_bulk(__u32 class)
{
	return class == CLASS_PROCESS || class == CLASS_FILE;
}

/*
 * A record of a fixed size, its head filled from task. NULL: could not be, and that is counted, or the
 * programs of the other side send it.
 */
static __always_inline struct scratch *ev_begin(__u16 type, __u32 class, __u32 size,
						struct task_struct *task)
{
	__u64 cgroup_id, granted;
	__u32 zero = 0;
	struct ev_head *head;
	struct scratch *s;
	__u64 *lost;

	if (!may_speak())
		return NULL;
	cgroup_id = task_cgroup_id(task);
	granted = ration(cgroup_id, class == CLASS_CGROUP ? CLASS_MAX : class, is_free(type));
	if (!(granted & RATION_GRANTED))
		return NULL;
	if (class_is_bulk(class) &&
	    bpf_ringbuf_query(&shared_ring, BPF_RB_AVAIL_DATA) > BULK_FILL) {
		COUNT_GONE(class, limited);
		return NULL;
	}
	s = slot_take(slot_me());
	if (!s) {
		COUNT_GONE(class, busy);
		return NULL;
	}
	__builtin_memset(s->data, 0, size);
	s->len = size;
	s->class = class;
	head = (struct ev_head *)s->data;
	head_fill(head, type, task);
	head->cgroup_id = cgroup_id;
	if (side)
		head->flags |= EVF_SIDE;
	lost = bpf_map_lookup_elem(&shared_lost, &zero);
	head->lost = (lost ? *lost : 0) + (__u32)granted;
	return s;
}

static __always_inline void ev_cut(struct scratch *s, struct ev_str *str)
{
	str->flags |= EV_STR_CUT;
	((struct ev_head *)s->data)->flags |= EVF_CUT;
}

/* Where the next string goes; 0 when the record is full. */
static __always_inline __u32 ev_room(struct scratch *s, struct ev_str *str)
{
	__u32 off = s->len;

	if (off < sizeof(struct ev_head) || off >= EV_RECORD_MAX - EV_STR_MAX) {
		ev_cut(s, str);
		return 0;
	}
	return off;
}

/* The string at a kernel or user address, without its NUL. */
static __always_inline void ev_text(struct scratch *s, struct ev_str *str, const void *from,
				    int user)
{
	__u32 off = ev_room(s, str);
	long n;

	str->kind = EV_STR_TEXT;
	if (user)
		str->flags |= EV_STR_USER;
	if (!off)
		return;
	if (user)
		n = bpf_probe_read_user_str(&s->data[BOUND(off, EV_RECORD_MAX - 1)], EV_STR_MAX,
					    from);
	else
		n = bpf_probe_read_kernel_str(&s->data[BOUND(off, EV_RECORD_MAX - 1)], EV_STR_MAX,
					      from);
	if (n <= 0) {
		/* A page that is not there: the kernel read it, we cannot without faulting. */
		if (from)
			ev_cut(s, str);
		return;
	}
	if (n >= EV_STR_MAX)
		ev_cut(s, str);
	str->off = off;
	str->len = BOUND(n - 1, EV_STR_MAX - 1);
	s->len = off + str->len;
}

/* size bytes of user memory: arguments, each ended by NUL. */
static __always_inline void ev_args(struct scratch *s, struct ev_str *str, const void *from,
				    __u64 size)
{
	__u32 off = ev_room(s, str);
	__u64 n = size;

	str->kind = EV_STR_ARGS;
	str->flags |= EV_STR_USER;
	if (!off)
		return;
	if (n > USER_READ_MAX) {
		n = USER_READ_MAX;
		ev_cut(s, str);
	}
	n = BOUND(n, EV_STR_MAX - 1);
	if (!n)
		return;
	if (bpf_probe_read_user(&s->data[BOUND(off, EV_RECORD_MAX - 1)], n, from)) {
		ev_cut(s, str);
		return;
	}
	str->off = off;
	str->len = n;
	s->len = off + n;
}

static __always_inline __u64 wake_spaced(void)
{
	__u32 zero = 0;
	__u64 *last = bpf_map_lookup_elem(&shared_last_wake, &zero);
	__u64 now = bpf_ktime_get_ns();

	if (!last || now - *last < WAKE_EVERY_NS)
		return BPF_RB_NO_WAKEUP;
	*last = now;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * A collector that is awake needs no wake-up: it looks again by itself before it sleeps. It says that it
 * will sleep, waits a moment for who has read the word before that, and only then does. What a
 * finding may come of does not wait for its next look, but for WAKE_EVERY_NS at most.
 */
static __always_inline __u64 wake_flags(__u32 class)
{
	__u32 zero = 0;
	__u64 *asleep = bpf_map_lookup_elem(&shared_asleep, &zero);

	if (!asleep)
		return BPF_RB_FORCE_WAKEUP;
	if (*asleep) {
		*asleep = 0;
		return BPF_RB_FORCE_WAKEUP;
	}
	return class == CLASS_PROCESS ? BPF_RB_NO_WAKEUP : wake_spaced();
}

static __always_inline void ev_end(struct scratch *s)
{
	struct ev_head *head = (struct ev_head *)s->data;
	__u32 class = s->class;
	__u32 len = (s->len + 7) & ~7u;
	int cut = head->flags & EVF_CUT;

	if (s->owner != slot_me()) {
		COUNT_GONE(class, busy);
		return;
	}
	head->len = len;
	if (!is_free(head->type) && class != CLASS_CGROUP)
		ration_pay(head->cgroup_id, class, len);
	if (bpf_ringbuf_output(&shared_ring, s->data, BOUND(len, EV_RECORD_MAX - 1),
			       wake_flags(class))) {
		COUNT_GONE(class, lost);
	} else {
		COUNT(class, sent);
		if (cut)
			COUNT(class, truncated);
	}
	s->owner = 0;
}

#endif
