// SPDX-License-Identifier: Apache-2.0
/*
 * What is measured, on the host and as the program of a container. Reads commands from standard
 * input, one a line, and answers each with one line; `load sleep` only waits.
 *
 *   getppid MS, write MS, open MS, openw MS, exec MS
 *                    does it for so long; CPU nanoseconds of one, the lower quartile of many short
 *                    batches: what disturbs only ever adds
 *   refused N US     N refused writes, each with a name of its own, US apart, into the file given
 *                    as argument: the name, CLOCK_BOOTTIME after the call, how late the timer was
 *   mix N            N rounds of a mixed load: MIX_* below; prints how many records it should make
 *
 * CPU time and not the clock on the wall, because others use the machine too: what a BPF program
 * costs is charged to the task it runs in. That of children counts from when they were waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define BATCH_NS 500000LL /* aimed at; long against reading the clock, short against a turn */
#define BATCHES_MAX 4096  /* of one measurement, which ends there */
#define REFUSED_MAX 100000
#define MIX_REFUSED 8 /* refused writes of one round, of MIX_NAMES names */
#define MIX_OPENS 4   /* opens for writing that succeed */
#define MIX_NAMES 64
#define MIX_RECORDS (3 + MIX_REFUSED + MIX_OPENS) /* fork, exec, exit */

struct load {
	int null;
	const char *writable; /* a file that may be written */
};

static long long now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static long long usage_ns(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * SECOND_NS +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000LL;
}

static long long cpu_ns(void)
{
	return now(CLOCK_PROCESS_CPUTIME_ID) + usage_ns(RUSAGE_CHILDREN);
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- the operations --- */

static void do_getppid(struct load *l)
{
	(void)l;
	syscall(SYS_getppid);
}

static void do_write(struct load *l)
{
	if (write(l->null, "x", 1) != 1)
		die("write");
}

static void open_close(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		die(path);
	close(fd);
}

static void do_open(struct load *l)
{
	(void)l;
	open_close("nothing", O_RDONLY);
}

static void do_openw(struct load *l)
{
	open_close(l->writable, O_RDWR);
}

/* Not posix_spawn(), whose child asks for every signal's action: 64 calls before the exec. */
static void do_exec(struct load *l)
{
	static char *const argv[] = { "nothing", NULL };
	pid_t pid = vfork();
	int status;

	(void)l;
	if (!pid) {
		execve("./nothing", argv, argv + 1);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die("nothing");
}

static const struct op {
	const char *name;
	void (*once)(struct load *l);
} ops[] = {
	{ "getppid", do_getppid }, { "write", do_write }, { "open", do_open },
	{ "openw", do_openw },	   { "exec", do_exec },
};

/* --- measuring --- */

static double batch(struct load *l, const struct op *op, int count)
{
	long long start = cpu_ns();

	for (int i = 0; i < count; i++)
		op->once(l);
	return (double)(cpu_ns() - start) / count;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct load *l, const struct op *op, long ms)
{
	static double times[BATCHES_MAX];
	int n = 0, count = 1;
	long long end;

	while (batch(l, op, count) * count < BATCH_NS)
		count *= 2;
	if (op->once == do_exec && count < 8)
		count = 8; /* children's time has microseconds only */
	end = now(CLOCK_MONOTONIC) + ms * 1000000LL;
	while (n < BATCHES_MAX && (n < 5 || now(CLOCK_MONOTONIC) < end))
		times[n++] = batch(l, op, count);
	qsort(times, n, sizeof(times[0]), by_size);
	printf("%.2f\n", times[n / 4]);
}

/* --- for latency and for recordings --- */

static void refuse(const char *name)
{
	if (open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 || errno != EROFS)
		die("a write was not refused");
}

static void refused(const char *to, long count, long us)
{
	struct timespec pause = { .tv_nsec = us * 1000 };
	FILE *f = fopen(to, "we");

	if (!f || count > REFUSED_MAX)
		die(to);
	for (long i = 0; i < count; i++) {
		long long slept = now(CLOCK_BOOTTIME), done;
		char name[64];

		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
		slept = now(CLOCK_BOOTTIME) - slept;
		snprintf(name, sizeof(name), "/refused-%06ld", i);
		refuse(name);
		done = now(CLOCK_BOOTTIME);
		fprintf(f, "%s %lld %lld\n", name, done, slept - us * 1000);
	}
	if (fclose(f))
		die(to);
	printf("%ld\n", count);
}

static void mix(struct load *l, long rounds)
{
	for (long i = 0; i < rounds; i++) {
		do_exec(l);
		for (int k = 0; k < MIX_REFUSED; k++) {
			char name[64];

			snprintf(name, sizeof(name), "/mixed-%ld", (i + k) % MIX_NAMES);
			refuse(name);
		}
		for (int k = 0; k < MIX_OPENS; k++)
			do_openw(l);
	}
	printf("%ld\n", rounds * MIX_RECORDS);
}

static int serve(struct load *l, const char *to)
{
	char line[256], word[32];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		long a = 0, b = 0;
		bool known = false;

		if (sscanf(line, "%31s %ld %ld", word, &a, &b) < 1)
			continue;
		for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
			if (!strcmp(word, ops[i].name)) {
				measure(l, &ops[i], a);
				known = true;
			}
		}
		if (!strcmp(word, "refused"))
			refused(to, a, b);
		else if (!strcmp(word, "mix"))
			mix(l, a);
		else if (!known)
			printf("unknown: %s\n", word);
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct load l = { .null = open("/dev/null", O_WRONLY | O_CLOEXEC) };

	if (argc == 2 && !strcmp(argv[1], "sleep")) {
		for (;;)
			pause();
	}
	if (argc != 3) {
		fprintf(stderr, "usage: load WRITABLE-FILE RESULT-FILE | sleep\n");
		return 2;
	}
	l.writable = argv[1];
	if (l.null < 0 || close(open(l.writable, O_RDWR | O_CREAT, 0600)))
		die(l.writable);
	return serve(&l, argv[2]);
}
