/* SPDX-License-Identifier: Apache-2.0 */
/* What a record must be before anybody reads it, and that nothing else gets by. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "fixture.h"

#define MUTATIONS 200000
#define SEED 20260102

/* Records of every type, with every string they can have. */
static const struct shape {
	enum ev_type type;
	const char *name;
	size_t size;
	size_t strings[5]; /* offsets; 0 ends them */
} shapes[] = {
	{ EV_EXEC,
	  "exec",
	  sizeof(struct ev_exec),
	  { offsetof(struct ev_exec, exe), offsetof(struct ev_exec, args),
	    offsetof(struct ev_exec, cwd) } },
	{ EV_FORK, "fork", sizeof(struct ev_fork), {} },
	{ EV_EXIT, "exit", sizeof(struct ev_exit), {} },
	{ EV_CGROUP_MKDIR,
	  "cgroup",
	  sizeof(struct ev_cgroup),
	  { offsetof(struct ev_cgroup, path) } },
	{ EV_CGROUP_RMDIR,
	  "cgroup",
	  sizeof(struct ev_cgroup),
	  { offsetof(struct ev_cgroup, path) } },
	{ EV_CGROUP_ATTACH,
	  "cgroup",
	  sizeof(struct ev_attach),
	  { offsetof(struct ev_attach, path) } },
	{ EV_FILE,
	  "file",
	  sizeof(struct ev_file),
	  { offsetof(struct ev_file, path), offsetof(struct ev_file, user_path) } },
	{ EV_MOUNT,
	  "mount",
	  sizeof(struct ev_mount),
	  { offsetof(struct ev_mount, source), offsetof(struct ev_mount, target),
	    offsetof(struct ev_mount, fstype), offsetof(struct ev_mount, source_dir),
	    offsetof(struct ev_mount, target_dir) } },
	{ EV_CRED, "cred", sizeof(struct ev_cred_change), {} },
	{ EV_CAPABLE, "capability", sizeof(struct ev_capable), {} },
	{ EV_NS, "namespace", sizeof(struct ev_ns), {} },
	{ EV_GUARD, "guard", sizeof(struct ev_guard), { offsetof(struct ev_guard, name) } },
	{ EV_START, "start", sizeof(struct ev_start), { offsetof(struct ev_start, cgroup_root) } },
	{ EV_FACT, "fact", sizeof(struct ev_fact), { offsetof(struct ev_fact, name) } },
	{ EV_MOUNTS_CHANGED, "mounts-changed", sizeof(struct ev_mounts_changed), {} },
	{ EV_LOSS, "loss", sizeof(struct ev_loss), {} },
	{ EV_FLOOD, "flood", sizeof(struct ev_flood), {} },
	{ EV_STOP, "stop", sizeof(struct ev_head), {} },
	{ EV_RESUME, "resume", sizeof(struct ev_head), {} },
};

static struct ev_str *string_at(struct fixture_record *r, size_t offset)
{
	return (struct ev_str *)((char *)r + offset);
}

/* A record with each of its strings set: paths where the name says so, else text. */
static void make(struct fixture_record *r, const struct shape *shape)
{
	const struct fixture_task task = { .tgid = 5 };

	fixture_make_head(r, shape->type, shape->size, &task);
	for (size_t i = 0; i < ARRAY_SIZE(shape->strings) && shape->strings[i]; i++) {
		struct ev_str *s = string_at(r, shape->strings[i]);

		if (i % 3 == 0)
			fixture_path(r, s, "/usr/bin/x");
		else if (i % 3 == 1)
			fixture_args(r, s, FIXTURE_ARGS("a", "", "bc"));
		else
			fixture_text(r, s, "word");
	}
}

/*
 * Exactly len bytes of the record on the heap, at an address that is aligned to eight, so that a
 * read behind them is one behind the block.
 */
