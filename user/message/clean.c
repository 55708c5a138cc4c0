/* SPDX-License-Identifier: Apache-2.0 */
#include "message/clean.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"

static int clean_string(char **string)
{
	_cleanup_(buf_free) struct buf b = {};
	size_t len = *string ? strlen(*string) : 0;

	if (text_is_line(*string, len))
		return 0;
	text_clean(&b, *string, len);
	if (b.failed)
		return -ENOMEM;
	free(*string);
	*string = TAKE(b.data);
	return 0;
}

/* How many there are of a field; of a oneof, none where another one is set. */
static size_t count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *quantifier = (const char *)message + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)quantifier == field->id;
	return 1;
}

static int clean_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	char *member = (char *)message + field->offset;
	size_t count = count_of(message, field);
	int err = 0;

	if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
		return 0;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		member = *(char **)member;
	for (size_t i = 0; !err && i < count; i++) {
		void **value = (void **)member + i;

		if (field->type == PROTOBUF_C_TYPE_STRING)
			err = clean_string((char **)value);
		else if (*value)
			err = message_clean(*value);
	}
	return err;
}

int message_clean(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	int err = 0;

	for (unsigned int i = 0; !err && i < type->n_fields; i++)
		err = clean_field(message, &type->fields[i]);
	return err;
}
