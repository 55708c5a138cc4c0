/* SPDX-License-Identifier: Apache-2.0 */
/* What containers were declared to be, as engines really write it and as nobody should. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "source/facts.h"
#include "model/host_json.h"
#include "model/engine.h"
#include "model/spec.h"

#define DATA "tests/data/spec/"
#define DOCKER_ID "1511ec941f4d0f2321a8a0e0051e2fb878692f7e9215886b5935860a3edd8d21"
#define DOCKER_BUNDLE "/run/containerd/io.containerd.runtime.v2.task/moby/" DOCKER_ID
#define DOCKER_FILE "/var/lib/docker/containers/" DOCKER_ID "/config.v2.json"
#define PODMAN_ID "6dde2dac7f7c261867d21bcf5569c5fd43b475ae72de22d431e804308afe01c5"
#define STORAGE "/var/lib/containers/storage/overlay-containers"
#define PODMAN_BUNDLE STORAGE "/" PODMAN_ID "/userdata"
#define CRI_BUNDLE "/run/containerd/io.containerd.runtime.v2.task/k8s.io/9f2c"
#define DEFAULT_CAPS 0xa80425fbull /* docker's and containerd's fourteen */

/* A row of the table that is the host. text is the file's content, with ' for ". */
struct host_file {
	const char *path;
	const char *text;
	const char *fixture;
	const char *link;
	int error;
};

struct host {
	struct facts facts;
	const struct host_file *files;
	size_t count;
	unsigned int reads;
	unsigned int torn; /* so many reads of meta.db give a torn one */
};

static void load(const char *name, struct buf *out)
{
	char path[256];
	char chunk[4096];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), DATA "%s", name);
	f = fopen(path, "rb");
	cr_assert_not_null(f, "%s (run from the top directory)", path);
	while ((n = fread(chunk, 1, sizeof(chunk), f)))
		buf_add(out, chunk, n);
	fclose(f);
	cr_assert(!out->failed);
}

/* JSON that is easier on the eye: ' stands for ". */
static void unquote(struct buf *json)
{
	for (size_t i = 0; i < json->len; i++) {
		if (json->data[i] == '\'')
			json->data[i] = '"';
	}
}

static const struct host_file *host_find(struct host *h, const char *path)
{
	for (size_t i = 0; i < h->count; i++) {
		if (!strcmp(h->files[i].path, path))
			return &h->files[i];
	}
	return NULL;
}

static int host_read(void *self, const char *path, size_t max, struct buf *out)
{
	struct host *h = self;
	const struct host_file *f = host_find(h, path);
	size_t start = out->len;

	h->reads++;
	if (!f || f->link)
		return -ENOENT;
	if (f->error)
		return f->error;
	if (f->fixture) {
		load(f->fixture, out);
	} else {
		buf_str(out, f->text);
		unquote(out);
	}
	if (text_ends(path, "meta.db") && h->torn) {
		h->torn--;
		memset(out->data + start + 8192, 0, out->len - start - 8192);
	}
	cr_assert_leq(out->len - start, max);
	return 0;
}

static int host_readlink(void *self, const char *path, struct buf *out)
{
	const struct host_file *f = host_find(self, path);

	if (!f || !f->link)
		return -EINVAL;
	buf_str(out, f->link);
	return 0;
}

static const struct facts_ops host_ops = { .read = host_read, .readlink = host_readlink };

/* roots: NULL, or what is remembered from one to the next. */
static struct spec *read_next(struct host *h, struct engine_roots *roots, const char *bundle,
			      const char *hint)
{
	const struct engine_view from = { .facts = &h->facts, .root = "", .roots = roots };
	struct spec *s = NULL;

	h->facts = (struct facts){ &host_ops, h };
	cr_assert_eq(spec_read(&from, bundle, NULL, hint, &s), 0);
	cr_assert_not_null(s);
	return s;
}

static struct spec *read_from(struct host *h, const char *bundle, const char *hint)
{
	return read_next(h, NULL, bundle, hint);
}

