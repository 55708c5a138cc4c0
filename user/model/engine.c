/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a container and what they call it, from annotations and from what engines keep on disk:
 * docker's config.v2.json, podman's containers.json, containerd's meta.db.
 */
#include "model/engine.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "base/util.h"
#include "containerd.pb-c.h"
#include "model/bolt.h"
#include "source/facts.h"
#include "model/host_json.h"
#include "model/host_path.h"
#include "model/spec.h"

#define META_DB_MAX (16 * 1024 * 1024) /* typically under 1 MiB; no image beyond */
#define META_DB_READS 3		       /* it is written to while we read: one may be torn */
#define STORES_MAX 24		       /* directories tried for one container, no further ones */

struct lookup {
	struct engine_view from;
	struct spec *s;
	struct buf *config; /* where containerd's specification goes; NULL: its image is sought */
	const json_t *annotations;
	char *namespace;     /* containerd's; NULL: not known */
	unsigned int stores; /* tried so far */
};

struct annotation {
	const char *key;
	size_t field; /* offset of a char * in struct spec */
};

/* Later rows give way to earlier ones. containerd: internal/cri/annotations/annotations.go */
static const struct annotation containerd_annotations[] = {
	{ "io.kubernetes.cri.container-name", offsetof(struct spec, k8s_container) },
	{ "io.kubernetes.cri.sandbox-namespace", offsetof(struct spec, k8s_namespace) },
	{ "io.kubernetes.cri.sandbox-name", offsetof(struct spec, k8s_pod) },
	{ "io.kubernetes.cri.sandbox-uid", offsetof(struct spec, k8s_uid) },
	{ "io.kubernetes.cri.image-name", offsetof(struct spec, image) },
	{ "nerdctl/name", offsetof(struct spec, name) },
};

/*
 * CRI-O: pkg/annotations; the labels that the kubelet gives (io.kubernetes.pod.*) become
 * annotations after CRI-O's own, so nobody else can have set them.
 */
static const struct annotation crio_annotations[] = {
	{ "io.kubernetes.container.name", offsetof(struct spec, k8s_container) },
	{ "io.kubernetes.pod.namespace", offsetof(struct spec, k8s_namespace) },
	{ "io.kubernetes.cri-o.Namespace", offsetof(struct spec, k8s_namespace) },
	{ "io.kubernetes.pod.name", offsetof(struct spec, k8s_pod) },
	{ "io.kubernetes.cri-o.KubeName", offsetof(struct spec, k8s_pod) },
	{ "io.kubernetes.pod.uid", offsetof(struct spec, k8s_uid) },
	{ "io.kubernetes.cri-o.ImageName", offsetof(struct spec, image) },
	{ "io.kubernetes.cri-o.Image", offsetof(struct spec, image) },
};

static const json_t *annotation(const struct lookup *l, const char *key)
{
	return json_object_get(l->annotations, key);
}

static bool annotation_is(const struct lookup *l, const char *key, const char *value)
{
	const char *said = host_json_raw(annotation(l, key));

	return said && !strcmp(said, value);
}

static int take(char **field, const json_t *value)
{
	int rc = host_json_text(value, field);

	return rc < 0 ? rc : 0;
}

static int take_annotations(struct lookup *l, const struct annotation *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char **field = (char **)((char *)l->s + table[i].field);

		if (!*field && take(field, annotation(l, table[i].key)))
			return -ENOMEM;
	}
	return 0;
}

