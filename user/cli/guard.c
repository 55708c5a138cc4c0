/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guard.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/guard_files.h"
#include "source/facts.h"
#include "source/host_view.h"
#include "source/start.h"

#define TICK_NS NS_PER_S
#define STANDSTILL_NS (10 * NS_PER_S) /* a tick that much late; a busy machine is seconds late */
#define CLOCK_JUMP_NS (NS_PER_S / 2)  /* what adjusting it slowly does not do within a tick */
#define CLOCK_LOOK_NS (NS_PER_S / 20) /* a look that takes longer says nothing */
#define CGROUP_TEXT_MAX 65536	      /* of /proc/PID/cgroup: a line for each hierarchy */
#define THREADS_MAX 256 /* of one of our processes; more are not guarded by their own number */

/* The threads of one process, as the kernel half has them. */
struct herd {
	pid_t tgid;
	uint64_t tids[THREADS_MAX];
	size_t count;
};

/* What our thread has done so far, as /proc/PID/schedstat says. */
struct account {
	uint64_t ran_ns, waited_ns; /* on a processor; for one */
};

struct guard {
	struct guard_options options;
	struct probe *probe;
	struct guard_files *files;
	struct herd herds[GUARDED_ROLE_MAX];
	struct cgroup_layout v2; /* root "": there is none */
	struct host_view view;
	uint64_t cgroup;	 /* id of our v2 cgroup; 0: none */
	uint64_t ticked_ns;	 /* the last tick, CLOCK_MONOTONIC; 0: none yet */
	struct account account;	 /* as of that */
	int64_t clock_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME, as of that */
	union made_record made;
};

static void say(struct guard *g, enum guard_op op, uint32_t detail, int64_t value, const char *name)
{
	make_guard(&g->made, op, detail, value, name);
	g->options.say(g->options.arg, &g->made.head);
}

/* --- what is ours --- */

static size_t list_threads(pid_t tgid, uint64_t tids[THREADS_MAX])
{
	struct dirent *entry;
	char path[64];
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	dir = opendir(path);
	while (dir && n < THREADS_MAX && (entry = readdir(dir)))
		if (!text_u64(entry->d_name, &tids[n]))
			n++;
	if (dir)
		closedir(dir);
	return n;
}

static bool holds(const uint64_t *tids, size_t count, uint64_t tid)
{
	for (size_t i = 0; i < count; i++)
		if (tids[i] == tid)
			return true;
	return false;
}

/* What is new is guarded, what is gone no longer: another process may have its number soon. */
static void guard_threads(struct guard *g, enum guarded_role role, pid_t tgid)
{
	struct guarded value = { .tgid = tgid, .role = role };
	struct herd *h = &g->herds[role];
	uint64_t tids[THREADS_MAX];
	size_t count = tgid > 0 ? list_threads(tgid, tids) : 0;
	bool same = h->tgid == tgid;

	for (size_t i = 0; i < h->count; i++)
		if (!same || !holds(tids, count, h->tids[i]))
			probe_guard_end(g->probe, GUARDED_THREAD, h->tids[i]);
	for (size_t i = 0; i < count; i++)
		if (!same || !holds(h->tids, h->count, tids[i]))
			probe_guard(g->probe, GUARDED_THREAD, tids[i], value);
	h->tgid = tgid;
	h->count = count;
	memcpy(h->tids, tids, count * sizeof(*tids));
}

static void find_hierarchy(struct guard *g)
{
	int err = cgroup_v2_read(&g->v2);

	if (err)
		log_debug("our control group is not guarded: %s", strerror(-err));
	snprintf(g->view.cgroups, sizeof(g->view.cgroups), "%s", g->v2.begins);
}

/* The directory of our v2 control group, as the host has it: "0::/system.slice/keelwatch.service". */
static bool find_cgroup(struct guard *g, struct buf *path)
{
	struct facts facts = { .ops = &facts_live, .self = &g->view };
	_cleanup_(buf_free) struct buf text = {};
	const char *line;

	if (!g->v2.root[0] || facts_read(&facts, "/proc/self/cgroup", CGROUP_TEXT_MAX, &text))
		return false;
	for (line = buf_cstr(&text); line && strncmp(line, "0::", 3); line += !!line)
		line = strchr(line, '\n');
	if (!line)
		return false;
	buf_str(path, g->v2.root);
	buf_add(path, line + 3, strcspn(line + 3, "\n"));
	return true;
}

