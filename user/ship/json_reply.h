/* SPDX-License-Identifier: Apache-2.0 */
/* Replies in JSON: read strictly, believed as far as their shape goes. */
#ifndef KEELWATCH_JSON_REPLY_H
#define KEELWATCH_JSON_REPLY_H

#include <jansson.h>

#include "base/buf.h"

/* NULL: it is none, or nested deeper than any receiver's. Caller decrefs. */
json_t *json_reply(const struct buf *reply);
/* A text in it as clean text, or otherwise; put into room, which is returned. */
const char *json_reply_text(const json_t *object, const char *key, const char *otherwise,
			    char *room, size_t size);

#endif