#define CTR_STATE "/odd/state/io.containerd.runtime.v2.task/default/"
#define CTR_ROOT "/odd/root/io.containerd."

#define FIXTURE(at, name)                   \
	{                                   \
		.path = at, .fixture = name \
	}

#define HOST(...)                                                            \
	{                                                                    \
		.files = (const struct host_file[]){ __VA_ARGS__ },          \
		.count = sizeof((const struct host_file[]){ __VA_ARGS__ }) / \
			 sizeof(struct host_file),                           \
	}

static struct spec *parse(const char *json)
{
	struct spec *s = calloc(1, sizeof(*s));
	struct buf text = {};

	cr_assert_not_null(s);
	buf_str(&text, json);
	unquote(&text);
	spec_parse(s, text.data, text.len);
	buf_free(&text);
	return s;
}

static const struct spec_mount *mount_at(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->mount_count; i++) {
		if (s->mounts[i].destination && !strcmp(s->mounts[i].destination, destination))
			return &s->mounts[i];
	}
	cr_assert_fail("no mount at %s", destination);
	return NULL;
}

Test(spec, docker_container_is_read_with_name_and_image)
{
	struct host h = HOST(FIXTURE(DOCKER_BUNDLE "/config.json", "docker-config.json"),
			     FIXTURE(DOCKER_FILE, "docker-config.v2.json"));
	struct spec *s = read_from(&h, DOCKER_BUNDLE "/", "moby");

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_str_eq(s->id, DOCKER_ID);
	cr_expect_str_eq(s->bundle, DOCKER_BUNDLE);
	cr_expect_str_eq(s->engine, "docker");
	cr_expect_str_eq(s->name, "dock2");
	cr_expect_str_eq(s->image, "test.local/bb:2");
	cr_expect_str_eq(s->cgroups_path, "/docker/" DOCKER_ID);
	cr_expect(s->read_only && s->seccomp && !s->no_new_privs && !s->sandbox);
	cr_expect_eq(s->bounding, DEFAULT_CAPS);
	cr_expect_eq(s->permitted, DEFAULT_CAPS);
	cr_expect_eq(s->effective, DEFAULT_CAPS);
	cr_expect(s->ns_mnt && s->ns_pid && s->ns_net && s->ns_ipc && s->ns_uts);
	cr_expect(!s->ns_cgroup && !s->ns_user);
	cr_expect_eq(s->masked_paths, 10);
	cr_expect_eq(s->readonly_paths, 5);
	cr_expect_eq(s->mount_count, 11);
	cr_expect_str_eq(mount_at(s, "/etc/hosts")->type, "bind");
	cr_expect(mount_at(s, "/etc/hosts")->read_only);
	cr_expect(!mount_at(s, "/dev")->read_only);
	spec_free(s);
}

Test(spec, docker_is_known_by_its_files_alone)
{
	struct host h = HOST(FIXTURE("/b/" DOCKER_ID "/config.json", "docker-config.json"),
			     FIXTURE(DOCKER_FILE, "docker-config.v2.json"));
	struct spec *s = read_from(&h, "/b/" DOCKER_ID, NULL);

	cr_expect_str_eq(s->engine, "docker");
	cr_expect_str_eq(s->name, "dock2");
	spec_free(s);
}

Test(spec, docker_data_root_comes_from_the_mounts_where_the_root_tells_nothing)
{
	static const char config[] =
		"{'root':{'path':'/elsewhere/r'},'process':{},'linux':{},'mounts':["
		"{'destination':'/x','type':'bind','source':'/decoy/containers/c1/hosts'},"
		"{'destination':'/etc/hosts','type':'bind',"
		"'source':'/data/docker/containers/other/hosts'}]}";
	struct host h = HOST({ .path = "/b/c1/config.json", .text = config },
			     { .path = "/decoy/containers/c1/config.v2.json",
			       .text = "{'ID':'c1','Name':'/decoy'}" },
			     { .path = "/data/docker/containers/c1/config.v2.json",
			       .text = "{'ID':'c1','Name':'/true',"
				       "'Config':{'Image':'img'}}" });
	struct spec *s = read_from(&h, "/b/c1", "moby");

	cr_expect_str_eq(s->name, "true");
	cr_expect_str_eq(s->image, "img");
	spec_free(s);
}

