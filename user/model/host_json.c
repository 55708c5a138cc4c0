/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that runtimes and engines leave on the host, read with bounds. */
#include "model/host_json.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "source/facts.h"

/*
 * What 4 MiB may ask of the parser: an empty object is two bytes of text and some 250 of memory.
 * Real files have hundreds; a store of 10,000 podman containers has 50,000 objects.
 */
#define MAX_NESTS 65536	  /* objects and arrays */
#define MAX_VALUES 262144 /* all values, counted by their commas */

static bool is_too_dear(const char *text, size_t len)
{
	size_t nests = 0, values = 0;

	for (size_t i = 0; i < len; i++) {
		nests += text[i] == '{' || text[i] == '[';
		values += text[i] == ',';
	}
	return nests > MAX_NESTS || values > MAX_VALUES;
}

static int fail(struct buf *why, const json_error_t *e)
{
	if (json_error_code(e) == json_error_out_of_memory)
		return -ENOMEM;
	if (why) {
		buf_fmt(why, ":%d:%d: ", e->line, e->column);
		/* The message quotes the file. */
		text_clean(why, e->text, strnlen(e->text, sizeof(e->text)));
	}
	return -EINVAL;
}

json_t *host_json_parse(const char *text, size_t len, struct buf *why, int *ret_err)
{
	json_error_t e;
	json_t *root;

	if (is_too_dear(text, len)) {
		if (why)
			buf_str(why, ": more values than a real one has");
		*ret_err = -E2BIG;
		return NULL;
	}
	/* Without JSON_DECODE_ANY only an object or an array is a text. */
	root = json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &e);
	if (!root)
		*ret_err = fail(why, &e);
	return root;
}

json_t *host_json_read(struct facts *facts, const char *path)
{
	_cleanup_(buf_free) struct buf text = {};
	int err;

	if (facts_read(facts, path, FACT_MAX, &text))
		return NULL;
	return host_json_parse(buf_cstr(&text), text.len, NULL, &err);
}

int host_json_text(const json_t *value, char **ret)
{
	_cleanup_(buf_free) struct buf clean = {};
	const char *bytes = json_string_value(value);
	size_t len = json_string_length(value), all = len;

	if (!len)
		return 0;
	if (len > HOST_JSON_TEXT_MAX) {
		len = HOST_JSON_TEXT_MAX;
		while (len && ((unsigned char)bytes[len] & 0xc0) == 0x80)
			len--; /* not in the middle of a character */
	}
	text_clean(&clean, bytes, len);
	if (clean.failed)
		return -ENOMEM;
	free(*ret);
	*ret = TAKE(clean.data);
	return len < all;
}

const char *host_json_raw(const json_t *value)
{
	const char *bytes = json_string_value(value);

	return bytes && strlen(bytes) == json_string_length(value) ? bytes : NULL;
}
