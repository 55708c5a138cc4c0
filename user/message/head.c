/* SPDX-License-Identifier: Apache-2.0 */
#include "message/head.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

static const char *const kind_names[KIND_MAX] = {
	[KIND_FINDING] = "finding",
	[KIND_LIFECYCLE] = "container",
	[KIND_GAP] = "gap",
	[KIND_MONITOR] = "monitor",
};

/* What all of them have, by the same names. */
#define HEAD(k, m, w)                                                                       \
	(struct record_head)                                                                \
	{                                                                                   \
		.message = &(m)->base, .kind = (k), .what = (w), .text = (m)->message,      \
		.severity = (m)->severity, .time_ns = (m)->time, .metadata = (m)->metadata, \
	}

int record_head(const Keelwatch__Record *record, struct record_head *ret)
{
	switch (record->body_case) {
	case KEELWATCH__RECORD__BODY_FINDING:
		*ret = HEAD(KIND_FINDING, record->finding, record->finding->rule);
		ret->container = record->finding->container;
		ret->process = record->finding->process;
		return 0;
	case KEELWATCH__RECORD__BODY_LIFECYCLE:
		*ret = HEAD(KIND_LIFECYCLE, record->lifecycle, record->lifecycle->operation);
		ret->container = record->lifecycle->container;
		ret->process = record->lifecycle->process;
		return 0;
	case KEELWATCH__RECORD__BODY_GAP:
		*ret = HEAD(KIND_GAP, record->gap, record->gap->reason);
		ret->container = record->gap->container;
		return 0;
	case KEELWATCH__RECORD__BODY_MONITOR:
		*ret = HEAD(KIND_MONITOR, record->monitor, record->monitor->operation);
		return 0;
	default:
		return -EINVAL;
	}
}

/* Between backslashes, which stand for themselves and for what was no text. */
static bool is_clean(const char *text)
{
	for (size_t len; *text; text += len + (text[len] == '\\')) {
		len = strcspn(text, "\\");
		if (!text_is_clean(text, len))
			return false;
	}
	return true;
}

static bool message_is_clean(const ProtobufCMessage *message);

static bool value_is_clean(const ProtobufCFieldDescriptor *field, const void *value)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return !*(const char *const *)value || is_clean(*(const char *const *)value);
	return !*(const ProtobufCMessage *const *)value ||
	       message_is_clean(*(const ProtobufCMessage *const *)value);
}

/* Of a oneof all members are in one place, which holds what its case says. */
static bool is_there(const ProtobufCFieldDescriptor *field, const char *base)
{
	return !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
	       *(const uint32_t *)(base + field->quantifier_offset) == field->id;
}

static bool message_is_clean(const ProtobufCMessage *message)
{
	const char *base = (const char *)message;

	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		bool many = field->label == PROTOBUF_C_LABEL_REPEATED;
		const void *at = base + field->offset;
		size_t count = many ? *(const size_t *)(base + field->quantifier_offset) : 1;
		const void *const *values = many ? *(const void *const *const *)at : at;

		if ((field->type != PROTOBUF_C_TYPE_STRING &&
		     field->type != PROTOBUF_C_TYPE_MESSAGE) ||
		    !is_there(field, base))
			continue;
		for (size_t j = 0; j < count; j++)
			if (!value_is_clean(field, &values[j]))
				return false;
	}
	return true;
}

bool record_is_clean(const Keelwatch__Record *record)
{
	return message_is_clean(&record->base);
}

const char *record_kind_name(enum record_kind kind)
{
	return kind < ARRAY_SIZE(kind_names) ? kind_names[kind] : "unknown";
}

const char *severity_name(Keelwatch__Severity severity)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(&keelwatch__severity__descriptor, severity);

	return value ? value->name : "unknown";
}
