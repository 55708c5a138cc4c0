/* SPDX-License-Identifier: Apache-2.0 */
/* keelwatch doctor: what this kernel lets us see, by which way, and what is missing. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "probe/probe.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = state->input;
		return 0;
	}
	return parse_nothing(key, arg, state);
}

static const struct argp_child children[] = { { &way_argp, 0, NULL, 0 }, {} };

static const struct argp argp = {
	NULL, parse, NULL,
	"Try every hook on this kernel and say which way each feature takes, why one is missing, "
	"and what cannot be seen.\vExit codes: 0 all there, 1 something is missing, 2 rights missing, "
	"3 nothing works. See keelwatch-doctor(1).",
	children, NULL, NULL,
};

static void say_machine(void)
{
	struct cgroup_layout layout;
	struct utsname u;

	uname(&u);
	printf("kernel      %s %s\n", u.release, u.machine);
	printf("BTF         %s\n",
	       access("/sys/kernel/btf/vmlinux", R_OK) ? "missing: CONFIG_DEBUG_INFO_BTF" : "there");
	if (cgroup_layout_read(&layout))
		printf("cgroups     none mounted\n");
	else
		printf("cgroups     %s at %s\n", layout.v1 ? "v1" : "v2", layout.root);
}

static int say_features(const struct feature_state *f, size_t count)
{
	int missing = 0;

	printf("\n%-15s %-11s %-20s %-24s %s\n", "FEATURE", "WAY", "HOOK", "ATTACHED", "CARRIES");
	for (size_t i = 0; i < count; i++) {
		printf("%-15s %-11s %-20s %-24s %s\n", f[i].name, way_name(f[i].way), f[i].hook,
		       f[i].when, f[i].carries);
		missing += f[i].way == WAY_NONE;
	}
	for (size_t i = 0; i < count; i++)
		if (f[i].way == WAY_NONE)
			printf("\nmissing     %s: %s", f[i].name, f[i].why);
	for (size_t i = 0; i < count; i++)
		if (f[i].way != WAY_NONE && f[i].why[0])
			printf("\nfallen back %s: %s", f[i].name, f[i].why);
	for (size_t i = 0; i < count; i++)
		if (f[i].blind[0] && f[i].way != WAY_NONE)
			printf("\ncannot see  %s: %s", f[i].name, f[i].blind);
	printf("\n\n");
	return missing;
}

int command_doctor(int argc, char **argv)
{
	struct probe_options options = {};
	const struct feature_state *features;
	struct probe *probe = NULL;
	size_t count;
	int code, err, missing;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options.way))
		return EXIT_CANNOT;
	code = check_capabilities("doctor", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	say_machine();
	log_set_level(LOG_ERROR);
	err = probe_new(&options, &probe);
	if (!err)
		err = probe_attach(probe);
	if (err) {
		printf("\nnothing works here: %s\n", strerror(-err));
		probe_free(probe);
		return EXIT_NOTHING;
	}
	probe_arm(probe, true);
	count = probe_features(probe, &features);
	missing = say_features(features, count);
	probe_free(probe);
	printf("%zu features, %d missing\n", count, missing);
	return missing ? EXIT_ERROR : EXIT_FINE;
}
