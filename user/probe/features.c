/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways. */
#include "probe/features.h"

#include "base/util.h"

const char call_entry[] = "tp__sys_exit";

/*
 * Processes and cgroups have one way: their tracepoints hand over the objects themselves, for whoever
 * causes the event, and cost nothing elsewhere. No function of the kernel tells more.
 *
 * What hooks functions stays attached: to attach and detach by the dozen takes seconds on some kernels
 * (each waits for all tasks), and a call that is not hooked costs the same with it. What hooks every
 * system call is there only while a container runs.
 */
#define OBJECT(feature, domain, program, carries)                                            \
	{                                                                                    \
		feature, domain, WAY_TRACEPOINT, program, ATTACH_ALWAYS, SYS_NONE, false, 0, \
			carries, ""                                                          \
	}
#define FEXIT(feature, domain, program, carries, blind)                                          \
	{                                                                                        \
		feature, domain, WAY_FEXIT, program, ATTACH_ALWAYS, SYS_NONE, false, 0, carries, \
			blind                                                                    \
	}
#define OPTIONAL(feature, domain, program, carries, blind)                                      \
	{                                                                                       \
		feature, domain, WAY_FEXIT, program, ATTACH_ALWAYS, SYS_NONE, true, 0, carries, \
			blind                                                                   \
	}
#define TRACEPOINT(feature, domain, program, carries, blind)                                \
	{                                                                                   \
		feature, domain, WAY_TRACEPOINT, program, ATTACH_ARMED, SYS_NONE, false, 0, \
			carries, blind                                                      \
	}
#define CALL(feature, domain, program, call, carries, blind)                                    \
	{                                                                                       \
		feature, domain, WAY_TRACEPOINT, program, ATTACH_CALL, call, false, 0, carries, \
			blind                                                                   \
	}

#define URING(program, arguments)                                                                  \
	{                                                                                          \
		"write", "file", WAY_TRACEPOINT, program, ATTACH_ARMED, SYS_NONE, true, arguments, \
			CARRIED_BY_WRITE_CALL, ""                                                  \
	}

#define WRITE(program) \
	FEXIT("write", "file", program, CARRIED_BY_WRITE, "extended attributes set or removed")
#define MOUNT(program) FEXIT("mount", "mount", program, CARRIED_BY_MOUNT, "")
#define MOUNT_OPTIONAL(program) OPTIONAL("mount", "mount", program, CARRIED_BY_MOUNT, "")
#define NAMESPACES(program) FEXIT("namespaces", "cred", program, "namespace-escape", "")

#define CARRIED_BY_OPEN \
	"readonly-write-attempt, readonly-writable-path, readonly-defeated, namespace-escape"
#define CARRIED_BY_WRITE "readonly-write-attempt, readonly-writable-path, readonly-defeated"
#define CARRIED_BY_MOUNT "readonly-defeated, sensitive-mount-runtime"
#define CARRIED_BY_CRED "privilege-gained, privilege-unexplained"
#define CARRIED_BY_GUARD "monitor-tampering"
#define CARRIED_BY_WRITE_CALL "readonly-write-attempt, readonly-writable-path"
#define BLIND_URING                                                              \
	"what io_uring opens into a table of its own, or changes with success; " \
	"more than 198 bytes of the name in a request of io_uring"

