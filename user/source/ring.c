/* SPDX-License-Identifier: Apache-2.0 */
#include "source/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

struct ring {
	size_t page, size;
	unsigned long *released; /* a page of its own that we write */
	const unsigned long
		*written; /* a page of its own, then the records, twice one after the other */
	const char *data;
	unsigned long at;
};

int ring_open(int map, struct ring **ret)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	struct ring *r;
	void *ours, *kernels;

	if (bpf_obj_get_info_by_fd(map, &info, &len))
		return -errno;
	if (info.type != BPF_MAP_TYPE_RINGBUF)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->page = sysconf(_SC_PAGESIZE);
	r->size = info.max_entries;
	ours = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	kernels = mmap(NULL, r->page + 2 * r->size, PROT_READ, MAP_SHARED, map, r->page);
	r->released = ours == MAP_FAILED ? NULL : ours;
	r->written = kernels == MAP_FAILED ? NULL : kernels;
	if (!r->released || !r->written) {
		int err = -errno;

		ring_free(r);
		return err;
	}
	r->data = (const char *)kernels + r->page;
	r->at = *r->released;
	*ret = r;
	return 0;
}

void ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->released)
		munmap(r->released, r->page);
	if (r->written)
		munmap((void *)r->written, r->page + 2 * r->size);
	free(r);
}

uint64_t ring_written(const struct ring *r)
{
	return __atomic_load_n(r->written, __ATOMIC_ACQUIRE);
}

uint64_t ring_read(const struct ring *r)
{
	return r->at;
}

uint64_t ring_released(const struct ring *r)
{
	return *r->released;
}

size_t ring_size(const struct ring *r)
{
	return r->size;
}

void ring_release(struct ring *r, uint64_t place)
{
	__atomic_store_n(r->released, place, __ATOMIC_RELEASE);
}

struct header {
	unsigned int len; /* with flags; 0: nothing there */
	unsigned int offset;
};

/* The header at a place, and the bytes that it and its record take; false: it is still being written. */
static bool header_at(const struct ring *r, unsigned long at, unsigned int *len,
		      unsigned long *whole)
{
	const struct header *h = (const void *)(r->data + (at & (r->size - 1)));

	*len = __atomic_load_n(&h->len, __ATOMIC_ACQUIRE);
	if (*len & BPF_RINGBUF_BUSY_BIT)
		return false;
	*whole = ((*len & ~BPF_RINGBUF_DISCARD_BIT) + BPF_RINGBUF_HDR_SZ + 7) & ~7UL;
	return true;
}

int ring_next(struct ring *r, const void **data, size_t *len, uint64_t *place)
{
	unsigned long whole;
	unsigned int said;

	while (r->at < ring_written(r) && header_at(r, r->at, &said, &whole)) {
		*place = r->at;
		r->at += whole;
		if (said & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*data = r->data + (*place & (r->size - 1)) + BPF_RINGBUF_HDR_SZ;
		*len = said;
		return 1;
	}
	return 0;
}

uint64_t ring_count(const struct ring *r)
{
	unsigned long at = *r->released, end = ring_written(r), whole;
	unsigned int said;
	uint64_t n = 0;

	while (at < end && header_at(r, at, &said, &whole)) {
		n += !(said & BPF_RINGBUF_DISCARD_BIT);
		at += whole;
	}
	return n;
}
