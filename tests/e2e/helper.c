// SPDX-License-Identifier: Apache-2.0
/*
 * What the containers of the end-to-end tests run: one subcommand for each system call that the
 * monitor is to see. Static, so that it runs in a root file system that holds nothing else.
 *
 * Prints "COMMAND PATH: ok" or "COMMAND PATH: ERRNO" for each step. Exit: 0 when the step was
 * done or was refused (the test reads the line), 2 when it was called wrongly.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define USER_ID 1000

/* Not sys/mount.h, which disagrees with linux/mount.h about some names. */
static long mount_old(const char *source, const char *target, const char *type, unsigned long flags,
		      const void *data)
{
	return syscall(SYS_mount, source, target, type, flags, data);
}

static int report(const char *what, const char *path, long ret)
{
	int err = errno;

	printf("%s %s: %s\n", what, path, ret < 0 ? strerrorname_np(err) : "ok");
	fflush(stdout);
	return 0;
}

/* --- write-like calls on one path; the descriptor or 0, or -1 --- */

static long do_creat(const char *path)
{
	return creat(path, 0644);
}

static long do_open_write(const char *path)
{
	return open(path, O_WRONLY);
}

static long do_open_rdwr(const char *path)
{
	return open(path, O_RDWR);
}

static long do_open_create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
}

static long do_open_truncate(const char *path)
{
	return open(path, O_RDONLY | O_TRUNC);
}

static long do_truncate(const char *path)
{
	return truncate(path, 1);
}

static long do_mkdir(const char *path)
{
	return mkdir(path, 0755);
}

static long do_rmdir(const char *path)
{
	return rmdir(path);
}

static long do_unlink(const char *path)
{
	return unlink(path);
}

static long do_rename(const char *path)
{
	char to[4096];

	snprintf(to, sizeof(to), "%s.renamed", path);
	return rename(path, to);
}

static long do_link(const char *path)
{
	char to[4096];

	snprintf(to, sizeof(to), "%s.link", path);
	return link(path, to);
}

static long do_symlink(const char *path)
{
	return symlink("anywhere", path);
}

static long do_mknod(const char *path)
{
	return mknod(path, S_IFIFO | 0644, 0);
}

static long do_chmod(const char *path)
{
	return chmod(path, 0700);
}

static long do_chown(const char *path)
{
	return chown(path, USER_ID, USER_ID);
}

static long do_lchown(const char *path)
{
	return lchown(path, USER_ID, USER_ID);
}

static long do_utime(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, 0);
}

static long do_setxattr(const char *path)
{
	return setxattr(path, "user.keelwatch", "1", 1, 0);
}

static long do_removexattr(const char *path)
{
	return removexattr(path, "user.keelwatch");
}

static long do_bind(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

/* --- no writes, though they look like it --- */

static long do_access_write(const char *path)
{
	return access(path, W_OK);
}

static long do_open_rdonly_creat(const char *path)
{
	return open(path, O_RDONLY | O_CREAT, 0644);
}

/* --- mounts --- */

static long do_remount_rw(const char *path)
{
	return mount_old(NULL, path, NULL, MS_REMOUNT | MS_BIND, NULL);
}

static long do_setattr_rw(const char *path)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof(attr));
}

static long do_make_shared(const char *path)
{
	return mount_old(NULL, path, NULL, MS_SHARED | MS_REC, NULL);
}

static long do_make_shared_new(const char *path)
{
	struct mount_attr attr = { .propagation = MS_SHARED };

	return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attr, sizeof(attr));
}

static long do_mount_tmpfs(const char *path)
{
	return mount_old("tmpfs", path, "tmpfs", 0, NULL);
}

static long do_umount(const char *path)
{
	return syscall(SYS_umount2, path, 0);
}

/* --- namespaces and roots --- */

static long do_open_ns(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static long do_setns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

static long do_chroot(const char *path)
{
	return chroot(path);
}

/* --- without a system call of its own: io_uring --- */

/* A ring for one request, mapped whole; its memory goes with the process. */
static int uring_open(struct io_uring_params *p, struct io_uring_sqe **sqe, char **ring)
{
	int fd = syscall(SYS_io_uring_setup, 1, p);
	size_t size;

	if (fd < 0)
		return -1;
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (size < p->sq_off.array + p->sq_entries * sizeof(__u32))
		size = p->sq_off.array + p->sq_entries * sizeof(__u32);
	*ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		     IORING_OFF_SQ_RING);
	*sqe = mmap(NULL, sizeof(**sqe), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		    IORING_OFF_SQES);
	return *ring == MAP_FAILED || *sqe == MAP_FAILED ? -1 : fd;
}

