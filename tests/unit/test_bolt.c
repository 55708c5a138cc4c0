/* SPDX-License-Identifier: Apache-2.0 */
/* containerd's database, as written by containerd 2.1, and the same damaged. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "model/bolt.h"

static void load_database(struct buf *out)
{
	static const char path[] = "tests/data/spec/containerd-meta.db";
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	size_t n;

	cr_assert_not_null(f, "%s (run from the top directory)", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(out, chunk, n);
	fclose(f);
	cr_assert(!out->failed);
}

static bool database_has(const struct buf *db, const char *id, const char **image, size_t *len)
{
	const char *const path[] = { "v1", "default", "containers", id, "image", NULL };

	return bolt_find(db->data, db->len, path, image, len);
}

Test(bolt, values_of_a_real_database_are_found)
{
	const char *const bucket[] = { "v1", "default", "containers", NULL };
	const char *const nothing[] = { NULL };
	struct buf db = {};
	const char *image;
	size_t len;

	load_database(&db);
	cr_expect(database_has(&db, "db", &image, &len));
	cr_expect(len == 15 && !memcmp(image, "test.local/bb:1", len));
	cr_expect(!database_has(&db, "d", &image, &len));
	cr_expect(!database_has(&db, "zzz", &image, &len));
	cr_expect(!bolt_find(db.data, db.len, bucket, &image, &len), "a bucket is no value");
	cr_expect(!bolt_find(db.data, db.len, nothing, &image, &len));
	buf_free(&db);
}

Test(bolt, the_older_meta_page_serves_when_the_newer_is_torn)
{
	struct buf db = {};
	const char *image;
	size_t len;

	load_database(&db);
	memset(db.data + 4096 + 40, 0xaa, 8);
	cr_expect(database_has(&db, "web", &image, &len));
	memset(db.data + 40, 0xaa, 8);
	cr_expect(!database_has(&db, "web", &image, &len));
	buf_free(&db);
}

Test(bolt, a_database_cut_anywhere_is_survived)
{
	struct buf db = {};

	load_database(&db);
	for (size_t cut = 0; cut < db.len; cut += 509) {
		struct buf part = { .data = malloc(cut ? cut : 1), .len = cut };
		const char *image;
		size_t len;

		memcpy(part.data, db.data, cut);
		if (database_has(&part, "web", &image, &len))
			cr_assert(image >= part.data && image + len <= part.data + cut);
		free(part.data);
	}
	buf_free(&db);
}

Test(bolt, any_byte_may_be_wrong)
{
	static const unsigned char patterns[] = { 0x01, 0xff };
	struct buf db = {}, exact;

	load_database(&db);
	exact = (struct buf){ .data = malloc(db.len), .len = db.len };
	memcpy(exact.data, db.data, db.len);
	for (size_t at = 8192; at < exact.len; at++) {
		for (size_t i = 0; i < sizeof(patterns); i++) {
			const char *image;
			size_t len;

			exact.data[at] ^= (char)patterns[i];
			if (database_has(&exact, "web", &image, &len))
				cr_assert(image + len <= exact.data + exact.len);
			exact.data[at] = db.data[at];
		}
	}
	free(exact.data);
	buf_free(&db);
}

/* A page whose only child is itself, with a checksum of FNV-1a made here. */
Test(bolt, a_tree_that_leads_to_itself_ends, .timeout = 10)
{
	static union {
		char bytes[3 * 4096];
		uint64_t aligned;
	} db;
	struct buf all = { .data = db.bytes, .len = sizeof(db) };
	const uint32_t meta[] = { 0xed0cdaed, 2, 4096, 0 };
	const uint64_t root = 2, child = 2;
	const uint16_t meta_head[] = { 4, 0 }, branch_head[] = { 1, 1 };
	const uint32_t elem[] = { 16, 0 };
	uint64_t sum = 14695981039346656037ull;
	const char *image;
	size_t len;

	memcpy(db.bytes + 8, meta_head, sizeof(meta_head));
	memcpy(db.bytes + 16, meta, sizeof(meta));
	memcpy(db.bytes + 32, &root, sizeof(root));
	for (int i = 16; i < 72; i++)
		sum = (sum ^ (unsigned char)db.bytes[i]) * 1099511628211ull;
	memcpy(db.bytes + 72, &sum, sizeof(sum));
	memcpy(db.bytes + 8192, &root, sizeof(root));
	memcpy(db.bytes + 8192 + 8, branch_head, sizeof(branch_head));
	memcpy(db.bytes + 8192 + 16, elem, sizeof(elem));
	memcpy(db.bytes + 8192 + 24, &child, sizeof(child));
	cr_expect(!database_has(&all, "web", &image, &len));
}