Test(spec, a_docker_file_about_another_container_is_not_believed)
{
	struct host h = HOST(FIXTURE("/b/" DOCKER_ID "/config.json", "docker-config.json"),
			     { .path = DOCKER_FILE, .text = "{'ID':'abc','Name':'/liar'}" });
	struct spec *s = read_from(&h, "/b/" DOCKER_ID, "moby");

	cr_expect_str_eq(s->engine, "docker");
	cr_expect_str_eq(s->name, DOCKER_ID);
	cr_expect_null(s->image);
	cr_expect(!s->partial);
	spec_free(s);
}

#define ODD_DOCKER "/data/docker/containers/"
#define SHIM_TASKS "/run/containerd/io.containerd.runtime.v2.task/"

/* What docker and containerd keep outlives the bundle. */
Test(spec, a_container_whose_bundle_is_gone_is_named_where_others_of_its_engine_were)
{
	struct host h = HOST(
		{ .path = SHIM_TASKS "moby/c1/config.json",
		  .text = "{'root':{'path':'/data/docker/overlay2/x/merged'}}" },
		{ .path = ODD_DOCKER "c1/config.v2.json", .text = "{'ID':'c1','Name':'/one'}" },
		{ .path = ODD_DOCKER "c2/config.v2.json",
		  .text = "{'ID':'c2','Name':'/two','Config':{'Image':'img'},'MountPoints':{"
			  "'/d':{'Source':'/srv/d','Destination':'/d','RW':true,'Type':'bind'},"
			  "'/e':{'Source':'/etc','Destination':'/e','RW':false,'Type':'bind'},"
			  "'/t':{'Destination':'/t','RW':true,'Type':'tmpfs'},'/j':7}}" },
		FIXTURE(CTR_STATE "web/config.json", "containerd-config.json"),
		{ .path = CTR_STATE "web/work", .link = CTR_ROOT "runtime.v2.task/default/web" },
		FIXTURE(CTR_ROOT "metadata.v1.bolt/meta.db", "containerd-meta.db"));
	struct engine_roots roots = {};
	struct spec *s = read_next(&h, &roots, SHIM_TASKS "moby/c2", "moby");

	cr_expect_str_eq(s->engine, "docker");
	cr_expect_str_eq(s->name, "c2", "no docker has been seen, and there is none in /var/lib");
	spec_free(s);
	spec_free(read_next(&h, &roots, SHIM_TASKS "moby/c1", "moby"));
	s = read_next(&h, &roots, SHIM_TASKS "moby/c2", "moby");
	cr_expect_str_eq(s->name, "two");
	cr_expect_str_eq(s->image, "img");
	cr_expect(s->partial);
	cr_expect_eq(s->mount_count, 4);
	cr_expect_str_eq(mount_at(s, "/d")->source, "/srv/d");
	cr_expect_str_eq(mount_at(s, "/d")->type, "bind");
	cr_expect(!mount_at(s, "/d")->read_only && mount_at(s, "/e")->read_only);
	cr_expect_str_eq(mount_at(s, "/t")->type, "tmpfs");
	cr_expect_null(s->mounts[3].destination, "it is none");
	spec_free(s);
	spec_free(read_next(&h, &roots, CTR_STATE "web", "default"));
	s = read_next(&h, &roots, SHIM_TASKS "default/web", "default");
	cr_expect_str_eq(s->engine, "containerd");
	cr_expect_str_eq(s->image, "test.local/bb:1");
	cr_expect(!s->partial, "its database has the specification: %s", s->why);
	cr_expect(s->no_new_privs && s->ns_mnt);
	cr_expect_eq(s->masked_paths, 11);
	cr_expect_str_eq(mount_at(s, "/sys")->type, "sysfs");
	cr_expect_str_eq(s->rootfs, SHIM_TASKS "default/web/rootfs");
	spec_free(s);
	s = read_next(&h, &roots, SHIM_TASKS "default/none", "default");
	cr_expect_str_eq(s->why, "config.json: No such file or directory");
	spec_free(s);
	engine_roots_free(&roots);
}

