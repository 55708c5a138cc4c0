/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a container was declared to be from the OCI runtime's config.json. */
#include <stddef.h>

#include "model/spec.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "model/engine.h"
#include "source/facts.h"
#include "model/host_json.h"
#include "model/host_path.h"

#define WHY_MAX 512	      /* bytes of reasons kept; further ones are dropped */
#define SPEC_MAX_DEVICES 4096 /* likewise partial beyond */
#define CAP_BITS 64

/* Notes a reason, which must be clean text. One that does not fit any more is dropped. */
static void __attribute__((format(printf, 2, 3))) spec_partial(struct spec *s, const char *fmt, ...)
{
	_cleanup_(buf_free) struct buf why = { .max = WHY_MAX };
	char reason[WHY_MAX];
	va_list ap;
	int len;

	s->partial = true;
	va_start(ap, fmt);
	len = vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(reason))
		return;
	if (s->why)
		buf_fmt(&why, "%s; ", s->why);
	buf_str(&why, reason);
	if (why.failed)
		return;
	free(s->why);
	s->why = TAKE(why.data);
}

/* A member of the wanted type; NULL where it is absent, null, or wrong, which is noted. */
static json_t *member(struct spec *s, const json_t *obj, const char *key, json_type want)
{
	json_t *value = json_object_get(obj, key);

	if (!value || json_is_null(value) || json_typeof(value) == want)
		return json_is_null(value) ? NULL : value;
	spec_partial(s, "config.json: %s has the wrong type", key);
	return NULL;
}

static bool member_bool(struct spec *s, const json_t *obj, const char *key)
{
	json_t *value = json_object_get(obj, key);

	if (value && !json_is_boolean(value) && !json_is_null(value))
		spec_partial(s, "config.json: %s has the wrong type", key);
	return json_is_true(value);
}

static int member_text(struct spec *s, const json_t *obj, const char *key, char **ret)
{
	int rc = host_json_text(member(s, obj, key, JSON_STRING), ret);

	if (rc > 0)
		spec_partial(s, "config.json: %s is cut after %d bytes", key, HOST_JSON_TEXT_MAX);
	return rc < 0 ? rc : 0;
}

/* A path relative to the bundle becomes an absolute one. */
static int resolve_path(const struct spec *s, char **path)
{
	char *absolute;

	if (!*path || !s->bundle)
		return 0;
	absolute = host_path_join(s->bundle, *path);
	if (!absolute)
		return -ENOMEM;
	free(*path);
	*path = absolute;
	return 0;
}

static int capability_number(const char *name)
{
	for (unsigned int cap = 0; cap < CAP_BITS; cap++) {
		const char *known = text_capability(cap);

		if (known && !strcmp(known, name))
			return (int)cap;
	}
	return -EINVAL;
}

static uint64_t read_capability_set(struct spec *s, const json_t *sets, const char *key)
{
	uint64_t bits = 0;
	json_t *value;
	size_t i;

	json_array_foreach(member(s, sets, key, JSON_ARRAY), i, value) {
		const char *name = host_json_raw(value);
		int cap = name ? capability_number(name) : -EINVAL;

		if (cap < 0)
			spec_partial(s, "config.json: unknown capability in %s", key);
		else
			bits |= 1ull << cap;
	}
	return bits;
}

static void read_process(struct spec *s, const json_t *process)
{
	const json_t *user = member(s, process, "user", JSON_OBJECT);
	const json_t *sets = member(s, process, "capabilities", JSON_OBJECT);
	double uid = json_real_value(member(s, user, "uid", JSON_REAL));

	if (uid >= 0 && uid <= UINT32_MAX)
		s->uid = (uint32_t)uid;
	else
		spec_partial(s, "config.json: uid is out of range");
	s->no_new_privs = member_bool(s, process, "noNewPrivileges");
	s->bounding = read_capability_set(s, sets, "bounding");
	s->permitted = read_capability_set(s, sets, "permitted");
	s->effective = read_capability_set(s, sets, "effective");
}

/* The last of contrary options counts, as in mount(8); "rro" is read-only with all below it. */
static void read_mount_options(struct spec *s, const json_t *options, struct spec_mount *m,
			       bool *bind)
{
	bool ro = false, rro = false;
	json_t *value;
	size_t i;

	json_array_foreach(options, i, value) {
		const char *option = host_json_raw(value);

		if (!option)
			spec_partial(s, "config.json: a mount option has the wrong type");
		else if (!strcmp(option, "ro") || !strcmp(option, "rw"))
			ro = option[1] == 'o';
		else if (!strcmp(option, "rro") || !strcmp(option, "rrw"))
			rro = option[2] == 'o';
		else if (!strcmp(option, "bind") || !strcmp(option, "rbind"))
			*bind = true;
	}
	m->read_only = ro || rro;
}