static int copy_text(char **field, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

/* A pod's container is called as in the pod; its sandbox, which has no name there, as the pod. */
static int name_in_pod(struct spec *s)
{
	const char *name = s->sandbox ? s->k8s_pod : s->k8s_container;

	if (s->sandbox) {
		free(s->k8s_container);
		s->k8s_container = NULL;
	}
	return name ? copy_text(&s->name, name) : 0;
}

/* What a directory says, if it is the one: 1 when it was, 0 when not, or -ENOMEM. */
typedef int (*store_fn)(struct lookup *l, const char *dir, size_t dir_len);

static int try_store(struct lookup *l, store_fn look, const char *dir, size_t dir_len)
{
	if (!dir_len || !l->from.facts || l->stores >= STORES_MAX || !l->s->id ||
	    strpbrk(l->s->id, "/\\"))
		return 0;
	l->stores++;
	return look(l, dir, dir_len);
}

/* --- what was found before --- */

static void root_list_free(struct engine_root_list *l)
{
	for (size_t i = 0; i < ENGINE_ROOTS; i++)
		free(l->path[i]);
}

void engine_roots_free(struct engine_roots *r)
{
	root_list_free(&r->docker);
	root_list_free(&r->containerd);
}

/* Without memory it is not remembered. */
static void remember_root(struct engine_root_list *known, const char *path, size_t len)
{
	char **oldest;

	for (size_t i = 0; i < ENGINE_ROOTS; i++)
		if (known->path[i] && strlen(known->path[i]) == len &&
		    !memcmp(known->path[i], path, len))
			return;
	oldest = &known->path[known->next++ % ENGINE_ROOTS];
	free(*oldest);
	*oldest = strndup(path, len);
}

/* In those roots, the newest first, and last in the usual one. */
static int try_known(struct lookup *l, store_fn look, const struct engine_root_list *known,
		     const char *usual)
{
	bool tried = false;
	int rc = 0;

	for (size_t i = 1; known && i <= ENGINE_ROOTS && !rc; i++) {
		const char *path = known->path[(known->next - i) % ENGINE_ROOTS];

		if (!path)
			continue;
		tried |= !strcmp(path, usual);
		rc = try_store(l, look, path, strlen(path));
	}
	return rc || tried ? rc : try_store(l, look, usual, strlen(usual));
}

/* --- docker, podman, containerd --- */

/* What a user bound, in place of the mounts of a config.json that is gone. */
static int docker_mounts(struct spec *s, const json_t *points)
{
	size_t count = json_object_size(points);
	const char *key;
	json_t *point;

	if (!count || count > SPEC_MAX_MOUNTS || s->mounts)
		return 0;
	s->mounts = calloc(count, sizeof(*s->mounts));
	if (!s->mounts)
		return -ENOMEM;
	json_object_foreach((json_t *)points, key, point) {
		struct spec_mount *m = &s->mounts[s->mount_count++];
		const char *type = host_json_raw(json_object_get(point, "Type"));

		m->read_only = !json_is_true(json_object_get(point, "RW"));
		m->type = strdup(type && !strcmp(type, "tmpfs") ? type : "bind");
		if (!m->type || take(&m->destination, json_object_get(point, "Destination")) ||
		    take(&m->source, json_object_get(point, "Source")))
			return -ENOMEM;
	}
	return 0;
}

/* <dataroot>/containers/<id>/config.v2.json, if it speaks of our container. */
static int docker_store(struct lookup *l, const char *dataroot, size_t len)
{
	_cleanup_(buf_free) struct buf path = {};
	const char *name, *id;
	json_t *root;
	int rc = 0;

	buf_fmt(&path, "%s%.*s/containers/%s/config.v2.json", l->from.root, (int)len, dataroot,
		l->s->id);
	if (path.failed)
		return -ENOMEM;
	root = host_json_read(l->from.facts, path.data);
	id = host_json_raw(json_object_get(root, "ID"));
	if (id && !strcmp(id, l->s->id)) {
		rc = take(&l->s->image, json_object_get(json_object_get(root, "Config"), "Image"));
		if (!rc)
			rc = take(&l->s->name, json_object_get(root, "Name"));
		name = l->s->name;
		if (!rc && name && *name == '/')
			memmove(l->s->name, name + 1, strlen(name));
		if (!rc && l->s->partial)
			rc = docker_mounts(l->s, json_object_get(root, "MountPoints"));
		if (l->from.roots)
			remember_root(&l->from.roots->docker, dataroot, len);
		rc = rc ? rc : 1;
	}
	json_decref(root);
	return rc;
}

/*
 * Length of the data root in the source <dataroot>/containers/<some id>/hosts of a mount on
 * /etc/hosts, and the like; 0: it is none. The id is another container's where the network is
 * (--network container:X).
 */
static size_t docker_root_of(const struct spec_mount *m)
{
	static const char *const targets[] = { "/etc/hosts", "/etc/hostname", "/etc/resolv.conf" };
	size_t up = host_path_is_exact(m->source) ? host_path_up(m->source, 3) : 0;

	if (!up || !m->destination ||
	    strncmp(m->source + up, "/containers/", strlen("/containers/")))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		if (!strcmp(m->destination, targets[i]) &&
		    !strcmp(host_path_base(m->source), host_path_base(targets[i])))
			return up;
	}
	return 0;
}