static int check_exact(const void *record, size_t len)
{
	void *copy = malloc(len ? len : 1);
	int err;

	memcpy(copy, record, len);
	err = record_check(copy, len);
	free(copy);
	return err;
}

static int check(const struct fixture_record *r)
{
	return check_exact(r, r->head.len);
}

/* Reads all that a reader may after a check. */
static size_t read_all(const struct ev_head *rec)
{
	_cleanup_(buf_free) struct buf out = {};
	const struct shape *shape = NULL;
	size_t sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		if (shapes[i].type == rec->type)
			shape = &shapes[i];
	cr_assert_not_null(shape, "type %u passed", rec->type);
	for (size_t i = 0; i < ARRAY_SIZE(shape->strings) && shape->strings[i]; i++) {
		const struct ev_str *s = (const void *)((const char *)rec + shape->strings[i]);
		size_t len;
		const char *bytes = record_bytes(rec, s, &len);

		for (size_t at = 0; at < len; at++)
			sum += bytes[at];
		record_path(&out, rec, s);
	}
	return sum + out.len + strlen(rec->comm);
}

Test(record, of_every_type_passes_with_all_its_strings_and_has_a_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;

		make(&r, &shapes[i]);
		cr_assert_eq(check(&r), 0, "%s", shapes[i].name);
		cr_assert_str_eq(record_type_name(shapes[i].type), shapes[i].name);
		read_all(&r.head);
	}
}

Test(record, passes_without_any_of_its_strings)
{
	const struct fixture_task task = { .tgid = 5 };

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;

		fixture_make_head(&r, shapes[i].type, shapes[i].size, &task);
		cr_assert_eq(check(&r), 0, "%s", shapes[i].name);
		read_all(&r.head);
	}
}

Test(record, of_a_type_nobody_knows_is_refused)
{
	struct fixture_record r;

	make(&r, &shapes[0]);
	for (unsigned int type = 0; type <= 0xffff; type++) {
		bool known = false;

		for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
			known |= shapes[i].type == type;
		if (known)
			continue;
		r.head.type = type;
		cr_assert_eq(check(&r), -EBADMSG, "type %u", type);
		cr_assert_str_eq(record_type_name(type), "?");
	}
}

Test(record, that_is_cut_anywhere_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;

		make(&r, &shapes[i]);
		for (size_t len = 0; len < r.head.len; len++)
			cr_assert_eq(check_exact(&r, len), -EBADMSG, "%s cut at %zu",
				     shapes[i].name, len);
	}
}

Test(record, that_is_cut_and_says_so_passes_only_when_its_strings_still_fit)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;
		size_t full;

		make(&r, &shapes[i]);
		full = r.head.len;
		for (size_t len = 0; len < full; len++) {
			int err;

			r.head.len = len;
			err = check_exact(&r, len);
			cr_assert_eq(err, -EBADMSG, "%s of %zu", shapes[i].name, len);
		}
	}
}

Test(record, whose_length_is_not_that_of_its_bytes_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;
		size_t len;

		make(&r, &shapes[i]);
		len = r.head.len;
		r.head.len = len + 8;
		cr_assert_eq(check_exact(&r, len), -EBADMSG);
		r.head.len = len - 8;
		cr_assert_eq(check_exact(&r, len), -EBADMSG);
		r.head.len = 0;
		cr_assert_eq(check_exact(&r, len), -EBADMSG);
		r.head.len = UINT32_MAX;
		cr_assert_eq(check_exact(&r, len), -EBADMSG);
	}
}

Test(record, that_is_no_multiple_of_eight_or_longer_than_any_is_refused)
{
	static struct {
		struct fixture_record r;
		char more[16];
	} big;

	make(&big.r, &shapes[0]);
	big.r.head.len += 4;
	cr_assert_eq(check_exact(&big, big.r.head.len), -EBADMSG);
	big.r.head.len = EV_RECORD_MAX;
	cr_assert_eq(check_exact(&big, EV_RECORD_MAX), 0);
	big.r.head.len = EV_RECORD_MAX + 8;
	cr_assert_eq(check_exact(&big, EV_RECORD_MAX + 8), -EBADMSG);
}

