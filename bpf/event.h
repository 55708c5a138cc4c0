/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the kernel half says: the records of the ring buffer.
 *
 * Shared by bpf/ and user/; types only. A record is a naturally aligned head, a fixed body and
 * a tail of strings. Every string is an ev_str whose offset counts from the first byte of the
 * record. Userspace reads a record in place, and only after record_check() has passed it.
 *
 * The including file provides __u8 .. __u64 (vmlinux.h in the kernel, <linux/types.h> here).
 */
#ifndef KEELWATCH_EVENT_H
#define KEELWATCH_EVENT_H

#define EV_COMM_LEN 16	    /* TASK_COMM_LEN */
#define EV_STR_MAX 4096	    /* bytes of one string: PATH_MAX */
#define EV_RECORD_MAX 16384 /* no record is longer */
#define EV_ANCESTORS 6	    /* ancestors named by an exec record */

enum ev_type {
	EV_EXEC = 1,
	EV_FORK,
	EV_EXIT,
	EV_CGROUP_MKDIR,
	EV_CGROUP_RMDIR,
	EV_CGROUP_ATTACH,
	EV_FILE,
	EV_MOUNT,
	EV_CRED,
	EV_CAPABLE,
	EV_NS,
	EV_GUARD, /* something was done to the monitor itself; userspace makes some of them too */
	EV_KERNEL_MAX,

	/* Put into the stream by userspace, so that a recording carries all that was known. */
	EV_START = 64,	   /* the monitor is armed: take stock of what runs already */
	EV_FACT,	   /* what a file of the host said when the record before it was read */
	EV_MOUNTS_CHANGED, /* the mount table of a container changed (poll of mountinfo) */
	EV_LOSS,	   /* the counters of loss, when they moved */
	EV_STOP,	   /* the monitor stops */
	EV_FLOOD,	   /* what was held back of a container, as it said more than its share */
	EV_RESUME, /* before EV_START: records from this one's time on are still to come, older than it */
};

/* ev_head.flags */
enum ev_flag {
	EVF_ROOT_MNT_RO = 1 << 0, /* the mount at the task's root is read-only */
	EVF_ROOT_SB_RO = 1 << 1,  /* the superblock at the task's root is read-only */
	EVF_TRACKED = 1 << 2,	  /* the task's cgroup is that of a container, or may be */
	EVF_COMPAT = 1 << 3,	  /* a 32-bit system call */
	EVF_CUT = 1 << 4,	  /* a string did not fit; it carries EV_STR_CUT itself */
	EVF_SIDE = 1 << 5,	  /* sent by programs of side 1: see control.h */
};

/* ev_str.kind */
enum ev_str_kind {
	EV_STR_TEXT = 0, /* bytes as they were */
	EV_STR_PATH,	 /* path components, leaf first, each ended by NUL */
	EV_STR_ARGS,	 /* arguments, each ended by NUL */
};

/* ev_str.flags */
enum ev_str_flag {
	EV_STR_CUT = 1 << 0,	  /* longer than what is here */
	EV_STR_USER = 1 << 1,	  /* read from the caller's memory, not from a kernel object */
	EV_STR_DETACHED = 1 << 2, /* the path ends at a mount outside the task's root, or at none */
};

struct ev_str {
	__u16 off;   /* from the first byte of the record; 0 with len 0: absent */
	__u16 len;   /* bytes, ending NULs of components and arguments included */
	__u16 kind;  /* enum ev_str_kind */
	__u16 flags; /* enum ev_str_flag */
};

/*
 * task->real_cred: what the task is, also while the kernel acts for it with other credentials
 * (overlayfs does). Ids in the initial user namespace.
 */
struct ev_cred {
	__u32 uid, euid, suid;
	__u32 gid, egid, sgid;
	__u64 permitted, effective, bounding; /* capability bits */
};

/* Inode numbers of the namespaces of a task (nsproxy, and cred->user_ns). */
struct ev_nsset {
	__u32 mnt, pid, net, ipc, uts, cgroup, user;
	__u32 pid_for_children;
};