static int read_mount(struct spec *s, const json_t *obj, struct spec_mount *m)
{
	bool bind;

	if (member_text(s, obj, "destination", &m->destination) ||
	    member_text(s, obj, "source", &m->source) || member_text(s, obj, "type", &m->type))
		return -ENOMEM;
	if (!m->destination)
		spec_partial(s, "config.json: a mount has no destination");
	bind = m->type && !strcmp(m->type, "bind");
	read_mount_options(s, member(s, obj, "options", JSON_ARRAY), m, &bind);
	if (!bind)
		return 0;
	free(m->type);
	m->type = strdup("bind");
	return m->type ? resolve_path(s, &m->source) : -ENOMEM;
}

static int read_mounts(struct spec *s, const json_t *mounts)
{
	size_t count = json_array_size(mounts);

	if (count > SPEC_MAX_MOUNTS) {
		spec_partial(s, "config.json: %zu mounts, %d are read", count, SPEC_MAX_MOUNTS);
		count = SPEC_MAX_MOUNTS;
	}
	if (!count)
		return 0;
	s->mounts = calloc(count, sizeof(*s->mounts));
	if (!s->mounts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *obj = json_array_get(mounts, i);

		if (!json_is_object(obj)) {
			spec_partial(s, "config.json: a mount has the wrong type");
			continue;
		}
		if (read_mount(s, obj, &s->mounts[s->mount_count++]))
			return -ENOMEM;
	}
	return 0;
}

static int read_devices(struct spec *s, const json_t *devices)
{
	size_t count = json_array_size(devices);

	if (count > SPEC_MAX_DEVICES) {
		spec_partial(s, "config.json: %zu devices, %d are read", count, SPEC_MAX_DEVICES);
		count = SPEC_MAX_DEVICES;
	}
	if (!count)
		return 0;
	s->block_devices = calloc(count, sizeof(*s->block_devices));
	if (!s->block_devices)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *obj = json_array_get(devices, i);
		const char *type = host_json_raw(json_object_get(obj, "type"));
		char **path = &s->block_devices[s->block_device_count];

		if (!type)
			spec_partial(s, "config.json: a device has no type");
		if (!type || strcmp(type, "b"))
			continue;
		if (member_text(s, obj, "path", path))
			return -ENOMEM;
		s->block_device_count += *path != NULL;
	}
	return 0;
}

static void read_namespaces(struct spec *s, const json_t *namespaces)
{
	const struct {
		const char *type;
		bool *is_asked;
	} known[] = {
		{ "mount", &s->ns_mnt }, { "pid", &s->ns_pid }, { "network", &s->ns_net },
		{ "ipc", &s->ns_ipc },	 { "uts", &s->ns_uts }, { "cgroup", &s->ns_cgroup },
		{ "user", &s->ns_user },
	};
	json_t *value;
	size_t i;

	json_array_foreach(namespaces, i, value) {
		const char *type = host_json_raw(json_object_get(value, "type"));

		if (!type)
			spec_partial(s, "config.json: a namespace has no type");
		for (size_t k = 0; type && k < ARRAY_SIZE(known); k++)
			*known[k].is_asked |= !strcmp(type, known[k].type);
	}
}

static int read_linux(struct spec *s, const json_t *linux_obj)
{
	read_namespaces(s, member(s, linux_obj, "namespaces", JSON_ARRAY));
	s->seccomp = member(s, linux_obj, "seccomp", JSON_OBJECT) != NULL;
	s->masked_paths = json_array_size(member(s, linux_obj, "maskedPaths", JSON_ARRAY));
	s->readonly_paths = json_array_size(member(s, linux_obj, "readonlyPaths", JSON_ARRAY));
	if (member_text(s, linux_obj, "cgroupsPath", &s->cgroups_path))
		return -ENOMEM;
	return read_devices(s, member(s, linux_obj, "devices", JSON_ARRAY));
}

/* An object that every container's config.json has. */
static const json_t *need(struct spec *s, const json_t *config, const char *key)
{
	const json_t *said = json_object_get(config, key);

	if (!said || json_is_null(said))
		spec_partial(s, "config.json: no %s", key);
	return member(s, config, key, JSON_OBJECT);
}

