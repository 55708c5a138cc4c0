/* SPDX-License-Identifier: Apache-2.0 */
/* Privileges: those a container starts with, those gained in it, those brought in, and the way out. */
#include <string.h>

#include <linux/capability.h>

#include "base/util.h"
#include "detect/detect_priv.h"

#define CAP_BIT(cap) (1ULL << (cap))

/* What docker, containerd and podman give by default (moby: oci/caps/defaults.go). */
#define CAPS_DEFAULT                                                                             \
	(CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) |                  \
	 CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETGID) | \
	 CAP_BIT(CAP_SETUID) | CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) |                     \
	 CAP_BIT(CAP_NET_BIND_SERVICE) | CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) |           \
	 CAP_BIT(CAP_AUDIT_WRITE))

/* With one of these a process takes the host over. */
#define CAPS_CRITICAL                                                                \
	(CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_SYS_MODULE) | CAP_BIT(CAP_SYS_RAWIO) | \
	 CAP_BIT(CAP_SYS_PTRACE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_BPF) | \
	 CAP_BIT(CAP_SYS_BOOT) | CAP_BIT(CAP_MAC_ADMIN) | CAP_BIT(CAP_MAC_OVERRIDE))

/* With one of these it can harm its neighbours. */
#define CAPS_WARNING                                                                 \
	(CAP_BIT(CAP_NET_ADMIN) | CAP_BIT(CAP_SYS_TIME) | CAP_BIT(CAP_SYSLOG) |      \
	 CAP_BIT(CAP_PERFMON) | CAP_BIT(CAP_AUDIT_CONTROL) | CAP_BIT(CAP_SYS_NICE) | \
	 CAP_BIT(CAP_SYS_RESOURCE) | CAP_BIT(CAP_LINUX_IMMUTABLE) |                  \
	 CAP_BIT(CAP_CHECKPOINT_RESTORE) | CAP_BIT(CAP_IPC_OWNER))

static Keelwatch__Severity grade_caps(uint64_t bits)
{
	if (bits & CAPS_CRITICAL)
		return KEELWATCH__SEVERITY__error;
	if (bits & CAPS_WARNING)
		return KEELWATCH__SEVERITY__warning;
	return KEELWATCH__SEVERITY__notice;
}

static const char *subject(const struct judgement *j)
{
	const Keelwatch__Process *p = j->event->process;

	if (!p)
		return "";
	return p->exe[0] ? p->exe : p->comm;
}

static const char *seccomp_word(uint8_t mode)
{
	return mode == 2 ? "filter" : mode == 1 ? "strict" : "off";
}

/* --- what a container starts with --- */

static bool is_masked(const struct container *c)
{
	if (c->mounts)
		return c->masked;
	return c->spec && c->spec->masked_paths;
}

/* Neither the table nor the specification was to be had: the container was gone with both. */
static bool masks_unknown(const struct container *c)
{
	return !c->mounts && (!c->spec || (c->spec->partial && !c->spec->rootfs));
}

static void evidence_of_start(struct draft *f, const struct container *c)
{
	draft_evidence(f, "seccomp", "%s", seccomp_word(c->facts.seccomp));
	draft_evidence(f, "no_new_privs", "%s", c->facts.no_new_privs ? "yes" : "no");
	draft_evidence(f, "masked_paths", "%s",
		       masks_unknown(c) ? "unknown: gone before it could be read" :
		       is_masked(c)	? "yes" :
					  "no");
	draft_evidence(f, "uid", "%u", c->facts.cred.uid);
}

static void evidence_of_host_namespaces(struct draft *f, const struct judgement *j)
{
	const struct ev_nsset *ns = &j->mo->container->facts.ns;
	unsigned int bits = 0;
	const uint32_t inodes[] = { ns->mnt, ns->pid, ns->net, ns->ipc, ns->uts, ns->cgroup };

	for (size_t i = 0; i < ARRAY_SIZE(inodes); i++)
		if (inodes[i] && model_is_host_ns(j->d->model, 1u << i, inodes[i]))
			bits |= 1u << i;
	if (bits)
		draft_evidence(f, "host_namespaces", "%s",
			       enrich_namespace_list(j->d->enrich, bits));
}

/* What root within the container could use: a first process that is not root has the rest in reach. */
static void judge_start(const struct judgement *j)
{
	struct container *c = j->mo->container;
	uint64_t all = model_all_capabilities(j->d->model);
	uint64_t has = c->facts.cred.permitted | c->facts.cred.bounding;
	uint64_t added = has & ~CAPS_DEFAULT;
	bool initial = model_is_host_ns(j->d->model, NAMESPACE_USER, c->facts.ns.user);
	struct draft f;

	if (initial && all && (has & all) == all && !c->facts.seccomp && !is_masked(c)) {
		c->msg.privileged = true;
		draft_begin(&f, j, RULE_PRIVILEGED_CONTAINER, KEELWATCH__SEVERITY__critical);
		draft_message(&f, "privileged container: all capabilities, no seccomp%s",
			      masks_unknown(c) ? "" : ", nothing masked");
		draft_evidence(&f, "capabilities", "all (0x%llx)", (unsigned long long)(has & all));
		draft_evidence(&f, "user_namespace", "initial");
		evidence_of_start(&f, c);
		evidence_of_host_namespaces(&f, j);
		draft_end(&f);
		return;
	}
	if (!added || !initial)
		return;
	draft_begin(&f, j, RULE_ADDED_CAPABILITY, grade_caps(added));
	draft_message(&f, "capabilities beyond the runtimes' default: %s",
		      enrich_capability_list(j->d->enrich, added));
	draft_evidence(&f, "added", "0x%llx", (unsigned long long)added);
	evidence_of_start(&f, c);
	evidence_of_host_namespaces(&f, j);
	draft_end(&f);
}

