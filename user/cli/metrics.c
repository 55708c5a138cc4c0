/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/metrics.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/usage.h"
#include "base/util.h"
#include "base/version.h"
#include "cli/census.h"
#include "export/exporter.h"
#include "export/families.h"
#include "export/snapshot.h"
#include "source/ring.h"

#define PROGRAMS_MAX 64
#define SEVERITIES 8 /* more than there are; a finding's is checked against it */

static const double lateness_bounds[] = { 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10 };

struct metrics {
	struct keeper *keeper;
	struct exporter *exporter;
	char *listen;
	double start; /* seconds since the epoch */
	struct utsname host;
	uint64_t findings[RULE_MAX][SEVERITIES];
	uint64_t lateness_counts[ARRAY_SIZE(lateness_bounds) + 1];
	struct histogram lateness;
	struct census *census;
	bool too_long;	      /* the text, as it was said */
	struct buf text, why; /* being written */
};

static void add_one(struct metrics *m, enum family family, uint64_t value)
{
	family_begin(&m->text, family);
	family_count(&m->text, family, value, NULL);
}

/* --- the monitor and what it hooks --- */

static void add_monitor(struct metrics *m, bool watching)
{
	family_begin(&m->text, FAMILY_BUILD_INFO);
	family_count(&m->text, FAMILY_BUILD_INFO, 1, "version", KEELWATCH_VERSION, "architecture",
		     m->host.machine, NULL);
	family_begin(&m->text, FAMILY_START_TIME);
	buf_fmt(&m->text, "%s %.3f\n", families[FAMILY_START_TIME].name, m->start);
	family_begin(&m->text, FAMILY_WATCHING);
	family_count(&m->text, FAMILY_WATCHING, watching, NULL);
	if (!watching)
		buf_str(&m->why, "the kernel half is not attached yet\n");
}

static void add_features(struct metrics *m, const struct probe *probe)
{
	const struct feature_state *states;
	size_t count = probe_features(probe, &states);

	family_begin(&m->text, FAMILY_FEATURE);
	for (size_t i = 0; i < count; i++) {
		const struct feature_state *s = &states[i];

		family_count(&m->text, FAMILY_FEATURE, s->way != WAY_NONE, "feature", s->name,
			     "way", way_name(s->way), NULL);
		if (s->way == WAY_NONE)
			buf_fmt(&m->why, "feature %s is missing: %s\n", s->name, s->why);
	}
	family_begin(&m->text, FAMILY_FEATURE_PROGRAMS);
	for (size_t i = 0; i < count; i++)
		family_count(&m->text, FAMILY_FEATURE_PROGRAMS, states[i].programs, "feature",
			     states[i].name, NULL);
}

static void add_programs(struct metrics *m, struct probe *probe)
{
	struct program_use programs[PROGRAMS_MAX];
	size_t count;

	count = probe_programs(probe, programs, ARRAY_SIZE(programs));
	family_begin(&m->text, FAMILY_PROGRAM_RUNS);
	for (size_t i = 0; i < count; i++)
		family_count(&m->text, FAMILY_PROGRAM_RUNS, programs[i].runs, "program",
			     programs[i].name, "feature", programs[i].feature, "way",
			     way_name(programs[i].way), NULL);
	family_begin(&m->text, FAMILY_PROGRAM_SECONDS);
	for (size_t i = 0; i < count; i++)
		family_value(&m->text, FAMILY_PROGRAM_SECONDS,
			     (double)programs[i].run_ns / NS_PER_S, "program", programs[i].name,
			     "feature", programs[i].feature, "way", way_name(programs[i].way),
			     NULL);
}

static void add_lost(struct buf *b, const struct ev_counts *c, const char *class)
{
	family_count(b, FAMILY_EVENTS_LOST, c->lost, "class", class, "reason", "ring_full", NULL);
	family_count(b, FAMILY_EVENTS_LOST, c->busy, "class", class, "reason", "no_slot", NULL);
	family_count(b, FAMILY_EVENTS_LOST, c->limited, "class", class, "reason", "limited", NULL);
}

static void add_events(struct metrics *m, const struct metrics_source *source)
{
	const struct ev_counts *counts = source->counts;

	family_begin(&m->text, FAMILY_EVENTS_SENT);
	for (size_t i = 0; i < CLASS_MAX; i++)
		family_count(&m->text, FAMILY_EVENTS_SENT, counts[i].sent, "class",
			     record_class_name(i), NULL);
	family_begin(&m->text, FAMILY_EVENTS_LOST);
	for (size_t i = 0; i < CLASS_MAX; i++)
		add_lost(&m->text, &counts[i], record_class_name(i));
	family_begin(&m->text, FAMILY_EVENTS_HELD_BACK);
	for (size_t i = 0; i < CLASS_MAX; i++)
		family_count(&m->text, FAMILY_EVENTS_HELD_BACK, source->held_back[i], "class",
			     record_class_name(i), NULL);
	family_begin(&m->text, FAMILY_EVENTS_TRUNCATED);
	for (size_t i = 0; i < CLASS_MAX; i++)
		family_count(&m->text, FAMILY_EVENTS_TRUNCATED, counts[i].truncated, "class",
			     record_class_name(i), NULL);
	family_begin(&m->text, FAMILY_EVENTS_HANDLED);
	family_count(&m->text, FAMILY_EVENTS_HANDLED, pipeline_totals(source->pipeline).records,
		     NULL);
	family_begin(&m->text, FAMILY_EVENTS_DAMAGED);
	family_count(&m->text, FAMILY_EVENTS_DAMAGED, source->damaged, NULL);
	family_begin(&m->text, FAMILY_EVENT_LATENESS);
	family_histogram(&m->text, FAMILY_EVENT_LATENESS, &m->lateness);
}

