/* SPDX-License-Identifier: Apache-2.0 */
#include "ship/json_reply.h"

#include <string.h>

#include "base/text.h"

#define DEPTH_MAX 64 /* before the parser, which goes down by calling itself, sees it */

static bool is_flat(const struct buf *b)
{
	int depth = 0;
	bool text = false;

	for (size_t i = 0; i < b->len; i++) {
		char c = b->data[i];

		if (text && c == '\\')
			i++;
		else if (c == '"')
			text = !text;
		else if (!text && (c == '[' || c == '{') && ++depth > DEPTH_MAX)
			return false;
		else if (!text && (c == ']' || c == '}'))
			depth--;
	}
	return true;
}

json_t *json_reply(const struct buf *reply)
{
	return reply->len && is_flat(reply) ? json_loadb(reply->data, reply->len, 0, NULL) : NULL;
}

const char *json_reply_text(const json_t *object, const char *key, const char *otherwise,
			    char *room, size_t size)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value) && json_string_length(value))
		text_clean_cut(room, size, json_string_value(value), json_string_length(value));
	else
		snprintf(room, size, "%s", otherwise);
	return room;
}