Test(record, at_a_crooked_address_is_refused)
{
	_Alignas(8) char space[sizeof(struct fixture_record) + 8];
	struct fixture_record r;

	make(&r, &shapes[0]);
	for (size_t off = 0; off < 8; off++) {
		memcpy(space + off, &r, r.head.len);
		cr_assert_eq(record_check(space + off, r.head.len), off ? -EBADMSG : 0, "%zu", off);
	}
}

Test(record, whose_comm_does_not_end_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct fixture_record r;

		make(&r, &shapes[i]);
		memset(r.head.comm, 'x', sizeof(r.head.comm));
		cr_assert_eq(check(&r), -EBADMSG, "%s", shapes[i].name);
		r.head.comm[EV_COMM_LEN - 1] = '\0';
		cr_assert_eq(check(&r), 0, "%s", shapes[i].name);
	}
}

/* Tries one string of one record with an offset and a length; what passes is read. */
static void try_string(const struct shape *shape, size_t which, uint16_t off, uint16_t len)
{
	struct fixture_record r;
	struct ev_str *s;
	bool inside;
	int err;

	make(&r, shape);
	s = string_at(&r, shape->strings[which]);
	s->off = off;
	s->len = len;
	s->kind = EV_STR_ARGS; /* asks nothing of the bytes */
	inside = !len || (off >= shape->size && off + len <= (int)r.head.len);
	err = check(&r);
	cr_assert_eq(err, inside ? 0 : -EBADMSG, "%s string %zu off %u len %u of %u", shape->name,
		     which, off, len, r.head.len);
}

Test(record, whose_string_leaves_it_or_overlaps_its_head_is_refused)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		const struct shape *shape = &shapes[i];
		struct fixture_record r;
		uint16_t offs[9], lens[7];

		make(&r, shape);
		memcpy(offs,
		       (uint16_t[]){ 0, 1, 8, shape->size - 1, shape->size, shape->size + 1,
				     r.head.len - 1, r.head.len, 0xffff },
		       sizeof(offs));
		memcpy(lens,
		       (uint16_t[]){ 0, 1, 2, r.head.len - shape->size,
				     r.head.len - shape->size + 1, 0x7fff, 0xffff },
		       sizeof(lens));
		for (size_t s = 0; s < ARRAY_SIZE(shape->strings) && shape->strings[s]; s++)
			for (size_t o = 0; o < ARRAY_SIZE(offs); o++)
				for (size_t l = 0; l < ARRAY_SIZE(lens); l++)
					try_string(shape, s, offs[o], lens[l]);
	}
}

Test(record, whose_string_is_of_no_known_kind_is_refused)
{
	for (unsigned int kind = EV_STR_ARGS + 1; kind < 0x10000; kind += 97) {
		struct fixture_record r;

		make(&r, &shapes[0]);
		r.exec.exe.kind = kind;
		cr_assert_eq(check(&r), -EBADMSG, "kind %u", kind);
		r.exec.exe.len = 0;
		cr_assert_eq(check(&r), -EBADMSG, "kind %u, absent", kind);
	}
}

Test(record, whose_path_does_not_end_with_its_last_component_is_refused)
{
	struct fixture_record r;

	make(&r, &shapes[0]);
	r.exec.exe.len--;
	cr_assert_eq(check(&r), -EBADMSG);
}

Test(record, whose_text_holds_a_nul_is_refused)
{
	struct fixture_record r;

	make(&r, &shapes[3]);
	fixture_bytes(&r, &r.cgroup.path, EV_STR_TEXT, "/a\0b", 4);
	cr_assert_eq(check(&r), -EBADMSG);
}