/* Does one request and waits for it. A kernel that has no such request says ENOSYS. */
static long uring_do(const struct io_uring_sqe *request)
{
	struct io_uring_params p = {};
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	char *ring;
	int fd = uring_open(&p, &sqe, &ring);

	if (fd < 0)
		return -1;
	if (!(p.features & IORING_FEAT_SINGLE_MMAP)) {
		errno = ENOSYS;
		return -1;
	}
	*sqe = *request;
	*(__u32 *)(ring + p.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(ring + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -1;
	cqe = (struct io_uring_cqe *)(ring + p.cq_off.cqes);
	if (cqe->res >= 0)
		return cqe->res;
	errno = cqe->res == -EINVAL ? ENOSYS : -cqe->res;
	return -1;
}

static long do_uring_open(const char *path)
{
	return uring_do(&(struct io_uring_sqe){
		.opcode = IORING_OP_OPENAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
		.len = 0644,
		.open_flags = O_WRONLY | O_CREAT,
	});
}

static long do_uring_unlink(const char *path)
{
	return uring_do(&(struct io_uring_sqe){
		.opcode = IORING_OP_UNLINKAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
	});
}

static long do_uring_mkdir(const char *path)
{
	return uring_do(&(struct io_uring_sqe){
		.opcode = IORING_OP_MKDIRAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
		.len = 0755,
	});
}

static long do_uring_rename(const char *path)
{
	char to[4096];

	snprintf(to, sizeof(to), "%s.renamed", path);
	return uring_do(&(struct io_uring_sqe){
		.opcode = IORING_OP_RENAMEAT,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
		.addr2 = (uintptr_t)to,
		.len = AT_FDCWD,
	});
}

/* --- by a handle instead of a path --- */

static long do_handle_write(const char *path)
{
	struct {
		struct file_handle head;
		unsigned char bytes[MAX_HANDLE_SZ];
	} handle = { .head.handle_bytes = MAX_HANDLE_SZ };
	char folder[4096];
	int mount;

	if (name_to_handle_at(AT_FDCWD, path, &handle.head, &mount, 0) < 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s", path);
	mount = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return mount < 0 ? -1 : open_by_handle_at(mount, &handle.head, O_WRONLY);
}

/* --- acts on another process, or on BPF maps; instead of a path a pid, or the name of a map --- */

static long do_trace(const char *pid)
{
	int status;
	long ret = ptrace(PTRACE_SEIZE, atoi(pid), 0, 0);

	if (ret < 0 || ptrace(PTRACE_INTERRUPT, atoi(pid), 0, 0) < 0)
		return -1;
	waitpid(atoi(pid), &status, __WALL);
	return ptrace(PTRACE_DETACH, atoi(pid), 0, 0);
}

/* With a count of nothing: a call that succeeds on any address. */
static long do_read_memory(const char *pid)
{
	char byte;
	struct iovec here = { &byte, 0 }, there = { (void *)16, 0 };

	return process_vm_readv(atoi(pid), &here, 1, &there, 1, 0);
}

static long do_open_memory(const char *pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", atoi(pid));
	return open(path, O_RDONLY);
}

static long do_take_descriptor(const char *pid)
{
	int fd = syscall(SYS_pidfd_open, atoi(pid), 0);

	return fd < 0 ? -1 : syscall(SYS_pidfd_getfd, fd, 2, 0);
}

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* A descriptor of the newest map of that name. */
static int map_of(const char *name)
{
	struct bpf_map_info info;
	union bpf_attr attr = {};
	int found = -1, fd;
	__u32 next = 0;

	while (attr.start_id = next, !bpf(BPF_MAP_GET_NEXT_ID, &attr)) {
		next = attr.next_id;
		union bpf_attr get = { .map_id = next }, ask = {};

		fd = bpf(BPF_MAP_GET_FD_BY_ID, &get);
		if (fd < 0)
			continue;
		info = (struct bpf_map_info){};
		ask.info.bpf_fd = fd;
		ask.info.info_len = sizeof(info);
		ask.info.info = (uintptr_t)&info;
		if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) && !strcmp(info.name, name)) {
			if (found >= 0)
				close(found);
			found = fd;
		} else {
			close(fd);
		}
	}
	return found;
}

static long do_map_open(const char *name)
{
	int fd = map_of(name);

	errno = ENOENT;
	return fd;
}

/* Its first element is read and written back with another byte in it. */
static long do_map_change(const char *name)
{
	char value[4096] = {};
	int key = 0, fd = map_of(name);
	union bpf_attr attr = { .map_fd = fd };

	errno = ENOENT;
	if (fd < 0)
		return -1;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		return -1;
	value[0]++;
	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static const struct path_command {
	const char *name;
	long (*run)(const char *path);
} path_commands[] = {
	{ "creat", do_creat },
	{ "open-write", do_open_write },
	{ "open-rdwr", do_open_rdwr },
	{ "open-create", do_open_create },
	{ "open-truncate", do_open_truncate },
	{ "truncate", do_truncate },
	{ "mkdir", do_mkdir },
	{ "rmdir", do_rmdir },
	{ "unlink", do_unlink },
	{ "rename", do_rename },
	{ "link", do_link },
	{ "symlink", do_symlink },
	{ "mknod", do_mknod },
	{ "chmod", do_chmod },
	{ "chown", do_chown },
	{ "lchown", do_lchown },
	{ "utime", do_utime },
	{ "setxattr", do_setxattr },
	{ "removexattr", do_removexattr },
	{ "bind", do_bind },
	{ "access-write", do_access_write },
	{ "open-rdonly-creat", do_open_rdonly_creat },
	{ "remount-rw", do_remount_rw },
	{ "setattr-rw", do_setattr_rw },
	{ "make-shared", do_make_shared },
	{ "make-shared-new", do_make_shared_new },
	{ "mount-tmpfs", do_mount_tmpfs },
	{ "umount", do_umount },
	{ "open-ns", do_open_ns },
	{ "setns", do_setns },
	{ "chroot", do_chroot },
	{ "uring-open", do_uring_open },
	{ "uring-unlink", do_uring_unlink },
	{ "uring-mkdir", do_uring_mkdir },
	{ "uring-rename", do_uring_rename },
	{ "handle-write", do_handle_write },
	{ "trace", do_trace },
	{ "read-memory", do_read_memory },
	{ "open-memory", do_open_memory },
	{ "take-descriptor", do_take_descriptor },
	{ "map-open", do_map_open },
	{ "map-change", do_map_change },
};

/* --- commands with arguments of their own --- */

/* DIR: each write-like call once; DIR holds "file" and "dir", and nothing called "new". */
static int run_writes(int argc, char **argv)
{
	static const struct {
		const char *command, *name;
	} steps[] = {
		{ "creat", "new-creat" },    { "open-write", "file" },
		{ "open-rdwr", "file" },     { "open-create", "new-open" },
		{ "open-truncate", "file" }, { "truncate", "file" },
		{ "mkdir", "new-mkdir" },    { "rmdir", "dir" },
		{ "unlink", "file" },	     { "rename", "file" },
		{ "link", "file" },	     { "symlink", "new-symlink" },
		{ "mknod", "new-mknod" },    { "chmod", "file" },
		{ "chown", "file" },	     { "lchown", "file" },
		{ "utime", "file" },	     { "setxattr", "file" },
		{ "removexattr", "file" },   { "bind", "new-bind" },
	};
	char path[4096];

	(void)argc;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		for (size_t j = 0; j < sizeof(path_commands) / sizeof(*path_commands); j++) {
			if (strcmp(path_commands[j].name, steps[i].command))
				continue;
			snprintf(path, sizeof(path), "%s/%s", strcmp(argv[1], "/") ? argv[1] : "",
				 steps[i].name);
			report(steps[i].command, path, path_commands[j].run(path));
		}
	}
	return 0;
}

/* TYPE SOURCE TARGET [DATA] */
static int run_mount(int argc, char **argv)
{
	return report("mount", argv[3],
		      mount_old(argv[2], argv[3], argv[1], 0, argc > 4 ? argv[4] : NULL));
}

/* SOURCE TARGET */
static int run_bind_mount(int argc, char **argv)
{
	(void)argc;
	return report("bind-mount", argv[2],
		      mount_old(argv[1], argv[2], NULL, MS_BIND | MS_REC, NULL));
}

/* SOURCE TARGET, by open_tree and move_mount */
static int run_bind_mount_new(int argc, char **argv)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, argv[1],
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	(void)argc;
	if (fd < 0)
		return report("open_tree", argv[1], fd);
	return report("bind-mount-new", argv[2],
		      syscall(SYS_move_mount, fd, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH));
}

