/* SPDX-License-Identifier: Apache-2.0 */
/* The table of ways. */
#include "probe/features.h"

#include "base/util.h"

#include "cgroup.skel.h"
#include "cred.skel.h"
#include "file.skel.h"
#include "mount.skel.h"
#include "process.skel.h"
#include "syscall.skel.h"

const struct domain_object domain_objects[DOMAIN_MAX] = {
	[DOMAIN_PROCESS] = { "process", process_bpf__elf_bytes },
	[DOMAIN_CGROUP] = { "cgroup", cgroup_bpf__elf_bytes },
	[DOMAIN_SYSCALL] = { "syscall", syscall_bpf__elf_bytes },
	[DOMAIN_FILE] = { "file", file_bpf__elf_bytes },
	[DOMAIN_MOUNT] = { "mount", mount_bpf__elf_bytes },
	[DOMAIN_CRED] = { "cred", cred_bpf__elf_bytes },
};

#define BLIND_URING "the same done by io_uring"

const struct way_row way_rows[] = {
	{ "exec", DOMAIN_PROCESS, WAY_TRACEPOINT, "tp__exec", "sched_process_exec", ATTACH_ALWAYS,
	  SYS_NONE, "all", "" },
	{ "fork", DOMAIN_PROCESS, WAY_TRACEPOINT, "tp__fork", "sched_process_fork", ATTACH_ALWAYS,
	  SYS_NONE, "privilege-gained, privilege-unexplained", "" },
	{ "exit", DOMAIN_PROCESS, WAY_TRACEPOINT, "tp__exit", "sched_process_exit", ATTACH_ALWAYS,
	  SYS_NONE, "", "" },
	{ "cgroup-create", DOMAIN_CGROUP, WAY_TRACEPOINT, "tp__cgroup_mkdir", "cgroup_mkdir",
	  ATTACH_ALWAYS, SYS_NONE, "all", "" },
	{ "cgroup-remove", DOMAIN_CGROUP, WAY_TRACEPOINT, "tp__cgroup_rmdir", "cgroup_rmdir",
	  ATTACH_ALWAYS, SYS_NONE, "", "" },
	{ "cgroup-attach", DOMAIN_CGROUP, WAY_TRACEPOINT, "tp__cgroup_attach",
	  "cgroup_attach_task", ATTACH_ALWAYS, SYS_NONE, "all", "" },
	{ "system-calls", DOMAIN_SYSCALL, WAY_TRACEPOINT, "tp__sys_exit", "sys_exit", ATTACH_ARMED,
	  SYS_NONE, "what write, open, mount, credentials and namespaces carry", BLIND_URING },
	{ "write", DOMAIN_FILE, WAY_TRACEPOINT, "sys__file", "sys_exit", ATTACH_CALL, SYS_FILE,
	  "readonly-write-attempt, readonly-writable-path", BLIND_URING },
	{ "open", DOMAIN_FILE, WAY_TRACEPOINT, "sys__open", "sys_exit", ATTACH_CALL, SYS_OPEN,
	  "readonly-write-attempt, readonly-writable-path, readonly-defeated, namespace-escape",
	  BLIND_URING "; from outside a container: changes to its root that open no file" },
	{ "mount", DOMAIN_MOUNT, WAY_TRACEPOINT, "sys__mount", "sys_exit", ATTACH_CALL, SYS_MOUNT,
	  "readonly-defeated, sensitive-mount-runtime", "" },
	{ "credentials", DOMAIN_CRED, WAY_TRACEPOINT, "sys__cred", "sys_exit", ATTACH_CALL, SYS_CRED,
	  "privilege-gained, privilege-unexplained",
	  "a change made by no system call, until the process's next event" },
	{ "namespaces", DOMAIN_CRED, WAY_TRACEPOINT, "sys__ns", "sys_exit", ATTACH_CALL, SYS_NS,
	  "namespace-escape", "" },
	{ "capability-use", DOMAIN_CRED, WAY_TRACEPOINT, "tp__capable", "cap_capable", ATTACH_ARMED,
	  SYS_NONE, "", "kernels before 6.14 have no such tracepoint" },
};

const size_t way_row_count = ARRAY_SIZE(way_rows);
