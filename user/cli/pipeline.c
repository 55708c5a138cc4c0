/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the layers together. */
#include "cli/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "output/output.h"

struct pipeline {
	struct pipeline_options options;
	struct model *model;
	struct enrich *enrich;
	struct detect *detect;
	struct buf line;
	uint64_t container_events, container_findings;
	bool broken; /* the reader of our output went away */
};

bool print_to_file(void *file, const char *lines, size_t len)
{
	return fwrite(lines, len, 1, file) == 1 && !fflush(file);
}

static void print_line(struct pipeline *p)
{
	p->broken = p->broken || !p->options.print(p->options.out, p->line.data, p->line.len);
}

static void print_finding(void *arg, const Keelwatch__Finding *finding)
{
	struct pipeline *p = arg;

	/* A sum of repeats is not another one. */
	if (finding->container && finding->count == 1)
		p->container_findings++;
	if (p->options.journal)
		finding = journal_finding(p->options.journal, finding);
	if (!finding)
		return;
	if (p->options.on_finding)
		p->options.on_finding(p->options.arg, finding);
	if (!p->options.print)
		return;
	buf_reset(&p->line);
	if (p->options.json) {
		json_message(&p->line, &finding->base);
		buf_char(&p->line, '\n');
	} else {
		people_finding(&p->line, finding, p->options.colour);
	}
	print_line(p);
}

static void print_event(struct pipeline *p, const Keelwatch__Event *event)
{
	buf_reset(&p->line);
	if (p->options.json) {
		json_message(&p->line, &event->base);
		buf_char(&p->line, '\n');
	} else {
		people_event(&p->line, event, p->options.colour);
	}
	print_line(p);
}

static bool is_loss(const struct moment *mo)
{
	return mo->rec->type == EV_LOSS || mo->rec->type == EV_FLOOD;
}

static void on_moment(void *arg, const struct moment *mo)
{
	struct pipeline *p = arg;
	const Keelwatch__Event *event;

	bool shown = p->options.print && mo->rec->type != EV_START &&
		     (p->options.all || is_loss(mo));

	if (mo->container) {
		mo->container->events++;
		p->container_events++;
	}
	/* What the host does for itself concerns nobody unless all is asked for. */
	if (!mo->container && !mo->owner && !mo->ended && !shown && !is_loss(mo) &&
	    mo->rec->type != EV_GUARD)
		return;
	event = enrich_event(p->enrich, mo);
	if (p->options.journal)
		journal_moment(p->options.journal, mo, event);
	if (shown) {
		enrich_ancestors(p->enrich, mo);
		print_event(p, event);
	}
	detect_feed(p->detect, mo, event);
}

int pipeline_new(struct facts *facts, const struct model_control *control,
		 const struct pipeline_options *options, struct pipeline **ret)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->options = *options;
	err = model_new(facts, control, &p->model);
	if (!err)
		err = enrich_new(p->model, &p->enrich);
	if (!err)
		err = detect_new(p->model, p->enrich, print_finding, p, &p->detect);
	if (err) {
		pipeline_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	detect_free(p->detect);
	enrich_free(p->enrich);
	model_free(p->model);
	buf_free(&p->line);
	free(p);
}

int pipeline_feed(struct pipeline *p, const struct ev_head *rec)
{
	int err = model_feed(p->model, rec, on_moment, p);

	return p->broken ? -EPIPE : err;
}

void pipeline_finish(struct pipeline *p)
{
	detect_flush(p->detect, NULL);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void add_totals(struct buf *b, struct pipeline_totals t)
{
	buf_fmt(b, "%llu container%s, %llu event%s, %llu finding%s",
		(unsigned long long)t.containers, plural(t.containers),
		(unsigned long long)t.records, plural(t.records), (unsigned long long)t.findings,
		plural(t.findings));
}

struct model *pipeline_model(struct pipeline *p)
{
	return p->model;
}

struct pipeline_totals pipeline_totals(const struct pipeline *p)
{
	struct model_totals m = model_totals(p->model);

	return (struct pipeline_totals){
		.records = m.records,
		.containers = m.containers,
		.alive = m.alive,
		.findings = detect_totals(p->detect).findings,
		.container_events = p->container_events,
		.container_findings = p->container_findings,
	};
}
