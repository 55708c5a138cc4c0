/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the kernel half, drops what the kernel refuses, attaches the rest. */
#include "probe/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "base/util.h"
#include "probe/features.h"

#include "keelwatch.skel.h"

#define FEATURES_MAX 32

struct feature {
	const struct way_row *row;
	struct bpf_program *program;	/* of the object, once that is loaded; or NULL */
	struct bpf_link *link;
};

struct probe {
	struct cgroup_layout layout;
	struct btf *kernel;	/* its types */
	struct bpf_object *object;
	struct feature features[FEATURES_MAX];
	struct feature_state states[FEATURES_MAX];
	size_t feature_count;
	struct control control;
	struct ev_counts *per_cpu;	/* room for one read of shared_counts */
	int cpus;
	size_t roots;
};

const char *way_name(enum way way)
{
	return way == WAY_TRACEPOINT ? "tracepoint" : "none";
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

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("%s", line);
	return 0;
}

static struct feature_state *state_of(struct probe *p, const char *feature)
{
	for (size_t i = 0; i < p->feature_count; i++)
		if (!strcmp(p->states[i].name, feature))
			return &p->states[i];
	return NULL;
}

static void list_features(struct probe *p)
{
	for (size_t i = 0; i < way_row_count; i++) {
		const struct way_row *row = &way_rows[i];
		struct feature_state *s = state_of(p, row->feature);

		if (s)
			continue; /* a further way of the same feature */
		s = &p->states[p->feature_count];
		s->name = row->feature;
		s->domain = row->domain;
		s->program = row->program;
		s->hook = row->hook;
		s->carries = row->carries;
		s->blind = row->blind;
		s->when = row->attach == ATTACH_ALWAYS ? "always" : "while a container runs";
		snprintf(s->why, sizeof(s->why), "not tried");
		p->feature_count++;
	}
}

/*
 * Opens the object with only the programs of the rows that the mask names, and loads it. A failed load
 * spoils an object, so each try begins anew.
 */
static int try_load(uint64_t rows, struct bpf_object **ret)
{
	size_t size;
	const void *bytes = keelwatch_bpf__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "keelwatch");
	struct bpf_object *object = bpf_object__open_mem(bytes, size, &opts);
	int err;

	if (!object)
		return -errno;
	for (size_t i = 0; i < way_row_count; i++) {
		struct bpf_program *program;

		program = bpf_object__find_program_by_name(object, way_rows[i].program);
		if (program)
			bpf_program__set_autoload(program, rows >> i & 1);
	}
	err = bpf_object__load(object);
	if (err) {
		bpf_object__close(object);
		return err;
	}
	*ret = object;
	return 0;
}

static void say_why(struct probe *p, const struct way_row *row, const char *why)
{
	struct feature_state *s = state_of(p, row->feature);

	snprintf(s->why, sizeof(s->why), "%s: %s", row->hook, why);
}

static bool has_tracepoint(const struct probe *p, const char *hook)
{
	char name[64];

	snprintf(name, sizeof(name), "btf_trace_%s", hook);
	return btf__find_by_name_kind(p->kernel, name, BTF_KIND_TYPEDEF) > 0;
}

/* The rows whose hooks this kernel has. */
static uint64_t rows_with_hooks(struct probe *p)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < way_row_count; i++) {
		if (has_tracepoint(p, way_rows[i].hook))
			rows |= 1ULL << i;
		else
			say_why(p, &way_rows[i], "this kernel has no such tracepoint");
	}
	return rows;
}

/* The rows that load, each tried by itself; of one feature only the first such. */
static uint64_t rows_that_load(struct probe *p, uint64_t rows)
{
	const char *done = "";
	uint64_t good = 0;

	for (size_t i = 0; i < way_row_count; i++) {
		struct bpf_object *object = NULL;
		int err;

		if (!(rows >> i & 1) || !strcmp(done, way_rows[i].feature))
			continue;
		err = try_load(1ULL << i, &object);
		if (err) {
			say_why(p, &way_rows[i], strerror(-err));
			continue;
		}
		bpf_object__close(object);
		good |= 1ULL << i;
		done = way_rows[i].feature;
	}
	return good;
}

static __u32 verified_instructions(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		return 0;
	return info.verified_insns;
}