/* Kubernetes' annotations say it all of one; its database is for the next, which is gone. */
Test(spec, containerds_root_is_learned_from_a_container_that_needs_no_database)
{
	struct host h =
		HOST(FIXTURE(CRI_BUNDLE "/config.json", "cri-config.json"),
		     { .path = CRI_BUNDLE "/work", .link = CTR_ROOT "runtime.v2.task/k8s.io/9f2c" },
		     FIXTURE(CTR_ROOT "metadata.v1.bolt/meta.db", "containerd-meta.db"));
	struct engine_roots roots = {};
	struct spec *s;

	spec_free(read_next(&h, &roots, CRI_BUNDLE, NULL));
	cr_expect_eq(h.reads, 1);
	cr_expect_str_eq(roots.containerd.path[0], "/odd/root");
	s = read_next(&h, &roots, SHIM_TASKS "default/web", "default");
	cr_expect(!s->partial, "%s", s->why);
	spec_free(s);
	engine_roots_free(&roots);
}

/* Eight are remembered, the oldest goes first; each root once, however often it is met. */
Test(spec, the_newest_data_roots_are_remembered)
{
	static struct host_file files[(ENGINE_ROOTS + 1) * 2];
	static char text[ARRAY_SIZE(files)][128], path[ARRAY_SIZE(files)][128];
	struct host h = { .files = files, .count = ARRAY_SIZE(files) };
	struct engine_roots roots = {};
	const struct engine_root_list *known = &roots.docker;

	for (size_t i = 0; i < ARRAY_SIZE(files); i += 2) {
		snprintf(path[i], sizeof(path[i]), "/b/c%zu/config.json", i);
		snprintf(text[i], sizeof(text[i]), "{'root':{'path':'/d%zu/overlay2/x/merged'}}",
			 i);
		snprintf(path[i + 1], sizeof(path[i]), "/d%zu/containers/c%zu/config.v2.json", i,
			 i);
		snprintf(text[i + 1], sizeof(text[i]), "{'ID':'c%zu','Name':'/n'}", i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		files[i] = (struct host_file){ .path = path[i], .text = text[i] };
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char bundle[64];

		snprintf(bundle, sizeof(bundle), "/b/c%zu", i / 2 * 2);
		spec_free(read_next(&h, &roots, bundle, "moby"));
	}
	cr_assert_eq(known->next, ENGINE_ROOTS + 1);
	cr_expect_str_eq(known->path[0], "/d16", "the newest takes the oldest's place");
	cr_expect_str_eq(known->path[1], "/d2");
	engine_roots_free(&roots);
}

Test(spec, where_nobody_sees_the_bundle_its_name_tells_the_engine)
{
	const struct engine_view blind = { .root = "" };
	struct spec *s = NULL;

	cr_assert_eq(spec_read(&blind, SHIM_TASKS "moby/c2", "c2", "moby", &s), 0);
	cr_expect_str_eq(s->engine, "docker");
	cr_expect_str_eq(s->id, "c2");
	cr_expect_str_eq(s->name, "c2");
	cr_expect_str_eq(s->why, "nobody is left who sees its bundle");
	spec_free(s);
	cr_assert_eq(spec_read(&blind, "/srv/b", "c3", NULL, &s), 0);
	cr_expect_null(s->engine);
	cr_expect(s->partial);
	spec_free(s);
}

Test(spec, podman_container_is_read_with_name_and_image)
{
	struct host h = HOST(FIXTURE(PODMAN_BUNDLE "/config.json", "podman-config.json"),
			     FIXTURE(STORAGE "/containers.json", "podman-containers.json"));
	struct spec *s = read_from(&h, PODMAN_BUNDLE, NULL);

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_str_eq(s->id, PODMAN_ID);
	cr_expect_str_eq(s->engine, "podman");
	cr_expect_str_eq(s->name, "pod-man");
	cr_expect_str_eq(s->image, "test.local/bb:1");
	cr_expect_null(s->k8s_pod);
	cr_expect_str_eq(mount_at(s, "/data")->source, "/srv/data");
	cr_expect(mount_at(s, "/data")->read_only);
	spec_free(s);
}

Test(spec, podman_containers_of_rm_are_in_the_volatile_list)
{
	struct host h =
		HOST(FIXTURE(PODMAN_BUNDLE "/config.json", "podman-config.json"),
		     { .path = STORAGE "/containers.json", .text = "[]" },
		     FIXTURE(STORAGE "/volatile-containers.json", "podman-containers.json"));
	struct spec *s = read_from(&h, PODMAN_BUNDLE, NULL);

	cr_expect_str_eq(s->name, "pod-man");
	spec_free(s);
}

Test(spec, podman_store_is_found_from_the_root_and_from_the_run_directory)
{
	static const char *const stores[] = {
		STORAGE "/containers.json",
		"/run/containers/storage/overlay-containers/volatile-containers.json",
	};

	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		struct host h = HOST(FIXTURE("/b/" PODMAN_ID "/config.json", "podman-config.json"),
				     FIXTURE(stores[i], "podman-containers.json"));
		struct spec *s = read_from(&h, "/b/" PODMAN_ID, NULL);

		cr_expect_str_eq(s->name, "pod-man", "%s", stores[i]);
		spec_free(s);
	}
}

