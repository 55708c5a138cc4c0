/* SPDX-License-Identifier: Apache-2.0 */
/* Where the host is looked at from: its files below another root, its control groups from another namespace. */
#include <criterion/criterion.h>
#include <string.h>

#include "source/host_view.h"

static struct host_view in_pod = { .root = "/proc/1/root", .cgroups = "/kubepods/pod1/own" };

static void says(const char *text, const char *expected)
{
	struct buf out = {};

	host_view_cgroups(&in_pod, text, &out);
	cr_expect_str_eq(buf_cstr(&out), expected);
	buf_free(&out);
}

Test(host_view, a_control_group_is_told_as_the_host_tells_it)
{
	says("0::/\n", "0::/kubepods/pod1/own\n");
	says("0::/inner\n", "0::/kubepods/pod1/own/inner\n");
	says("0::/../other\n", "0::/kubepods/pod1/other\n");
	says("0::/../../pod2/c\n", "0::/kubepods/pod2/c\n");
	says("0::/../../../system.slice/a.service\n", "0::/system.slice/a.service\n");
	says("0::/../../..\n", "0::/\n");
}

Test(host_view, what_has_dots_and_is_no_step_up_stays)
{
	says("0::/..a/..\n", "0::/kubepods/pod1/own/..a/..\n");
	says("0::/...\n", "0::/kubepods/pod1/own/...\n");
}

Test(host_view, more_steps_up_than_there_are_end_at_the_top)
{
	says("0::/../../../../../a\n", "0::/a\n");
}

Test(host_view, other_hierarchies_stay_as_they_are)
{
	says("8:pids:/x\n0::/../a", "8:pids:/x\n0::/kubepods/pod1/a");
	says("", "");
}

Test(host_view, from_the_hosts_own_namespace_nothing_changes)
{
	struct host_view host = {};
	struct buf out = {};

	host_view_cgroups(&host, "0::/../a\n", &out);
	cr_expect_str_eq(buf_cstr(&out), "0::/../a\n");
	buf_free(&out);
}

Test(host_view, files_of_the_host_lie_below_its_root_and_the_kernels_do_not)
{
	char room[64];

	cr_expect_str_eq(host_view_path(&in_pod, "/run/x", room, sizeof(room)),
			 "/proc/1/root/run/x");
	cr_expect_str_eq(host_view_path(&in_pod, "/proc/1/stat", room, sizeof(room)),
			 "/proc/1/stat");
	cr_expect_str_eq(host_view_path(&in_pod, "/sys/fs/cgroup", room, sizeof(room)),
			 "/sys/fs/cgroup");
	cr_expect_str_eq(host_view_path(&in_pod, "/procs", room, sizeof(room)),
			 "/proc/1/root/procs");
	cr_expect_str_eq(host_view_path(&in_pod, "relative", room, sizeof(room)), "relative");
	cr_expect_str_eq(host_view_path(NULL, "/run/x", room, sizeof(room)), "/run/x");
}

Test(host_view, a_path_without_room_is_not_cut)
{
	char room[16];

	cr_expect_str_eq(host_view_path(&in_pod, "/run/x", room, sizeof(room)), "/run/x");
}