const struct way_row way_rows[] = {
	OBJECT("exec", "process", "tp__exec", "all"),
	OBJECT("fork", "process", "tp__fork", CARRIED_BY_CRED),
	OBJECT("exit", "process", "tp__exit", "events only"),
	OBJECT("cgroup-create", "cgroup", "tp__cgroup_mkdir", "all"),
	OBJECT("cgroup-remove", "cgroup", "tp__cgroup_rmdir", "events only"),
	OBJECT("cgroup-attach", "cgroup", "tp__cgroup_attach", "all"),

	FEXIT("open", "file", "fexit__open", CARRIED_BY_OPEN, ""),
	CALL("open", "file", "sys__open", SYS_OPEN, CARRIED_BY_OPEN, BLIND_URING),

	WRITE("fexit__write"),
	WRITE("fexit__write_file"),
	WRITE("fexit__create"),
	WRITE("fexit__unlink"),
	WRITE("fexit__rmdir"),
	WRITE("fexit__mkdir"),
	WRITE("fexit__mknod"),
	WRITE("fexit__symlink"),
	WRITE("fexit__link"),
	WRITE("fexit__rename"),
	WRITE("fexit__truncate"),
	WRITE("fexit__chmod"),
	WRITE("fexit__chown"),
	WRITE("fexit__utimes"),
	OPTIONAL("write", "file", "fentry__uring", CARRIED_BY_WRITE, ""),
	CALL("write", "file", "sys__file", SYS_FILE, CARRIED_BY_WRITE_CALL,
	     BLIND_URING "; from outside a container: changes to its root that open no file"),
	URING("tp__uring_submit_1", 1),
	URING("tp__uring_submit_2", 2),
	URING("tp__uring_submit_7", 7),
	URING("tp__uring_complete_3", 3),
	URING("tp__uring_complete_4", 4),
	URING("tp__uring_complete_7", 7),

	MOUNT("fexit__mount"),
	MOUNT("fexit__umount"),
	MOUNT("fexit__pivot_root"),
	MOUNT("fexit__chroot"),
	MOUNT_OPTIONAL("fexit__move_mount"),
	MOUNT_OPTIONAL("fexit__mount_setattr"),
	MOUNT_OPTIONAL("fexit__open_tree"),
	MOUNT_OPTIONAL("fexit__open_tree_attr"),
	MOUNT_OPTIONAL("fexit__fsopen"),
	MOUNT_OPTIONAL("fexit__fsmount"),
	MOUNT_OPTIONAL("fexit__fspick"),
	MOUNT_OPTIONAL("fexit__compat_move_mount"),
	MOUNT_OPTIONAL("fexit__compat_mount_setattr"),
	MOUNT_OPTIONAL("fexit__compat_open_tree"),
	MOUNT_OPTIONAL("fexit__compat_open_tree_attr"),
	MOUNT_OPTIONAL("fexit__compat_fsopen"),
	MOUNT_OPTIONAL("fexit__compat_fsmount"),
	MOUNT_OPTIONAL("fexit__compat_fspick"),
	CALL("mount", "mount", "sys__mount", SYS_MOUNT, CARRIED_BY_MOUNT, ""),

	FEXIT("credentials", "cred", "fexit__cred", CARRIED_BY_CRED,
	      "a change that passes by commit_creds(), until the process's next event"),
	CALL("credentials", "cred", "sys__cred", SYS_CRED, CARRIED_BY_CRED,
	     "a change made by no system call, until the process's next event"),

	NAMESPACES("fexit__unshare"),
	NAMESPACES("fexit__setns"),
	CALL("namespaces", "cred", "sys__ns", SYS_NS, "namespace-escape", ""),

	OBJECT("guard-signals", "guard", "tp__guard_signal", CARRIED_BY_GUARD),
	OBJECT("guard-freezer", "guard", "tp__guard_freeze", CARRIED_BY_GUARD),
	FEXIT("guard-access", "guard", "fexit__guard_access", CARRIED_BY_GUARD, ""),
	CALL("guard-access", "guard", "sys__guard_access", SYS_ACCESS, CARRIED_BY_GUARD,
	     "what is done while no container runs; what is refused; "
	     "/proc/PID/mem where open by this way is off"),
	FEXIT("guard-bpf", "guard", "fexit__guard_bpf", CARRIED_BY_GUARD, ""),
	OPTIONAL("guard-bpf", "guard", "fexit__guard_compat_bpf", CARRIED_BY_GUARD, ""),
	CALL("guard-bpf", "guard", "sys__guard_bpf", SYS_BPF, CARRIED_BY_GUARD,
	     "what is done while no container runs"),

	FEXIT("capability-use", "cred", "fexit__capable", "events only", ""),
	TRACEPOINT("capability-use", "cred", "tp__capable", "events only", ""),
};

const size_t way_row_count = ARRAY_SIZE(way_rows);
