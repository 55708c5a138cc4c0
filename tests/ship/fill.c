// SPDX-License-Identifier: Apache-2.0
/*
 * Puts plausible findings into a store that nobody writes, the same ones each time but for their ids
 * and times: fill STATE-DIR COUNT [--kinds] [--clock-back]
 *
 * --kinds: of all kinds, not only findings. --clock-back: every hundredth record's time, and all behind
 * it, are an hour earlier, as on a machine whose clock is set back again and again. Waits while the
 * store has enough to write. Exit: 0, 1 (said on standard error), 2 usage.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "message/stamp.h"
#include "store/store.h"

#define HOUR_NS (3600 * NS_PER_S)
#define CLOCK_STEP 100		 /* records between two steps back */
#define QUEUE_BYTES (256u << 20) /* far more than may wait: nothing is refused */
#define WAITING_MAX 8000	 /* records in the queue */
#define PAUSE_NS 1000000
#define HOSTILE_EVERY 49
#define LONG_BYTES 4096
#define ID_DIGITS 64

enum { KIND_MIX_FINDING, KIND_MIX_LIFECYCLE, KIND_MIX_GAP, KIND_MIX_MONITOR, KIND_MIX };

struct rule {
	const char *id, *technique, *technique_name, *message;
	Keelwatch__Severity severity;
};

static const struct rule rules[] = {
	{ "readonly-write-attempt", "T1565.001", "Stored Data Manipulation",
	  "a write on a read-only container was refused", KEELWATCH__SEVERITY__notice },
	{ "readonly-defeated", "T1562.001", "Impair Defenses: Disable or Modify Tools",
	  "a read-only container was made writable", KEELWATCH__SEVERITY__critical },
	{ "privileged-container", "T1610", "Deploy Container",
	  "a container starts with all the powers of the host", KEELWATCH__SEVERITY__warning },
	{ "privilege-gained", "T1548", "Abuse Elevation Control Mechanism",
	  "a process gained uid 0 or capabilities", KEELWATCH__SEVERITY__notice },
	{ "namespace-escape", "T1611", "Escape to Host",
	  "a container's process is in a namespace of the host", KEELWATCH__SEVERITY__critical },
	{ "sensitive-host-mount", "T1611", "Escape to Host",
	  "a container starts with a sensitive path of the host", KEELWATCH__SEVERITY__error },
};

static const char *const images[] = {
	"docker.io/library/nginx:1.27",
	"registry.example:5000/team/shop@sha256:0b1c",
	"quay.io/prometheus/node-exporter:v1.8.2",
	"busybox",
};
static const char *const programs[] = { "/usr/bin/touch", "/bin/sh", "/usr/sbin/nginx",
					"/usr/local/bin/python3.11", "/tmp/.x/a.out" };
static const char *const pods[] = { "shop-7d4b9c6f5-x2x9k", "kube-proxy-lq2zn", "db-0" };
static const char *const namespaces[] = { "default", "kube-system", "team-a" };

/* What an attacker may call a file or a container: bytes as the kernel has them. */
static const char *const hostile[] = {
	"\"},{\"rule\":\"none\"},{\"x\":\"",
	"a\nb\r\n<134>1 - - - - - - forged",
	"\x1b[2J\x1b]0;title\a\x1b[31m",
	"\xe2\x80\xaegpj.exe\xe2\x80\xac\xe2\x81\xa6",
	"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80",
	"CEF:0|a|b\\|c=d\\=e|",
	"]\\\"] [x y=\"z\"]",
	"${jndi:ldap://x}%s%n%00../../../etc/passwd",
	"\xf0\x9f\x92\xa9 \xe6\x96\x87\xe4\xbb\xb6 \xcc\x81\xcc\x81\xcc\x81",
};

/* One record and what it points to: good until the next is made. */
struct made {
	struct stamp *stamp;
	uint64_t time_ns;
	Keelwatch__Record record;
	Keelwatch__Metadata metadata;
	Keelwatch__Container container;
	Keelwatch__Kubernetes kubernetes;
	Keelwatch__Process process, ancestor;
	Keelwatch__Process *ancestors[1];
	Keelwatch__Evidence evidence[2];
	Keelwatch__Evidence *evidences[2];
	Keelwatch__File file;
	Keelwatch__Exit exit;
	Keelwatch__Finding finding;
	Keelwatch__Lifecycle lifecycle;
	Keelwatch__Gap gap;
	Keelwatch__Monitor monitor;
	char id[STAMP_ID_SIZE], container_id[ID_DIGITS + 1], name[64], cgroup[96], host_path[160];
	char *args[3], *capabilities[2];
	struct buf path, message;
};

static void hostile_text(struct buf *b, size_t n)
{
	const char *text = hostile[n % ARRAY_SIZE(hostile)];
	size_t len = strlen(text);

	buf_reset(b);
	buf_char(b, '/');
	/* Every other one is as long as a path can be. */
	for (size_t at = 0; at < (n % 2 ? LONG_BYTES - len : 1); at += len)
		text_clean(b, text, len);
}

