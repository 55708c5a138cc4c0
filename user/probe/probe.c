/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the kernel half, drops what the kernel refuses, attaches the rest. */
#include "probe/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/util.h"
#include "probe/loader.h"

#define FEATURES_MAX 32

struct probe {
	struct cgroup_layout layout;
	struct btf *kernel;	/* its types */
	struct loaded loaded;
	struct bpf_link *links[ROWS_MAX];	/* of each row that is attached; else NULL */
	struct bpf_link *call_link;
	struct feature_state states[FEATURES_MAX];
	size_t feature_count;
	struct control control;
	struct ev_counts *per_cpu;	/* room for one read of shared_counts */
	int cpus;
	size_t roots;
};

static const char *const way_names[] = {
	[WAY_NONE] = "none",
	[WAY_TRACEPOINT] = "tracepoint",
	[WAY_FEXIT] = "fexit",
};

const char *way_name(enum way way)
{
	return way_names[way];
}

bool way_of_name(const char *name, enum way *ret)
{
	for (size_t i = WAY_TRACEPOINT; i < ARRAY_SIZE(way_names); i++) {
		if (!strcmp(name, way_names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

uint64_t missing_capabilities(uint64_t wanted)
{
	/*
	 * CAP_SYS_ADMIN alone stands for CAP_BPF and CAP_PERFMON (before 5.8 there was nothing else);
	 * /proc/PID/root and mountinfo of others need the last two.
	 */
	uint64_t by_admin = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;
	cap_t caps = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR, admin = CAP_CLEAR;
	uint64_t missing = 0;

	if (!caps)
		return ~0ULL;
	cap_get_flag(caps, CAP_SYS_ADMIN, CAP_EFFECTIVE, &admin);
	if (admin == CAP_SET)
		wanted &= ~by_admin;
	for (unsigned int i = 0; i < 64; i++) {
		if (!(wanted >> i & 1))
			continue;
		value = CAP_CLEAR;
		cap_get_flag(caps, i, CAP_EFFECTIVE, &value);
		if (value == CAP_CLEAR)
			missing |= 1ULL << i;
	}
	cap_free(caps);
	return missing;
}

/* What libbpf says, the verifier's log too, is for who asks for it. */
static int say_at_debug(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *text = NULL, *rest, *line;

	if (level == LIBBPF_DEBUG || vasprintf(&text, fmt, args) < 0)
		return 0;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (line[0])
			log_debug("%s", line);
	free(text);
	return 0;
}

static struct feature_state *state_of(struct probe *p, const char *feature)
{
	for (size_t i = 0; i < p->feature_count; i++)
		if (!strcmp(p->states[i].name, feature))
			return &p->states[i];
	return NULL;
}

static const char *when_of(const struct way_row *row)
{
	return row->attach == ATTACH_ALWAYS ? "always" : "while a container runs";
}

static const char *hook_of(const struct probe *p, size_t row)
{
	return p->loaded.hooks[row] ? p->loaded.hooks[row] : "";
}

/* As if nothing had been loaded: each feature with its preferred way. */
static void list_features(struct probe *p)
{
	for (size_t i = 0; i < way_row_count; i++) {
		const struct way_row *row = &way_rows[i];
		struct feature_state *s = state_of(p, row->feature);

		if (s)
			continue;
		s = &p->states[p->feature_count++];
		s->name = row->feature;
		s->domain = row->domain;
		s->program = row->program;
		s->hook = hook_of(p, i);
		s->carries = row->carries;
		s->when = when_of(row);
		s->blind = row->blind;
		s->when = when_of(row);
	}
}

static __u32 verified_instructions(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return 0;
	return info.verified_insns;
}

static void note_rows(struct probe *p)
{
	for (size_t i = 0; i < way_row_count; i++) {
		const struct way_row *row = &way_rows[i];
		struct feature_state *s = state_of(p, row->feature);

		if (!p->loaded.programs[i]) {
			if (p->loaded.why[i][0] && !row->optional && !s->programs && !s->why[0])
				snprintf(s->why, sizeof(s->why), "%s: %s", way_name(row->way),
					 p->loaded.why[i]);
			continue;
		}
		s->instructions += verified_instructions(p->loaded.programs[i]);
		if (s->programs++)
			continue;
		s->way = row->way;
		s->program = row->program;
		s->hook = hook_of(p, i);
		s->carries = row->carries;
		s->when = when_of(row);
		s->blind = row->blind;
	}
}

static int map_fd(const struct probe *p, const char *name)
{
	return bpf_object__find_map_fd_by_name(p->loaded.object, name);
}

static int put_control(struct probe *p)
{
	__u32 zero = 0;

	return bpf_map_update_elem(map_fd(p, "shared_control"), &zero, &p->control, BPF_ANY);
}

/* Number of a v1 subsystem in this kernel: its place in BTF's enum cgroup_subsys_id. */
static __u32 subsys_index(const struct btf *btf, const char *controller)
{
	int id = btf__find_by_name_kind(btf, "cgroup_subsys_id", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, id) : NULL;
	char name[64];

	snprintf(name, sizeof(name), "%s_cgrp_id", controller);
	for (int i = 0; type && i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_enum(type)[i].name_off), name))
			return btf_enum(type)[i].val;
	return CGROUP_V1_NONE;
}

static int set_up_control(struct probe *p, const struct probe_options *options)
{
	p->control.v1_subsys = CGROUP_V1_NONE;
	p->control.hierarchy_id = p->layout.hierarchy_id;
	p->control.self_tgid = getpid();
	p->control.flags = options->report_all ? CONTROL_ALL : 0;
	if (p->layout.v1) {
		p->control.v1_subsys = subsys_index(p->kernel, p->layout.controller);
		if (p->control.v1_subsys == CGROUP_V1_NONE)
			return -ENOENT;
	}
	btf__free(p->kernel);	/* megabytes, and no longer needed */
	p->kernel = NULL;
	return put_control(p);
}

static void allow_locked_memory(void)
{
	/* Before 5.11 maps count against this limit. */
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

	if (setrlimit(RLIMIT_MEMLOCK, &all))
		log_debug("setrlimit: locked memory: %s", strerror(errno));
}

static void report_missing(const struct probe *p)
{
	for (size_t i = 0; i < p->feature_count; i++)
		if (p->states[i].way == WAY_NONE)
			log_warn("%s: off (%s)", p->states[i].name, p->states[i].why);
		else if (p->states[i].why[0])
			log_debug("%s: by %s (%s)", p->states[i].name, way_name(p->states[i].way),
				  p->states[i].why);
}

static int load_all(struct probe *p, const struct probe_options *options)
{
	int err;

	p->kernel = btf__load_vmlinux_btf();
	if (!p->kernel)
		return -ENOSYS;
	err = loader_load(p->kernel, options->way, &p->loaded);
	list_features(p);
	note_rows(p);
	report_missing(p);
	if (err)
		return err;
	p->cpus = libbpf_num_possible_cpus();
	p->per_cpu = calloc(p->cpus > 0 ? p->cpus : 1, sizeof(*p->per_cpu));
	if (!p->per_cpu)
		return -ENOMEM;
	return set_up_control(p, options);
}

static void feature_off(struct probe *p, size_t row, const char *what, int err)
{
	struct feature_state *s = state_of(p, way_rows[row].feature);

	snprintf(s->why, sizeof(s->why), "%s: %s: %s: %s", way_name(way_rows[row].way),
		 way_rows[row].program, what, strerror(-err));
	log_warn("%s: off (%s)", s->name, s->why);
	s->way = WAY_NONE;
	p->loaded.programs[row] = NULL;
}

static void detach(struct probe *p, enum attach when)
{
	for (size_t i = 0; i < way_row_count; i++) {
		if (way_rows[i].attach != when)
			continue;
		bpf_link__destroy(p->links[i]);
		p->links[i] = NULL;
	}
	if (when == ATTACH_ARMED) {
		bpf_link__destroy(p->call_link);
		p->call_link = NULL;
	}
}

/* Returns how many are attached; what fails is reported and stays off. */
static size_t attach(struct probe *p, enum attach when)
{
	size_t attached = 0;

	for (size_t i = 0; i < way_row_count; i++) {
		if (way_rows[i].attach != when || !p->loaded.programs[i])
			continue;
		if (!p->links[i])
			p->links[i] = bpf_program__attach(p->loaded.programs[i]);
		if (p->links[i])
			attached++;
		else
			feature_off(p, i, "attach", -errno);
	}
	return attached;
}

static void enter_calls(struct probe *p)
{
	int fd = map_fd(p, "shared_syscalls");

	for (size_t i = 0; i < way_row_count; i++) {
		__u32 key = way_rows[i].call;
		int program;

		if (way_rows[i].attach != ATTACH_CALL || !p->loaded.programs[i])
			continue;
		program = bpf_program__fd(p->loaded.programs[i]);
		if (bpf_map_update_elem(fd, &key, &program, BPF_ANY))
			feature_off(p, i, "tail call", -errno);
	}
}

int probe_attach(struct probe *p)
{
	enter_calls(p);
	return attach(p, ATTACH_ALWAYS) ? 0 : -ENODEV;
}

static void attach_call_entry(struct probe *p)
{
	int err;

	if (!p->loaded.call_entry || p->call_link)
		return;
	p->call_link = bpf_program__attach(p->loaded.call_entry);
	if (p->call_link)
		return;
	err = -errno;
	for (size_t i = 0; i < way_row_count; i++)
		if (way_rows[i].attach == ATTACH_CALL && p->loaded.programs[i])
			feature_off(p, i, "attach", err);
	p->loaded.call_entry = NULL;
}

void probe_arm(struct probe *p, bool on)
{
	if (!on) {
		detach(p, ATTACH_ARMED);
		return;
	}
	/* A container is about to start: what sees the most comes first. */
	attach_call_entry(p);
	attach(p, ATTACH_ARMED);
}

int probe_new(const struct probe_options *options, struct probe **ret)
{
	struct probe *p;
	int err;

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return -ENOSYS;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	libbpf_set_print(say_at_debug);
	allow_locked_memory();
	err = cgroup_layout_read(&p->layout);
	if (!err)
		err = load_all(p, options);
	if (err) {
		probe_free(p);
		return err;
	}
	*ret = p;
	return 0;
}

void probe_free(struct probe *p)
{
	if (!p)
		return;
	detach(p, ATTACH_ALWAYS);
	detach(p, ATTACH_ARMED);
	loader_free(&p->loaded);
	btf__free(p->kernel);
	free(p->per_cpu);
	free(p);
}

int probe_ring(const struct probe *p)
{
	return map_fd(p, "shared_ring");
}

void probe_asleep(struct probe *p)
{
	__u32 zero = 0;
	__u64 one = 1;

	bpf_map_update_elem(map_fd(p, "shared_asleep"), &zero, &one, BPF_ANY);
}

void probe_counts(const struct probe *p, struct ev_counts counts[CLASS_MAX])
{
	int fd = map_fd(p, "shared_counts");

	memset(counts, 0, CLASS_MAX * sizeof(*counts));
	for (__u32 class = 0; class < CLASS_MAX; class++) {
		if (bpf_map_lookup_elem(fd, &class, p->per_cpu))
			continue;
		for (int i = 0; i < p->cpus; i++) {
			counts[class].sent += p->per_cpu[i].sent;
			counts[class].lost += p->per_cpu[i].lost;
			counts[class].busy += p->per_cpu[i].busy;
			counts[class].truncated += p->per_cpu[i].truncated;
			counts[class].limited += p->per_cpu[i].limited;
		}
	}
}

size_t probe_features(const struct probe *p, const struct feature_state **ret)
{
	*ret = p->states;
	return p->feature_count;
}

void probe_cgroup(struct probe *p, uint64_t id, uint64_t container, uint32_t flags)
{
	struct cgroup_entry entry = { .container = container, .flags = flags }, now;
	int fd = map_fd(p, "shared_cgroups");

	/* The kernel alone knows whether the container's own program has started. */
	if (!bpf_map_lookup_elem(fd, &id, &now))
		entry.flags |= now.flags & CGROUP_STARTED;
	if (bpf_map_update_elem(fd, &id, &entry, BPF_ANY))
		log_warn("cgroup %llu: cannot be watched: %s", (unsigned long long)id,
			 strerror(errno));
}

void probe_cgroup_forget(struct probe *p, uint64_t id)
{
	bpf_map_delete_elem(map_fd(p, "shared_cgroups"), &id);
}

/* How many guarded roots lie on a device; the kernel asks this table first. */
static void count_device(struct probe *p, __u32 dev, int change)
{
	int fd = map_fd(p, "shared_root_devs");
	__u32 count = 0;

	bpf_map_lookup_elem(fd, &dev, &count);
	count += change;
	if (count)
		bpf_map_update_elem(fd, &dev, &count, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &dev);
}

void probe_root(struct probe *p, uint32_t dev, uint64_t ino, uint64_t container, bool on)
{
	struct root_key key = { .dev = dev, .ino = ino };
	uint64_t owner = 0;
	int fd = map_fd(p, "shared_roots");

	if (on) {
		/* Containers may share a root directory: the last one speaks for it. */
		if (bpf_map_update_elem(fd, &key, &container, BPF_NOEXIST)) {
			bpf_map_update_elem(fd, &key, &container, BPF_EXIST);
			return;
		}
		count_device(p, dev, 1);
		p->roots++;
	} else {
		if (bpf_map_lookup_elem(fd, &key, &owner) || owner != container ||
		    bpf_map_delete_elem(fd, &key))
			return;
		count_device(p, dev, -1);
		p->roots--;
	}
	if (!!p->roots != !!(p->control.flags & CONTROL_ROOTS)) {
		p->control.flags ^= CONTROL_ROOTS;
		put_control(p);
	}
}
