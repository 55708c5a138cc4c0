/* SPDX-License-Identifier: Apache-2.0 */
/* An id is the start's own random number and a count: nothing to ask, nothing that a clock can turn back. */
#include "message/stamp.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "base/version.h"

#define NODE_VARIABLE "KEELWATCH_NODE_NAME" /* from Kubernetes' downward API */

struct stamp {
	uint64_t start;
	atomic_uint_fast64_t count;
	Keelwatch__Host host;
	struct buf name, node, machine_id, boot_id, kernel, architecture;
};

static char *clean(struct buf *b, const char *text)
{
	text_clean(b, text, strlen(text));
	return (char *)buf_cstr(b);
}

/* The first line of a small file, or "". */
static char *clean_line(struct buf *b, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[128] = "";

	if (f && fgets(line, sizeof(line), f))
		line[strcspn(line, "\n")] = '\0';
	return clean(b, line);
}

int stamp_new(struct stamp **ret)
{
	struct stamp *s = calloc(1, sizeof(*s));
	const char *node = getenv(NODE_VARIABLE);
	struct utsname uts;

	if (!s)
		return -ENOMEM;
	if (uname(&uts) || getrandom(&s->start, sizeof(s->start), 0) != sizeof(s->start)) {
		free(s);
		return -EIO;
	}
	keelwatch__host__init(&s->host);
	s->host.name = clean(&s->name, uts.nodename);
	s->host.node = clean(&s->node, node ? node : "");
	s->host.kernel = clean(&s->kernel, uts.release);
	s->host.architecture = clean(&s->architecture, uts.machine);
	/* In a container's root there is none, or not the host's. */
	s->host.machine_id = clean_line(&s->machine_id, "/proc/1/root/etc/machine-id");
	if (!*s->host.machine_id)
		s->host.machine_id = clean_line(&s->machine_id, "/etc/machine-id");
	s->host.boot_id = clean_line(&s->boot_id, "/proc/sys/kernel/random/boot_id");
	*ret = s;
	return 0;
}

void stamp_free(struct stamp *s)
{
	if (!s)
		return;
	buf_free(&s->name);
	buf_free(&s->node);
	buf_free(&s->machine_id);
	buf_free(&s->boot_id);
	buf_free(&s->kernel);
	buf_free(&s->architecture);
	free(s);
}

static void fill(struct stamp *s, char *id, Keelwatch__Metadata *metadata)
{
	keelwatch__metadata__init(metadata);
	metadata->id = id;
	metadata->host = &s->host;
	metadata->version = (char *)KEELWATCH_VERSION;
}

void stamp_metadata(struct stamp *s, char id[STAMP_ID_SIZE], Keelwatch__Metadata *metadata)
{
	snprintf(id, STAMP_ID_SIZE, "%016" PRIx64 "-%" PRIuFAST64, s->start,
		 atomic_fetch_add(&s->count, 1) + 1);
	fill(s, id, metadata);
}

void stamp_metadata_at(struct stamp *s, const struct stamp_place *at, uint32_t which,
		       char id[STAMP_ID_SIZE], Keelwatch__Metadata *metadata)
{
	snprintf(id, STAMP_ID_SIZE, "%016" PRIx64 "-%" PRIx64 "-%08" PRIx32, at->ring, at->place,
		 which);
	fill(s, id, metadata);
}

bool stamp_read_place(const char *id, struct stamp_place *ret)
{
	uint32_t which;
	int end = -1;

	return sscanf(id, "%16" SCNx64 "-%16" SCNx64 "-%8" SCNx32 "%n", &ret->ring, &ret->place,
		      &which, &end) == 3 &&
	       end > 0 && !id[end];
}

const char *stamp_boot_id(const struct stamp *s)
{
	return s->host.boot_id;
}