static int read_config(struct spec *s, const json_t *config)
{
	const json_t *root = need(s, config, "root");

	if (member_text(s, root, "path", &s->rootfs) || resolve_path(s, &s->rootfs))
		return -ENOMEM;
	if (root && !s->rootfs)
		spec_partial(s, "config.json: root has no path");
	s->read_only = member_bool(s, root, "readonly");
	read_process(s, need(s, config, "process"));
	if (read_linux(s, need(s, config, "linux")))
		return -ENOMEM;
	return read_mounts(s, member(s, config, "mounts", JSON_ARRAY));
}

static int parse(const struct engine_view *from, struct spec *s, const char *json, size_t len,
		 const char *engine_hint)
{
	_cleanup_(buf_free) struct buf why = {};
	json_t *config;
	int rc = 0;

	config = host_json_parse(json, len, &why, &rc);
	if (!config && rc != -ENOMEM) {
		spec_partial(s, "config.json%s", buf_cstr(&why));
		rc = 0;
	} else if (config && !json_is_object(config)) {
		spec_partial(s, "config.json: no object");
	} else if (config) {
		rc = read_config(s, config);
	}
	if (!rc)
		rc = engine_resolve(from, s, config, engine_hint);
	json_decref(config);
	return rc;
}

void spec_parse(struct spec *s, const char *json, size_t len)
{
	const struct engine_view nowhere = {};

	if (parse(&nowhere, s, json, len, NULL))
		spec_partial(s, "out of memory");
}

static int set_clean(char **field, const char *bytes, size_t len)
{
	_cleanup_(buf_free) struct buf clean = {};

	if (!len)
		return 0;
	text_clean(&clean, bytes, len);
	if (clean.failed)
		return -ENOMEM;
	*field = TAKE(clean.data);
	return 0;
}

/* The bundle's last component; podman's and CRI-O's bundles are <id>/userdata. */
static int set_id_from(struct spec *s, const char *bundle)
{
	const char *id = host_path_base(bundle);
	size_t up = host_path_up(bundle, 1);
	size_t len = strlen(id);

	if (up && !strcmp(id, "userdata")) {
		id = bundle + host_path_up(bundle, 2) + 1;
		len = (size_t)(bundle + up - id);
	}
	return set_clean(&s->id, id, len);
}

static int read_bundle(const struct engine_view *from, struct spec *s, const char *bundle,
		       const char *engine_hint)
{
	_cleanup_(buf_free) struct buf path = {}, text = {};
	int rc;

	if (!from->facts) {
		spec_partial(s, "nobody is left who sees its bundle");
		return engine_resolve(from, s, NULL, engine_hint);
	}
	buf_fmt(&path, "%s%s/config.json", from->root, bundle);
	if (path.failed)
		return -ENOMEM;
	rc = facts_read(from->facts, path.data, FACT_MAX, &text);
	if (rc == -ENOENT) /* the bundle is gone: its engine may have the same */
		rc = engine_config(from, s, engine_hint, &text);
	if (rc == -ENOMEM)
		return rc;
	if (!rc)
		return parse(from, s, buf_cstr(&text), text.len, engine_hint);
	if (rc == -EFBIG)
		spec_partial(s, "config.json: larger than %d bytes", FACT_MAX);
	else if (rc == -EINVAL)
		spec_partial(s, "config.json: no regular file");
	else
		spec_partial(s, "config.json: %s", strerror(-rc));
	return engine_resolve(from, s, NULL, engine_hint);
}

int spec_read(const struct engine_view *from, const char *bundle, const char *id,
	      const char *engine_hint, struct spec **ret)
{
	_cleanup_free_ char *path = host_path_join("/", bundle);
	struct spec *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s || !path || set_clean(&s->bundle, path, strlen(path)))
		goto fail;
	rc = id ? set_clean(&s->id, id, strlen(id)) : set_id_from(s, path);
	if (!rc)
		rc = read_bundle(from, s, path, engine_hint);
	if (rc)
		goto fail;
	*ret = s;
	return 0;
fail:
	spec_free(s);
	return rc;
}

void spec_free(struct spec *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->mount_count; i++) {
		free(s->mounts[i].destination);
		free(s->mounts[i].source);
		free(s->mounts[i].type);
	}
	for (size_t i = 0; i < s->block_device_count; i++)
		free(s->block_devices[i]);
	free(s->mounts);
	free(s->block_devices);
	free(s->id);
	free(s->name);
	free(s->image);
	free(s->engine);
	free(s->k8s_namespace);
	free(s->k8s_pod);
	free(s->k8s_uid);
	free(s->k8s_container);
	free(s->rootfs);
	free(s->bundle);
	free(s->cgroups_path);
	free(s->why);
	free(s);
}