static void add_ring(struct metrics *m, const struct ring *ring)
{
	family_begin(&m->text, FAMILY_RING_USED);
	family_count(&m->text, FAMILY_RING_USED, ring_written(ring) - ring_released(ring), NULL);
	family_begin(&m->text, FAMILY_RING_SIZE);
	family_count(&m->text, FAMILY_RING_SIZE, ring_size(ring), NULL);
}

/* --- what it found --- */

static void add_findings(struct metrics *m)
{
	const ProtobufCEnumDescriptor *severities = &keelwatch__severity__descriptor;

	family_begin(&m->text, FAMILY_FINDINGS);
	for (size_t rule = 0; rule < RULE_MAX; rule++)
		for (size_t i = 0; i < severities->n_values; i++)
			family_count(&m->text, FAMILY_FINDINGS,
				     m->findings[rule][severities->values[i].value], "rule",
				     rules[rule].id, "severity", severities->values[i].name, NULL);
}

struct headcount {
	struct census *census;
	uint64_t running;
};

static void count_container(void *arg, struct container *c)
{
	struct headcount *h = arg;

	h->running++;
	census_count(h->census, c);
}

static void add_containers(struct metrics *m, struct pipeline *pipeline)
{
	struct pipeline_totals totals = pipeline_totals(pipeline);
	struct headcount h = { .census = m->census };

	census_begin(m->census);
	model_containers(pipeline_model(pipeline), count_container, &h);
	census_end(m->census);
	family_begin(&m->text, FAMILY_CONTAINERS);
	family_count(&m->text, FAMILY_CONTAINERS, h.running, NULL);
	family_begin(&m->text, FAMILY_CONTAINERS_SEEN);
	family_count(&m->text, FAMILY_CONTAINERS_SEEN, totals.containers, NULL);
	census_write(m->census,
		     (struct census_totals){ totals.container_events, totals.container_findings },
		     &m->text);
}

/* --- what is kept and shipped --- */

static void add_store(struct metrics *m, const struct keeper_state *k)
{
	add_one(m, FAMILY_STORE_ENABLED, k->stores);
	add_one(m, FAMILY_STORE_STORED, k->store.committed);
	add_one(m, FAMILY_STORE_REFUSED, k->store.refused);
	add_one(m, FAMILY_STORE_DROPPED, k->store.dropped);
	add_one(m, FAMILY_STORE_BYTES, k->store.bytes);
	add_one(m, FAMILY_STORE_MAX_BYTES, k->store_max_bytes);
	add_one(m, FAMILY_STORE_WAITING, k->store.waiting);
	add_one(m, FAMILY_STORE_FAILING, k->store.error != 0);
	if (k->store.error)
		buf_fmt(&m->why, "the store takes nothing: %s\n", strerror(-k->store.error));
}

static uint64_t sink_value(const struct keeper_state *k, size_t i, enum family family)
{
	const struct feed_status *s = &k->sinks[i].status;

	switch (family) {
	case FAMILY_SINK_DELIVERED:
		return s->delivered;
	case FAMILY_SINK_RETRIED:
		return s->retried;
	case FAMILY_SINK_REFUSED:
		return s->refused;
	case FAMILY_SINK_DEAD:
		return s->dead_lettered;
	case FAMILY_SINK_LOST:
		return s->lost;
	case FAMILY_SINK_LAG_RECORDS:
		return feeder_behind(&k->sinks[i], k->store.newest);
	default:
		return 0;
	}
}

static void add_sinks(struct metrics *m, const struct keeper_state *k)
{
	for (enum family f = FAMILY_SINK_DELIVERED; f <= FAMILY_SINK_LAG_RECORDS; f++) {
		family_begin(&m->text, f);
		for (size_t i = 0; i < k->sink_count; i++)
			family_count(&m->text, f, sink_value(k, i, f), "sink", k->sinks[i].name,
				     NULL);
	}
	family_begin(&m->text, FAMILY_SINK_LAG_SECONDS);
	for (size_t i = 0; i < k->sink_count; i++)
		family_value(&m->text, FAMILY_SINK_LAG_SECONDS, (double)k->lag_ns[i] / NS_PER_S,
			     "sink", k->sinks[i].name, NULL);
	family_begin(&m->text, FAMILY_SINK_STATE);
	for (size_t i = 0; i < k->sink_count; i++)
		for (enum feed_state state = 0; state < FEED_STATE_MAX; state++)
			family_count(&m->text, FAMILY_SINK_STATE, k->sinks[i].status.state == state,
				     "sink", k->sinks[i].name, "state", feed_state_name(state),
				     NULL);
	add_one(m, FAMILY_SHIPPER_RESTARTS, k->shipper_restarts);
	add_one(m, FAMILY_EXPORTER_RESTARTS, exporter_restarts(m->exporter));
	add_one(m, FAMILY_SETTINGS_WRONG, k->settings_wrong);
}

