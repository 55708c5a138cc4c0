// SPDX-License-Identifier: Apache-2.0
/*
 * empty OBJECT: attaches the empty program, says so, and stays until standard input ends.
 * empty --links: prints how many raw tracepoint links the machine has, and how many of them are on
 * sys_exit: whether another monitor disturbs the measurement.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static int is_raw_tracepoint(__u32 id, char *name, __u32 size)
{
	struct bpf_link_info info = { .raw_tracepoint = { .tp_name = (__u64)(unsigned long)name,
							  .tp_name_len = size } };
	__u32 len = sizeof(info);
	int fd = bpf_link_get_fd_by_id(id);
	int err;

	if (fd < 0)
		return 0; /* gone meanwhile */
	err = bpf_obj_get_info_by_fd(fd, &info, &len);
	close(fd);
	return !err && info.type == BPF_LINK_TYPE_RAW_TRACEPOINT;
}

static int count_links(void)
{
	int all = 0, on_sys_exit = 0;
	__u32 id = 0;

	while (!bpf_link_get_next_id(id, &id)) {
		char name[64] = "";

		if (!is_raw_tracepoint(id, name, sizeof(name)))
			continue;
		all++;
		on_sys_exit += !strcmp(name, "sys_exit");
	}
	printf("%d %d\n", all, on_sys_exit);
	return 0;
}

static int attach(const char *path)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;
	struct bpf_link *link;
	char sink[64];

	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "empty: %s cannot be loaded\n", path);
		return 1;
	}
	program = bpf_object__find_program_by_name(object, "empty");
	link = program ? bpf_program__attach(program) : NULL;
	if (!link) {
		fprintf(stderr, "empty: cannot be attached\n");
		return 1;
	}
	puts("attached");
	fflush(stdout);
	while (read(STDIN_FILENO, sink, sizeof(sink)) > 0)
		;
	bpf_link__destroy(link);
	bpf_object__close(object);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: empty OBJECT | --links\n");
		return 2;
	}
	return strcmp(argv[1], "--links") ? attach(argv[1]) : count_links();
}