static void expect_path(const void *bytes, size_t len, unsigned int flags, const char *expected)
{
	_cleanup_(buf_free) struct buf out = {};
	struct fixture_record r;

	make(&r, &shapes[1]);
	fixture_make_head(&r, EV_EXEC, sizeof(r.exec), &(struct fixture_task){ .tgid = 1 });
	fixture_bytes(&r, &r.exec.exe, EV_STR_PATH, bytes, len);
	r.exec.exe.flags = flags;
	cr_assert_eq(check(&r), 0);
	record_path(&out, &r.head, &r.exec.exe);
	cr_assert_str_eq(buf_cstr(&out), expected);
}

Test(record, path_is_read_from_the_root_down)
{
	expect_path("x\0bin\0usr", 10, 0, "/usr/bin/x");
	expect_path("x", 2, 0, "/x");
	expect_path("", 1, 0, "/");
	expect_path("a\nb\0\xff", 6, 0, "/\xff/a\nb");
}

Test(record, path_that_was_cut_begins_with_a_mark)
{
	expect_path("x\0bin", 6, EV_STR_CUT, "/.../bin/x");
}

Test(record, string_that_is_absent_has_no_bytes)
{
	_cleanup_(buf_free) struct buf out = {};
	struct fixture_record r;
	size_t len = 1;

	fixture_make_head(&r, EV_EXEC, sizeof(r.exec), &(struct fixture_task){ .tgid = 1 });
	cr_assert_null(record_bytes(&r.head, &r.exec.exe, &len));
	cr_assert_eq(len, 0);
	record_path(&out, &r.head, &r.exec.exe);
	cr_assert_str_eq(buf_cstr(&out), "");
	r.exec.exe.kind = EV_STR_PATH;
	record_path(&out, &r.head, &r.exec.exe);
	cr_assert_str_eq(buf_cstr(&out), "");
}

Test(record, classes_have_names_and_others_none)
{
	cr_assert_str_eq(record_class_name(CLASS_PROCESS), "process");
	cr_assert_str_eq(record_class_name(CLASS_CRED), "cred");
	cr_assert_str_eq(record_class_name(CLASS_MAX), "?");
	cr_assert_str_eq(record_class_name(~0u), "?");
}

/* xorshift64: the same bytes every time. */
static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void mutate(uint8_t *bytes, size_t len, uint64_t *state)
{
	static const uint8_t edges[] = { 0, 1, 2, 7, 8, 0x7f, 0x80, 0xff };
	unsigned int changes = 1 + random_next(state) % 4;

	while (changes--) {
		size_t at = random_next(state) % len;

		if (random_next(state) % 2)
			bytes[at] = edges[random_next(state) % ARRAY_SIZE(edges)];
		else
			bytes[at] ^= 1u << random_next(state) % 8;
	}
}

Test(record, two_hundred_thousand_damaged_ones_are_refused_or_can_be_read)
{
	static struct fixture_record good[ARRAY_SIZE(shapes)];
	uint64_t state = SEED;
	size_t passed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		make(&good[i], &shapes[i]);
	for (size_t n = 0; n < MUTATIONS; n++) {
		const struct fixture_record *r = &good[n % ARRAY_SIZE(shapes)];
		size_t len = r->head.len;
		uint8_t *copy;

		if (random_next(&state) % 8 == 0)
			len = random_next(&state) % (len + 1);
		copy = malloc(len ? len : 1);
		cr_assert_not_null(copy);
		memcpy(copy, r, len);
		if (len)
			mutate(copy, len, &state);
		if (len >= 4 && random_next(&state) % 4 == 0)
			memcpy(copy, &(uint32_t){ len }, 4);
		if (!record_check(copy, len)) {
			read_all((const void *)copy);
			passed++;
		}
		free(copy);
	}
	cr_assert_gt(passed, MUTATIONS / 20, "only %zu passed: nothing was tried", passed);
}
