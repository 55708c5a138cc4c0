/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials over a process's life: each record says what the task is now; what it could not be by
 * the rules of capabilities(7) and credentials(7) has no explanation.
 */
#include <linux/capability.h>
#include <sys/stat.h>

#include "model/model_priv.h"

#define CAP_BIT(cap) (1ULL << (cap))

static void remember(struct process *p, const struct ev_cred *now, uint32_t user_ns, uint32_t lost)
{
	p->cred = *now;
	p->cred_known = true;
	p->permitted_seen |= now->permitted;
	p->root_seen |= now->euid == 0;
	p->user_ns = user_ns;
	p->lost = lost;
}

static void forget_threads(struct process *p)
{
	p->many_threads = false;
	p->permitted_seen = 0;
	p->root_seen = false;
}

static enum explanation explain_exec(const struct ev_exec *e, const struct cred_change *c,
				     const struct ev_cred *now)
{
	bool may_give = !e->exe_nosuid && !e->no_new_privs;

	/* capabilities(7): no file and no uid gives what the bounding set lacks, but by inheritance. */
	if (c->capabilities & ~(c->before.bounding | e->inheritable))
		return EXPLAINED_BY_NONE;

	if (c->gained_root && may_give && (e->exe_mode & S_ISUID) && e->exe_uid == 0)
		return EXPLAINED_BY_SETUID_FILE;
	if (c->gained_root)
		return EXPLAINED_BY_NONE;
	if (now->uid == 0 || now->euid == 0)
		return EXPLAINED_BY_ROOT_EXEC;
	if (e->secureexec && may_give)
		return EXPLAINED_BY_FILE_CAPABILITY;
	return EXPLAINED_BY_NONE;
}

/* setresuid(2) and its family: to a uid that one of the three was, or with CAP_SETUID to any. */
static enum explanation explain_setuid(const struct cred_change *c, const struct ev_cred *now)
{
	const struct ev_cred *old = &c->before;

	if (now->permitted & ~old->permitted)
		return EXPLAINED_BY_NONE;
	if (!c->gained_root || old->uid == 0 || old->suid == 0 ||
	    (old->effective & CAP_BIT(CAP_SETUID)))
		return EXPLAINED_BY_SETUID_CALL;
	return EXPLAINED_BY_NONE;
}

static enum explanation explain(const struct ev_head *rec, const struct cred_change *c)
{
	const struct ev_cred_change *change = (const void *)rec;

	if (rec->type == EV_EXEC)
		return explain_exec((const void *)rec, c, &rec->cred);
	if (rec->type != EV_CRED)
		return EXPLAINED_BY_NONE;
	switch (change->op) {
	case CRED_SETUID:
		return explain_setuid(c, &rec->cred);
	case CRED_CAPSET:
		return rec->cred.permitted & ~c->before.permitted ? EXPLAINED_BY_NONE :
								    EXPLAINED_BY_CAPSET;
	}
	return EXPLAINED_BY_NONE;
}

static void compare(struct cred_change *c, const struct ev_cred *now)
{
	const struct ev_cred *old = &c->before;

	c->gained_root = now->euid == 0 && old->euid != 0;
	c->had_root = c->gained_root && (old->uid == 0 || old->suid == 0);
	c->capabilities = now->permitted & ~old->permitted;
	c->gained = c->gained_root || c->capabilities;
}

/* capset(2) raises what was permitted already: a gain of power in use, not in reach. */
static void compare_capset(struct cred_change *c, const struct ev_head *rec)
{
	const struct ev_cred_change *e = (const void *)rec;

	if (c->gained || rec->type != EV_CRED || e->op != CRED_CAPSET)
		return;
	c->capabilities = rec->cred.effective & ~c->before.effective;
	c->gained = c->capabilities;
}

/*
 * Threads have credentials of their own: what one has, another may have been seen without. Only a gain
 * that no thread of the process had before is one that nothing explains.
 */
static bool some_thread_had(const struct process *p, const struct cred_change *c)
{
	return p->many_threads && (!c->gained_root || p->root_seen) &&
	       !(c->capabilities & ~p->permitted_seen);
}

void creds_learn(struct model *m, struct moment *mo)
{
	const struct ev_head *rec = mo->rec;
	struct process *p = mo->process;
	struct cred_change *c = &mo->cred;

	if (rec->threads > 1)
		p->many_threads = true;
	c->child_user_ns = rec->user_ns != m->host.user;
	if (!p->cred_known) {
		remember(p, &rec->cred, rec->user_ns, rec->lost);
		return;
	}
	c->before = p->cred;
	compare(c, &rec->cred);
	compare_capset(c, rec);
	if (c->gained) {
		c->explanation = explain(rec, c);
		/* Into a namespace of its own; the way back gives nothing by the rules. */
		if (rec->user_ns != p->user_ns && c->child_user_ns)
			c->explanation = EXPLAINED_BY_USER_NAMESPACE;
		else if (c->explanation == EXPLAINED_BY_NONE && some_thread_had(p, c))
			c->gained = c->gained_root = false;
		else if (c->explanation == EXPLAINED_BY_NONE && rec->lost != p->lost)
			c->explanation = EXPLAINED_BY_LOSS;
	}
	if (rec->type == EV_EXEC)
		forget_threads(p);
	remember(p, &rec->cred, rec->user_ns, rec->lost);
}

void creds_fork(const struct model *m, struct process *parent, struct process *child,
		const struct ev_fork *e, struct cred_change *ret)
{
	uint32_t user_ns = e->child_ns.user;

	ret->before = parent->cred_known ? parent->cred : e->child_cred;
	compare(ret, &e->child_cred);
	if (ret->gained && some_thread_had(parent, ret))
		ret->gained = ret->gained_root = false;
	ret->child_user_ns = user_ns != m->host.user;
	if (user_ns != e->head.user_ns && ret->child_user_ns)
		ret->explanation = EXPLAINED_BY_USER_NAMESPACE;
	remember(child, &e->child_cred, user_ns, e->head.lost);
}
