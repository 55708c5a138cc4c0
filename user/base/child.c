/* SPDX-License-Identifier: Apache-2.0 */
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define RESTART_MIN_NS (NS_PER_S / 4) /* after a death; doubled with each, up to */
#define RESTART_MAX_NS (30 * NS_PER_S)
#define ALIVE_NS (60 * NS_PER_S) /* one that lived so long was no failure to start */

static int add_files(posix_spawn_file_actions_t *files, const int *fds, size_t count)
{
	int err = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
	for (size_t i = 0; !err && fds && i < count; i++)
		err = posix_spawn_file_actions_adddup2(files, fds[i], CHILD_FIRST_FD + i);
	if (!err && fds)
		err = posix_spawn_file_actions_addclosefrom_np(files, CHILD_FIRST_FD + count);
	return err;
}

static void set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(attr, &none);
	posix_spawnattr_setsigdefault(attr, &all);
	posix_spawnattr_setpgroup(attr, 0);
}

int child_spawn(const char *program, char *const argv[], char *const envp[], const int *fds,
		size_t count, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err = posix_spawnattr_init(&attr);

	if (err)
		return -err;
	err = posix_spawn_file_actions_init(&files);
	if (err) {
		posix_spawnattr_destroy(&attr);
		return -err;
	}
	set_signals(&attr);
	err = add_files(&files, fds, count);
	if (!err)
		err = posix_spawn(ret, program, &files, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

const char *child_how(int status, char room[CHILD_HOW])
{
	if (WIFSIGNALED(status))
		snprintf(room, CHILD_HOW, "was killed by signal %d", WTERMSIG(status));
	else
		snprintf(room, CHILD_HOW, "ended with status %d", WEXITSTATUS(status));
	return room;
}

void child_died(struct child_pace *p)
{
	uint64_t now = clock_boot_ns();

	if (now - p->started_ns > ALIVE_NS)
		p->backoff_ns = 0;
	p->backoff_ns = p->backoff_ns ? p->backoff_ns * 2 : RESTART_MIN_NS;
	if (p->backoff_ns > RESTART_MAX_NS)
		p->backoff_ns = RESTART_MAX_NS;
	p->restart_ns = now + p->backoff_ns;
}