/* --- what is gained in it --- */

static Keelwatch__Severity grade_gain(const struct cred_change *c)
{
	if (c->child_user_ns || c->explanation == EXPLAINED_BY_CAPSET ||
	    c->explanation == EXPLAINED_BY_ROOT_EXEC || c->had_root)
		return KEELWATCH__SEVERITY__info;
	return KEELWATCH__SEVERITY__warning;
}

static const char *gain_word(const struct judgement *j)
{
	const struct cred_change *c = &j->mo->cred;
	const char *caps = enrich_capability_list(j->d->enrich, c->capabilities);
	struct arena *arena = enrich_arena(j->d->enrich);

	if (c->gained_root && c->capabilities)
		return arena_fmt(arena, "uid 0 and %s", caps);
	return c->gained_root ? "uid 0" : caps;
}

static void judge_gain(const struct judgement *j)
{
	const struct cred_change *c = &j->mo->cred;
	bool unexplained = c->gained && c->explanation == EXPLAINED_BY_NONE;
	struct draft f;

	if (!c->gained)
		return;
	/* Before its first program the task is the runtime's: only what that program itself gave counts. */
	if ((j->mo->started || j->mo->session) && c->explanation != EXPLAINED_BY_SETUID_FILE &&
	    c->explanation != EXPLAINED_BY_FILE_CAPABILITY)
		return;
	if (unexplained)
		draft_begin(&f, j, RULE_PRIVILEGE_UNEXPLAINED, KEELWATCH__SEVERITY__critical);
	else
		draft_begin(&f, j, RULE_PRIVILEGE_GAINED, grade_gain(c));
	if (c->explanation == EXPLAINED_BY_SETUID_FILE) {
		f.finding.technique = (char *)"T1548.001";
		f.finding.technique_name = (char *)"Setuid and Setgid";
	}
	draft_key(&f, "%s|%d|%d|%llx", subject(j), c->explanation, c->gained_root,
		  (unsigned long long)c->capabilities);
	draft_message(&f, "%s gained %s%s", subject(j), gain_word(j),
		      unexplained      ? " and nothing explains it" :
		      c->child_user_ns ? " in a user namespace of its own" :
					 "");
	f.finding.credentials = j->event->credentials;
	draft_evidence(&f, "explanation", "%s", enrich_explanation(c->explanation));
	draft_evidence(&f, "before", "uid %u euid %u permitted 0x%llx", c->before.uid,
		       c->before.euid, (unsigned long long)c->before.permitted);
	draft_evidence(&f, "seen_at", "%s", j->event->type);
	draft_end(&f);
}

/* --- what comes in from outside --- */

static void judge_session(const struct judgement *j)
{
	const struct container_facts *first = &j->mo->container->facts;
	const struct ev_cred *now = &j->mo->rec->cred;
	uint64_t more = now->permitted & ~first->cred.permitted;
	bool root = now->euid == 0 && first->cred.euid != 0;
	struct draft f;

	if (!more && !root)
		return;
	/* Root where the first process is not has, as a rule, the default set: uid says enough. */
	draft_begin(&f, j, RULE_PRIVILEGED_EXEC_SESSION,
		    more & ~CAPS_DEFAULT ? KEELWATCH__SEVERITY__error :
					   KEELWATCH__SEVERITY__warning);
	draft_key(&f, "%s|%u|%llx", subject(j), now->euid, (unsigned long long)more);
	draft_message(&f, "%s entered the container %s", subject(j),
		      root ? "as root, which its first process is not" :
			     "with more capabilities than its first process");
	draft_evidence(&f, "euid", "%u, first process %u", now->euid, first->cred.euid);
	if (more)
		draft_evidence(&f, "more", "%s", enrich_capability_list(j->d->enrich, more));
	draft_end(&f);
}

/* --- the way out --- */

static void judge_escape(const struct judgement *j)
{
	unsigned int bits = j->mo->host_namespaces;
	bool opened = j->mo->rec->type == EV_NS &&
		      ((const struct ev_ns *)j->mo->rec)->op == NS_OPEN;
	const char *names;
	struct draft f;

	if (!bits)
		return;
	names = enrich_namespace_list(j->d->enrich, bits);
	draft_begin(&f, j, RULE_NAMESPACE_ESCAPE, KEELWATCH__SEVERITY__critical);
	draft_key(&f, "%s|%x|%d", subject(j), bits, opened);
	draft_message(&f,
		      opened ? "%s opened a namespace of the host: %s" :
			       "%s is in a namespace of the host: %s",
		      subject(j), names);
	f.finding.namespaces = j->event->namespaces;
	draft_evidence(&f, "seen_at", "%s", j->event->namespaces->operation);
	draft_evidence(&f, "namespaces", "%s", names);
	draft_end(&f);
}

void privilege_judge(const struct judgement *j)
{
	if (!j->mo->container || j->mo->setup)
		return;
	if (j->mo->started)
		judge_start(j);
	if (j->mo->session)
		judge_session(j);
	judge_gain(j);
	judge_escape(j);
}
