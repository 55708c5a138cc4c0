/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a BPF ring buffer, and gives its room back when the reader says so and not before: what was read
 * and not given back the next reader reads again. One reader at a time.
 *
 * The form of the ring's memory is the kernel's: kernel/bpf/ringbuf.c, and BPF_RINGBUF_* in linux/bpf.h.
 */
#ifndef KEELWATCH_RING_H
#define KEELWATCH_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring;

/* map: descriptor of a BPF_MAP_TYPE_RINGBUF; may be closed afterwards. 0 or -errno. */
int ring_open(int map, struct ring **ret);
void ring_free(struct ring *r);

/*
 * The next record: 1, its bytes valid until they are given back; 0: there is none yet. place: where it
 * begins, bytes since the ring was made.
 */
int ring_next(struct ring *r, const void **data, size_t *len, uint64_t *place);
uint64_t ring_read(const struct ring *r);     /* the place behind the record that was read last */
uint64_t ring_written(const struct ring *r);  /* the place behind what was written last */
uint64_t ring_released(const struct ring *r); /* what is before it is given back */
size_t ring_size(const struct ring *r);	      /* bytes of records it holds */
void ring_release(struct ring *r, uint64_t place); /* gives back what is before it */

/* How many records nobody has given back; reads nothing. */
uint64_t ring_count(const struct ring *r);

#endif
