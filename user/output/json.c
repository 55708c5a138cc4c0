/* SPDX-License-Identifier: Apache-2.0 */
/* Any message of the schema as JSON, by its descriptor; the rules stand in proto/event.proto. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "output/output.h"

static void write_uint32(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	text_number(b, *(const uint32_t *)value, false);
}

static void write_uint64(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	text_number(b, *(const uint64_t *)value, false);
}

static void write_int32(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	int64_t number = *(const int32_t *)value;

	(void)field;
	text_number(b, number < 0 ? -number : number, number < 0);
}

static void write_time(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	buf_char(b, '"');
	text_time(b, *(const uint64_t *)value);
	buf_char(b, '"');
}

static void write_bool(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	buf_str(b, *(const protobuf_c_boolean *)value ? "true" : "false");
}

/* A value the schema does not name (written by a newer keelwatch) stays a number. */
static void write_enum(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	int number = *(const int *)value;
	const ProtobufCEnumValue *named =
		protobuf_c_enum_descriptor_get_value(field->descriptor, number);

	if (named)
		text_json(b, named->name);
	else
		write_int32(b, field, &number);
}

static void write_string(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	text_json(b, *(const char *const *)value);
}

static void write_message(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value)
{
	(void)field;
	json_message(b, *(const ProtobufCMessage *const *)value);
}

/* The types the schema uses; the rest are left out. size: of a member, and of a list's element. */
static const struct {
	size_t size;
	void (*write)(struct buf *b, const ProtobufCFieldDescriptor *field, const void *value);
} types[] = {
	[PROTOBUF_C_TYPE_BOOL] = { sizeof(protobuf_c_boolean), write_bool },
	[PROTOBUF_C_TYPE_ENUM] = { sizeof(int), write_enum },
	[PROTOBUF_C_TYPE_FIXED64] = { sizeof(uint64_t), write_time },
	[PROTOBUF_C_TYPE_INT32] = { sizeof(int32_t), write_int32 },
	[PROTOBUF_C_TYPE_MESSAGE] = { sizeof(void *), write_message },
	[PROTOBUF_C_TYPE_STRING] = { sizeof(char *), write_string },
	[PROTOBUF_C_TYPE_UINT32] = { sizeof(uint32_t), write_uint32 },
	[PROTOBUF_C_TYPE_UINT64] = { sizeof(uint64_t), write_uint64 },
};

static bool is_written(const ProtobufCFieldDescriptor *field, const void *member,
		       const void *quantifier)
{
	if (field->type >= ARRAY_SIZE(types) || !types[field->type].write)
		return false;
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)quantifier > 0;

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(const void *const *)member;
	case PROTOBUF_C_TYPE_STRING:
		return *(const char *const *)member && **(const char *const *)member;
	case PROTOBUF_C_TYPE_FIXED64:
		return *(const uint64_t *)member;
	default:
		return true;
	}
}

static void write_list(struct buf *b, const ProtobufCFieldDescriptor *field, const char *elements,
		       size_t n)
{
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		types[field->type].write(b, field, elements + i * types[field->type].size);
	}
	buf_char(b, ']');
}

void json_message(struct buf *b, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const char *base = (const char *)message;
	char before = '{';

	for (unsigned int i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const void *member = base + field->offset;
		const void *quantifier = base + field->quantifier_offset;

		if (!is_written(field, member, quantifier))
			continue;
		buf_char(b, before);
		before = ',';
		buf_char(b, '"');
		buf_str(b, field->name);
		buf_add(b, "\":", 2);
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			write_list(b, field, *(const char *const *)member,
				   *(const size_t *)quantifier);
		else
			types[field->type].write(b, field, member);
	}
	if (before == '{')
		buf_char(b, '{');
	buf_char(b, '}');
}