static int docker_find(struct lookup *l)
{
	const struct engine_roots *roots = l->from.roots;
	const struct spec *s = l->s;
	int rc = 0;

	/*
	 * The daemon chooses the root, a user may choose mounts. overlay2/<x>/merged, vfs/dir/<x>,
	 * rootfs/overlayfs/<id>; devicemapper/mnt/<x>/rootfs
	 */
	for (unsigned int up = 3; up <= 4 && !rc && host_path_is_exact(s->rootfs); up++)
		rc = try_store(l, docker_store, s->rootfs, host_path_up(s->rootfs, up));
	for (size_t i = 0; i < s->mount_count && !rc; i++)
		rc = try_store(l, docker_store, s->mounts[i].source, docker_root_of(&s->mounts[i]));
	if (!rc && l->namespace)
		rc = try_known(l, docker_store, roots ? &roots->docker : NULL, "/var/lib/docker");
	return rc;
}

static int podman_entry(struct lookup *l, const json_t *entry)
{
	_cleanup_free_ char *metadata_text = NULL;
	const char *id = host_json_raw(json_object_get(entry, "id"));
	const char *text;
	json_t *metadata;
	int err, rc;

	if (!id || strcmp(id, l->s->id))
		return 0;
	rc = take(&l->s->name, json_array_get(json_object_get(entry, "names"), 0));
	text = host_json_raw(json_object_get(entry, "metadata"));
	metadata = !rc && text ? host_json_parse(text, strlen(text), NULL, &err) : NULL;
	if (!rc && !l->s->name)
		rc = take(&l->s->name, json_object_get(metadata, "name"));
	if (!rc)
		rc = take(&l->s->image, json_object_get(metadata, "image-name"));
	json_decref(metadata);
	return rc ? rc : 1;
}

/*
 * A directory <root>/<driver>-containers of containers/storage. From its version 1.46 on,
 * containers of --rm are listed apart from the others.
 */
static int podman_store(struct lookup *l, const char *dir, size_t len)
{
	static const char *const files[] = { "containers.json", "volatile-containers.json" };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !rc; i++) {
		_cleanup_(buf_free) struct buf path = {};
		json_t *root, *entry;
		size_t at;

		buf_fmt(&path, "%s%.*s/%s", l->from.root, (int)len, dir, files[i]);
		if (path.failed)
			return -ENOMEM;
		root = host_json_read(l->from.facts, path.data);
		json_array_foreach(root, at, entry) {
			rc = podman_entry(l, entry);
			if (rc)
				break;
		}
		json_decref(root);
	}
	return rc;
}

/* Length of the <root>/<driver>-containers in .../<driver>-containers/<id>/userdata; 0: none. */
static size_t podman_dir_of(const char *path, const char *id)
{
	static const char suffix[] = "-containers";
	const size_t len = strlen(suffix);
	size_t up;

	up = host_path_is_exact(path) && id ? host_path_up(path, 2) : 0;
	if (up < len || strncmp(path + up - len, suffix, len) ||
	    strncmp(path + up + 1, id, strlen(id)) ||
	    strcmp(path + up + 1 + strlen(id), "/userdata"))
		return 0;
	return up;
}

/* <root>/<driver>/<layer>/merged, <root>/vfs/dir/<layer>: look in <root>/<driver>-containers. */
static int podman_find_by_rootfs(struct lookup *l)
{
	_cleanup_(buf_free) struct buf dir = {};
	const char *rootfs = l->s->rootfs;
	size_t up = host_path_is_exact(rootfs) ? host_path_up(rootfs, 2) : 0;

	if (!up)
		return 0;
	buf_add(&dir, rootfs, up);
	buf_str(&dir, "-containers");
	return dir.failed ? -ENOMEM : try_store(l, podman_store, dir.data, dir.len);
}

