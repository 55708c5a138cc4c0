/* SPDX-License-Identifier: Apache-2.0 */
/* Containers and what is said of them. */
#include "model/container.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"

#define OR_EMPTY(s) ((s) ? (s) : (char *)"")

char *container_id_of_cgroup(const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dash, *end;

	base = base ? base + 1 : path;
	end = base + strlen(base);
	/* systemd's scopes: <engine>-<id>.scope */
	if (text_ends(base, ".scope")) {
		end -= strlen(".scope");
		dash = strrchr(base, '-');
		if (dash && dash < end)
			base = dash + 1;
	} else if (text_starts(base, "libpod-")) {
		base += strlen("libpod-");
	}
	return strndup(base, end - base);
}

struct container *container_new(uint64_t cgroup_id, const char *cgroup_path, struct spec *spec,
				const char *oci_runtime, Keelwatch__Attribution attribution)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->refs = 1;
	c->cgroup_id = cgroup_id;
	c->spec = spec;
	c->mounts_kept = -1;
	keelwatch__container__init(&c->msg);
	keelwatch__kubernetes__init(&c->kubernetes);
	c->msg.attribution = attribution;
	c->cgroup_path = strdup(cgroup_path);
	c->oci_runtime = strdup(oci_runtime ? oci_runtime : "");
	if (!c->cgroup_path || !c->oci_runtime) {
		container_unref(c);
		return NULL;
	}
	container_describe(c);
	return c;
}

struct container *container_ref(struct container *c)
{
	if (c)
		c->refs++;
	return c;
}

void container_unref(struct container *c)
{
	if (!c || --c->refs)
		return;
	spec_free(c->spec);
	mount_table_free(c->mounts);
	mount_table_free(c->prepared);
	mount_table_free(c->declared);
	free(c->cgroup_path);
	free(c->oci_runtime);
	free(c);
}

static void describe_spec(struct container *c, const struct spec *s)
{
	Keelwatch__Container *m = &c->msg;

	m->id = OR_EMPTY(s->id);
	m->name = s->name ? s->name : m->id;
	m->image = OR_EMPTY(s->image);
	m->runtime = s->engine ? s->engine : c->oci_runtime;
	m->rootfs = OR_EMPTY(s->rootfs);
	m->partial = s->partial;
	m->partial_why = OR_EMPTY(s->why);
	if (!s->k8s_namespace && !s->k8s_pod)
		return;
	c->kubernetes.namespace_ = OR_EMPTY(s->k8s_namespace);
	c->kubernetes.pod = OR_EMPTY(s->k8s_pod);
	c->kubernetes.uid = OR_EMPTY(s->k8s_uid);
	c->kubernetes.container = OR_EMPTY(s->k8s_container);
	m->kubernetes = &c->kubernetes;
}

void container_describe(struct container *c)
{
	Keelwatch__Container *m = &c->msg;

	if (c->spec)
		describe_spec(c, c->spec);
	m->oci_runtime = c->oci_runtime;
	m->cgroup = c->cgroup_path;
	m->cgroup_id = c->cgroup_id;
	m->pid = c->init_tgid;
	m->read_only = c->started ? c->facts.root_mnt_ro || c->facts.root_sb_ro :
				    c->spec && c->spec->read_only;
}
