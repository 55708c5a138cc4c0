/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each BPF program of keelwatch costs the kernel that this runs on, a line each:
 *
 *   PROGRAM VERIFIED TRANSLATED MACHINE    instructions the verifier went through, and bytes twice
 *   PROGRAM - WHY                          it does not load
 *
 * Programs are taken from the object by their names. The verifier's own statistics are used, as the
 * kernel tells the number through bpf(2) from 5.16 on only.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "keelwatch.skel.h"

#define PROGRAMS_MAX 128
#define LOG_STATISTICS 4 /* include/linux/bpf_verifier.h: BPF_LOG_STATS */
#define LOG_SIZE 4096

/* A try to load some of the programs. */
struct
try {
	struct bpf_object *object;
	char logs[PROGRAMS_MAX][LOG_SIZE];
};

static int say_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static struct bpf_object *open_object(void)
{
	size_t size;
	const void *bytes = keelwatch_bpf__elf_bytes(&size);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "keelwatch");

	return bpf_object__open_mem(bytes, size, &opts);
}

/* Whether the kernel has what a program's section names: "tp_btf/X", "fexit/X". */
static bool has_hook(const struct btf *kernel, const char *section)
{
	const char *hook = strchr(section, '/');
	char name[128];

	if (!hook)
		return true;
	if (strncmp(section, "tp_btf", strlen("tp_btf")))
		return btf__find_by_name_kind(kernel, hook + 1, BTF_KIND_FUNC) > 0;
	snprintf(name, sizeof(name), "btf_trace_%s", hook + 1);
	return btf__find_by_name_kind(kernel, name, BTF_KIND_TYPEDEF) > 0;
}

/* Loads the programs wanted, each with a log of its own. */
static int try_load(struct try *t, const bool *wanted)
{
	struct bpf_program *program;
	size_t i = 0;
	int err;

	memset(t->logs, 0, sizeof(t->logs));
	t->object = open_object();
	if (!t->object)
		return -errno;
	bpf_object__for_each_program(program, t->object) {
		bpf_program__set_autoload(program, wanted[i]);
		bpf_program__set_log_level(program, LOG_STATISTICS);
		bpf_program__set_log_buf(program, t->logs[i], LOG_SIZE);
		i++;
	}
	err = bpf_object__load(t->object);
	if (err) {
		bpf_object__close(t->object);
		t->object = NULL;
	}
	return err;
}

static void say_costs(const struct try *t, size_t i, const struct bpf_program *program)
{
	const char *processed = strstr(t->logs[i], "processed ");
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	unsigned int verified = 0;

	if (processed)
		sscanf(processed, "processed %u insns", &verified);
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
		printf("%s - %s\n", bpf_program__name(program), strerror(errno));
	else
		printf("%s %u %u %u\n", bpf_program__name(program), verified, info.xlated_prog_len,
		       info.jited_prog_len);
}

static void say_loaded(const struct try *t, const bool *wanted)
{
	struct bpf_program *program;
	size_t i = 0;

	bpf_object__for_each_program(program, t->object) {
		if (wanted[i])
			say_costs(t, i, program);
		i++;
	}
}

/* Where not all load together, each by itself. */
static void one_by_one(struct try *t, const struct bpf_object *names, const bool *wanted)
{
	struct bpf_program *program;
	size_t i = 0;

	bpf_object__for_each_program(program, names) {
		bool only[PROGRAMS_MAX] = {};
		int err;

		only[i] = wanted[i];
		if (wanted[i++]) {
			err = try_load(t, only);
			if (err) {
				printf("%s - %s\n", bpf_program__name(program), strerror(-err));
				continue;
			}
			say_loaded(t, only);
			bpf_object__close(t->object);
		}
	}
}

int main(void)
{
	static struct try t;
	struct btf *kernel = btf__load_vmlinux_btf();
	struct bpf_object *names = open_object();
	struct bpf_program *program;
	bool wanted[PROGRAMS_MAX] = {};
	size_t count = 0;

	libbpf_set_print(say_nothing);
	if (!kernel || !names) {
		fprintf(stderr, "programs: %s\n", strerror(errno));
		return 1;
	}
	bpf_object__for_each_program(program, names) {
		if (count == PROGRAMS_MAX) {
			fprintf(stderr, "programs: more than %d\n", PROGRAMS_MAX);
			return 1;
		}
		wanted[count] = has_hook(kernel, bpf_program__section_name(program));
		if (!wanted[count++])
			printf("%s - this kernel has no such hook\n", bpf_program__name(program));
	}
	btf__free(kernel);
	if (!try_load(&t, wanted)) {
		say_loaded(&t, wanted);
		bpf_object__close(t.object);
	} else {
		one_by_one(&t, names, wanted);
	}
	bpf_object__close(names);
	return 0;
}
