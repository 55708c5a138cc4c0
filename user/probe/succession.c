/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From one monitor to the next: which side our programs are of, what is pinned, who speaks. See struct
 * control and probe/pins.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "probe/probe_priv.h"
#include "source/ring.h"

#define BOTH_SPEAK_MS 20 /* more than an event is on its way through the programs of both sides */

/* One side speaks from here on. Programs that run already are done before we return. */
static int speak(struct probe *p, __u32 sides)
{
	struct timespec settle = { .tv_nsec = BOTH_SPEAK_MS * NS_PER_MS };
	int err;

	p->control.speaks = sides;
	err = probe_put_control(p);
	nanosleep(&settle, NULL);
	return err;
}

/*
 * Which side is a monitor's before us. Where it ended while it took over itself, both may be there: one
 * that speaks is enough, and the other one goes.
 */
static int find_other_side(struct probe *p)
{
	struct control control;
	_cleanup_close_ int fd = pins_get_map(p->pins, PINS_LAST_MAP);
	__u32 zero = 0;
	int err = fd < 0 ? fd : 0;

	if (!err && bpf_map_lookup_elem(fd, &zero, &control))
		err = -errno;
	if (!err && !(control.speaks & ((1u << SIDES) - 1)))
		err = -EINVAL;
	if (!err) {
		p->side = control.speaks & 1u ? 1 : 0;
		if (control.speaks >> p->side & 1) {
			control.speaks = 1u << !p->side;
			err = bpf_map_update_elem(fd, &zero, &control, BPF_ANY) ? -errno : 0;
		}
	}
	if (!err)
		pins_drop_side(p->pins, p->side);
	return err;
}

static const char *no_pins(int err)
{
	switch (err) {
	case -ENOTSUP:
		return "no bpffs is mounted there";
	case -EBUSY:
		return "another monitor has it";
	case -EPERM:
		return "others than root may use it";
	}
	return strerror(-err);
}

void succession_open(struct probe *p, const char *dir)
{
	int err = pins_open(dir, &p->pins);

	if (err) {
		log_warn("%s: %s: what happens between this monitor's end and the next one's start "
			 "is not seen",
			 dir, no_pins(err));
		return;
	}
	if (pins_have_maps(p->pins))
		p->resumed = !find_other_side(p);
	if (!p->resumed)
		pins_drop_layout(p->pins); /* half made, or of nobody that could speak */
}

/* What is pinned stays until ours speak: as long as they do not, another's may be all that does. */
static void pin_failed(struct probe *p, const char *name, int err)
{
	if (!p->unpinnable)
		log_warn("%s cannot be pinned: %s: what happens between this monitor's end and the "
			 "next one's start is not seen",
			 name, strerror(-err));
	p->unpinnable = true;
}

void succession_settle(struct probe *p)
{
	if (!p->attached || !p->unpinnable || !p->pins)
		return;
	pins_leave(p->pins);
	pins_free(p->pins);
	p->pins = NULL;
}

/* True when it had no pin. */
static bool pin_map(struct probe *p, const char *name)
{
	int err;

	if (pins_have_map(p->pins, name))
		return false;
	err = pins_put_map(p->pins, name, probe_map(p, name));
	if (err)
		pin_failed(p, name, err);
	return true;
}

const char *succession_pin_maps(struct probe *p)
{
	const char *lost = NULL;
	struct bpf_map *map;

	bpf_object__for_each_map(map, p->loaded.object) {
		const char *name = bpf_map__name(map);

		if (map_is_shared(map) && strcmp(name, PINS_LAST_MAP) && pin_map(p, name))
			lost = name;
	}
	return !p->unpinnable && pin_map(p, PINS_LAST_MAP) ? PINS_LAST_MAP : lost;
}

void succession_pin(struct probe *p, const char *name, int fd)
{
	int err = p->pins ? pins_put(p->pins, p->side, name, fd) : 0;

	if (err)
		pin_failed(p, name, err);
}