Test(spec, an_image_run_by_podman_cannot_pretend_to_be_in_a_pod)
{
	struct spec *s = parse("{'annotations':{'io.container.manager':'libpod',"
			       "'io.kubernetes.cri.container-type':'sandbox',"
			       "'io.kubernetes.cri-o.ContainerType':'sandbox',"
			       "'io.kubernetes.cri.sandbox-namespace':'kube-system'}}");

	cr_expect_str_eq(s->engine, "podman");
	cr_expect_null(s->k8s_namespace);
	cr_expect(!s->sandbox);
	spec_free(s);
}

Test(spec, kubernetes_container_of_containerd_is_read)
{
	struct host h = HOST(FIXTURE(CRI_BUNDLE "/config.json", "cri-config.json"));
	struct spec *s = read_from(&h, CRI_BUNDLE, NULL);

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_eq(h.reads, 1, "the annotations say it all, but %u files were read", h.reads);
	cr_expect_str_eq(s->engine, "containerd");
	cr_expect_str_eq(s->name, "web");
	cr_expect_str_eq(s->k8s_container, "web");
	cr_expect_str_eq(s->k8s_pod, "shop-5d9c");
	cr_expect_str_eq(s->k8s_namespace, "shop");
	cr_expect_str_eq(s->k8s_uid, "0d7f1b1e-3c7f-4a52-9f5d-0a1b2c3d4e5f");
	cr_expect_str_eq(s->image, "registry.example/shop/web:1.4");
	cr_expect_str_eq(s->rootfs, CRI_BUNDLE "/rootfs");
	cr_expect_eq(s->uid, 1000);
	cr_expect(s->no_new_privs && s->read_only && s->ns_cgroup && s->ns_net);
	cr_expect_eq(s->block_device_count, 1);
	cr_expect_str_eq(s->block_devices[0], "/dev/xvdb");
	cr_expect_str_eq(mount_at(s, "/logs")->type, "bind");
	cr_expect(mount_at(s, "/logs")->read_only);
	cr_expect(!mount_at(s, "/etc/hosts")->read_only);
	spec_free(s);
}