/* --- what that takes --- */

static void add_processes(struct metrics *m, const struct keeper_state *k)
{
	struct {
		const char *name;
		pid_t pid;
		struct usage usage;
	} processes[] = {
		{ .name = "monitor", .pid = getpid() },
		{ .name = "shipper", .pid = k->shipper },
		{ .name = "exporter", .pid = exporter_pid(m->exporter) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(processes); i++)
		if (processes[i].pid && usage_read(processes[i].pid, &processes[i].usage))
			processes[i].pid = 0;
	family_begin(&m->text, FAMILY_MEMORY);
	for (size_t i = 0; i < ARRAY_SIZE(processes); i++)
		if (processes[i].pid)
			family_count(&m->text, FAMILY_MEMORY, processes[i].usage.resident_bytes,
				     "process", processes[i].name, NULL);
	family_begin(&m->text, FAMILY_CPU);
	for (size_t i = 0; i < ARRAY_SIZE(processes); i++)
		if (processes[i].pid)
			family_value(&m->text, FAMILY_CPU, processes[i].usage.cpu_seconds,
				     "process", processes[i].name, NULL);
}

/* --- all of it --- */

static void publish(struct metrics *m)
{
	int err = m->text.failed || m->why.failed ?
			  -ENOMEM :
			  exporter_publish(m->exporter, &m->text, &m->why);

	if (err && !m->too_long)
		log_warn("metrics cannot be told: %s", strerror(-err));
	m->too_long = err;
}

void metrics_tick(struct metrics *m, const struct metrics_source *source)
{
	struct keeper_state state;

	if (!m)
		return;
	exporter_tick(m->exporter);
	keeper_state(m->keeper, &state);
	buf_reset(&m->text);
	buf_reset(&m->why);
	add_monitor(m, source->probe);
	if (source->probe) {
		add_features(m, source->probe);
		add_events(m, source);
		add_programs(m, source->probe);
		add_ring(m, source->ring);
		add_containers(m, source->pipeline);
	}
	add_findings(m);
	add_one(m, FAMILY_LINES_DROPPED, source->lines_dropped);
	add_store(m, &state);
	add_sinks(m, &state);
	add_processes(m, &state);
	publish(m);
}

pid_t metrics_exporter(const struct metrics *m)
{
	return m ? exporter_pid(m->exporter) : 0;
}

void metrics_finding(struct metrics *m, const Keelwatch__Finding *finding)
{
	if (!m || (unsigned int)finding->severity >= SEVERITIES)
		return;
	for (size_t i = 0; i < RULE_MAX; i++)
		if (!strcmp(rules[i].id, finding->rule))
			m->findings[i][finding->severity]++;
}

void metrics_lateness(struct metrics *m, uint64_t event_ns)
{
	uint64_t now;

	if (!m)
		return;
	now = clock_boot_ns();
	histogram_add(&m->lateness, now > event_ns ? (double)(now - event_ns) / NS_PER_S : 0);
}

struct metrics *metrics_new(struct keeper *keeper)
{
	const struct config *config = keeper_config(keeper);
	struct metrics *m;
	int err;

	if (!strcmp(config->metrics_listen, "none"))
		return NULL;
	m = calloc(1, sizeof(*m));
	if (m)
		m->listen = strdup(config->metrics_listen);
	err = m && m->listen ? census_new(config->metrics_containers, &m->census) : -ENOMEM;
	if (!err)
		err = exporter_new(m->listen, &m->exporter);
	if (err) {
		log_error("no metrics: %s", strerror(-err));
		metrics_free(m);
		return NULL;
	}
	m->keeper = keeper;
	m->text.max = SNAPSHOT_TEXT_MAX;
	m->why.max = SNAPSHOT_WHY_MAX;
	m->lateness = (struct histogram){ lateness_bounds, ARRAY_SIZE(lateness_bounds),
					  m->lateness_counts, 0 };
	m->start = (double)clock_epoch_ns() / NS_PER_S;
	uname(&m->host);
	metrics_tick(m, &(struct metrics_source){});
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	exporter_free(m->exporter);
	census_free(m->census);
	buf_free(&m->text);
	buf_free(&m->why);
	free(m->listen);
	free(m);
}

int metrics_measure(const char *path)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *config;
	int fd = -1;

	if (config_load(path ? path : CONFIG_PATH, path ? 0 : CONFIG_OPTIONAL, &problems, &config))
		return -1;
	if (config->metrics_programs) {
		fd = probe_measure();
		if (fd < 0)
			log_warn("metrics.bpf_stats: what BPF programs take is not measured: %s",
				 strerror(-fd));
	}
	config_free(config);
	return fd;
}
