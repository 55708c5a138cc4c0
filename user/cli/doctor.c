/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch doctor: what this kernel lets us see, by which way, and what is missing. */
#include <argp.h>
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/coverage.h"
#include "cli/environment.h"
#include "probe/probe.h"

struct doctor_args {
	enum way way;
	bool json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->way;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "One JSON object", 0 },
	{},
};

static const struct argp_child children[] = { { &way_argp, 0, NULL, 0 }, {} };

static const struct argp argp = {
	options,
	parse,
	NULL,
	"Try every hook on this kernel and say which way each feature takes, why one is missing, "
	"and what cannot be seen.\vExit codes: 0 all there, 1 something is missing, 2 rights missing, "
	"3 nothing works. See keelwatch-doctor(1).",
	children,
	NULL,
	NULL,
};

/* Tries everything. 0, or -errno when none of it works. */
static int try_features(enum way way, struct probe **ret)
{
	struct probe_options options = { .way = way };
	struct probe *probe = NULL;
	int err;

	/* What is refused stands in the account. */
	log_set_level(LOG_ERROR);
	err = probe_new(&options, &probe);
	if (!err)
		err = probe_attach(probe);
	if (err) {
		probe_free(probe);
		return err;
	}
	probe_arm(probe, true);
	*ret = probe;
	return 0;
}

static int examine(struct coverage *c, enum way way, struct buf *why, struct probe **probe)
{
	int err, code = environment_check(why);

	if (!code) {
		err = try_features(way, probe);
		if (!err) {
			c->feature_count = probe_features(*probe, &c->features);
			return coverage_missing(c) ? EXIT_ERROR : EXIT_FINE;
		}
		buf_str(why, err == -ENODEV ? "the kernel refuses every program; "
					      "`keelwatch run --verbose` says in what words" :
					      strerror(-err));
		code = EXIT_NOTHING;
	}
	c->obstacle = buf_cstr(why);
	return code;
}

int command_doctor(int argc, char **argv)
{
	_cleanup_(buf_free) struct buf why = {}, account = {};
	struct cgroup_layout layout;
	struct doctor_args args = {};
	struct probe *probe = NULL;
	struct utsname u;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return EXIT_CANNOT;
	code = check_capabilities("doctor", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	uname(&u);
	struct coverage c = {
		.kernel = u.release,
		.architecture = u.machine,
		.btf = !access("/sys/kernel/btf/vmlinux", R_OK),
		.cgroups = cgroup_layout_read(&layout) ? "none" :
			   layout.v1		       ? "v1" :
							 "v2",
		.cgroup_root = layout.root,
		.obstacle = "",
	};
	code = examine(&c, args.way, &why, &probe);
	if (args.json)
		coverage_json(&account, &c);
	else
		coverage_people(&account, &c);
	fputs(buf_cstr(&account), stdout);
	if (args.json)
		putchar('\n');
	probe_free(probe);
	return code;
}
