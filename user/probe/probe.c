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
#include "probe/probe_priv.h"

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

int probe_map(const struct probe *p, const char *name)
{
	return bpf_object__find_map_fd_by_name(p->loaded.object, name);
}

int probe_put_control(struct probe *p)
{
	__u32 zero = 0;

	return bpf_map_update_elem(probe_map(p, "shared_control"), &zero, &p->control, BPF_ANY);
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

void *probe_keys(int fd, size_t size, size_t max, size_t *count)
{
	char *keys = calloc(max, size);
	size_t n = 0;

	while (keys && n < max &&
	       !bpf_map_get_next_key(fd, n ? keys + (n - 1) * size : NULL, keys + n * size))
		n++;
	*count = n;
	return keys;
}

static int set_up_control(struct probe *p, const struct probe_options *options)
{
	int err;

	p->control.v1_subsys = CGROUP_V1_NONE;
	p->control.hierarchy_id = p->layout.hierarchy_id;
	p->control.self_tgid = getpid();
	p->control.flags = (options->report_all ? CONTROL_ALL : 0) |
			   (options->unlimited ? CONTROL_UNLIMITED : 0);
	if (p->layout.v1) {
		p->control.v1_subsys = subsys_index(p->kernel, p->layout.controller);
		if (p->control.v1_subsys == CGROUP_V1_NONE)
			return -ENOENT;
	}
	btf__free(p->kernel); /* megabytes, and no longer needed */
	p->kernel = NULL;
	err = succession_begin_ring(p);
	return err ? err : probe_put_control(p);
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
	struct loader_options load;
	int err;

	p->kernel = btf__load_vmlinux_btf();
	if (!p->kernel)
		return -ENOSYS;
	load = (struct loader_options){ .kernel = p->kernel,
					.way = options->way,
					.side = p->side,
					.pins = p->resumed ? p->pins : NULL };
	err = loader_load(&load, &p->loaded);
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

/* What stays pinned stays guarded: it tells of those who take it away when we are gone. */
static void let_go(struct probe *p, struct bpf_link **link, const char *name)
{
	if (!p->keep)
		guarded_link(probe_map(p, "shared_guarded"), *link, false);
	succession_unpin(p, name);
	bpf_link__destroy(*link);
	*link = NULL;
}

static void detach(struct probe *p, enum attach when)
{
	for (size_t i = 0; i < way_row_count; i++) {
		if (way_rows[i].attach != when || !p->links[i])
			continue;
		let_go(p, &p->links[i], way_rows[i].program);
	}
	if (when == ATTACH_ARMED && p->call_link)
		let_go(p, &p->call_link, call_entry);
}

/* Returns how many are attached; what fails is reported and stays off. */
static size_t attach(struct probe *p, enum attach when)
{
	size_t attached = 0;

	for (size_t i = 0; i < way_row_count; i++) {
		if (way_rows[i].attach != when || !p->loaded.programs[i])
			continue;
		if (p->links[i]) {
			attached++;
			continue;
		}
		p->links[i] = bpf_program__attach(p->loaded.programs[i]);
		if (!p->links[i]) {
			feature_off(p, i, "attach", -errno);
			continue;
		}
		attached++;
		guarded_link(probe_map(p, "shared_guarded"), p->links[i], true);
		succession_pin(p, way_rows[i].program, bpf_link__fd(p->links[i]));
	}
	return attached;
}

static void enter_calls(struct probe *p)
{
	int fd = probe_map(p, "shared_syscalls");

	for (size_t i = 0; i < way_row_count; i++) {
		__u32 key = way_rows[i].call;
		int program;

		if (way_rows[i].attach != ATTACH_CALL || !p->loaded.programs[i])
			continue;
		program = bpf_program__fd(p->loaded.programs[i]);
		if (bpf_map_update_elem(fd, &key, &program, BPF_ANY))
			feature_off(p, i, "tail call", -errno);
		else
			bpf_map_lookup_elem(fd, &key, &p->calls[key]);
	}
	/* Without a pin the kernel empties it when we end. */
	if (p->pins && !pins_have(p->pins, p->side, "shared_syscalls"))
		succession_pin(p, "shared_syscalls", fd);
}

static void attach_call_entry(struct probe *p)
{
	int err;

	if (!p->loaded.call_entry || p->call_link)
		return;
	p->call_link = bpf_program__attach(p->loaded.call_entry);
	if (p->call_link) {
		guarded_link(probe_map(p, "shared_guarded"), p->call_link, true);
		succession_pin(p, call_entry, bpf_link__fd(p->call_link));
		return;
	}
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
	succession_settle(p);
}

int probe_attach(struct probe *p)
{
	int err = 0;

	if (p->pins && !p->resumed)
		succession_pin_maps(p);
	enter_calls(p);
	if (p->resumed)
		guarded_clear_all(probe_map(p, "shared_guarded"));
	guarded_objects(probe_map(p, "shared_guarded"), p->loaded.object);
	if (!attach(p, ATTACH_ALWAYS))
		return -ENODEV;
	if (p->resumed)
		err = succession_take_over(p);
	p->attached = !err;
	succession_settle(p);
	return err;
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
	if (!err && options->pins)
		succession_open(p, options->pins);
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
	succession_leave(p);
	pins_free(p->pins);
	loader_free(&p->loaded);
	btf__free(p->kernel);
	free(p->per_cpu);
	free(p);
}

int probe_ring(const struct probe *p)
{
	return probe_map(p, "shared_ring");
}

size_t probe_features(const struct probe *p, const struct feature_state **ret)
{
	*ret = p->states;
	return p->feature_count;
}

void probe_asleep(struct probe *p)
{
	__u32 zero = 0;
	__u64 one = 1;

	bpf_map_update_elem(probe_map(p, "shared_asleep"), &zero, &one, BPF_ANY);
}

static bool calls_differ(const struct probe *p)
{
	int fd = probe_map(p, "shared_syscalls");

	for (__u32 key = 0; key < SYS_PROG_MAX; key++) {
		__u32 id = 0;

		bpf_map_lookup_elem(fd, &key, &id);
		if (id != p->calls[key])
			return true;
	}
	return false;
}

const char *probe_repair(struct probe *p)
{
	struct control now = {};
	__u32 zero = 0;

	bpf_map_lookup_elem(probe_map(p, "shared_control"), &zero, &now);
	if (memcmp(&now, &p->control, sizeof(now))) {
		probe_put_control(p);
		return "shared_control";
	}
	if (calls_differ(p)) {
		enter_calls(p);
		return "shared_syscalls";
	}
	return NULL;
}