static void note_loaded(struct probe *p, uint64_t rows)
{
	for (size_t i = 0; i < way_row_count; i++) {
		struct feature_state *s;
		struct feature *f;

		if (!(rows >> i & 1))
			continue;
		s = state_of(p, way_rows[i].feature);
		f = &p->features[s - p->states];
		f->row = &way_rows[i];
		f->program = bpf_object__find_program_by_name(p->object, way_rows[i].program);
		s->way = way_rows[i].way;
		s->program = way_rows[i].program;
		s->hook = way_rows[i].hook;
		s->blind = way_rows[i].blind;
		s->instructions = verified_instructions(f->program);
		s->why[0] = '\0';
	}
}

/* As a rule all at once. What the kernel refuses costs itself alone. */
static int load_object(struct probe *p)
{
	uint64_t rows = rows_with_hooks(p);
	int err = rows ? try_load(rows, &p->object) : -ENODEV;

	if (err) {
		rows = rows_that_load(p, rows);
		if (!rows)
			return -ENODEV;
		err = try_load(rows, &p->object);
	}
	if (!err)
		note_loaded(p, rows);
	return err;
}

static int map_fd(const struct probe *p, const char *name)
{
	return bpf_object__find_map_fd_by_name(p->object, name);
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
}

static int load_all(struct probe *p, const struct probe_options *options)
{
	int err;

	p->kernel = btf__load_vmlinux_btf();
	if (!p->kernel)
		return -ENOSYS;
	list_features(p);
	err = load_object(p);
	report_missing(p);
	if (err)
		return err;
	p->cpus = libbpf_num_possible_cpus();
	p->per_cpu = calloc(p->cpus > 0 ? p->cpus : 1, sizeof(*p->per_cpu));
	if (!p->per_cpu)
		return -ENOMEM;
	return set_up_control(p, options);
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
	libbpf_set_print(quiet);
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
	for (size_t i = 0; i < p->feature_count; i++)
		bpf_link__destroy(p->features[i].link);
	bpf_object__close(p->object);
	btf__free(p->kernel);
	free(p->per_cpu);
	free(p);
}

static int attach_feature(struct probe *p, size_t i)
{
	struct feature *f = &p->features[i];
	int err;

	if (!f->program || f->link)
		return 0;
	f->link = bpf_program__attach(f->program);
	if (f->link)
		return 0;
	err = -errno;
	snprintf(p->states[i].why, sizeof(p->states[i].why), "%s: attach: %s", f->row->hook,
		 strerror(-err));
	p->states[i].way = WAY_NONE;
	log_warn("%s: off (%s)", p->states[i].name, p->states[i].why);
	f->program = NULL;
	return err;
}

static void enter_calls(struct probe *p)
{
	int fd = map_fd(p, "shared_syscalls");

	for (size_t i = 0; i < p->feature_count; i++) {
		struct feature *f = &p->features[i];
		__u32 key;
		int program;

		if (!f->program || f->row->attach != ATTACH_CALL)
			continue;
		key = f->row->call;
		program = bpf_program__fd(f->program);
		if (bpf_map_update_elem(fd, &key, &program, BPF_ANY)) {
			snprintf(p->states[i].why, sizeof(p->states[i].why), "tail call: %s",
				 strerror(errno));
			p->states[i].way = WAY_NONE;
			log_warn("%s: off (%s)", p->states[i].name, p->states[i].why);
		}
	}
}

int probe_attach(struct probe *p)
{
	size_t attached = 0;

	enter_calls(p);
	for (size_t i = 0; i < p->feature_count; i++) {
		if (!p->features[i].row || p->features[i].row->attach != ATTACH_ALWAYS)
			continue;
		if (!attach_feature(p, i) && p->features[i].link)
			attached++;
	}
	return attached ? 0 : -ENODEV;
}

int probe_arm(struct probe *p, bool on)
{
	int err = 0;

	for (size_t i = 0; i < p->feature_count; i++) {
		struct feature *f = &p->features[i];

		if (!f->row || f->row->attach != ATTACH_ARMED)
			continue;
		if (on) {
			int one = attach_feature(p, i);

			err = err ? err : one;
		} else {
			bpf_link__destroy(f->link);
			f->link = NULL;
		}
	}
	return err;
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
	struct cgroup_entry entry = { .container = container, .flags = flags };

	if (bpf_map_update_elem(map_fd(p, "shared_cgroups"), &id, &entry, BPF_ANY))
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