/* Names a process for the time of one boot. */
struct ev_task {
	__u64 start_ns; /* start of the thread group leader, CLOCK_BOOTTIME, ns */
	__u32 tgid;
	__u32 pad;
};

struct ev_head {
	__u32 len;	 /* of the whole record, bytes */
	__u16 type;	 /* enum ev_type */
	__u16 flags;	 /* enum ev_flag */
	__u64 time_ns;	 /* CLOCK_BOOTTIME, ns */
	__u64 cgroup_id; /* kernfs id of the task's cgroup in the hierarchy that names containers */
	__u64 start_ns;	 /* as in struct ev_task */
	__u32 tgid, tid; /* in the initial pid namespace */
	struct ev_cred cred;
	__u32 mnt_ns, pid_ns, user_ns; /* inode numbers */
	__u32 threads;		       /* of the process */
	/*
	 * Records that could not be delivered before this one, modulo 2^32: of anybody, but those held
	 * back for a container's share count in that container's records alone.
	 */
	__u32 lost;
	__u32 pad;
	char comm[EV_COMM_LEN];
};

struct ev_exec {
	struct ev_head head;
	struct ev_nsset ns;
	struct ev_task ancestors[EV_ANCESTORS]; /* [0] is the parent; tgid 0: none */
	__u64 root_ino;				/* the task's root directory */
	__u64 exe_ino;
	__u32 root_dev; /* kernel's dev_t: major << 20 | minor */
	__u32 exe_dev;
	__u32 exe_uid, exe_gid;
	__u16 exe_mode; /* st_mode */
	__u8 seccomp;	/* task->seccomp.mode: 0 off, 1 strict, 2 filter */
	__u8 no_new_privs;
	__u8 secureexec; /* bprm->secureexec: the file gave privileges (setuid, setgid, capability) */
	__u8 exe_nosuid; /* the mount of the executable ignores setuid bits and file capabilities */
	__u16 pad;
	__u32 loginuid;
	__u32 args_len;		    /* of the whole argument area, bytes */
	__u64 inheritable, ambient; /* capability bits */
	struct ev_str exe;	    /* PATH, from the task's root */
	struct ev_str args;	    /* ARGS */
	struct ev_str cwd;	    /* PATH */
};

struct ev_fork {
	struct ev_head head; /* the parent */
	struct ev_task child;
	__u64 child_cgroup_id;
	struct ev_nsset child_ns;
	struct ev_cred child_cred;
};

struct ev_exit {
	struct ev_head head;
	__s32 code; /* as wait(2) reports it: status << 8 | signal */
	__u32 pad;
};

struct ev_cgroup { /* EV_CGROUP_MKDIR, EV_CGROUP_RMDIR; the head is who did it */
	struct ev_head head;
	__u64 id, parent_id;
	__u64 container; /* cgroup id of the container this one lies within, or 0 */
	__u32 level, pad;
	struct ev_str path; /* TEXT, from the root of the hierarchy */
};

struct ev_attach { /* EV_CGROUP_ATTACH; the head is who did it */
	struct ev_head head;
	__u64 id; /* destination */
	struct ev_task target;
	struct ev_task ancestors[EV_ANCESTORS]; /* of the target, as in struct ev_exec */
	struct ev_str path;
};

enum ev_file_op {
	FILE_OTHER = 0,
	FILE_OPEN, /* for writing */
	FILE_CREATE,
	FILE_TRUNCATE,
	FILE_MKDIR,
	FILE_RMDIR,
	FILE_UNLINK,
	FILE_RENAME,
	FILE_LINK,
	FILE_SYMLINK,
	FILE_MKNOD,
	FILE_CHMOD,
	FILE_CHOWN,
	FILE_UTIME,
	FILE_SETXATTR,
	FILE_REMOVEXATTR,
	FILE_IOCTL,
	FILE_BIND, /* a socket's name */
	FILE_ALLOCATE,
	FILE_OP_MAX,
};

