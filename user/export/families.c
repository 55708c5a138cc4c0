/* SPDX-License-Identifier: Apache-2.0 */
#include "export/families.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/buf.h"

const struct family_info families[FAMILY_MAX] = {
	[FAMILY_BUILD_INFO] = { "keelwatch_build_info", "gauge",
				"Always 1; the version and the machine's architecture are in the labels." },
	[FAMILY_START_TIME] = { "keelwatch_start_time_seconds", "gauge",
				"When the monitor began, seconds since the epoch." },
	[FAMILY_WATCHING] = { "keelwatch_watching", "gauge",
			      "1 when the kernel half is attached and the loop takes what it sends." },
	[FAMILY_FEATURE] = { "keelwatch_feature_loaded", "gauge",
			     "1 for each feature that is hooked, by its way; 0 with the way none: it is "
			     "missing." },
	[FAMILY_FEATURE_PROGRAMS] = { "keelwatch_feature_programs", "gauge",
				      "BPF programs that a feature consists of." },
	[FAMILY_EVENTS_SENT] = { "keelwatch_events_sent_total", "counter",
				 "Events that the kernel half put on the ring, by class." },
	[FAMILY_EVENTS_LOST] = { "keelwatch_events_lost_total", "counter",
				 "Events that the kernel half could not deliver, by class and reason: "
				 "ring_full, no_slot, limited." },
	[FAMILY_EVENTS_HELD_BACK] = { "keelwatch_events_held_back_total", "counter",
				      "Events of containers beyond their share, by class." },
	[FAMILY_EVENTS_TRUNCATED] = { "keelwatch_events_truncated_total", "counter",
				      "Events of which a text was cut short, by class." },
	[FAMILY_EVENTS_HANDLED] = { "keelwatch_events_handled_total", "counter",
				    "Records that the monitor has taken in, its own among them." },
	[FAMILY_EVENTS_DAMAGED] = { "keelwatch_events_damaged_total", "counter",
				    "Records of the ring that did not pass the check." },
	[FAMILY_EVENT_LATENESS] = { "keelwatch_event_lateness_seconds", "histogram",
				    "From an event in the kernel to its handling, of the oldest of each turn of "
				    "the loop." },
	[FAMILY_RING_USED] = { "keelwatch_ring_used_bytes", "gauge",
			       "Bytes of the ring that wait to be read." },
	[FAMILY_RING_SIZE] = { "keelwatch_ring_size_bytes", "gauge", "Bytes that the ring holds." },
	[FAMILY_FINDINGS] = { "keelwatch_findings_total", "counter",
			      "Findings raised, by rule and severity; a sum of repeats counts as one." },
	[FAMILY_LINES_DROPPED] = { "keelwatch_lines_dropped_total", "counter",
				   "Lines that standard output did not take; the store has what they told, but "
				   "for what it refused." },
	[FAMILY_CONTAINERS] = { "keelwatch_containers", "gauge", "Containers that run." },
	[FAMILY_CONTAINERS_SEEN] = { "keelwatch_containers_seen_total", "counter",
				     "Containers that ran at some time since the monitor began." },
	[FAMILY_CONTAINER_EVENTS] = { "keelwatch_container_events_total", "counter",
				      "Events of a container; those without a number of their own "
				      "are summed up as other." },
	[FAMILY_CONTAINER_FINDINGS] = { "keelwatch_container_findings_total", "counter",
					"Different findings raised on a container; as above." },
	[FAMILY_PROGRAM_RUNS] = { "keelwatch_program_runs_total", "counter",
				  "How often a BPF program ran, where that is measured "
				  "(metrics.bpf_stats)." },
	[FAMILY_PROGRAM_SECONDS] = { "keelwatch_program_run_seconds_total", "counter",
				     "What a BPF program took, where that is measured." },
	[FAMILY_STORE_ENABLED] = { "keelwatch_store_enabled", "gauge",
				   "1 when records are kept on disk." },
	[FAMILY_STORE_STORED] = { "keelwatch_store_records_stored_total", "counter",
				  "Records that are safe on disk." },
	[FAMILY_STORE_REFUSED] = { "keelwatch_store_records_refused_total", "counter",
				   "Records that could not be kept, as the queue to the disk was full." },
	[FAMILY_STORE_DROPPED] = { "keelwatch_store_records_dropped_total", "counter",
				   "Records that the bounds of the store took away before each sink had them." },
	[FAMILY_STORE_BYTES] = { "keelwatch_store_bytes", "gauge", "Bytes used in the database." },
	[FAMILY_STORE_MAX_BYTES] = { "keelwatch_store_max_bytes", "gauge",
				     "The bound of the database, store.max_size." },
	[FAMILY_STORE_WAITING] = { "keelwatch_store_waiting_records", "gauge",
				   "Records in memory that the disk has not taken yet." },
	[FAMILY_STORE_FAILING] = { "keelwatch_store_failing", "gauge",
				   "1 when the disk takes nothing at the moment." },
	[FAMILY_SINK_DELIVERED] = { "keelwatch_sink_delivered_total", "counter",
				    "Records that a sink's receiver has acknowledged." },
	[FAMILY_SINK_RETRIED] = { "keelwatch_sink_retried_total", "counter",
				  "Attempts of a sink that failed and were made again." },
	[FAMILY_SINK_REFUSED] = { "keelwatch_sink_refused_total", "counter",
				  "Records that a sink's receiver refused for good." },
	[FAMILY_SINK_DEAD] = { "keelwatch_sink_dead_lettered_total", "counter",
			       "Records that became dead letters of a sink." },
	[FAMILY_SINK_LOST] = { "keelwatch_sink_dead_letters_lost_total", "counter",
			       "Dead letters of a sink that their bound pushed out." },
	[FAMILY_SINK_LAG_RECORDS] = { "keelwatch_sink_lag_records", "gauge",
				      "Records of the store that lie behind a sink's cursor." },
	[FAMILY_SINK_LAG_SECONDS] = { "keelwatch_sink_lag_seconds", "gauge",
				      "How long the oldest of these has been waiting; of what waited at the start, "
				      "since then." },
	[FAMILY_SINK_STATE] = { "keelwatch_sink_state", "gauge",
				"1 for the state a sink is in: connecting, working or waiting (its receiver "
				"failed), else 0." },
	[FAMILY_SHIPPER_RESTARTS] = { "keelwatch_shipper_restarts_total", "counter",
				      "How often the shipper ended by itself and was begun again." },
	[FAMILY_EXPORTER_RESTARTS] = { "keelwatch_exporter_restarts_total", "counter",
				       "How often the exporter ended by itself and was begun again." },
	[FAMILY_SETTINGS_WRONG] = { "keelwatch_settings_wrong", "gauge",
				    "1 when the settings were read anew and refused: the old ones are in force." },
	[FAMILY_MEMORY] = { "keelwatch_process_resident_memory_bytes", "gauge",
			    "Resident memory, by process: monitor, shipper, exporter." },
	[FAMILY_CPU] = { "keelwatch_process_cpu_seconds_total", "counter",
			 "Processor time since it began, by process: monitor, shipper, exporter." },
	[FAMILY_AGE] = { "keelwatch_snapshot_age_seconds", "gauge",
			 "Time since the monitor gave these numbers; it does once a second." },
	[FAMILY_REQUESTS] = { "keelwatch_exporter_requests_total", "counter",
			      "Requests that this exporter has answered since it began, by HTTP status." },
};

