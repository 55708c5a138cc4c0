/* SPDX-License-Identifier: Apache-2.0 */
/* Tells from a command line which container an OCI runtime or a containerd shim works for. */
#include <string.h>

#include "base/text.h"
#include "base/util.h"
#include "model/host_path.h"
#include "model/spec.h"

#define ARGS_MAX 256 /* arguments; a longer command line is no runtime's */
#define ID_MAX 1024  /* bytes; runc has the same bound */

struct args {
	const char *arg[ARGS_MAX];
	size_t count;
};

struct option {
	const char *name;
	bool has_value;
};

/* runc(8), crun(1), youki. The bundle is no row here: its value is what we are after. */
static const struct option global_options[] = {
	{ "--cgroup-manager", true }, { "--criu", true },      { "--log", true },
	{ "--log-format", true },     { "--log-level", true }, { "--root", true },
	{ "--rootless", true },	      { "--debug", false },    { "--systemd-cgroup", false },
};

static const struct option run_options[] = {
	{ "--config", true }, /* crun */
	{ "--console-socket", true },  { "--pid-file", true },
	{ "--preserve-fds", true },    { "-f", true }, /* crun: --config */
	{ "--detach", false },	       { "--keep", false },
	{ "--no-new-keyring", false }, { "--no-pivot", false },
	{ "--no-subreaper", false },   { "-d", false },
};

/*
 * Programs that have a "run NAME" of their own, often in a directory with a config.json. They
 * matter only where no bundle is named.
 */
static const char *const front_ends[] = {
	"bun",	"cargo",  "conda",   "ctr",   "dart",	 "deno",  "docker", "dotnet", "flatpak",
	"go",	"hatch",  "kubectl", "lerna", "nerdctl", "npm",	  "nx",	    "pdm",    "pipenv",
	"pnpm", "podman", "poetry",  "rye",   "snap",	 "stack", "swift",  "uv",     "yarn",
};

static bool args_split(const char *bytes, size_t len, char **copy, struct args *a)
{
	*copy = malloc(len + 1);
	if (!*copy)
		return false;
	if (len)
		memcpy(*copy, bytes, len);
	(*copy)[len] = '\0';
	for (size_t at = 0; at < len; at += strlen(*copy + at) + 1) {
		if (a->count == ARGS_MAX)
			return false;
		a->arg[a->count++] = *copy + at;
	}
	return a->count > 0;
}

/* How many arguments an option takes up: 2 with a value apart, else 1. 0: not in the table. */
static size_t option_width(const struct option *table, size_t count, const char *arg)
{
	size_t name_len = strcspn(arg, "=");

	for (size_t i = 0; i < count; i++) {
		if (strlen(table[i].name) == name_len && !memcmp(table[i].name, arg, name_len))
			return table[i].has_value && !arg[name_len] ? 2 : 1;
	}
	return 0;
}

/* The value of "--NAME V", "--NAME=V", "-NAME V", "-NAME=V" at *i, which moves on over it. */
static const char *option_value(const struct args *a, size_t *i, const char *name)
{
	const char *arg = a->arg[*i];
	size_t len = strlen(name);

	if (*arg != '-')
		return NULL;
	arg += arg[1] == '-' ? 2 : 1;
	if (strncmp(arg, name, len))
		return NULL;
	if (arg[len] == '=')
		return arg + len + 1;
	if (arg[len] || *i + 1 >= a->count)
		return NULL;
	return a->arg[++*i];
}

/* crun takes "-b/PATH" as well. */
static const char *bundle_value(const struct args *a, size_t *i)
{
	const char *value = option_value(a, i, "bundle");

	if (value)
		return value;
	return text_starts(a->arg[*i], "-b/") ? a->arg[*i] + 2 : option_value(a, i, "b");
}

/* The characters that runc allows, a comma among them (its expression has the range "+-."). */
static bool is_id(const char *s)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_+,-.";
	size_t len = strlen(s);

	return len && len <= ID_MAX && strspn(s, allowed) == len && *s != '-' && strcmp(s, ".") &&
	       strcmp(s, "..");
}

static bool is_front_end(const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(front_ends); i++) {
		if (!strcmp(host_path_base(program), front_ends[i]))
			return true;
	}
	return false;
}

/* The index behind "create" or "run"; 0 when there is no such command. */
static size_t skip_to_options(const struct args *a, bool *strange)
{
	size_t i = 1;

	while (i < a->count && a->arg[i][0] == '-') {
		size_t width = option_width(global_options, ARRAY_SIZE(global_options), a->arg[i]);

		*strange |= !width;
		i += width ? width : 1;
	}
	if (i >= a->count || (strcmp(a->arg[i], "create") && strcmp(a->arg[i], "run")))
		return 0;
	return i + 1;
}

struct invocation {
	const char *bundle; /* as said; NULL: the working directory */
	const char *id;
	bool strange; /* there are options that no runtime has that we know */
};

static bool invocation_parse(const struct args *a, struct invocation *v)
{
	size_t i = skip_to_options(a, &v->strange);

	if (!i)
		return false;
	for (; i < a->count; i++) {
		const char *arg = a->arg[i], *bundle;
		size_t width;

		if (*arg != '-') {
			/* An unknown option may have a value apart: then the last one is the id. */
			if (v->id && !v->strange)
				return false;
			v->id = arg;
			continue;
		}
		bundle = bundle_value(a, &i);
		if (bundle) {
			v->bundle = bundle;
			continue;
		}
		width = option_width(run_options, ARRAY_SIZE(run_options), arg);
		v->strange |= !width;
		i += width ? width - 1 : 0;
	}
	return v->id && is_id(v->id);
}

bool spec_runtime_args(const char *bytes, size_t len, const char *cwd, char **bundle, char **id)
{
	_cleanup_free_ char *copy = NULL, *path = NULL, *name = NULL;
	struct invocation v = {};
	struct args a = {};

	if (!args_split(bytes, len, &copy, &a) || !invocation_parse(&a, &v))
		return false;
	if (!v.bundle && (v.strange || is_front_end(a.arg[0])))
		return false;
	path = host_path_join(cwd, v.bundle ? v.bundle : ".");
	name = strdup(v.id);
	if (!path || !name)
		return false;
	*bundle = TAKE(path);
	*id = TAKE(name);
	return true;
}

bool spec_shim_args(const char *bytes, size_t len, char **ns, char **id)
{
	_cleanup_free_ char *copy = NULL, *ns_copy = NULL, *id_copy = NULL;
	const char *ns_said = NULL, *id_said = NULL;
	struct args a = {};

	if (!args_split(bytes, len, &copy, &a))
		return false;
	for (size_t i = 1; i < a.count; i++) {
		const char *value = option_value(&a, &i, "namespace");

		if (value)
			ns_said = value;
		else if ((value = option_value(&a, &i, "id")))
			id_said = value;
	}
	if (!ns_said || !id_said || !is_id(ns_said) || !is_id(id_said))
		return false;
	ns_copy = strdup(ns_said);
	id_copy = strdup(id_said);
	if (!ns_copy || !id_copy)
		return false;
	*ns = TAKE(ns_copy);
	*id = TAKE(id_copy);
	return true;
}