struct ev_file {
	struct ev_head head;
	__u16 op;	 /* enum ev_file_op */
	__u16 syscall;	 /* number in the caller's table (see EVF_COMPAT) */
	__s32 ret;	 /* 0 or a negative errno */
	__u64 container; /* cgroup id of the container whose root file system it lies on, where a
				 * process from outside wrote; else 0 */
	__u64 ino;	 /* 0 where no object was reached */
	__u32 dev;
	__u32 mode;
	__u32 open_flags;
	__u8 mnt_ro, sb_ro; /* of the file's mount and superblock */
	__u16 pad;
	struct ev_str path;	 /* PATH: the object, or the directory that user_path starts from */
	struct ev_str user_path; /* TEXT, EV_STR_USER; absent where path is the object */
};

enum ev_mount_op {
	MOUNT_MOUNT = 1,
	MOUNT_REMOUNT, /* mount(MS_REMOUNT), with or without MS_BIND */
	MOUNT_BIND,
	MOUNT_MOVE, /* mount(MS_MOVE), move_mount */
	MOUNT_PROPAGATION,
	MOUNT_UMOUNT,
	MOUNT_OPEN_TREE,
	MOUNT_FSOPEN,
	MOUNT_FSMOUNT,
	MOUNT_FSPICK,
	MOUNT_SETATTR,
	MOUNT_PIVOT_ROOT,
	MOUNT_CHROOT,
	MOUNT_OP_MAX,
};

struct ev_mount {
	struct ev_head head;
	__u16 op; /* enum ev_mount_op */
	__u16 syscall;
	__s32 ret;
	__u64 flags;			       /* of the call */
	__u64 attr_set, attr_clr, propagation; /* mount_setattr */
	struct ev_str source;		       /* as the caller gave it */
	struct ev_str target;
	struct ev_str fstype;
	/* PATH: what a relative source starts from; the object where source is empty */
	struct ev_str source_dir;
	struct ev_str target_dir;
};

enum ev_cred_op {
	CRED_SETUID = 1, /* the setuid family */
	CRED_SETGID,	 /* the setgid family, setgroups */
	CRED_CAPSET,
	CRED_PRCTL,
	CRED_OP_MAX,
};

struct ev_cred_change { /* EV_CRED; head.cred is what the kernel has now */
	struct ev_head head;
	__u16 op; /* enum ev_cred_op */
	__u16 syscall;
	__u32 pad;
	__u64 args[3];
};

struct ev_capable {
	struct ev_head head;
	__s32 cap;	      /* number of the capability */
	__s32 ret;	      /* 0: granted */
	__u32 target_user_ns; /* namespace it was wanted in */
	__u32 pad;
};

enum ev_ns_op {
	NS_SETNS = 1,
	NS_UNSHARE,
	NS_OPEN, /* a namespace file was opened */
	NS_OP_MAX,
};

struct ev_ns {
	struct ev_head head;
	__u16 op; /* enum ev_ns_op */
	__u16 syscall;
	__u32 flags; /* CLONE_NEW* of the call */
	__u32 ino;   /* of the namespace file, NS_OPEN and NS_SETNS; else 0 */
	__u32 pad;
	struct ev_nsset ns; /* of the task, after the call */
};

enum guard_op {
	/* told by the kernel half: the head is who did it */
	GUARD_SIGNAL = 1,
	GUARD_TRACE,	  /* ptrace(2) */
	GUARD_MEMORY,	  /* process_vm_readv(2), process_vm_writev(2), /proc/PID/mem */
	GUARD_DESCRIPTOR, /* pidfd_getfd(2) */
	GUARD_OPEN,	  /* a descriptor of our map, program or link was taken */
	GUARD_CHANGE,	  /* our map or link was changed by another */
	GUARD_FREEZE,	  /* our cgroup is being frozen */
	/* told by userspace, which knows nobody who did it: the head has no task */
	GUARD_UNCLEAN, /* the monitor before this one left no word of its end; value: its last, ns of the epoch */
	GUARD_STOOD, /* the monitor did not run; value: ns, detail: enum guard_stood */
	GUARD_CLOCK, /* the clock was set; value: by how many ns */
	GUARD_FILE, /* one of our files is another or gone; name: its path, detail: enum guard_file */
	GUARD_MAP,   /* a map of ours does not hold what we wrote; name: the map */
	GUARD_MOVED, /* we are in another cgroup; name: its path */
	GUARD_OP_MAX,
};

