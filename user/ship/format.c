/* SPDX-License-Identifier: Apache-2.0 */
/* The formats by name, and a record taken apart for them. */
#include "ship/format.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "output/output.h"
#include "ship/format_priv.h"

static const Keelwatch__Host no_host = KEELWATCH__HOST__INIT;

int subject_of(const Keelwatch__Record *record, struct subject *ret)
{
	const Keelwatch__Metadata *metadata;

	*ret = (struct subject){};
	if (record_head(record, &ret->head))
		return -EINVAL;
	metadata = ret->head.metadata;
	if (!metadata || !metadata->id[0])
		return -EINVAL;
	ret->host = metadata->host ? metadata->host : &no_host;
	if (ret->head.container)
		ret->pod = ret->head.container->kubernetes;
	switch (ret->head.kind) {
	case KIND_FINDING:
		ret->finding = record->finding;
		break;
	case KIND_LIFECYCLE:
		ret->lifecycle = record->lifecycle;
		ret->exit = record->lifecycle->exit;
		break;
	case KIND_GAP:
		ret->gap = record->gap;
		break;
	default:
		ret->monitor = record->monitor;
	}
	return 0;
}

const char *subject_dataset(const struct subject *s)
{
	static const char *const datasets[KIND_MAX] = {
		[KIND_FINDING] = "keelwatch.finding",
		[KIND_LIFECYCLE] = "keelwatch.container",
		[KIND_GAP] = "keelwatch.gap",
		[KIND_MONITOR] = "keelwatch.monitor",
	};

	return datasets[s->head.kind];
}

bool lifecycle_is(const struct subject *s, const char *operation)
{
	return s->lifecycle && !strcmp(s->lifecycle->operation, operation);
}

const char *path_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

bool process_entity(const struct subject *s, const Keelwatch__Process *p, char to[ENTITY_SIZE])
{
	if (!s->host->boot_id[0] || !p->started || !p->pid)
		return false;
	return snprintf(to, ENTITY_SIZE, "%s-%" PRIu32 "-%" PRIu64, s->host->boot_id, p->pid,
			p->started) < ENTITY_SIZE;
}

bool process_ids_known(const Keelwatch__Process *p)
{
	return p->uid || p->euid || p->gid || p->egid || p->n_capabilities;
}

bool technique_parent(const Keelwatch__Finding *f, char to[TECHNIQUE_SIZE])
{
	size_t len = strcspn(f->technique, ".");

	if (!f->technique[len] || !len || len >= TECHNIQUE_SIZE)
		return false;
	memcpy(to, f->technique, len);
	to[len] = '\0';
	return true;
}

static void native_write(struct buf *b, const struct subject *s)
{
	json_message(b, s->head.message);
}

int format_record(struct buf *b, enum record_format format, const Keelwatch__Record *record)
{
	static void (*const writers[FORMAT_MAX])(struct buf *, const struct subject *) = {
		[FORMAT_NATIVE] = native_write,
		[FORMAT_ECS] = ecs_write,
		[FORMAT_OCSF] = ocsf_write,
		[FORMAT_CEF] = cef_write,
	};
	struct subject s;
	int err;

	if (format >= ARRAY_SIZE(writers))
		return -EINVAL;
	err = subject_of(record, &s);
	if (err)
		return err;
	writers[format](b, &s);
	return b->failed ? -ENOMEM : 0;
}