void succession_unpin(struct probe *p, const char *name)
{
	if (p->pins && !p->keep)
		pins_drop(p->pins, p->side, name);
}

/* Pins what has lost its pin; its name, of several the last, or NULL. */
static const char *repair_links(struct probe *p)
{
	const char *lost = NULL;

	for (size_t i = 0; i < way_row_count; i++) {
		const char *name = way_rows[i].program;

		if (!p->links[i] || pins_have(p->pins, p->side, name))
			continue;
		lost = name;
		succession_pin(p, name, bpf_link__fd(p->links[i]));
	}
	if (p->call_link && !pins_have(p->pins, p->side, call_entry)) {
		lost = call_entry;
		succession_pin(p, lost, bpf_link__fd(p->call_link));
	}
	return lost;
}

const char *probe_repair_pins(struct probe *p)
{
	const char *map, *link;

	if (!p->pins)
		return NULL;
	map = succession_pin_maps(p);
	link = repair_links(p);
	succession_settle(p);
	return map ? map : link;
}

bool probe_is_pinned(const struct probe *p)
{
	return p->pins;
}

bool probe_resumed(const struct probe *p)
{
	return p->resumed;
}

uint64_t probe_ring_id(const struct probe *p)
{
	return p->control.ring_id;
}

static void count_left(void *arg, int map)
{
	uint64_t *left = arg;
	struct ring *ring;

	if (ring_open(map, &ring))
		return;
	*left += ring_count(ring);
	ring_free(ring);
}

uint64_t probe_drop_others(struct probe *p)
{
	uint64_t left = 0;

	if (p->pins)
		pins_drop_others(p->pins, count_left, &left);
	return left;
}

/* A ring that goes on keeps its name, and roots that were guarded are. */
int succession_begin_ring(struct probe *p)
{
	struct control before;
	__u32 zero = 0;

	if (!p->resumed) {
		p->control.speaks = 1u << p->side;
		return getrandom(&p->control.ring_id, sizeof(p->control.ring_id), 0) ==
				       sizeof(p->control.ring_id) ?
			       0 :
			       -EIO;
	}
	if (bpf_map_lookup_elem(probe_map(p, "shared_control"), &zero, &before))
		return -errno;
	p->control.speaks = before.speaks;
	p->control.ring_id = before.ring_id;
	free(probe_keys(probe_map(p, "shared_roots"), sizeof(struct root_key), MAX_ROOTS,
			&p->roots));
	if (p->roots)
		p->control.flags |= CONTROL_ROOTS;
	return 0;
}

static bool other_side_is_armed(const struct probe *p)
{
	if (pins_have(p->pins, !p->side, call_entry))
		return true;
	for (size_t i = 0; i < way_row_count; i++)
		if (way_rows[i].attach == ATTACH_ARMED &&
		    pins_have(p->pins, !p->side, way_rows[i].program))
			return true;
	return false;
}

/* All of ours are attached and silent: now both sides speak, then ours alone, and the other one goes. */
int succession_take_over(struct probe *p)
{
	int err;

	if (other_side_is_armed(p))
		probe_arm(p, true);
	err = speak(p, (1u << SIDES) - 1);
	if (!err)
		err = speak(p, 1u << p->side);
	if (!err)
		pins_drop_side(p->pins, !p->side);
	return err;
}

void probe_keep(struct probe *p)
{
	if (!p->pins)
		return;
	probe_arm(p, true);
	p->keep = true;
}

/* Who could not take over leaves what was there before as it is. */
void succession_leave(struct probe *p)
{
	if (!p->pins)
		return;
	if (p->keep)
		guarded_clear_processes(probe_map(p, "shared_guarded"));
	else if (p->resumed && !p->attached)
		pins_drop_side(p->pins, p->side);
	else
		pins_leave(p->pins);
}
