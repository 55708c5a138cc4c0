/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What one container may say: a token bucket for each container and class, so that one that floods can
 * starve only itself. Who is in no container has none, and what the model cannot do without costs
 * nothing: exits, by which it forgets, and cgroups, by which it knows whose a process is.
 */
#ifndef KEELWATCH_RATION_BPF_H
#define KEELWATCH_RATION_BPF_H

#include "lib/task.bpf.h"

/*
 * A bucket in time: each record moves the moment up to which its container has spoken, by so much for
 * the work that it makes and so much for each of its bytes. A container whose moment lies further ahead
 * than the credit is not heard until time has caught up.
 *
 * Credit over the price of a byte is what a class can put into the ring at once: 0.5 + 0.5 + 0.8 + 0.4
 * + 0.2 MB; and again so much or twice that in each second in which nobody reads it. So the bulk classes
 * of one container stay below BULK_FILL also where the monitor gets no processor for two seconds.
 */
struct share {
	__u64 record_ns, byte_ns, credit_ns;
};

_Static_assert(CLASS_MAX <= FLOOD_CLASSES, "a class has no place in struct flood");

static const struct share shares[FLOOD_CLASSES] = {
	/* Records of usual length, a second: */
	[CLASS_PROCESS] = { 50000, 1000, 500000000 },  /* 2,000 of 450 bytes */
	[CLASS_FILE] = { 200000, 1000, 500000000 },    /* 2,000 of 280 */
	[CLASS_MOUNT] = { 1000000, 2000, 1500000000 }, /* 400 of 700 */
	[CLASS_CRED] = { 300000, 1000, 400000000 },    /* 2,100 of 170 */
	[CLASS_GUARD] = { 1000000, 1000, 200000000 },  /* 800 of 200 */
};

#define RATION_GRANTED (1ULL << 32)
/*
 * Above this fill the monitor has not been able to keep up: all is so much dearer, and those whose
 * process bucket is in debt do not get exits through either. Who says little notices nothing.
 */
#define PRESSED_FILL (RING_BYTES / 4)
#define PRESSED_SHIFT 4

static __always_inline int ring_is_pressed(void)
{
	return bpf_ringbuf_query(&shared_ring, BPF_RB_AVAIL_DATA) > PRESSED_FILL;
}

static __always_inline struct flood *flood_of(__u64 container)
{
	struct flood *flood = bpf_map_lookup_elem(&shared_floods, &container);
	struct flood none = {};

	if (flood)
		return flood;
	bpf_map_update_elem(&shared_floods, &container, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&shared_floods, &container);
}

/* NULL: no container. A cgroup that nobody has decided on yet stands for itself. */
static __always_inline struct flood *flood_of_cgroup(__u64 cgroup_id)
{
	struct cgroup_entry *entry = bpf_map_lookup_elem(&shared_cgroups, &cgroup_id);

	return entry ? flood_of(entry->container ?: cgroup_id) : NULL;
}

/*
 * RATION_GRANTED, where the record may be made; in the lower half how many of this container's were
 * held back that could have explained its credentials. class: CLASS_MAX asks for that alone. free: it
 * will not be paid for.
 *
 * No lock and no compare-and-exchange, which 5.10 lacks: the moment is read, set to now where it lies
 * behind, and moved by an atomic addition when the record's length is known. Processors that read it
 * at once may each say one record more; one that is held up between reading and setting may give back
 * what was spent meanwhile, at most the credit. Neither adds up, as time alone fills the bucket.
 *
 * A global function, as ev_path_walk() is one.
 */
__weak __noinline __u64 ration(__u64 cgroup_id, __u32 class, __u32 free)
{
	struct control *control = control_get();
	struct flood *flood = flood_of_cgroup(cgroup_id);
	__u64 now = bpf_ktime_get_ns(), at = BOUND(class, FLOOD_CLASSES - 1), due;
	__u32 hidden;

	if (!flood || (control && (control->flags & CONTROL_UNLIMITED)))
		return RATION_GRANTED;
	if (class < CLASS_MAX && (!free || ring_is_pressed())) {
		due = *(volatile __u64 *)&flood->due_ns[at];
		if (due > now + (free ? 0 : shares[at].credit_ns)) {
			if (counts_for_both())
				__sync_fetch_and_add(&flood->limited[at], 1);
			return 0;
		}
		if (due < now)
			*(volatile __u64 *)&flood->due_ns[at] = now;
	}
	hidden = flood->limited[CLASS_PROCESS] + flood->limited[CLASS_CRED];
	return RATION_GRANTED | hidden;
}

/* The price of a record that was granted. */
__weak __noinline int ration_pay(__u64 cgroup_id, __u32 class, __u32 len)
{
	struct flood *flood = flood_of_cgroup(cgroup_id);
	__u64 at = BOUND(class, FLOOD_CLASSES - 1);
	__u64 price = shares[at].record_ns + len * shares[at].byte_ns;

	if (flood)
		__sync_fetch_and_add(&flood->due_ns[at],
				     ring_is_pressed() ? price << PRESSED_SHIFT : price);
	return 0;
}

static __always_inline int is_free(__u16 type)
{
	return type == EV_EXIT;
}

#endif
