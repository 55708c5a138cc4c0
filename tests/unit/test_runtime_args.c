/* SPDX-License-Identifier: Apache-2.0 */
/* Which command lines are taken for an OCI runtime's or a shim's, and which are not. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "model/spec.h"

struct command {
	const char *args;
	size_t len;
	const char *bundle, *id; /* NULL: no runtime's command line */
};

#define ARGS(text) text, sizeof(text)

Test(runtime_args, command_lines_of_runtimes_are_known)
{
	static const struct command commands[] = {
		{ ARGS("runc\0--root\0/x\0--log\0/y\0--log-format\0json\0create\0--bundle\0/b\0"
		       "--pid-file\0/p\0c1"),
		  "/b", "c1" },
		{ ARGS("/usr/sbin/runc\0run\0-d\0c1"), "/cwd", "c1" },
		{ ARGS("runc\0run\0c1"), "/cwd", "c1" },
		{ ARGS("hidden\0run\0c1"), "/cwd", "c1" },
		{ ARGS("crun\0--systemd-cgroup\0run\0-b=/b\0c1"), "/b", "c1" },
		{ ARGS("crun\0--cgroup-manager\0disabled\0run\0-b/b\0c1"), "/b", "c1" },
		{ ARGS("runc\0create\0--bundle=sub/./b/\0--console-socket\0/s\0--no-pivot\0"
		       "--preserve-fds\0003\0--no-new-keyring\0a_b+c.d-9"),
		  "/cwd/sub/b", "a_b+c.d-9" },
		{ ARGS("youki\0--log-level=debug\0create\0-b\0../b\0--pid-file=/p\0c1"),
		  "/cwd/../b", "c1" },
		{ ARGS("runc\0run\0c1\0--bundle\0/b"), "/b", "c1" },
		{ ARGS("runsc\0--platform=kvm\0--net-raw\0create\0--bundle\0/b\0--new-flag\0v\0c1"),
		  "/b", "c1" },
		{ "runc\0run\0c1", 11, "/cwd", "c1" }, /* the last NUL is missing */
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		char *bundle = NULL, *id = NULL;

		cr_assert(spec_runtime_args(c->args, c->len, "/cwd", &bundle, &id), "command %zu",
			  i);
		cr_expect_str_eq(bundle, c->bundle, "command %zu: %s", i, bundle);
		cr_expect_str_eq(id, c->id, "command %zu: %s", i, id);
		free(bundle);
		free(id);
	}
}

Test(runtime_args, other_command_lines_are_not_taken_for_them)
{
	static const struct command commands[] = {
		{ ARGS("docker\0run\0-it\0busybox"), NULL, NULL },
		{ ARGS("docker\0run\0-d\0busybox"), NULL, NULL },
		{ ARGS("/usr/bin/podman\0run\0x"), NULL, NULL },
		{ ARGS("podman\0--root\0/r\0run\0--name\0x\0y"), NULL, NULL },
		{ ARGS("systemd-run\0--scope\0x"), NULL, NULL },
		{ ARGS("cargo\0run\0foo"), NULL, NULL },
		{ ARGS("npm\0run\0x"), NULL, NULL },
		{ ARGS("x\0run\0--name\0y"), NULL, NULL },
		{ ARGS("x\0run\0a\0b"), NULL, NULL },
		{ ARGS("x\0--bundle\0/b\0run\0a"), NULL, NULL },
		{ ARGS("runc\0start\0c1"), NULL, NULL },
		{ ARGS("runc\0run"), NULL, NULL },
		{ ARGS("runc\0run\0--bundle\0/b"), NULL, NULL },
		{ ARGS("runc\0run\0--bundle"), NULL, NULL },
		{ ARGS("runc\0run\0--bundle\0/b\0../x"), NULL, NULL },
		{ ARGS("runc\0run\0--bundle\0/b\0.."), NULL, NULL },
		{ ARGS("runc\0run\0--bundle\0/b\0a b"), NULL, NULL },
		{ ARGS("runc"), NULL, NULL },
		{ ARGS(""), NULL, NULL },
		{ "", 0, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		char *bundle = NULL, *id = NULL;

		cr_expect(!spec_runtime_args(c->args, c->len, "/cwd", &bundle, &id),
			  "command %zu: %s %s", i, bundle, id);
		cr_expect(!bundle && !id);
	}
}

Test(runtime_args, ids_and_argument_lists_are_bounded)
{
	char *bundle, *id;
	struct buf args = {};

	buf_add(&args, "runc\0run\0", 9);
	for (int i = 0; i < 1024; i++)
		buf_char(&args, 'a');
	cr_assert(spec_runtime_args(args.data, args.len, "/", &bundle, &id));
	cr_expect_str_eq(bundle, "/");
	free(bundle);
	free(id);
	buf_char(&args, 'a');
	cr_expect(!spec_runtime_args(args.data, args.len, "/", &bundle, &id));
	buf_reset(&args);
	buf_add(&args, "runc\0run\0", 9);
	for (int i = 0; i < 100000; i++)
		buf_add(&args, "-d", 3);
	buf_add(&args, "c1", 3);
	cr_expect(!spec_runtime_args(args.data, args.len, "/", &bundle, &id));
	buf_free(&args);
}

Test(runtime_args, shims_name_the_namespace_and_the_id)
{
	static const struct command commands[] = {
		{ ARGS("/usr/bin/containerd-shim-runc-v2\0-namespace\0k8s.io\0-id\0abc\0-x\0/a"),
		  "k8s.io", "abc" },
		{ ARGS("shim\0-id=abc\0--namespace=moby\0start"), "moby", "abc" },
		{ ARGS("shim\0-namespace\0moby\0-id"), NULL, NULL },
		{ ARGS("shim\0-namespace\0mo/by\0-id\0abc"), NULL, NULL },
		{ ARGS("shim\0-identity\0x\0-namespace\0moby"), NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		char *ns = NULL, *id = NULL;
		bool found = spec_shim_args(c->args, c->len, &ns, &id);

		cr_assert_eq(found, c->id != NULL, "command %zu", i);
		if (found) {
			cr_expect_str_eq(ns, c->bundle);
			cr_expect_str_eq(id, c->id);
		}
		free(ns);
		free(id);
	}
}