Test(spec, a_pause_container_is_called_as_its_pod)
{
	static const char *const configs[] = {
		"{'annotations':{'io.kubernetes.cri.container-type':'sandbox',"
		"'io.kubernetes.cri.sandbox-name':'p','io.kubernetes.cri.sandbox-namespace':'n'}}",
		"{'annotations':{'io.container.manager':'cri-o',"
		"'io.kubernetes.cri-o.ContainerType':'sandbox',"
		"'io.kubernetes.container.name':'POD',"
		"'io.kubernetes.cri-o.KubeName':'p','io.kubernetes.cri-o.Namespace':'n'}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(configs); i++) {
		struct spec *s = parse(configs[i]);

		cr_expect(s->sandbox);
		cr_expect_str_eq(s->name, "p");
		cr_expect_str_eq(s->k8s_namespace, "n");
		cr_expect_null(s->k8s_container);
		spec_free(s);
	}
}

Test(spec, kubernetes_container_of_crio_is_read)
{
	struct host h = HOST(FIXTURE(STORAGE "/9f2c/userdata/config.json", "crio-config.json"));
	struct spec *s = read_from(&h, STORAGE "/9f2c/userdata", NULL);

	cr_expect_str_eq(s->id, "9f2c");
	cr_expect_str_eq(s->engine, "cri-o");
	cr_expect_str_eq(s->name, "web");
	cr_expect_str_eq(s->k8s_pod, "shop-5d9c");
	cr_expect_str_eq(s->k8s_namespace, "shop");
	cr_expect_str_eq(s->image, "registry.example/shop/web:1.4");
	spec_free(s);
}

#define CTR_HOST                                                                               \
	HOST(FIXTURE(CTR_STATE "web/config.json", "containerd-config.json"),                   \
	     { .path = CTR_STATE "web/work", .link = CTR_ROOT "runtime.v2.task/default/web" }, \
	     FIXTURE(CTR_ROOT "metadata.v1.bolt/meta.db", "containerd-meta.db"))

Test(spec, the_image_of_plain_containerd_is_in_its_database)
{
	struct host h = CTR_HOST;
	struct spec *s = read_from(&h, CTR_STATE "web", "default");

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_str_eq(s->engine, "containerd");
	cr_expect_str_eq(s->name, "web");
	cr_expect_str_eq(s->image, "test.local/bb:1");
	spec_free(s);
}

Test(spec, a_torn_database_is_read_again_and_not_for_ever)
{
	struct host once = CTR_HOST, always = CTR_HOST;
	struct spec *s;

	once.torn = 1;
	s = read_from(&once, CTR_STATE "web", NULL);
	cr_expect_str_eq(s->image, "test.local/bb:1");
	spec_free(s);
	always.torn = -1u;
	s = read_from(&always, CTR_STATE "web", NULL);
	cr_expect_null(s->image);
	cr_expect(!s->partial);
	cr_expect_leq(always.reads, 8);
	spec_free(s);
}

Test(spec, the_shims_namespace_counts_more_than_annotations)
{
	static const char config[] =
		"{'root':{'path':'r'},'process':{},'linux':{},'annotations':{"
		"'io.container.manager':'cri-o','io.kubernetes.pod.namespace':'kube-system',"
		"'io.kubernetes.cri.sandbox-namespace':'kube-system'}}";
	struct host h = HOST({ .path = "/b/c/config.json", .text = config });
	struct spec *s = read_from(&h, "/b/c", "moby");

	cr_expect_str_eq(s->engine, "docker");
	cr_expect_null(s->k8s_namespace);
	spec_free(s);
}

Test(spec, a_bundle_of_runc_alone_has_no_engine)
{
	struct host h = HOST(FIXTURE("/srv/b/config.json", "runc-config.json"));
	const struct engine_view from = { .facts = &h.facts, .root = "" };
	struct spec *s = NULL;

	h.facts = (struct facts){ &host_ops, &h };
	cr_assert_eq(spec_read(&from, "/srv/./b//", "c\n1", "", &s), 0);
	cr_expect(!s->partial, "%s", s->why);
	cr_expect_null(s->engine);
	cr_expect_null(s->image);
	cr_expect_str_eq(s->id, "c\\n1");
	cr_expect_str_eq(s->name, "c\\n1");
	cr_expect_str_eq(s->bundle, "/srv/b");
	cr_expect_str_eq(s->rootfs, "/srv/b/rootfs");
	cr_expect(s->read_only && s->no_new_privs && !s->seccomp);
	cr_expect_eq(s->bounding, 1ull << 29 | 1ull << 5 | 1ull << 10);
	spec_free(s);
}