static void make_container(struct made *m, size_t n)
{
	Keelwatch__Container *c = &m->container;
	size_t which = n % 23;

	keelwatch__container__init(c);
	snprintf(m->container_id, sizeof(m->container_id), "%032zx%032zx", which * 7919 + 11,
		 which);
	snprintf(m->name, sizeof(m->name), "service-%zu", which);
	snprintf(m->cgroup, sizeof(m->cgroup), "/system.slice/docker-%.32s.scope", m->container_id);
	c->id = m->container_id;
	c->name = m->name;
	c->image = (char *)images[which % ARRAY_SIZE(images)];
	c->runtime = (char *)(which % 3 ? "containerd" : "docker");
	c->oci_runtime = (char *)"runc";
	c->attribution = KEELWATCH__ATTRIBUTION__exact;
	c->read_only = which % 2;
	c->privileged = which % 11 == 0;
	c->cgroup = m->cgroup;
	c->cgroup_id = 5000 + which;
	c->pid = 1000 + which;
	c->started = m->time_ns - HOUR_NS;
	if (which % 3 != 1)
		return;
	keelwatch__kubernetes__init(&m->kubernetes);
	m->kubernetes.namespace_ = (char *)namespaces[which % ARRAY_SIZE(namespaces)];
	m->kubernetes.pod = (char *)pods[which % ARRAY_SIZE(pods)];
	m->kubernetes.uid = (char *)"0b0d4f3e-9a53-4c1c-8d0a-5b8d3a1e2f40";
	m->kubernetes.container = (char *)"app";
	c->kubernetes = &m->kubernetes;
}

static void make_process(struct made *m, Keelwatch__Process *p, size_t n)
{
	const char *exe = programs[n % ARRAY_SIZE(programs)];

	keelwatch__process__init(p);
	p->pid = p->tid = 2000 + n % 30000;
	p->ppid = 1000 + n % 23;
	p->exe = (char *)exe;
	p->comm = (char *)strrchr(exe, '/') + 1;
	p->cwd = (char *)"/";
	p->uid = p->euid = n % 4 ? 0 : 1000;
	m->capabilities[0] = (char *)"CAP_CHOWN";
	m->capabilities[1] = (char *)"CAP_NET_BIND_SERVICE";
	p->capabilities = m->capabilities;
	p->n_capabilities = ARRAY_SIZE(m->capabilities);
	p->started = m->time_ns - NS_PER_S;
}

static void make_evidence(struct made *m, size_t i, const char *name, const char *value)
{
	keelwatch__evidence__init(&m->evidence[i]);
	m->evidence[i].name = (char *)name;
	m->evidence[i].value = (char *)value;
	m->evidences[i] = &m->evidence[i];
}

static void make_finding(struct made *m, size_t n)
{
	const struct rule *rule = &rules[n % ARRAY_SIZE(rules)];
	Keelwatch__Finding *f = &m->finding;

	keelwatch__finding__init(f);
	f->kind = (char *)"finding";
	f->rule = (char *)rule->id;
	f->severity = rule->severity;
	f->message = (char *)rule->message;
	f->technique = (char *)rule->technique;
	f->technique_name = (char *)rule->technique_name;
	f->count = 1 + n % 5;
	f->container = &m->container;
	f->process = &m->process;
	make_process(m, &m->ancestor, n + 1);
	m->ancestors[0] = &m->ancestor;
	f->ancestors = m->ancestors;
	f->n_ancestors = 1;
	make_evidence(m, 0, "why", "the mount at / is read-only");
	make_evidence(m, 1, "path", buf_cstr(&m->path));
	f->evidence = m->evidences;
	f->n_evidence = ARRAY_SIZE(m->evidences);
	keelwatch__file__init(&m->file);
	snprintf(m->host_path, sizeof(m->host_path), "/var/lib/docker/overlay2/%.32s/merged%.64s",
		 m->container_id, n % HOSTILE_EVERY ? buf_cstr(&m->path) : "");
	m->file.operation = (char *)"open";
	m->file.path = (char *)buf_cstr(&m->path);
	m->file.host_path = m->host_path;
	m->file.error = (char *)"EROFS";
	m->file.mount_point = (char *)"/";
	m->file.mount_class = (char *)"rootfs";
	m->file.mount_read_only = true;
	m->file.filesystem = (char *)"overlay";
	f->file = &m->file;
	f->time = m->time_ns;
	f->metadata = &m->metadata;
	m->record.body_case = KEELWATCH__RECORD__BODY_FINDING;
	m->record.finding = f;
}