/* ev_guard.how */
enum guard_how {
	GUARD_BY_KERNEL = 1 << 0, /* no process asked for the signal */
	GUARD_BY_PARENT = 1 << 1, /* the parent of the process it was sent to */
};

/* ev_guard.detail of GUARD_STOOD: what it did instead */
enum guard_stood {
	STOOD_STILL = 1, /* stopped, frozen, or held up by who reads its output */
	STOOD_STARVED,	 /* it was ready to run, and got no processor */
	STOOD_BUSY,	 /* it worked on events */
	STOOD_MAX,
};

/* ev_guard.detail of GUARD_FILE */
enum guard_file {
	FILE_CHANGED = 1,
	FILE_REPLACED,
	FILE_REMOVED,
	FILE_UNPINNED, /* a map's or a program's pin; name is its name alone */
	FILE_ACT_MAX,
};

/* ev_guard.how of GUARD_UNCLEAN */
enum guard_unclean {
	UNCLEAN_REBOOT = 1 << 2, /* the machine has been started anew since */
};

struct ev_guard {
	struct ev_head head;
	__u16 op;     /* enum guard_op */
	__u16 how;    /* enum guard_how */
	__s32 ret;    /* 0 or a negative errno */
	__u32 target; /* which process of ours (tgid); 0: none */
	__u32 detail; /* the signal; the command of bpf(2) */
	__u16 kind;   /* enum guarded_kind: what it was done to */
	__u16 role;   /* enum guarded_role: whose it is */
	__u32 pad;
	__u64 id;	    /* of the map, program, link or cgroup */
	__s64 value;	    /* as enum guard_op says */
	struct ev_str name; /* TEXT: its name */
};

/* --- records made by userspace --- */

struct ev_start {
	struct ev_head head;
	__u64 realtime_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME, ns: turns time_ns into a date */
	struct ev_nsset host; /* namespaces of the host */
	__u64 root_ino;	      /* root directory of the host */
	__u32 root_dev;
	__u32 v1;	/* 1: containers are named by a cgroup v1 hierarchy */
	__u32 host_pid; /* whose namespaces and mounts stand for the host's: 1, or the monitor */
	__u32 own_pid;	/* the monitor */
	struct ev_str cgroup_root; /* TEXT: where that hierarchy is mounted */
};

struct ev_fact {
	struct ev_head head;
	__s32 ret;  /* 0, a handle, or a negative errno */
	__u32 size; /* bytes of content, which follow the record's len, padded to eight */
	__u32 kind; /* what was asked: see source/recording.c */
	__u32 pad;
	struct ev_str name; /* TEXT: what was asked for */
};

struct ev_mounts_changed {
	struct ev_head head; /* cgroup_id is the container's; no task */
};

/* The classes events are admitted and counted by. */
enum ev_class {
	CLASS_PROCESS,
	CLASS_CGROUP,
	CLASS_FILE,
	CLASS_MOUNT,
	CLASS_CRED,
	CLASS_GUARD, /* what is done to the monitor: no flood of another kind may hide it */
	CLASS_MAX,
};

struct ev_counts {
	__u64 sent;	 /* written to the ring */
	__u64 lost;	 /* the ring was full */
	__u64 busy;	 /* no scratch slot was free */
	__u64 truncated; /* sent, with a string cut */
	__u64 limited; /* bulk class, held back to leave room for the rest: see struct ev_flood too */
};

struct ev_loss {
	struct ev_head head;
	struct ev_counts counts[CLASS_MAX]; /* totals since the start */
};

struct ev_flood {
	struct ev_head head; /* cgroup_id is the container's; no task */
	__u64 from_ns;	     /* CLOCK_BOOTTIME: since when; to the time of the record */
	__u64 limited[CLASS_MAX];
};

#endif