Test(spec, what_cannot_be_read_gives_a_partial_spec_that_says_why)
{
	static const struct {
		struct host_file file;
		const char *why;
	} cases[] = {
		{ { .path = "/none", .text = "" }, "config.json: No such file or directory" },
		{ { .path = "/b/c/config.json", .error = -EFBIG }, "config.json: larger than" },
		{ { .path = "/b/c/config.json", .error = -EINVAL },
		  "config.json: no regular file" },
		{ { .path = "/b/c/config.json", .text = "" }, "config.json:1:0: " },
		{ { .path = "/b/c/config.json", .text = "[]" }, "config.json: no object" },
		{ { .path = "/b/c/config.json", .text = "{\n 'a': \x1b[2Jx" }, "config.json:2:" },
		{ { .path = "/b/c/config.json", .text = "{'a':'\xff\xfe'}" }, "config.json:" },
		{ { .path = "/b/c/config.json", .text = "{'a':1e999}" }, "config.json:1:" },
		{ { .path = "/b/c/config.json", .text = "{}" },
		  "config.json: no root; config.json: no process; config.json: no linux" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct host h = { .files = &cases[i].file, .count = 1 };
		struct spec *s = read_from(&h, "/b/c", NULL);

		cr_expect(s->partial);
		cr_assert_not_null(s->why);
		cr_expect(text_starts(s->why, cases[i].why), "%zu: %s", i, s->why);
		cr_expect(text_is_clean(s->why, strlen(s->why)) || strchr(s->why, '\\'));
		cr_expect_null(strpbrk(s->why, "\x1b\n\xff"));
		cr_expect_str_eq(s->id, "c");
		cr_expect_str_eq(s->name, "c");
		spec_free(s);
	}
}

Test(spec, wrong_types_are_noted_and_the_rest_is_read)
{
	struct spec *s = parse("{'root':[1],'process':{'user':{'uid':-1},'capabilities':"
			       "{'bounding':['CAP_CHOWN',7,'CAP_NONE'],'effective':'all'},"
			       "'noNewPrivileges':'yes'},'mounts':[3,{'destination':{},"
			       "'options':[0,'rw','ro']},{'destination':'/rw',"
			       "'options':['ro','rw']}],'annotations':[],'linux':{"
			       "'namespaces':[{},1,{'type':'pid'}],'seccomp':true,"
			       "'maskedPaths':{},'devices':[null,{'type':'b','path':9}]}}");

	cr_expect(s->partial);
	cr_expect_not_null(strstr(s->why, "config.json: root has the wrong type"));
	cr_expect_not_null(strstr(s->why, "config.json: uid is out of range"));
	cr_expect_leq(strlen(s->why), 512);
	cr_expect_null(s->rootfs);
	cr_expect_eq(s->bounding, 1);
	cr_expect_eq(s->effective, 0);
	cr_expect_eq(s->uid, 0);
	cr_expect(!s->no_new_privs && !s->seccomp && s->ns_pid && !s->ns_net);
	cr_expect_eq(s->mount_count, 2);
	cr_expect_null(s->mounts[0].destination);
	cr_expect(s->mounts[0].read_only, "the last of contrary options counts");
	cr_expect(!s->mounts[1].read_only, "the last of contrary options counts");
	cr_expect_eq(s->block_device_count, 0);
	spec_free(s);
}

Test(spec, every_value_may_be_null)
{
	struct spec *s = parse("{'root':{'path':'/r','readonly':null},'process':{'user':null,"
			       "'capabilities':null},'mounts':null,'annotations':null,"
			       "'linux':{'namespaces':null,'seccomp':null,'devices':null}}");

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_str_eq(s->rootfs, "/r");
	cr_expect(!s->seccomp);
	spec_free(s);
}

Test(spec, names_cannot_break_a_line_or_drive_a_terminal)
{
	struct spec *s = parse("{'root':{'path':'/a\\u001b[2J\\nb\\u0000c'},'process':{},"
			       "'linux':{},'annotations':{'io.kubernetes.cri.container-type':'x',"
			       "'io.kubernetes.cri.container-name':'good\\r\\u202eevil'}}");

	cr_expect(!s->partial, "%s", s->why);
	cr_expect_str_eq(s->rootfs, "/a\\x1b[2J\\nb\\x00c");
	cr_expect_str_eq(s->name, "good\\r\\xe2\\x80\\xaeevil");
	spec_free(s);
}

Test(spec, a_path_that_is_not_what_its_text_says_is_not_looked_up)
{
	static const char config[] =
		"{'root':{'path':'/var/lib/do\\ncker/overlay2/x/merged'},'process':{},"
		"'linux':{}}";
	struct host h = HOST({ .path = "/b/c/config.json", .text = config },
			     { .path = "/var/lib/do\\ncker/containers/c/config.v2.json",
			       .text = "{'ID':'c','Name':'/wrong'}" });
	struct spec *s = read_from(&h, "/b/c", "moby");

	cr_expect_str_eq(s->name, "c");
	spec_free(s);
}

Test(spec, mounts_beyond_the_bound_make_it_partial)
{
	struct buf json = {};
	struct spec *s;

	buf_str(&json, "{'root':{'path':'/r'},'process':{},'linux':{},'mounts':[");
	for (int i = 0; i <= SPEC_MAX_MOUNTS; i++)
		buf_fmt(&json, "%s{'destination':'/m%d'}", i ? "," : "", i);
	buf_str(&json, "]}");
	s = parse(json.data);
	cr_expect(s->partial);
	cr_expect_eq(s->mount_count, SPEC_MAX_MOUNTS);
	spec_free(s);
	buf_free(&json);
}

Test(spec, long_text_is_cut_between_characters)
{
	struct buf json = {};
	struct spec *s;

	buf_str(&json, "{'root':{'path':'/");
	for (int i = 0; i < HOST_JSON_TEXT_MAX; i++)
		buf_str(&json, "\xc3\xa9");
	buf_str(&json, "'},'process':{},'linux':{}}");
	s = parse(json.data);
	cr_expect(s->partial);
	cr_expect_eq(strlen(s->rootfs), HOST_JSON_TEXT_MAX - 1);
	cr_expect(text_is_clean(s->rootfs, strlen(s->rootfs)));
	spec_free(s);
	buf_free(&json);
}

/* prefix, then unit count times. */
static void expect_refused(const char *prefix, const char *unit, size_t count, const char *why)
{
	struct buf json = {};
	struct spec *s;

	buf_str(&json, prefix);
	for (size_t i = 0; i < count; i++)
		buf_str(&json, unit);
	s = parse(json.data);
	cr_expect(s->partial);
	cr_expect(text_starts(s->why, why), "%s", s->why);
	spec_free(s);
	buf_free(&json);
}

Test(spec, nesting_and_sheer_numbers_are_bounded)
{
	expect_refused("{'a':", "[", 60000, "config.json:1:");
	expect_refused("{'a':[", "{},", 1000000, "config.json: more values");
	expect_refused("{'a':[", "0,", 1000000, "config.json: more values");
}

Test(spec, every_prefix_of_a_config_is_survived)
{
	struct buf json = {};

	load("cri-config.json", &json);
	for (size_t len = 0; len < json.len; len++) {
		char *exact = malloc(len ? len : 1);
		struct spec s = {};

		memcpy(exact, json.data, len);
		spec_parse(&s, exact, len);
		cr_assert(s.partial, "cut to %zu bytes", len);
		free(s.why);
		free(exact);
	}
	buf_free(&json);
}