static void make_lifecycle(struct made *m, size_t n)
{
	Keelwatch__Lifecycle *l = &m->lifecycle;
	bool end = n % 8 >= 4;

	keelwatch__lifecycle__init(l);
	l->kind = (char *)"container";
	l->operation = (char *)(end ? "end" : "start");
	l->severity = KEELWATCH__SEVERITY__info;
	l->time = m->time_ns;
	l->message = (char *)(end ? "a container ended: code 1" : "a container started");
	l->container = &m->container;
	l->process = &m->process;
	if (end) {
		keelwatch__exit__init(&m->exit);
		m->exit.code = 1;
		l->exit = &m->exit;
		l->outcome = (char *)"failed";
	}
	l->metadata = &m->metadata;
	m->record.body_case = KEELWATCH__RECORD__BODY_LIFECYCLE;
	m->record.lifecycle = l;
}

static void make_gap(struct made *m, size_t n)
{
	Keelwatch__Gap *g = &m->gap;

	keelwatch__gap__init(g);
	g->kind = (char *)"gap";
	g->reason = (char *)"queue";
	g->severity = KEELWATCH__SEVERITY__error;
	g->time = g->to = m->time_ns;
	g->from = m->time_ns - NS_PER_S;
	g->message = (char *)"records could not be kept";
	g->exact = true;
	g->records = n;
	g->metadata = &m->metadata;
	m->record.body_case = KEELWATCH__RECORD__BODY_GAP;
	m->record.gap = g;
}

static void make_monitor(struct made *m, size_t n)
{
	Keelwatch__Monitor *o = &m->monitor;

	keelwatch__monitor__init(o);
	o->kind = (char *)"monitor";
	o->operation = (char *)(n % 8 == 3 ? "start" : "reload");
	o->severity = KEELWATCH__SEVERITY__info;
	o->time = m->time_ns;
	o->message = (char *)"the monitor says something of itself";
	o->metadata = &m->metadata;
	m->record.body_case = KEELWATCH__RECORD__BODY_MONITOR;
	m->record.monitor = o;
}

static void make_record(struct made *m, size_t n, bool kinds)
{
	static void (*const make[KIND_MIX])(struct made * m, size_t n) = {
		[KIND_MIX_FINDING] = make_finding,
		[KIND_MIX_LIFECYCLE] = make_lifecycle,
		[KIND_MIX_GAP] = make_gap,
		[KIND_MIX_MONITOR] = make_monitor,
	};

	keelwatch__record__init(&m->record);
	stamp_metadata(m->stamp, m->id, &m->metadata);
	make_container(m, n);
	make_process(m, &m->process, n);
	if (n % HOSTILE_EVERY) {
		buf_reset(&m->path);
		buf_fmt(&m->path, "/etc/file-%zu", n);
	} else {
		hostile_text(&m->path, n / HOSTILE_EVERY);
		m->container.name = (char *)buf_cstr(&m->path);
		m->process.cwd = (char *)buf_cstr(&m->path);
	}
	m->args[0] = m->process.comm;
	m->args[1] = (char *)"-x";
	m->args[2] = (char *)buf_cstr(&m->path);
	m->process.args = m->args;
	m->process.n_args = ARRAY_SIZE(m->args);
	make[kinds ? n % KIND_MIX : KIND_MIX_FINDING](m, n);
}

static void wait_for_room(struct store *s)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct store_stats stats;

	for (store_stats(s, &stats); stats.waiting > WAITING_MAX; store_stats(s, &stats))
		nanosleep(&pause, NULL);
}

static int fill(struct store *s, struct stamp *stamp, uint64_t count, bool kinds, bool clock_back)
{
	struct made *m = calloc(1, sizeof(*m));
	uint64_t step = NS_PER_S / 1000;
	int err = m ? 0 : -ENOMEM;

	if (!err) {
		m->stamp = stamp;
		m->time_ns = (uint64_t)time(NULL) * NS_PER_S - count * step;
	}
	for (uint64_t n = 0; !err && n < count; n++) {
		m->time_ns += step;
		if (clock_back && n % CLOCK_STEP == CLOCK_STEP - 1)
			m->time_ns -= HOUR_NS;
		make_record(m, n, kinds);
		wait_for_room(s);
		err = store_put(s, &m->record);
	}
	if (m)
		buf_free(&m->path);
	free(m);
	return err;
}

int main(int argc, char **argv)
{
	struct store_options options = { .queue_bytes = QUEUE_BYTES };
	bool kinds = false, clock_back = false;
	struct store *store = NULL;
	uint64_t count = 0;
	int err, holder;

	for (int i = 3; i < argc; i++) {
		kinds |= !strcmp(argv[i], "--kinds");
		clock_back |= !strcmp(argv[i], "--clock-back");
	}
	if (argc < 3 || argc != 3 + kinds + clock_back || text_u64(argv[2], &count)) {
		fprintf(stderr, "usage: fill STATE-DIR COUNT [--kinds] [--clock-back]\n");
		return 2;
	}
	options.dir = argv[1];
	err = stamp_new(&options.stamp);
	if (!err)
		err = store_open(&options, &holder, &store);
	if (!err)
		err = fill(store, options.stamp, count, kinds, clock_back);
	store_close(store);
	stamp_free(options.stamp);
	if (err)
		fprintf(stderr, "fill: %s: %s\n", options.dir, strerror(-err));
	return err ? 1 : 0;
}
