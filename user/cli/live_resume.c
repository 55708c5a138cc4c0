/* SPDX-License-Identifier: Apache-2.0 */
/* From where a monitor before stopped to where there might have been none. */
#include <string.h>

#include "base/log.h"
#include "cli/live_priv.h"

static int recall(void *arg, const Keelwatch__Container *told)
{
	struct live *l = arg;

	return model_recall(pipeline_model(l->pipeline), told);
}

static bool is_watched(void *arg, uint64_t id)
{
	struct live *l = arg;

	return model_watches(pipeline_model(l->pipeline), id);
}

/* The time of the first record that is to be read; 0: there is none. Reads nothing. */
static __u64 first_unread(struct live *l)
{
	struct ring *ring;
	const void *data;
	uint64_t place;
	size_t size;
	__u64 time = 0;

	if (ring_open(probe_ring(l->probe), &ring))
		return 0;
	while (!time && ring_next(ring, &data, &size, &place))
		if (!record_check(data, size))
			time = ((const struct ev_head *)data)->time_ns;
	ring_free(ring);
	return time;
}

static void flood_was_told(void *arg, uint64_t container, const __u64 told[CLASS_MAX],
			   __u64 told_ns)
{
	floods_resume(((struct live *)arg)->floods, container, told, told_ns);
}

/* What was lost and nobody has told is ours to tell. */
static void count_before(struct live *l, const struct told_losses *told)
{
	probe_counts(l->probe, l->before);
	for (size_t i = 0; i < CLASS_MAX; i++) {
		l->before[i].lost = told->counts[i].lost;
		l->before[i].busy = told->counts[i].busy;
		l->before[i].limited = told->counts[i].limited;
	}
}

/* What is in the ring by now was written before we came. Its records come between two looks at the host. */
int live_resume(struct live *l)
{
	struct stamp_place from = { .ring = probe_ring_id(l->probe),
				    .place = ring_released(l->ring) };
	const struct resume *known;
	struct told_losses told;
	__u64 time;
	int err;

	err = keeper_resume(l->options.keeper, &from, &known);
	if (!err)
		err = resume_containers(known, recall, l);
	if (!err)
		err = twins_new(&l->twins);
	if (err)
		return err;
	probe_told(l->probe, &told);
	memcpy(l->counts, told.counts, sizeof(l->counts));
	count_before(l, &told);
	journal_counted(l->options.pipeline.journal, &told);
	probe_floods_told(l->probe, flood_was_told, l);
	l->behind = true;
	l->behind_until = ring_written(l->ring);
	time = first_unread(l);
	if (!time)
		return 0;
	floods_since(l->floods, time);
	make_resume(&l->made, time);
	live_take(l, &l->made.head);
	return 0;
}

/* From here on all is as if there had been none before us. */
void live_caught_up(struct live *l)
{
	int err = live_take_stock(l);

	if (err)
		log_warn("the host cannot be read: %s", strerror(-err));
	l->behind = false;
	twins_free(l->twins);
	l->twins = NULL;
	keeper_resumed(l->options.keeper);
	probe_prune(l->probe, is_watched, l);
	log_info("what happened since the monitor before stopped has been read");
}

void live_drop_others(struct live *l)
{
	uint64_t left = probe_drop_others(l->probe);

	if (left)
		journal_left(l->options.pipeline.journal, left);
}
