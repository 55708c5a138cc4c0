/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container was declared to be: the OCI runtime's config.json, and what engines write
 * beside it (docker's config.v2.json, podman's containers.json, containerd's meta.db). Read once
 * per container; every byte of it may be hostile.
 */
#ifndef KEELWATCH_SPEC_H
#define KEELWATCH_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine_view;

struct spec_mount {
	char *destination; /* clean text, all of them */
	char *source;
	char *type; /* "bind" also where the type says "none" and an option bind/rbind */
	bool read_only;
};

/* All strings are clean text (text_clean) and owned; NULL where not said. */
struct spec {
	char *id;
	char *name;
	char *image;
	char *engine; /* "docker", "podman", "containerd", "cri-o", or NULL: the OCI runtime alone */
	char *k8s_namespace, *k8s_pod, *k8s_uid, *k8s_container;
	bool sandbox;	    /* the pause container of a pod */
	char *rootfs;	    /* absolute */
	char *bundle;	    /* the directory config.json lies in */
	char *cgroups_path; /* linux.cgroupsPath */
	bool read_only;	    /* root.readonly */
	bool no_new_privs;
	bool seccomp;				 /* linux.seccomp is there */
	uint64_t bounding, permitted, effective; /* capability bits of process.capabilities */
	uint32_t uid;
	/* Namespaces the specification asks to be made or joined by path; absent: the host's. */
	bool ns_mnt, ns_pid, ns_net, ns_ipc, ns_uts, ns_cgroup, ns_user;
	size_t masked_paths, readonly_paths; /* how many */
	struct spec_mount *mounts;
	size_t mount_count;
	char **block_devices; /* paths of linux.devices of type "b" */
	size_t block_device_count;
	bool partial; /* something was missing, cut or wrong; why says what (clean text, owned) */
	char *why;
};

#define SPEC_MAX_MOUNTS 4096 /* further ones are dropped and make the spec partial */

/*
 * Reads <bundle>/config.json and what the engines say, all of it below from->root: "" or what goes before
 * an absolute path where the runtime's root is not the host's; paths in the spec are without it,
 * as the runtime has them. Without from->facts nothing is read. id may be NULL (taken from the
 * bundle's last component). engine_hint: the containerd namespace or "" ("moby", "k8s.io", "default"), or
 * NULL. Always gives a spec, if need be a partial one with nothing but id and bundle; -ENOMEM alone
 * is an error. Caller frees with spec_free().
 */
int spec_read(const struct engine_view *from, const char *bundle, const char *id,
	      const char *engine_hint, struct spec **ret);
void spec_free(struct spec *s);

/* Parses the text of a config.json alone (for tests and fuzzing): fills s, sets partial and why. */
void spec_parse(struct spec *s, const char *json, size_t len);

/*
 * An OCI runtime's command line (the runtime command line interface: [global] create|run
 * [--bundle PATH] ID). args: NUL-separated bytes. Gives the container's id and the bundle where the
 * arguments are of that form, whatever the program is called; relative bundles are resolved
 * against cwd (absolute). True when they are. Strings are caller's to free.
 */
bool spec_runtime_args(const char *args, size_t len, const char *cwd, char **bundle, char **id);

/* containerd-shim's arguments: -namespace NS -id ID. True and copies of both when they are there. */
bool spec_shim_args(const char *args, size_t len, char **ns, char **id);

#endif
