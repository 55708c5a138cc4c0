/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch ps: the containers that run now, from /proc and the runtimes' state on disk. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/environment.h"
#include "cli/pipeline.h"
#include "output/output.h"
#include "probe/probe.h"
#include "source/host_view.h"
#include "source/start.h"

struct ps_args {
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ps_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "One JSON object a line, a container each", 0 },
	{},
};

static const struct argp argp = {
	options,
	parse,
	NULL,
	"List the containers that run, with what their start alone tells: read-only, privileged, mounts "
	"of the host, findings.\vNeeds no BPF and no running monitor. See keelwatch-ps(1).",
	NULL,
	NULL,
	NULL,
};

struct ps {
	struct model *model;
	bool json;
	size_t count;
};

static void age(char out[32], uint64_t started)
{
	uint64_t s = time(NULL) - started / NS_PER_S;

	if (s < 120)
		snprintf(out, 32, "%llus", (unsigned long long)s);
	else if (s < 7200)
		snprintf(out, 32, "%llum", (unsigned long long)s / 60);
	else if (s < 2 * 86400)
		snprintf(out, 32, "%lluh", (unsigned long long)s / 3600);
	else
		snprintf(out, 32, "%llud", (unsigned long long)s / 86400);
}

static size_t host_mounts_of(struct ps *ps, const struct container *c)
{
	const struct mount_table *host = model_host_mounts(ps->model);
	size_t n = 0;

	for (size_t i = 0; host && c->mounts && i < c->mounts->count; i++)
		n += mount_classify(host, &c->mounts->lines[i]) == MOUNT_CLASS_HOST;
	return n;
}

static void show(void *arg, struct container *c)
{
	struct ps *ps = arg;
	_cleanup_(buf_free) struct buf line = {};
	char when[32];

	if (!c->started)
		return;
	if (ps->json) {
		json_message(&line, &c->msg.base);
		puts(buf_cstr(&line));
		return;
	}
	if (!ps->count++)
		printf("%-14s %-24s %-11s %-24s %6s %-9s %-10s %11s %8s\n", "CONTAINER", "NAME",
		       "RUNTIME", "IMAGE", "AGE", "READ-ONLY", "PRIVILEGED", "HOST MOUNTS",
		       "FINDINGS");
	age(when, c->msg.started);
	printf("%-14.12s %-24s %-11s %-24s %6s %-9s %-10s %11zu %8llu\n", c->msg.id, c->msg.name,
	       c->msg.runtime[0] ? c->msg.runtime : "?", c->msg.image[0] ? c->msg.image : "-", when,
	       c->msg.read_only ? "yes" : "no", c->msg.privileged ? "yes" : "no",
	       host_mounts_of(ps, c), (unsigned long long)c->findings);
}

static int take_stock(struct pipeline *pipeline, struct host_view *view)
{
	static union made_record start;
	struct cgroup_layout layout;
	int err = cgroup_layout_read(&layout);

	host_view_init(view);
	snprintf(view->cgroups, sizeof(view->cgroups), "%s", layout.begins);
	if (!err)
		err = make_start(&start, layout.v1, layout.root);
	return err ? err : pipeline_feed(pipeline, &start.head);
}

int command_ps(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf why = {};
	struct host_view view = {};
	struct facts facts = { .ops = &facts_live, .self = &view };
	struct pipeline_options silent = {};
	struct pipeline *pipeline = NULL;
	struct ps_args args = {};
	struct ps ps = {};
	int err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	err = check_capabilities("ps", CAPABILITIES_TO_LOOK);
	if (err)
		return err;
	err = environment_enter(&why);
	if (err) {
		log_error("%s", buf_cstr(&why));
		return err;
	}
	err = pipeline_new(&facts, NULL, &silent, &pipeline);
	if (!err)
		err = take_stock(pipeline, &view);
	if (err) {
		log_error("ps: %s", strerror(-err));
		pipeline_free(pipeline);
		return EXIT_ERROR;
	}
	ps.model = pipeline_model(pipeline);
	ps.json = args.json;
	model_containers(ps.model, show, &ps);
	if (!ps.json && !ps.count)
		puts("no container runs here");
	pipeline_free(pipeline);
	return EXIT_FINE;
}