/*
 * NS-FILE SOURCE TARGET: takes a tree from another mount namespace into its own, or with "give"
 * one of its own into the other: open_tree in the one, move_mount in the other.
 */
static int carry_mount(char **argv, bool give)
{
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	int other = open(argv[1], O_RDONLY | O_CLOEXEC), tree;

	if (own < 0 || other < 0)
		return report("carry-mount", argv[1], -1);
	if (!give && setns(other, CLONE_NEWNS) < 0)
		return report("setns", argv[1], -1);
	tree = syscall(SYS_open_tree, AT_FDCWD, argv[2], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0)
		return report("open_tree", argv[2], tree);
	if (setns(give ? other : own, CLONE_NEWNS) < 0)
		return report("setns", argv[1], -1);
	return report(argv[0], argv[3],
		      syscall(SYS_move_mount, tree, "", AT_FDCWD, argv[3],
			      MOVE_MOUNT_F_EMPTY_PATH));
}

static int run_take_mount(int argc, char **argv)
{
	(void)argc;
	return carry_mount(argv, false);
}

static int run_give_mount(int argc, char **argv)
{
	(void)argc;
	return carry_mount(argv, true);
}

/* TYPE TARGET [KEY=VALUE]..., by fsopen, fsconfig, fsmount and move_mount */
static int run_mount_new(int argc, char **argv)
{
	int fs = syscall(SYS_fsopen, argv[1], FSOPEN_CLOEXEC), mnt;

	if (fs < 0)
		return report("fsopen", argv[1], fs);
	for (int i = 3; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value)
			*value++ = '\0';
		if (syscall(SYS_fsconfig, fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			    argv[i], value, 0) < 0)
			return report("fsconfig", argv[i], -1);
	}
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return report("fsconfig", "create", -1);
	mnt = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	if (mnt < 0)
		return report("fsmount", argv[2], mnt);
	return report("mount-new", argv[2],
		      syscall(SYS_move_mount, mnt, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH));
}