static int podman_find(struct lookup *l)
{
	const struct spec *s = l->s;
	int rc;

	rc = try_store(l, podman_store, s->bundle, podman_dir_of(s->bundle, s->id));
	if (!rc)
		rc = podman_find_by_rootfs(l);
	/* With a transient store only the run root, where its hosts file lies, knows it. */
	for (size_t i = 0; i < s->mount_count && !rc; i++) {
		_cleanup_free_ char *dir = NULL;
		const char *source = s->mounts[i].source;

		if (!host_path_is_exact(source))
			continue;
		dir = strndup(source, host_path_up(source, 1));
		if (!dir)
			return -ENOMEM;
		rc = try_store(l, podman_store, dir, podman_dir_of(dir, s->id));
	}
	return rc;
}

static int take_image(struct lookup *l, const char *image, size_t len)
{
	_cleanup_(buf_free) struct buf clean = {};

	if (!len || len > HOST_JSON_TEXT_MAX)
		return 0;
	text_clean(&clean, image, len);
	if (clean.failed)
		return -ENOMEM;
	l->s->image = TAKE(clean.data);
	return 1;
}

static int take_config(struct lookup *l, const char *bytes, size_t len)
{
	Containerd__Any *any = containerd__any__unpack(NULL, len, (const uint8_t *)bytes);

	if (any)
		buf_add(l->config, any->value.data, any->value.len);
	containerd__any__free_unpacked(any, NULL);
	return l->config->failed ? -ENOMEM : l->config->len > 0;
}

/* What <root>'s database says of the container, read again where the look-up fails in a torn file. */
static int containerd_store(struct lookup *l, const char *root, size_t len)
{
	const char *const what = l->config ? "spec" : "image";
	const char *const key[] = { "v1", l->namespace, "containers", l->s->id, what, NULL };
	_cleanup_(buf_free) struct buf path = {};

	buf_fmt(&path, "%s%.*s/io.containerd.metadata.v1.bolt/meta.db", l->from.root, (int)len,
		root);
	if (path.failed)
		return -ENOMEM;
	for (unsigned int i = 0; i < META_DB_READS; i++) {
		_cleanup_(buf_free) struct buf db = {};
		const char *value;
		size_t value_len;
		int rc;

		rc = facts_read(l->from.facts, path.data, META_DB_MAX, &db);
		if (rc)
			return rc == -ENOMEM ? rc : 0;
		if (!bolt_find(db.data, db.len, key, &value, &value_len))
			continue;
		rc = l->config ? take_config(l, value, value_len) : take_image(l, value, value_len);
		if (rc > 0 && l->from.roots)
			remember_root(&l->from.roots->containerd, root, len);
		return rc;
	}
	return 0;
}

/*
 * <bundle>/work is a link to <root>/io.containerd.runtime.v2.task/<namespace>/<id> (containerd's
 * NewBundle), and so the way from the state directory, which may be anywhere, to the root. The length of
 * that in work; 0: not to be had.
 */
static size_t containerd_root(const struct lookup *l, struct buf *work)
{
	_cleanup_(buf_free) struct buf link = {};

	buf_fmt(&link, "%s%s/work", l->from.root, l->s->bundle);
	if (!host_path_is_exact(buf_cstr(&link)) ||
	    facts_readlink(l->from.facts, link.data, work) || !host_path_is_exact(buf_cstr(work)))
		return 0;
	return host_path_up(work->data, 3);
}

static int containerd_find(struct lookup *l)
{
	const struct engine_roots *roots = l->from.roots;
	_cleanup_(buf_free) struct buf work = {};
	size_t len;
	int rc;

	if (!l->from.facts || !l->namespace)
		return 0;
	len = containerd_root(l, &work);
	rc = try_store(l, containerd_store, buf_cstr(&work), len);
	return rc ? rc :
		    try_known(l, containerd_store, roots ? &roots->containerd : NULL,
			      "/var/lib/containerd");
}

/* Of one whose annotations say it all, for others that will be gone. */
static void learn_containerd_root(struct lookup *l)
{
	_cleanup_(buf_free) struct buf work = {};
	size_t len;

	if (!l->from.facts || !l->from.roots || !l->s->bundle)
		return;
	len = containerd_root(l, &work);
	if (len)
		remember_root(&l->from.roots->containerd, work.data, len);
}

static int describe_containerd(struct lookup *l)
{
	struct spec *s = l->s;

	s->sandbox = annotation_is(l, "io.kubernetes.cri.container-type", "sandbox");
	if (take_annotations(l, containerd_annotations, ARRAY_SIZE(containerd_annotations)) ||
	    name_in_pod(s))
		return -ENOMEM;
	if (!s->image && !s->sandbox)
		return containerd_find(l);
	learn_containerd_root(l);
	return 0;
}