/* True when it is another than before. */
static bool guard_cgroup(struct guard *g, struct buf *path)
{
	bool moved;
	struct stat st;

	if (!find_cgroup(g, path) || stat(buf_cstr(path), &st) || g->cgroup == st.st_ino)
		return false;
	moved = g->cgroup;
	if (moved)
		probe_guard_end(g->probe, GUARDED_CGROUP, g->cgroup);
	g->cgroup = st.st_ino;
	probe_guard(g->probe, GUARDED_CGROUP, g->cgroup, (struct guarded){});
	return moved;
}

/* --- what is noticed --- */

static struct account account_read(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/thread-self/schedstat", "re");
	struct account a = {};

	if (f && fscanf(f, "%" SCNu64 " %" SCNu64, &a.ran_ns, &a.waited_ns) != 2)
		a = (struct account){};
	return a;
}

/* The time a machine sleeps is none that passes for us. */
static void check_standstill(struct guard *g)
{
	uint64_t now = clock_monotonic_ns(), late;
	struct account a = account_read();
	enum guard_stood instead = STOOD_STILL;

	late = now - g->ticked_ns;
	late = g->ticked_ns && late > TICK_NS ? late - TICK_NS : 0;
	if (late > STANDSTILL_NS) {
		if (a.waited_ns - g->account.waited_ns > late / 2)
			instead = STOOD_STARVED;
		else if (a.ran_ns - g->account.ran_ns > late / 2)
			instead = STOOD_BUSY;
		say(g, GUARD_STOOD, instead, late, NULL);
	}
	g->ticked_ns = now;
	g->account = a;
}

/* False: it was interrupted at it. */
static bool read_clocks(int64_t *offset)
{
	uint64_t before = clock_boot_ns(), epoch = clock_epoch_ns();

	*offset = epoch - before;
	return clock_boot_ns() - before < CLOCK_LOOK_NS;
}

static void check_clock(struct guard *g)
{
	int64_t now, jump;

	if (!read_clocks(&now))
		return;
	jump = now - g->clock_offset_ns;
	if (g->clock_offset_ns && (jump > (int64_t)CLOCK_JUMP_NS || jump < -(int64_t)CLOCK_JUMP_NS))
		say(g, GUARD_CLOCK, 0, jump, NULL);
	g->clock_offset_ns = now;
}

static void check_maps(struct guard *g)
{
	const char *map = probe_repair(g->probe);

	if (map)
		say(g, GUARD_MAP, 0, 0, map);
}

static void check_pins(struct guard *g)
{
	const char *pin = probe_repair_pins(g->probe);

	if (pin)
		say(g, GUARD_FILE, FILE_UNPINNED, 0, pin);
}

static void file_changed(void *arg, const char *path, enum guard_file act)
{
	say(arg, GUARD_FILE, act, 0, path);
}

static int watch_files(struct guard *g)
{
	int err = guard_files_new(&g->files);

	if (!err && g->options.config)
		err = guard_files_add(g->files, g->options.config, false);
	if (!err && g->options.store)
		err = guard_files_add(g->files, g->options.store, true);
	return err;
}

int guard_new(const struct guard_options *options, struct guard **ret)
{
	struct guard *g = calloc(1, sizeof(*g));
	_cleanup_(buf_free) struct buf path = {};
	int err;

	if (!g)
		return -ENOMEM;
	g->options = *options;
	g->probe = options->probe;
	find_hierarchy(g);
	guard_threads(g, GUARDED_MONITOR, getpid());
	guard_cgroup(g, &path);
	err = watch_files(g);
	if (err) {
		guard_free(g);
		return err;
	}
	check_clock(g); /* against what comes */
	*ret = g;
	return 0;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	guard_files_free(g->files);
	free(g);
}

void guard_unclean(struct guard *g, uint64_t last_ns, bool reboot)
{
	make_guard(&g->made, GUARD_UNCLEAN, 0, last_ns, NULL);
	g->made.guard.how = reboot ? UNCLEAN_REBOOT : 0;
	g->options.say(g->options.arg, &g->made.head);
}

void guard_tick(struct guard *g, const pid_t processes[GUARDED_ROLE_MAX])
{
	_cleanup_(buf_free) struct buf path = {};

	for (enum guarded_role role = 0; role < GUARDED_ROLE_MAX; role++)
		guard_threads(g, role, processes[role]);
	if (guard_cgroup(g, &path))
		say(g, GUARD_MOVED, 0, 0, buf_cstr(&path));
	check_standstill(g);
	check_clock(g);
	check_maps(g);
	check_pins(g);
	guard_files_look(g->files, file_changed, g);
}
