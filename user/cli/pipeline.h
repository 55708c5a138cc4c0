/* SPDX-License-Identifier: Apache-2.0 */
/* The way of an event from its record to what is printed: model, enrich, detect, output. */
#ifndef KEELWATCH_PIPELINE_H
#define KEELWATCH_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/journal.h"
#include "detect/detect.h"

struct pipeline;

/* Takes whole lines with their newlines; false: nobody reads any more. */
typedef bool (*print_fn)(void *out, const char *lines, size_t len);

/* To a FILE, waiting for who reads it. */
bool print_to_file(void *file, const char *lines, size_t len);

struct pipeline_options {
	print_fn print; /* NULL: nothing is printed */
	void *out;	/* of print */
	bool json;
	bool colour;
	bool all;		 /* events too */
	struct journal *journal; /* borrowed; NULL: nothing is kept, findings have no id */
	finding_fn on_finding;	 /* called with each finding, beside printing; may be NULL */
	void *arg;
};

int pipeline_new(struct facts *facts, const struct model_control *control,
		 const struct pipeline_options *options, struct pipeline **ret);
void pipeline_free(struct pipeline *p);
/* A record that passed record_check(). 0, -ENOMEM, or -EPIPE when nobody reads the output. */
int pipeline_feed(struct pipeline *p, const struct ev_head *rec);
void pipeline_finish(struct pipeline *p); /* says what repeated */
struct model *pipeline_model(struct pipeline *p);

struct pipeline_totals {
	uint64_t records, containers, findings;
	uint64_t container_events, container_findings; /* of containers, ended ones among them */
	uint64_t alive;				       /* containers that have not ended */
};

struct pipeline_totals pipeline_totals(const struct pipeline *p);
/* Appends "1 container, 2 events, 3 findings". */
void add_totals(struct buf *b, struct pipeline_totals totals);

#endif