/* Root gives up its effective uid, keeps the saved one, and takes it back. */
static int run_saved_uid(int argc, char **argv)
{
	(void)argc, (void)argv;
	if (setresuid(USER_ID, USER_ID, 0) < 0)
		return report("drop", "uid", -1);
	return report("saved-uid", "0", setresuid(0, 0, 0));
}

static long caps_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capget, &head, data);
}

static long caps_set(const struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(SYS_capset, &head, data);
}

/* Gives up every effective capability, keeps them permitted, and raises them again. */
static int run_capset_raise(int argc, char **argv)
{
	struct __user_cap_data_struct have[2], none[2];

	(void)argc, (void)argv;
	if (caps_get(have) < 0)
		return report("capget", "", -1);
	memcpy(none, have, sizeof(none));
	none[0].effective = none[1].effective = 0;
	if (caps_set(none) < 0)
		return report("capset", "none", -1);
	have[0].effective = have[0].permitted;
	have[1].effective = have[1].permitted;
	return report("capset-raise", "", caps_set(have));
}

/* A user namespace of its own, in which a process has every capability. */
static int run_unshare_user(int argc, char **argv)
{
	(void)argc, (void)argv;
	return report("unshare-user", "", unshare(CLONE_NEWUSER));
}

/* SECONDS, fractions allowed */
static int run_sleep(int argc, char **argv)
{
	double s = strtod(argv[1], NULL);
	struct timespec ts = { .tv_sec = (time_t)s, .tv_nsec = (s - (double)(time_t)s) * 1e9 };

	(void)argc;
	nanosleep(&ts, NULL);
	return 0;
}

/* PROGRAM [ARG]... */
static int run_exec(int argc, char **argv)
{
	(void)argc;
	execv(argv[1], argv + 1);
	return report("exec", argv[1], -1);
}

static const struct {
	const char *name;
	unsigned int bit;
} capability_names[] = {
	{ "bpf", CAP_BPF },
	{ "dac_read_search", CAP_DAC_READ_SEARCH },
	{ "perfmon", CAP_PERFMON },
	{ "sys_admin", CAP_SYS_ADMIN },
	{ "sys_ptrace", CAP_SYS_PTRACE },
	{ "sys_resource", CAP_SYS_RESOURCE },
};