void family_begin(struct buf *b, enum family family)
{
	const struct family_info *f = &families[family];

	buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, f->type);
}

static void label_value(struct buf *b, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			buf_char(b, '\\');
		if (*value == '\n')
			buf_str(b, "\\n");
		else
			buf_char(b, *value);
	}
}

static void labels(struct buf *b, va_list ap)
{
	const char *name;
	char before = '{';

	while ((name = va_arg(ap, const char *))) {
		buf_fmt(b, "%c%s=\"", before, name);
		label_value(b, va_arg(ap, const char *));
		buf_char(b, '"');
		before = ',';
	}
	if (before == ',')
		buf_char(b, '}');
}

void family_count(struct buf *b, enum family family, uint64_t value, ...)
{
	va_list ap;

	buf_str(b, families[family].name);
	va_start(ap, value);
	labels(b, ap);
	va_end(ap);
	buf_fmt(b, " %" PRIu64 "\n", value);
}

void family_value(struct buf *b, enum family family, double value, ...)
{
	va_list ap;

	buf_str(b, families[family].name);
	va_start(ap, value);
	labels(b, ap);
	va_end(ap);
	buf_fmt(b, " %.9g\n", value);
}

void histogram_add(struct histogram *h, double value)
{
	size_t i = 0;

	while (i < h->bound_count && value > h->bounds[i])
		i++;
	h->counts[i]++;
	h->sum += value;
}

void family_histogram(struct buf *b, enum family family, const struct histogram *h)
{
	const char *name = families[family].name;
	uint64_t below = 0;

	for (size_t i = 0; i < h->bound_count; i++) {
		below += h->counts[i];
		buf_fmt(b, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, h->bounds[i], below);
	}
	below += h->counts[h->bound_count];
	buf_fmt(b, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n%s_count %" PRIu64 "\n", name,
		below, name, h->sum, name, below);
}