static int describe_crio(struct lookup *l)
{
	l->s->sandbox = annotation_is(l, "io.kubernetes.cri-o.ContainerType", "sandbox");
	if (take_annotations(l, crio_annotations, ARRAY_SIZE(crio_annotations)))
		return -ENOMEM;
	return name_in_pod(l->s);
}

/* Only Kubernetes' own engines are asked about pods: podman takes annotations from an image. */
struct engine {
	const char *name;
	int (*describe)(struct lookup *l);
};

static const struct engine docker = { "docker", docker_find };
static const struct engine podman = { "podman", podman_find };
static const struct engine containerd = { "containerd", describe_containerd };
static const struct engine crio = { "cri-o", describe_crio };

/* The namespace in a bundle .../io.containerd.runtime.v2.task/<namespace>/<id>. */
static int namespace_of_bundle(struct lookup *l)
{
	static const char marker[] = "/io.containerd.runtime.";
	const char *bundle = l->s->bundle;
	size_t task = host_path_up(bundle, 2), up = host_path_up(bundle, 3);

	if (!task || strncmp(bundle + up, marker, strlen(marker)))
		return 0;
	l->namespace = strndup(bundle + task + 1, host_path_up(bundle, 1) - task - 1);
	return l->namespace ? 0 : -ENOMEM;
}

/*
 * What the runtime's parent or the place of the bundle says goes before annotations, which an
 * image or a user may bring along: podman copies those of an image, but sets its own last.
 */
static const struct engine *engine_of(const struct lookup *l)
{
	const char *key;
	json_t *value;

	if (l->namespace)
		return strcmp(l->namespace, "moby") ? &containerd : &docker;
	if (annotation_is(l, "io.container.manager", "libpod"))
		return &podman;
	if (annotation_is(l, "io.container.manager", "cri-o") ||
	    annotation(l, "io.kubernetes.cri-o.ContainerID"))
		return &crio;
	if (annotation(l, "io.kubernetes.cri.container-type"))
		return &containerd;
	json_object_foreach((json_t *)l->annotations, key, value) {
		if (text_starts(key, "io.podman."))
			return &podman;
	}
	return NULL;
}

/* No word of an engine: the one whose files know the id, else none. */
static int describe_unknown(struct lookup *l, const struct engine **engine)
{
	int rc = docker_find(l);

	if (rc > 0)
		*engine = &docker;
	if (rc)
		return rc;
	l->stores = 0;
	rc = podman_find(l);
	if (rc > 0)
		*engine = &podman;
	if (rc)
		return rc;
	return take(&l->s->image, annotation(l, "org.opencontainers.image.ref.name"));
}

static int resolve(struct lookup *l)
{
	const struct engine *engine = engine_of(l);
	struct spec *s = l->s;
	int rc;

	rc = engine ? engine->describe(l) : describe_unknown(l, &engine);
	if (rc < 0)
		return rc;
	if (engine && copy_text(&s->engine, engine->name))
		return -ENOMEM;
	return s->id && (!s->name || !*s->name) ? copy_text(&s->name, s->id) : 0;
}

static int set_namespace(struct lookup *l, const char *namespace)
{
	if (!namespace || !*namespace)
		return l->s->bundle ? namespace_of_bundle(l) : 0;
	l->namespace = strdup(namespace);
	return l->namespace ? 0 : -ENOMEM;
}

int engine_config(const struct engine_view *from, struct spec *s, const char *namespace,
		  struct buf *config)
{
	struct lookup l = { .from = *from, .s = s, .config = config };
	int rc = set_namespace(&l, namespace);

	if (!rc && l.namespace && strcmp(l.namespace, "moby") != 0)
		rc = containerd_find(&l);
	free(l.namespace);
	return rc < 0 ? rc : rc ? 0 : -ENOENT;
}

int engine_resolve(const struct engine_view *from, struct spec *s, const json_t *config,
		   const char *namespace)
{
	struct lookup l = {
		.from = *from,
		.s = s,
		.annotations = json_object_get(config, "annotations"),
	};
	int rc = set_namespace(&l, namespace);

	if (!rc)
		rc = resolve(&l);
	free(l.namespace);
	return rc;
}
