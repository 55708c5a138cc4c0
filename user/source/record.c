/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of records, and the one place that checks them. */
#include "source/record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"

#define SHAPE_STRINGS 5

struct shape {
	const char *name;
	size_t size;
	unsigned short strings[SHAPE_STRINGS]; /* offsets of ev_str fields; 0 ends them */
};

#define AT(type, field) offsetof(struct type, field)

static const struct shape shapes[] = {
	[EV_EXEC] = { "exec",
		      sizeof(struct ev_exec),
		      { AT(ev_exec, exe), AT(ev_exec, args), AT(ev_exec, cwd) } },
	[EV_FORK] = { "fork", sizeof(struct ev_fork), {} },
	[EV_EXIT] = { "exit", sizeof(struct ev_exit), {} },
	[EV_CGROUP_MKDIR] = { "cgroup", sizeof(struct ev_cgroup), { AT(ev_cgroup, path) } },
	[EV_CGROUP_RMDIR] = { "cgroup", sizeof(struct ev_cgroup), { AT(ev_cgroup, path) } },
	[EV_CGROUP_ATTACH] = { "cgroup", sizeof(struct ev_attach), { AT(ev_attach, path) } },
	[EV_FILE] = { "file",
		      sizeof(struct ev_file),
		      { AT(ev_file, path), AT(ev_file, user_path) } },
	[EV_MOUNT] = { "mount",
		       sizeof(struct ev_mount),
		       { AT(ev_mount, source), AT(ev_mount, target), AT(ev_mount, fstype),
			 AT(ev_mount, source_dir), AT(ev_mount, target_dir) } },
	[EV_CRED] = { "cred", sizeof(struct ev_cred_change), {} },
	[EV_CAPABLE] = { "capability", sizeof(struct ev_capable), {} },
	[EV_NS] = { "namespace", sizeof(struct ev_ns), {} },
	[EV_GUARD] = { "guard", sizeof(struct ev_guard), { AT(ev_guard, name) } },
	[EV_START] = { "start", sizeof(struct ev_start), { AT(ev_start, cgroup_root) } },
	[EV_FACT] = { "fact", sizeof(struct ev_fact), { AT(ev_fact, name) } },
	[EV_MOUNTS_CHANGED] = { "mounts-changed", sizeof(struct ev_mounts_changed), {} },
	[EV_LOSS] = { "loss", sizeof(struct ev_loss), {} },
	[EV_FLOOD] = { "flood", sizeof(struct ev_flood), {} },
	[EV_STOP] = { "stop", sizeof(struct ev_head), {} },
	[EV_RESUME] = { "resume", sizeof(struct ev_head), {} },
};

static const struct shape *shape_of(unsigned int type)
{
	return type < ARRAY_SIZE(shapes) && shapes[type].size ? &shapes[type] : NULL;
}

static bool string_is_sound(const struct ev_head *rec, const struct shape *shape,
			    const struct ev_str *str)
{
	const char *bytes = (const char *)rec + str->off;

	if (!str->len)
		return str->kind <= EV_STR_ARGS;
	if (str->off < shape->size || (size_t)str->off + str->len > rec->len)
		return false;
	switch (str->kind) {
	case EV_STR_TEXT:
		return !memchr(bytes, 0, str->len);
	case EV_STR_PATH:
		return !bytes[str->len - 1];
	case EV_STR_ARGS:
		return true;
	}
	return false;
}

int record_check(const void *record, size_t len)
{
	const struct ev_head *rec = record;
	const struct shape *shape;

	if (len < sizeof(*rec) || (uintptr_t)record % _Alignof(struct ev_head))
		return -EBADMSG;
	shape = shape_of(rec->type);
	if (!shape || rec->len != len || len > EV_RECORD_MAX || len < shape->size || len % 8)
		return -EBADMSG;
	if (!memchr(rec->comm, 0, sizeof(rec->comm)))
		return -EBADMSG;
	for (size_t i = 0; i < SHAPE_STRINGS && shape->strings[i]; i++) {
		const void *str = (const char *)record + shape->strings[i];

		if (!string_is_sound(rec, shape, str))
			return -EBADMSG;
	}
	return 0;
}

const char *record_bytes(const struct ev_head *rec, const struct ev_str *str, size_t *len)
{
	*len = str->len;
	return str->len ? (const char *)rec + str->off : NULL;
}

void record_path(struct buf *out, const struct ev_head *rec, const struct ev_str *str)
{
	size_t len, end;
	const char *bytes = record_bytes(rec, str, &len);

	if (str->kind != EV_STR_PATH) {
		buf_add(out, bytes, len);
		return;
	}
	/* Leaf first: from the last component back to the first. */
	if (str->flags & EV_STR_CUT)
		buf_str(out, "/...");
	for (end = len; end > 0;) {
		size_t start = end - 1;

		while (start > 0 && bytes[start - 1])
			start--;
		buf_char(out, '/');
		buf_add(out, bytes + start, end - 1 - start);
		end = start;
	}
}

const char *record_type_name(unsigned int type)
{
	const struct shape *shape = shape_of(type);

	return shape ? shape->name : "?";
}

const char *record_class_name(unsigned int class)
{
	static const char *const names[CLASS_MAX] = {
		[CLASS_PROCESS] = "process", [CLASS_CGROUP] = "cgroup", [CLASS_FILE] = "file",
		[CLASS_MOUNT] = "mount",     [CLASS_CRED] = "cred",	[CLASS_GUARD] = "guard",
	};

	return class < CLASS_MAX ? names[class] : "?";
}
