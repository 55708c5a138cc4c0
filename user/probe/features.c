/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways. */
#include "probe/features.h"

#include "base/util.h"

#define BLIND_URING "the same done by io_uring"

const struct way_row way_rows[] = {
	{ "exec", "process", WAY_TRACEPOINT, "tp__exec", "sched_process_exec", ATTACH_ALWAYS,
	  SYS_NONE, "all", "" },
	{ "fork", "process", WAY_TRACEPOINT, "tp__fork", "sched_process_fork", ATTACH_ALWAYS,
	  SYS_NONE, "privilege-gained, privilege-unexplained", "" },
	{ "exit", "process", WAY_TRACEPOINT, "tp__exit", "sched_process_exit", ATTACH_ALWAYS,
	  SYS_NONE, "events only", "" },
	{ "cgroup-create", "cgroup", WAY_TRACEPOINT, "tp__cgroup_mkdir", "cgroup_mkdir",
	  ATTACH_ALWAYS, SYS_NONE, "all", "" },
	{ "cgroup-remove", "cgroup", WAY_TRACEPOINT, "tp__cgroup_rmdir", "cgroup_rmdir",
	  ATTACH_ALWAYS, SYS_NONE, "events only", "" },
	{ "cgroup-attach", "cgroup", WAY_TRACEPOINT, "tp__cgroup_attach",
	  "cgroup_attach_task", ATTACH_ALWAYS, SYS_NONE, "all", "" },
	{ "system-calls", "syscall", WAY_TRACEPOINT, "tp__sys_exit", "sys_exit", ATTACH_ARMED,
	  SYS_NONE, "what write, open, mount, credentials and namespaces carry", BLIND_URING },
	{ "write", "file", WAY_TRACEPOINT, "sys__file", "sys_exit", ATTACH_CALL, SYS_FILE,
	  "readonly-write-attempt, readonly-writable-path", BLIND_URING },
	{ "open", "file", WAY_TRACEPOINT, "sys__open", "sys_exit", ATTACH_CALL, SYS_OPEN,
	  "readonly-write-attempt, readonly-writable-path, readonly-defeated, namespace-escape",
	  BLIND_URING "; from outside a container: changes to its root that open no file" },
	{ "mount", "mount", WAY_TRACEPOINT, "sys__mount", "sys_exit", ATTACH_CALL, SYS_MOUNT,
	  "readonly-defeated, sensitive-mount-runtime", "" },
	{ "credentials", "cred", WAY_TRACEPOINT, "sys__cred", "sys_exit", ATTACH_CALL, SYS_CRED,
	  "privilege-gained, privilege-unexplained",
	  "a change made by no system call, until the process's next event" },
	{ "namespaces", "cred", WAY_TRACEPOINT, "sys__ns", "sys_exit", ATTACH_CALL, SYS_NS,
	  "namespace-escape", "" },
	{ "capability-use", "cred", WAY_TRACEPOINT, "tp__capable", "cap_capable", ATTACH_ARMED,
	  SYS_NONE, "events only", "" },
};

const size_t way_row_count = ARRAY_SIZE(way_rows);