/* "bpf,perfmon"; names it does not know are left out. */
static unsigned long long capabilities_of(char *names)
{
	unsigned long long set = 0;
	char *at = NULL;

	for (char *name = strtok_r(names, ",", &at); name; name = strtok_r(NULL, ",", &at))
		for (size_t i = 0; i < sizeof(capability_names) / sizeof(*capability_names); i++)
			if (!strcmp(capability_names[i].name, name))
				set |= 1ULL << capability_names[i].bit;
	return set;
}

/* UID CAPABILITY[,CAPABILITY]... PROGRAM [ARG]...: executes with these capabilities and no others */
static int run_capped(int argc, char **argv)
{
	unsigned long long set = capabilities_of(argv[2]);
	struct __user_cap_data_struct data[2] = {
		{ .effective = set, .permitted = set, .inheritable = set },
		{ .effective = set >> 32, .permitted = set >> 32, .inheritable = set >> 32 },
	};
	uid_t uid = strtoul(argv[1], NULL, 10);

	for (unsigned int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(set >> cap & 1) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return report("drop", argv[2], -1);
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
		return report("become", argv[1], -1);
	if (caps_set(data) < 0)
		return report("capset", argv[2], -1);
	for (unsigned int cap = 0; cap < 64; cap++)
		if (set >> cap & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return report("ambient", argv[2], -1);
	return run_exec(argc - 2, argv + 2);
}

/* NS-FILE PROGRAM [ARG]...: joins the namespace, then executes */
static int run_setns_exec(int argc, char **argv)
{
	long ret = do_setns(argv[1]);

	report("setns", argv[1], ret);
	return ret < 0 ? 0 : run_exec(argc - 1, argv + 1);
}

/* PATH: creates or opens it, and writes a line */
static int run_write_file(int argc, char **argv)
{
	int fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND, 0644);

	(void)argc;
	return report("write-file", argv[1], fd < 0 ? fd : write(fd, "keelwatch\n", 10));
}

/* NEW-ROOT PUT-OLD */
static int run_pivot_root(int argc, char **argv)
{
	(void)argc;
	return report("pivot-root", argv[1], syscall(SYS_pivot_root, argv[1], argv[2]));
}

static const struct command {
	const char *name;
	int args; /* at least */
	int (*run)(int argc, char **argv);
	const char *usage;
} commands[] = {
	{ "writes", 1, run_writes, "DIR" },
	{ "write-file", 1, run_write_file, "PATH" },
	{ "mount", 3, run_mount, "TYPE SOURCE TARGET [DATA]" },
	{ "mount-new", 2, run_mount_new, "TYPE TARGET [KEY=VALUE]..." },
	{ "bind-mount", 2, run_bind_mount, "SOURCE TARGET" },
	{ "bind-mount-new", 2, run_bind_mount_new, "SOURCE TARGET" },
	{ "take-mount", 3, run_take_mount, "NS-FILE SOURCE TARGET" },
	{ "give-mount", 3, run_give_mount, "NS-FILE SOURCE TARGET" },
	{ "pivot-root", 2, run_pivot_root, "NEW-ROOT PUT-OLD" },
	{ "setns-exec", 2, run_setns_exec, "NS-FILE PROGRAM [ARG]..." },
	{ "saved-uid", 0, run_saved_uid, "" },
	{ "capset-raise", 0, run_capset_raise, "" },
	{ "capped", 3, run_capped, "UID CAPABILITY[,CAPABILITY]... PROGRAM [ARG]..." },
	{ "unshare-user", 0, run_unshare_user, "" },
	{ "sleep", 1, run_sleep, "SECONDS" },
	{ "exec", 1, run_exec, "PROGRAM [ARG]..." },
};

static int usage(void)
{
	fprintf(stderr, "usage: helper COMMAND [ARG]...\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		fprintf(stderr, "  %s %s\n", commands[i].name, commands[i].usage);
	for (size_t i = 0; i < sizeof(path_commands) / sizeof(*path_commands); i++)
		fprintf(stderr, "  %s PATH...\n", path_commands[i].name);
	return 2;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return usage();
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].args)
			return commands[i].run(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(path_commands) / sizeof(*path_commands); i++) {
		if (strcmp(argv[1], path_commands[i].name) || argc < 3)
			continue;
		for (int a = 2; a < argc; a++)
			report(argv[1], argv[a], path_commands[i].run(argv[a]));
		return 0;
	}
	return usage();
}
