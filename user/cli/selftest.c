/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keelwatch selftest: makes a throw-away container with the OCI runtime at hand, does safe versions of
 * the three attacks in it, and shows that each is caught. The program in the container is this one.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/live.h"

#define NOBODY 65534
#define SETTLE_US 1500000 /* the monitor's time to say the last finding */
#define PROGRAM "/keelwatch"
#define SETUID_PROGRAM "/keelwatch-setuid"
#define ROUNDS 5 /* a busy machine's monitor may not watch system calls yet at the first */
#define ROUND_US 200000
#define ATTEMPT "/selftest-write"

/* --- inside the container --- */

static int gain_root(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		execl(SETUID_PROGRAM, SETUID_PROGRAM, "selftest-inside", "gained", NULL);
		_exit(1);
	}
	return pid < 0 || waitpid(pid, &status, 0) < 0 || status;
}

static int attack(void)
{
	int fd = open(ATTEMPT, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 || errno != EROFS) {
		fprintf(stderr, "selftest: the container's root is not read-only\n");
		return EXIT_ERROR;
	}
	return gain_root() ? EXIT_ERROR : EXIT_FINE;
}

int command_selftest_inside(int argc, char **argv)
{
	int code = EXIT_FINE;

	if (argc > 1 && !strcmp(argv[1], "gained"))
		return geteuid() ? EXIT_ERROR : EXIT_FINE;
	for (int i = 0; i < ROUNDS && !code; i++) {
		code = attack();
		usleep(ROUND_US);
	}
	return code;
}

/* --- the container --- */

static const char config[] =
	"{ \"ociVersion\": \"1.0.2\", \"process\": { \"user\": { \"uid\": 0, \"gid\": 0 },"
	" \"args\": [ \"" PROGRAM
	"\", \"selftest-inside\" ], \"env\": [ \"PATH=/\" ], \"cwd\": \"/\","
	" \"capabilities\": { \"bounding\": [ \"CAP_SETUID\", \"CAP_SETGID\" ],"
	" \"effective\": [ \"CAP_SETUID\", \"CAP_SETGID\" ],"
	" \"permitted\": [ \"CAP_SETUID\", \"CAP_SETGID\" ] } },"
	" \"root\": { \"path\": \"rootfs\", \"readonly\": true }, \"hostname\": \"keelwatch-selftest\","
	" \"mounts\": [ { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },"
	" { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\" },"
	" { \"destination\": \"/host\", \"type\": \"bind\", \"source\": \"/etc\","
	" \"options\": [ \"rbind\", \"ro\" ] } ],"
	" \"linux\": { \"namespaces\": [ { \"type\": \"pid\" }, { \"type\": \"mount\" },"
	" { \"type\": \"ipc\" }, { \"type\": \"uts\" }, { \"type\": \"network\" } ],"
	" \"maskedPaths\": [ \"/proc/kcore\" ] } }\n";

struct check {
	const char *rule;
	const char *what;
	bool seen;
};

struct selftest {
	struct check checks[3];
	char id[64];
	char dir[64];
	const char *runtime;
	atomic_bool stop;
	int status; /* of the container */
};

static int copy_self(const char *path, mode_t mode)
{
	_cleanup_close_ int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	ssize_t n;

	if (in < 0 || out < 0)
		return -errno;
	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 24, 0)) > 0)
		;
	if (n < 0 && errno == EXDEV) {
		char chunk[65536];

		while ((n = read(in, chunk, sizeof(chunk))) > 0)
			if (write(out, chunk, n) != n)
				return -EIO;
	}
	return n < 0 || fchmod(out, mode) ? -errno : 0;
}

static int write_config(const char *dir)
{
	_cleanup_(buf_free) struct buf path = {};
	_cleanup_fclose_ FILE *f = NULL;

	buf_fmt(&path, "%s/config.json", dir);
	f = fopen(buf_cstr(&path), "we");
	if (!f || fputs(config, f) < 0 || fflush(f))
		return -errno;
	return 0;
}

static int make_place(const char *dir, const char *name)
{
	_cleanup_(buf_free) struct buf path = {};

	buf_fmt(&path, "%s/rootfs%s", dir, name);
	return mkdir(buf_cstr(&path), 0755) ? -errno : 0;
}

static int copy_into(const char *dir, const char *name, mode_t mode)
{
	_cleanup_(buf_free) struct buf path = {};

	buf_fmt(&path, "%s/rootfs%s", dir, name);
	return copy_self(buf_cstr(&path), mode);
}

/* A file system that honours setuid, or there is nothing to gain. */
static int choose_dir(char *dir, size_t size)
{
	static const char *const places[] = { "/var/tmp", "/var/lib", "/tmp", "/root" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct statvfs st;

		if (statvfs(places[i], &st) || st.f_flag & (ST_NOSUID | ST_NOEXEC | ST_RDONLY))
			continue;
		snprintf(dir, size, "%s/keelwatch-selftest.XXXXXX", places[i]);
		if (mkdtemp(dir))
			return 0;
	}
	return -ENOSPC;
}

