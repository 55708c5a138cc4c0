/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/loader.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"

#include "keelwatch.skel.h"

#define ENOTSUPP 524 /* the kernel's own, which strerror(3) does not know */

struct loader {
	const struct loader_options *options;
	struct loaded *out;
	enum bpf_attach_type kinds[ROWS_MAX];
	bool usable[ROWS_MAX];
	int refused; /* -errno that this kernel has for all trampolines */
};

static const char *error_text(int err)
{
	return err == -ENOTSUPP ? "not supported" : strerror(-err);
}

static struct bpf_object *open_object(void)
{
	size_t size;
	const void *bytes = keelwatch_bpf__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "keelwatch");

	return bpf_object__open_mem(bytes, size, &opts);
}

static bool is_trampoline(enum bpf_attach_type kind)
{
	return kind == BPF_TRACE_FEXIT || kind == BPF_TRACE_FENTRY;
}

/*
 * What a program hooks is said by its section: "fexit/path_openat". False: there is no such program for
 * this architecture.
 */
static bool read_hook(struct loader *l, const struct bpf_object *object, size_t row)
{
	const struct bpf_program *program =
		bpf_object__find_program_by_name(object, way_rows[row].program);
	const char *section = program ? bpf_program__section_name(program) : "";
	const char *slash = strchr(section, '/');

	if (!slash)
		return false;
	l->out->hooks[row] = strdup(slash + 1);
	l->kinds[row] = bpf_program__expected_attach_type(program);
	return l->out->hooks[row];
}

/* A program of two instructions on the function: cheaper to ask with than ours, and attached as well. */
static int try_trampoline(enum bpf_attach_type kind, int function)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = kind,
		    .attach_btf_id = function);
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "try", "GPL", nothing,
				    ARRAY_SIZE(nothing), &opts);
	int link, err = 0;

	if (program < 0)
		return program;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		err = link;
	else
		close(link);
	close(program);
	return err;
}

static bool says_no(struct loader *l, size_t row, const char *why)
{
	snprintf(l->out->why[row], sizeof(l->out->why[row]), "%s: %s", l->out->hooks[row], why);
	return false;
}

static bool function_works(struct loader *l, size_t row)
{
	int id = btf__find_by_name_kind(l->options->kernel, l->out->hooks[row], BTF_KIND_FUNC);
	int err = l->refused;

	if (id <= 0)
		return says_no(l, row, "this kernel has no such function to attach to");
	if (!err)
		err = try_trampoline(l->kinds[row], id);
	/* Not this function but all of them: there is no need to ask again for each. */
	if (err == -EPERM || err == -ENOTSUPP)
		l->refused = err;
	return !err || says_no(l, row, error_text(err));
}

/* A tracepoint's type is that of a pointer to a function; its first parameter is none of the event's. */
static unsigned int arguments_of(const struct btf *btf, int tracepoint)
{
	const struct btf_type *type = btf__type_by_id(btf, tracepoint);

	type = btf__type_by_id(btf, type->type);
	if (btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	return btf_is_func_proto(type) && btf_vlen(type) ? btf_vlen(type) - 1 : 0;
}

static bool tracepoint_works(struct loader *l, size_t row)
{
	char name[80];
	int id;

	snprintf(name, sizeof(name), "btf_trace_%s", l->out->hooks[row]);
	id = btf__find_by_name_kind(l->options->kernel, name, BTF_KIND_TYPEDEF);
	if (id <= 0)
		return says_no(l, row, "this kernel has no such tracepoint");
	return !way_rows[row].arguments ||
	       arguments_of(l->options->kernel, id) == way_rows[row].arguments ||
	       says_no(l, row, "its arguments are others here");
}

static bool hook_works(struct loader *l, size_t row)
{
	return is_trampoline(l->kinds[row]) ? function_works(l, row) : tracepoint_works(l, row);
}

static bool same_feature(size_t a, size_t b)
{
	return !strcmp(way_rows[a].feature, way_rows[b].feature);
}

static bool way_has_rows(enum way way, size_t row)
{
	for (size_t i = 0; i < way_row_count; i++)
		if (way_rows[i].way == way && same_feature(i, row))
			return true;
	return false;
}

static bool allowed(const struct loader *l, size_t row)
{
	return l->options->way == WAY_NONE || way_rows[row].way == l->options->way ||
	       !way_has_rows(l->options->way, row);
}

static bool way_usable(const struct loader *l, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (!l->usable[i] && !way_rows[i].optional)
			return false;
	return true;
}

/* Bits of the rows to be loaded: for each feature those of its first way that can be had whole. */
static uint64_t choose(const struct loader *l)
{
	uint64_t rows = 0;
	size_t end;

	for (size_t first = 0; first < way_row_count; first = end) {
		end = first;
		while (end < way_row_count && same_feature(end, first) &&
		       way_rows[end].way == way_rows[first].way)
			end++;
		if (!way_usable(l, first, end))
			continue;
		for (size_t i = first; i < end; i++)
			if (l->usable[i])
				rows |= 1ULL << i;
		while (end < way_row_count && same_feature(end, first))
			end++;
	}
	return rows;
}

static bool needs_call_entry(uint64_t rows)
{
	for (size_t i = 0; i < way_row_count; i++)
		if (rows >> i & 1 && way_rows[i].attach == ATTACH_CALL)
			return true;
	return false;
}

bool map_is_shared(const struct bpf_map *map)
{
	return !strncmp(bpf_map__name(map), "shared_", strlen("shared_")) &&
	       bpf_map__type(map) != BPF_MAP_TYPE_PROG_ARRAY;
}

static int take_pinned_maps(const struct pins *pins, struct bpf_object *object)
{
	struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, object) {
		_cleanup_close_ int fd = -1;

		if (!map_is_shared(map))
			continue;
		fd = pins_get_map(pins, bpf_map__name(map));
		err = fd < 0 ? fd : bpf_map__reuse_fd(map, fd);
		if (err)
			break;
	}
	return err;
}

