/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What keeps everything from working, found by trying the smallest thing that needs it. Without this a
 * machine that lacks one thing says so once for each feature, in the kernel's words for something else.
 */
#include "cli/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/cli.h"
#include "probe/probe.h"

#define BTF "/sys/kernel/btf/vmlinux"
#define LOCKDOWN "/sys/kernel/security/lockdown"
#define KILOBYTE 1024
/* What the maps need where they count against the limit on locked memory: the ring, and as much again. */
#define MAPS_SIZE (8 * KILOBYTE * KILOBYTE)

static int check_btf(struct buf *why)
{
	if (!access(BTF, R_OK))
		return EXIT_FINE;
	if (access("/sys/kernel", F_OK))
		buf_str(why, "sysfs is not mounted: mount -t sysfs sysfs /sys");
	else
		buf_fmt(why,
			BTF ": %s: the kernel's own types are needed; take a kernel built with "
			    "CONFIG_DEBUG_INFO_BTF",
			strerror(errno));
	return EXIT_NOTHING;
}

/* --- namespaces --- */

/* include/linux/proc_ns.h: the first namespaces have these inodes on every machine. */
#define FIRST_CGROUP_NAMESPACE 0xEFFFFFFBU
#define FIRST_PID_NAMESPACE 0xEFFFFFFCU

static ino_t namespace_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

static int check_pids(struct buf *why)
{
	ino_t own = namespace_of("/proc/self/ns/pid");

	if (!own || own == FIRST_PID_NAMESPACE)
		return EXIT_FINE;
	buf_str(why,
		"keelwatch is in a pid namespace of its own, where the kernel's process ids mean "
		"nothing: start it in the host's (--pid=host, hostPID: true)");
	return EXIT_NOTHING;
}

/*
 * Paths of control groups are told as seen from one's own namespace: it must be the host's, or the whole
 * hierarchy mounted, where its beginning is found.
 */
static bool sees_first_cgroups(void)
{
	struct cgroup_layout layout;

	return !cgroup_layout_read(&layout) && layout.begins[0];
}

static bool enter_first_cgroups(void)
{
	_cleanup_close_ int fd = open("/proc/1/ns/cgroup", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && !setns(fd, CLONE_NEWCGROUP);
}

static int check_cgroup_namespace(struct buf *why)
{
	ino_t own = namespace_of("/proc/self/ns/cgroup");

	if (!own || own == FIRST_CGROUP_NAMESPACE || own == namespace_of("/proc/1/ns/cgroup") ||
	    sees_first_cgroups() || enter_first_cgroups())
		return EXIT_FINE;
	buf_str(why,
		"keelwatch is in a control group namespace of its own and does not see the host's: "
		"mount the host's /sys/fs/cgroup, start it in the host's, or add CAP_SYS_ADMIN, with "
		"which it goes there by itself");
	return EXIT_NOTHING;
}

int environment_enter(struct buf *why)
{
	int code;

	if (access("/proc/self/mountinfo", R_OK)) {
		buf_str(why, "procfs is not mounted: mount -t proc proc /proc");
		return EXIT_NOTHING;
	}
	code = check_pids(why);
	return code ? code : check_cgroup_namespace(why);
}

static int check_cgroups(struct buf *why)
{
	struct cgroup_layout layout;

	if (!cgroup_layout_read(&layout))
		return EXIT_FINE;
	buf_str(why,
		"no control group file system of the host is mounted, so containers cannot be told "
		"apart: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
	return EXIT_NOTHING;
}

/* --- what the kernel allows --- */

static int try_map(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "keelwatch_try", sizeof(__u32), KILOBYTE,
				MAPS_SIZE / KILOBYTE, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int check_maps(struct buf *why)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	int err;

	/* As the loader will: before 5.11 maps count against this limit. */
	setrlimit(RLIMIT_MEMLOCK, &limit);
	err = try_map();
	if (!err || (err != -EPERM && err != -ENOSYS))
		return EXIT_FINE;
	if (err == -ENOSYS) {
		buf_str(why, "this kernel has no bpf(2): take one built with CONFIG_BPF_SYSCALL");
		return EXIT_NOTHING;
	}
	if (!getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur < MAPS_SIZE)
		buf_fmt(why,
			"the limit on locked memory (%llu KiB) is too low for the BPF maps, which "
			"this kernel counts against it: add CAP_SYS_RESOURCE, or raise the limit (ulimit -l "
			"unlimited, LimitMEMLOCK=infinity)",
			(unsigned long long)limit.rlim_cur / KILOBYTE);
	else
		buf_str(why,
			"bpf(2) is refused though the capabilities are there: by a seccomp filter or a "
			"security module; allow it for keelwatch");
	return EXIT_CANNOT;
}

/* A program that reads kernel memory as all of ours do, and never runs. */
static const struct bpf_insn reads_kernel[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10 },
	{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0 },
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
	{ .code = BPF_JMP | BPF_EXIT },
};

static bool program_loads(const struct bpf_insn *instructions, size_t count)
{
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "keelwatch_try", "GPL", instructions,
			       count, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool locked_down(const char *level)
{
	_cleanup_fclose_ FILE *f = fopen(LOCKDOWN, "re");
	char line[128];

	return f && fgets(line, sizeof(line), f) && strstr(line, level);
}

static int check_reading(struct buf *why)
{
	const size_t count = ARRAY_SIZE(reads_kernel), end = count - 2;

	/* Where not even an empty program loads, the loader's own words say more. */
	if (program_loads(reads_kernel, count) || !program_loads(reads_kernel + end, count - end))
		return EXIT_FINE;
	buf_fmt(why,
		"the kernel refuses programs that read its memory (bpf_probe_read_kernel): %s "
		"lockdown=confidentiality; boot with lockdown=integrity, which does not, or with none",
		locked_down("[confidentiality]") ? "by" : "most likely by");
	return EXIT_NOTHING;
}

int environment_check(struct buf *why)
{
	static int (*const checks[])(struct buf * why) = {
		check_btf, environment_enter, check_cgroups, check_maps, check_reading,
	};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		int code = checks[i](why);

		if (code)
			return code;
	}
	return EXIT_FINE;
}