static int make_bundle(struct selftest *t)
{
	int err = choose_dir(t->dir, sizeof(t->dir));

	if (err)
		t->dir[0] = '\0';
	if (!err)
		err = write_config(t->dir);
	if (!err)
		err = make_place(t->dir, "");
	if (!err)
		err = make_place(t->dir, "/proc");
	if (!err)
		err = make_place(t->dir, "/dev");
	if (!err)
		err = make_place(t->dir, "/host");
	if (!err)
		err = copy_into(t->dir, PROGRAM, 0755);
	if (!err)
		err = copy_into(t->dir, SETUID_PROGRAM, 04755);
	return err;
}

/* Exactly what make_bundle() made, by name: nothing else may ever be removed. */
static void remove_bundle(const struct selftest *t)
{
	static const char *const names[] = { "rootfs" PROGRAM, "rootfs" SETUID_PROGRAM,
					     "rootfs/proc",    "rootfs/host",
					     "rootfs/dev",     "rootfs",
					     "config.json",    "" };

	if (!t->dir[0])
		return;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(buf_free) struct buf path = {};

		buf_fmt(&path, "%s/%s", t->dir, names[i]);
		if (remove(buf_cstr(&path)) && errno != ENOENT)
			log_warn("selftest: left behind: %s: %s", buf_cstr(&path), strerror(errno));
	}
}

static const char *find_runtime(void)
{
	static const char *const names[] = { "runc", "crun" };
	static const char *const dirs[] = { "/usr/bin",	       "/usr/sbin", "/usr/local/bin",
					    "/usr/local/sbin", "/sbin",	    "/bin" };
	static char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t k = 0; k < ARRAY_SIZE(dirs); k++) {
			snprintf(path, sizeof(path), "%s/%s", dirs[k], names[i]);
			if (!access(path, X_OK))
				return path;
		}
	return NULL;
}

static void *run_container(void *arg)
{
	struct selftest *t = arg;
	pid_t pid = fork();

	if (!pid) {
		execl(t->runtime, t->runtime, "run", "--bundle", t->dir, t->id, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &t->status, 0) < 0)
		t->status = -1;
	usleep(SETTLE_US);
	t->stop = true;
	return NULL;
}

/* --- the check --- */

static void on_finding(void *arg, const Keelwatch__Finding *f)
{
	struct selftest *t = arg;

	if (!f->container || strcmp(f->container->id, t->id))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(t->checks); i++)
		if (!strcmp(f->rule, t->checks[i].rule))
			t->checks[i].seen = true;
}

static int watch(struct selftest *t)
{
	struct live_options options = {
		.pipeline = { .on_finding = on_finding, .arg = t },
		.stop = &t->stop,
	};
	pthread_t thread;
	struct live *live;
	int code = live_new(&options, &live);

	if (code)
		return code;
	if (pthread_create(&thread, NULL, run_container, t)) {
		live_free(live);
		return EXIT_ERROR;
	}
	code = live_run(live);
	pthread_join(thread, NULL);
	live_free(live);
	return code;
}

static int report(const struct selftest *t)
{
	int failed = 0;

	if (t->status)
		printf("FAIL  the container: %s ended with %d\n", t->runtime, t->status);
	for (size_t i = 0; i < ARRAY_SIZE(t->checks); i++) {
		printf("%s  %-24s %s\n", t->checks[i].seen ? "PASS" : "FAIL", t->checks[i].rule,
		       t->checks[i].what);
		failed += !t->checks[i].seen;
	}
	printf("selftest: %zu passed, %d failed\n", ARRAY_SIZE(t->checks) - failed, failed);
	return failed || t->status ? EXIT_ERROR : EXIT_FINE;
}

static const struct argp argp = {
	NULL,
	parse_nothing,
	NULL,
	"Make a throw-away container with runc or crun, do safe versions of the three attacks in it, "
	"and show that each is caught.\vTakes about three seconds. The container has a read-only root, two "
	"capabilities, no network, and /etc read-only; its files lie in a folder under /var/tmp and are "
	"removed. Exit codes: 0 all caught, 1 not all, 2 rights or runtime missing, 3 nothing "
	"works on this kernel.",
	NULL,
	NULL,
	NULL,
};

int command_selftest(int argc, char **argv)
{
	struct selftest t = { .checks = {
				      { "readonly-write-attempt",
					"a write on a read-only container", false },
				      { "privilege-gained", "uid 0 by a setuid file", false },
				      { "sensitive-host-mount", "/etc of the host in the container",
					false },
			      } };
	int code, err;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return EXIT_CANNOT;
	code = check_capabilities("selftest", CAPABILITIES_TO_WATCH);
	if (code)
		return code;
	t.runtime = find_runtime();
	if (!t.runtime) {
		fprintf(stderr, "keelwatch selftest: neither runc nor crun is installed\n");
		return EXIT_CANNOT;
	}
	snprintf(t.id, sizeof(t.id), "keelwatch-selftest-%d", getpid());
	err = make_bundle(&t);
	if (err)
		fprintf(stderr, "keelwatch selftest: cannot make a container: %s\n",
			strerror(-err));
	code = err ? EXIT_ERROR : watch(&t);
	if (!err && !code)
		code = report(&t);
	remove_bundle(&t);
	return code;
}