/* Each domain that was linked together left a place for it. */
static int set_side(struct bpf_object *object, __u32 side)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.side");
	__u32 values[16];
	size_t size = 0;

	if (!map || !bpf_map__initial_value(map, &size) || size > sizeof(values))
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		values[i] = side;
	return bpf_map__set_initial_value(map, values, size);
}

/* Loads those rows alone. A failed load spoils an object, so each try begins anew. */
static int try_load(const struct loader *l, uint64_t rows, struct bpf_object **ret)
{
	struct bpf_object *object = open_object();
	struct bpf_program *program;
	int err;

	if (!object)
		return -errno;
	for (size_t i = 0; i < way_row_count; i++) {
		program = bpf_object__find_program_by_name(object, way_rows[i].program);
		if (program)
			bpf_program__set_autoload(program, rows >> i & 1);
	}
	program = bpf_object__find_program_by_name(object, call_entry);
	if (program)
		bpf_program__set_autoload(program, needs_call_entry(rows));
	err = set_side(object, l->options->side);
	if (!err && l->options->pins)
		err = take_pinned_maps(l->options->pins, object);
	if (!err)
		err = bpf_object__load(object);
	if (err) {
		bpf_object__close(object);
		return err;
	}
	*ret = object;
	return 0;
}

/* After a load that failed as a whole: which of the rows the kernel refuses. */
static void find_refused(struct loader *l, uint64_t rows)
{
	for (size_t i = 0; i < way_row_count; i++) {
		struct bpf_object *object = NULL;
		int err;

		if (!(rows >> i & 1))
			continue;
		err = try_load(l, 1ULL << i, &object);
		if (err) {
			says_no(l, i, error_text(err));
			l->usable[i] = false;
			if (way_rows[i].optional)
				log_warn("%s: %s left out (%s)", way_rows[i].feature,
					 way_rows[i].program, l->out->why[i]);
		}
		bpf_object__close(object);
	}
}

static void find_programs(struct loaded *out, uint64_t rows)
{
	for (size_t i = 0; i < way_row_count; i++) {
		if (!(rows >> i & 1))
			continue;
		out->programs[i] =
			bpf_object__find_program_by_name(out->object, way_rows[i].program);
	}
	if (needs_call_entry(rows))
		out->call_entry = bpf_object__find_program_by_name(out->object, call_entry);
}

static int try_hooks(struct loader *l)
{
	struct bpf_object *object = open_object();

	if (!object)
		return -errno;
	for (size_t i = 0; i < way_row_count; i++)
		l->usable[i] = read_hook(l, object, i) && allowed(l, i) && hook_works(l, i);
	bpf_object__close(object);
	return 0;
}

int loader_load(const struct loader_options *options, struct loaded *ret)
{
	struct loader l = { .options = options, .out = ret };
	uint64_t rows, before = 0;
	int err = try_hooks(&l);

	/* As a rule all at once. What the kernel refuses costs itself alone, or its way. */
	while (!err) {
		rows = choose(&l);
		if (!rows || rows == before)
			return -ENODEV;
		err = try_load(&l, rows, &ret->object);
		if (!err)
			break;
		log_debug("load: %s: trying each program by itself", error_text(err));
		find_refused(&l, rows);
		before = rows;
		err = 0;
	}
	if (!err)
		find_programs(ret, rows);
	return err;
}

void loader_free(struct loaded *l)
{
	bpf_object__close(l->object);
	for (size_t i = 0; i < way_row_count; i++)
		free(l->hooks[i]);
}
