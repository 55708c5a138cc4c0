// SPDX-License-Identifier: Apache-2.0
/*
 * What the containers of the flood test run.
 *
 *   flood storm PROCESSES SECONDS   forks, opens, makes directories and sets its uid at full speed, all
 *                                   of which a read-only root refuses; half-way, mounts over /mnt. Says
 *                                   how often: "files N forks N setuids N"
 *   flood tick COUNT MS             COUNT refused writes, each of a name of its own, MS apart
 *   flood pry PID COUNT             opens the memory of a process COUNT times
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000LL
#define SAME 16 /* refused opens of one name in a round */
#define DIRS 4
#define NEW 4 /* of names that were not there before */
#define PROCESSES_MAX 64

struct deeds {
	unsigned long files, forks, setuids;
};

static void die(const char *what)
{
	fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void refused(long ret, const char *what)
{
	if (ret >= 0 || errno != EROFS)
		die(what);
}

static void refused_open(const char *name)
{
	refused(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), name);
}

static void have_child(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

static void round_of(struct deeds *d, int process, unsigned long number)
{
	char name[64];

	for (int i = 0; i < SAME; i++)
		refused_open("/same");
	for (int i = 0; i < DIRS; i++)
		refused(mkdir("/dir", 0700), "mkdir");
	for (int i = 0; i < NEW; i++) {
		snprintf(name, sizeof(name), "/new-%d-%lu-%d", process, number, i);
		refused_open(name);
	}
	d->files += SAME + DIRS + NEW;
	have_child();
	d->forks++;
	if (setuid(0))
		die("setuid");
	d->setuids++;
}

static void storm_one(struct deeds *d, int process, long long end, long long half)
{
	for (unsigned long i = 0; now() < end; i++) {
		round_of(d, process, i);
		if (process || !half || now() < half)
			continue;
		if (mount("tmpfs", "/mnt", "tmpfs", 0, NULL))
			die("mount");
		half = 0;
	}
}

static int storm(int processes, int seconds)
{
	struct deeds *all = mmap(NULL, sizeof(*all) * PROCESSES_MAX, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long long start = now(), end = start + seconds * SECOND_NS;
	struct deeds sum = {};
	int status, failed = 0;

	if (all == MAP_FAILED || processes > PROCESSES_MAX)
		die("storm");
	for (int i = 0; i < processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid) {
			storm_one(&all[i], i, end, start + seconds * SECOND_NS / 2);
			_exit(0);
		}
	}
	while (wait(&status) > 0)
		failed |= status;
	for (int i = 0; i < processes; i++) {
		sum.files += all[i].files;
		sum.forks += all[i].forks;
		sum.setuids += all[i].setuids;
	}
	printf("files %lu forks %lu setuids %lu\n", sum.files, sum.forks, sum.setuids);
	return !!failed;
}

static int tick(long count, long ms)
{
	long long due = now();
	struct timespec at;
	char name[64];

	for (long i = 0; i < count; i++) {
		due += ms * 1000000LL;
		at = (struct timespec){ .tv_sec = due / SECOND_NS, .tv_nsec = due % SECOND_NS };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		snprintf(name, sizeof(name), "/tick-%06ld", i);
		refused_open(name);
	}
	printf("%ld\n", count);
	return 0;
}

static int pry(const char *pid, long count)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	for (long i = 0; i < count; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			die(path);
		close(fd);
	}
	printf("%ld\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "storm"))
		return storm(atoi(argv[2]), atoi(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "tick"))
		return tick(atol(argv[2]), atol(argv[3]));
	if (argc == 4 && !strcmp(argv[1], "pry"))
		return pry(argv[2], atol(argv[3]));
	fprintf(stderr, "usage: flood storm PROCESSES SECONDS | tick COUNT MS | pry PID COUNT\n");
	return 2;
}
