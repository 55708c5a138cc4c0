/* SPDX-License-Identifier: Apache-2.0 */
/* What is written: JSON by descriptor, lines for people, lines for operators. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/util.h"
#include "output/output.h"

#define NOON 1767355200123456789ULL /* 2026-01-02T12:00:00.123456789Z */

static void expect_json(const void *message, const char *want)
{
	struct buf b = {};
	json_t *parsed;

	json_message(&b, message);
	cr_expect_str_eq(buf_cstr(&b), want);
	parsed = json_loads(buf_cstr(&b), JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
	cr_expect_not_null(parsed, "no JSON: %s", buf_cstr(&b));
	json_decref(parsed);
	buf_free(&b);
}

Test(json, strings_that_are_empty_or_null_are_left_out)
{
	Keelwatch__Evidence e = KEELWATCH__EVIDENCE__INIT;

	expect_json(&e, "{}");
	e.name = NULL;
	e.value = "x";
	expect_json(&e, "{\"value\":\"x\"}");
}

Test(json, strings_are_escaped)
{
	Keelwatch__Evidence e = KEELWATCH__EVIDENCE__INIT;

	e.name = "a\"b";
	e.value = "\\x1b";
	expect_json(&e, "{\"name\":\"a\\\"b\",\"value\":\"\\\\x1b\"}");
}

Test(json, numbers_and_booleans_are_written_even_when_zero)
{
	Keelwatch__Exit exit = KEELWATCH__EXIT__INIT;
	Keelwatch__Capability capability = KEELWATCH__CAPABILITY__INIT;

	expect_json(&exit, "{\"code\":0,\"signal\":0}");
	expect_json(&capability, "{\"granted\":false,\"child_user_namespace\":false}");
	capability.granted = 1;
	expect_json(&capability, "{\"granted\":true,\"child_user_namespace\":false}");
}

Test(json, numbers_keep_their_whole_range)
{
	Keelwatch__Exit exit = KEELWATCH__EXIT__INIT;
	Keelwatch__Cgroup cgroup = KEELWATCH__CGROUP__INIT;

	exit.code = INT32_MIN;
	exit.signal = INT32_MAX;
	expect_json(&exit, "{\"code\":-2147483648,\"signal\":2147483647}");
	cgroup.id = UINT64_MAX;
	cgroup.target_pid = UINT32_MAX;
	expect_json(&cgroup, "{\"id\":18446744073709551615,\"target_pid\":4294967295}");
}

Test(json, keys_of_c_keywords_and_long_names_are_those_of_the_schema)
{
	Keelwatch__Kubernetes k = KEELWATCH__KUBERNETES__INIT;
	Keelwatch__Loss loss = KEELWATCH__LOSS__INIT;

	k.namespace_ = "prod";
	expect_json(&k, "{\"namespace\":\"prod\"}");
	loss.class_ = "file";
	loss.lost = 3;
	expect_json(&loss, "{\"class\":\"file\",\"sent\":0,\"lost\":3,\"busy\":0,\"limited\":0,"
			   "\"truncated\":0}");
}

Test(json, a_container_shows_enums_by_name_times_as_rfc_3339_and_what_it_contains)
{
	Keelwatch__Kubernetes k = KEELWATCH__KUBERNETES__INIT;
	Keelwatch__Container c = KEELWATCH__CONTAINER__INIT;

	k.pod = "web-0";
	c.id = "0123";
	c.kubernetes = &k;
	c.attribution = KEELWATCH__ATTRIBUTION__derived;
	c.started = NOON;
	expect_json(&c, "{\"id\":\"0123\",\"kubernetes\":{\"pod\":\"web-0\"},"
			"\"attribution\":\"derived\",\"partial\":false,\"read_only\":false,"
			"\"privileged\":false,\"cgroup_id\":0,\"pid\":0,"
			"\"started\":\"2026-01-02T12:00:00.123456789Z\"}");
}

Test(json, an_enum_value_the_schema_does_not_name_is_a_number)
{
	Keelwatch__Finding f = KEELWATCH__FINDING__INIT;

	f.severity = 77;
	expect_json(&f, "{\"severity\":77,\"count\":0}");
}

Test(json, the_first_value_of_an_enum_and_a_time_of_zero_differ)
{
	Keelwatch__Finding f = KEELWATCH__FINDING__INIT;

	f.time = 0;
	expect_json(&f, "{\"severity\":\"debug\",\"count\":0}");
	f.time = 1;
	expect_json(&f, "{\"severity\":\"debug\",\"time\":\"1970-01-01T00:00:00.000000001Z\","
			"\"count\":0}");
}

Test(json, lists_of_strings_keep_empty_elements)
{
	Keelwatch__Namespaces n = KEELWATCH__NAMESPACES__INIT;
	char *host[] = { "mnt", "", "a\"b" };

	n.host = host;
	n.n_host = ARRAY_SIZE(host);
	expect_json(&n, "{\"host\":[\"mnt\",\"\",\"a\\\"b\"]}");
}

Test(json, lists_of_messages_are_lists_of_objects)
{
	Keelwatch__Evidence one = KEELWATCH__EVIDENCE__INIT, two = KEELWATCH__EVIDENCE__INIT;
	Keelwatch__Evidence *evidence[] = { &one, &two };
	Keelwatch__Finding f = KEELWATCH__FINDING__INIT;

	one.name = "flags";
	f.severity = KEELWATCH__SEVERITY__critical;
	f.evidence = evidence;
	f.n_evidence = ARRAY_SIZE(evidence);
	expect_json(&f, "{\"severity\":\"critical\",\"count\":0,"
			"\"evidence\":[{\"name\":\"flags\"},{}]}");
}

Test(json, it_is_appended_to_what_the_buffer_holds)
{
	Keelwatch__Exit exit = KEELWATCH__EXIT__INIT;
	struct buf b = {};

	buf_str(&b, "data: ");
	json_message(&b, &exit.base);
	cr_assert_str_eq(buf_cstr(&b), "data: {\"code\":0,\"signal\":0}");
	buf_free(&b);
}

/* The writer leaves out what it does not know, so the schema may use nothing else. */
static void expect_known_fields(const ProtobufCMessageDescriptor *message)
{
	static const bool known[] = {
		[PROTOBUF_C_TYPE_BOOL] = true,	  [PROTOBUF_C_TYPE_ENUM] = true,
		[PROTOBUF_C_TYPE_FIXED64] = true, [PROTOBUF_C_TYPE_INT32] = true,
		[PROTOBUF_C_TYPE_MESSAGE] = true, [PROTOBUF_C_TYPE_STRING] = true,
		[PROTOBUF_C_TYPE_UINT32] = true,  [PROTOBUF_C_TYPE_UINT64] = true,
	};

	for (unsigned int i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &message->fields[i];

		cr_expect(f->type < ARRAY_SIZE(known) && known[f->type], "%s.%s: type",
			  message->short_name, f->name);
		cr_expect(f->label == PROTOBUF_C_LABEL_NONE ||
				  f->label == PROTOBUF_C_LABEL_REPEATED,
			  "%s.%s: optional", message->short_name, f->name);
		cr_expect_not(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF, "%s.%s: oneof",
			      message->short_name, f->name);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			expect_known_fields(f->descriptor);
	}
}

Test(json, the_schema_uses_only_what_the_writer_knows)
{
	expect_known_fields(&keelwatch__event__descriptor);
	expect_known_fields(&keelwatch__finding__descriptor);
}

static void expect_event(const Keelwatch__Event *e, const char *want)
{
	struct buf b = {};

	people_event(&b, e, false);
	cr_expect_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

static void expect_finding(const Keelwatch__Finding *f, const char *want)
{
	struct buf b = {};

	people_finding(&b, f, false);
	cr_expect_str_eq(buf_cstr(&b), want);
	buf_free(&b);
}

static Keelwatch__Process bash(void)
{
	Keelwatch__Process p = KEELWATCH__PROCESS__INIT;

	p.pid = 12;
	p.ppid = 3;
	p.comm = "bash";
	p.exe = "/bin/bash";
	return p;
}

static Keelwatch__Container web(void)
{
	Keelwatch__Container c = KEELWATCH__CONTAINER__INIT;

	c.id = "0123456789abcdef0123456789abcdef";
	c.name = "web";
	return c;
}

static Keelwatch__Finding finding(void)
{
	Keelwatch__Finding f = KEELWATCH__FINDING__INIT;

	f.time = NOON;
	f.rule = "shell-in-container";
	f.severity = KEELWATCH__SEVERITY__warning;
	f.message = "a shell was started";
	return f;
}

static Keelwatch__Event event(char *type)
{
	Keelwatch__Event e = KEELWATCH__EVENT__INIT;

	e.time = NOON;
	e.type = type;
	return e;
}

Test(people_finding, a_finding_of_the_host_without_process_or_evidence_is_two_short_lines)
{
	Keelwatch__Finding f = finding();

	expect_finding(&f, "12:00:00.123 warning  host a shell was started\n"
			   "  -> shell-in-container\n");
}

Test(people_finding, it_says_what_where_who_how_often_and_then_why)
{
	Keelwatch__Process p = bash(), parent = bash(), shim = bash();
	Keelwatch__Process *ancestors[] = { &parent, &shim };
	Keelwatch__Evidence one = KEELWATCH__EVIDENCE__INIT, two = KEELWATCH__EVIDENCE__INIT;
	Keelwatch__Evidence *evidence[] = { &one, &two };
	Keelwatch__Container c = web();
	Keelwatch__Finding f = finding();

	p.uid = p.euid = 1000;
	shim.pid = 3;
	shim.comm = "containerd-shim";
	one.name = "tty";
	one.value = "yes";
	two.name = "parent";
	two.value = "nginx";
	f.container = &c;
	f.process = &p;
	f.ancestors = ancestors;
	f.n_ancestors = ARRAY_SIZE(ancestors);
	f.evidence = evidence;
	f.n_evidence = ARRAY_SIZE(evidence);
	f.technique = "T1059.004";
	f.technique_name = "Unix Shell";
	f.count = 7;
	expect_finding(&f, "12:00:00.123 warning  web a shell was started"
			   " by /bin/bash[12] uid 1000 (x 7)\n"
			   "  -> shell-in-container T1059.004 (Unix Shell): tty=yes, parent=nginx;"
			   " pid chain: bash[12] < containerd-shim[3]\n");
}

Test(people_finding, a_finding_seen_once_has_no_count)
{
	Keelwatch__Finding f = finding();

	f.count = 1;
	expect_finding(&f, "12:00:00.123 warning  host a shell was started\n"
			   "  -> shell-in-container\n");
}

Test(people_finding, an_effective_user_other_than_the_real_one_is_shown)
{
	Keelwatch__Process p = bash();
	Keelwatch__Finding f = finding();

	p.uid = 1000;
	f.process = &p;
	expect_finding(&f, "12:00:00.123 warning  host a shell was started"
			   " by /bin/bash[12] uid 1000 euid 0\n"
			   "  -> shell-in-container\n");
}

Test(people_finding, a_value_that_could_pass_for_other_evidence_is_quoted)
{
	Keelwatch__Evidence one = KEELWATCH__EVIDENCE__INIT, two = KEELWATCH__EVIDENCE__INIT;
	Keelwatch__Evidence *evidence[] = { &one, &two };
	Keelwatch__Finding f = finding();

	one.name = "path";
	one.value = "/a, user=\"root\"";
	two.name = "argument";
	f.evidence = evidence;
	f.n_evidence = ARRAY_SIZE(evidence);
	expect_finding(&f, "12:00:00.123 warning  host a shell was started\n"
			   "  -> shell-in-container: path=\"/a, user=\\\"root\\\"\","
			   " argument=\"\"\n");
}

Test(people_finding, a_long_finding_is_neither_wrapped_nor_cut)
{
	Keelwatch__Evidence one = KEELWATCH__EVIDENCE__INIT;
	Keelwatch__Evidence *evidence[] = { &one };
	Keelwatch__Finding f = finding();
	char longer[20001] = "";
	struct buf b = {};
	size_t lines = 0;

	memset(longer, 'x', sizeof(longer) - 1);
	one.name = "path";
	one.value = longer;
	f.message = longer;
	f.evidence = evidence;
	f.n_evidence = ARRAY_SIZE(evidence);
	people_finding(&b, &f, false);
	for (size_t i = 0; i < b.len; i++)
		lines += b.data[i] == '\n';
	cr_expect_eq(lines, 2);
	cr_expect_not_null(strstr(buf_cstr(&b), longer));
	cr_expect_gt(b.len, 40000);
	buf_free(&b);
}

Test(people_finding, severities_have_their_colours_only_when_asked_for)
{
	static const struct {
		Keelwatch__Severity severity;
		const char *plain, *coloured;
	} cases[] = {
		{ KEELWATCH__SEVERITY__debug, " debug    host", " \033[2mdebug   \033[0m host" },
		{ KEELWATCH__SEVERITY__info, " info     host", " \033[34minfo    \033[0m host" },
		{ KEELWATCH__SEVERITY__notice, " notice   host", " \033[36mnotice  \033[0m host" },
		{ KEELWATCH__SEVERITY__warning, " warning  host", " \033[33mwarning \033[0m host" },
		{ KEELWATCH__SEVERITY__error, " error    host", " \033[31merror   \033[0m host" },
		{ KEELWATCH__SEVERITY__critical, " critical host",
		  " \033[1;31mcritical\033[0m host" },
		{ 77, " 77       host", " 77       host" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Keelwatch__Finding f = finding();
		struct buf b = {};

		f.severity = cases[i].severity;
		people_finding(&b, &f, true);
		cr_expect_not_null(strstr(buf_cstr(&b), cases[i].coloured), "%s", buf_cstr(&b));
		buf_reset(&b);
		people_finding(&b, &f, false);
		cr_expect_not_null(strstr(buf_cstr(&b), cases[i].plain), "%s", buf_cstr(&b));
		cr_expect_null(strchr(buf_cstr(&b), '\033'));
		buf_free(&b);
	}
}

static void expect_container(Keelwatch__Container *c, const char *want)
{
	Keelwatch__Event e = event("exit");
	struct buf b = {}, line = {};

	e.container = c;
	people_event(&b, &e, false);
	buf_fmt(&line, "12:00:00.123 exit       %s\n", want);
	cr_expect_str_eq(buf_cstr(&b), buf_cstr(&line));
	buf_free(&line);
	buf_free(&b);
}

Test(people, a_container_is_called_by_pod_then_name_then_short_id)
{
	Keelwatch__Kubernetes k = KEELWATCH__KUBERNETES__INIT;
	Keelwatch__Container c = web();

	k.namespace_ = "prod";
	k.pod = "web-0";
	k.container = "nginx";
	c.kubernetes = &k;
	expect_container(&c, "prod/web-0/nginx");
	k.container = "";
	expect_container(&c, "prod/web-0");
	c.kubernetes = NULL;
	expect_container(&c, "web");
	c.name = "";
	expect_container(&c, "0123456789ab");
	c.id = "my-own-container-name";
	expect_container(&c, "my-own-container-name");
	c.id = "";
	expect_container(&c, "unnamed");
	expect_container(NULL, "host");
}

Test(people, a_container_whose_name_holds_spaces_cannot_pass_for_more)
{
	Keelwatch__Container c = web();

	c.name = "host (setup)";
	expect_container(&c, "\"host (setup)\"");
}

Test(people, a_process_without_executable_is_called_by_its_command)
{
	Keelwatch__Process p = bash();
	Keelwatch__Event e = event("exit");

	e.process = &p;
	p.exe = "";
	expect_event(&e, "12:00:00.123 exit       host bash[12] uid 0\n");
	p.comm = "tmux: server";
	expect_event(&e, "12:00:00.123 exit       host \"tmux: server\"[12] uid 0\n");
	p.comm = "";
	expect_event(&e, "12:00:00.123 exit       host ?[12] uid 0\n");
}

Test(people_event, a_step_of_the_runtime_is_marked_as_setup)
{
	Keelwatch__Process p = bash();
	Keelwatch__Container c = web();
	Keelwatch__Event e = event("fork");

	e.process = &p;
	e.container = &c;
	e.setup = 1;
	expect_event(&e, "12:00:00.123 fork       web (setup) /bin/bash[12] uid 0 from pid 3\n");
}

Test(people_event, an_exec_shows_every_argument_apart)
{
	Keelwatch__Process p = bash();
	Keelwatch__Event e = event("exec");
	char *args[] = { "bash", "-c", "id; ls", "" };

	e.process = &p;
	expect_event(&e, "12:00:00.123 exec       host /bin/bash[12] uid 0\n");
	p.args = args;
	p.n_args = ARRAY_SIZE(args);
	expect_event(&e, "12:00:00.123 exec       host /bin/bash[12] uid 0"
			 " args: bash -c \"id; ls\" \"\"\n");
	p.args_cut = 1;
	expect_event(&e, "12:00:00.123 exec       host /bin/bash[12] uid 0"
			 " args: bash -c \"id; ls\" \"\" ...\n");
}

Test(people_event, an_exit_shows_the_signal_or_else_the_code)
{
	Keelwatch__Exit exit = KEELWATCH__EXIT__INIT;
	Keelwatch__Event e = event("exit");

	e.exit = &exit;
	expect_event(&e, "12:00:00.123 exit       host code 0\n");
	exit.code = 127;
	expect_event(&e, "12:00:00.123 exit       host code 127\n");
	exit.signal = 9;
	expect_event(&e, "12:00:00.123 exit       host signal 9\n");
}

Test(people_event, a_file_shows_operation_path_and_what_came_of_it)
{
	Keelwatch__File file = KEELWATCH__FILE__INIT;
	Keelwatch__Event e = event("file");

	e.file = &file;
	file.operation = "open";
	file.path = "/etc/a b";
	expect_event(&e, "12:00:00.123 file       host open \"/etc/a b\"\n");
	file.path_cut = 1;
	file.path_from_user = 1;
	file.error = "EROFS";
	file.flags = "O_WRONLY|O_CREAT";
	file.mount_class = "rootfs";
	file.mount_read_only = 1;
	file.host_path = "/var/lib/x/etc/a";
	expect_event(&e, "12:00:00.123 file       host open \"/etc/a b\" (cut)"
			 " (as the caller named it) error=EROFS flags=O_WRONLY|O_CREAT on=rootfs"
			 " read-only host=/var/lib/x/etc/a\n");
}

Test(people_event, a_mount_shows_source_and_target)
{
	Keelwatch__Mount mount = KEELWATCH__MOUNT__INIT;
	Keelwatch__Event e = event("mount");

	e.mount = &mount;
	mount.operation = "bind";
	mount.source = "/srv";
	mount.target = "/mnt";
	expect_event(&e, "12:00:00.123 mount      host bind /srv -> /mnt\n");
	mount.from_user = 1;
	mount.filesystem = "ext4";
	mount.flags = "ro,nosuid";
	mount.propagation = "private";
	mount.class_ = "host";
	mount.read_only = 1;
	mount.host_path = "/srv";
	expect_event(&e, "12:00:00.123 mount      host bind /srv -> /mnt (as the caller named it)"
			 " type=ext4 flags=\"ro,nosuid\" propagation=private class=host read-only"
			 " host=/srv\n");
}

Test(people_event, credentials_show_what_changed)
{
	Keelwatch__Credentials credentials = KEELWATCH__CREDENTIALS__INIT;
	Keelwatch__Event e = event("cred");
	char *gained[] = { "CAP_SYS_ADMIN", "CAP_BPF" };

	e.credentials = &credentials;
	credentials.operation = "exec";
	credentials.old_uid = credentials.new_uid = 1000;
	credentials.old_euid = 1000;
	credentials.gained = gained;
	credentials.n_gained = ARRAY_SIZE(gained);
	credentials.explanation = "setuid-file";
	expect_event(&e, "12:00:00.123 cred       host exec euid 1000->0"
			 " gained=CAP_SYS_ADMIN,CAP_BPF by=setuid-file\n");
	credentials.new_uid = 0;
	credentials.n_gained = 0;
	credentials.child_user_namespace = 1;
	expect_event(&e, "12:00:00.123 cred       host exec uid 1000->0 euid 1000->0"
			 " by=setuid-file (child user namespace)\n");
}

Test(people_event, a_capability_is_granted_or_denied)
{
	Keelwatch__Capability capability = KEELWATCH__CAPABILITY__INIT;
	Keelwatch__Event e = event("capability");

	e.capability = &capability;
	capability.name = "CAP_SYS_ADMIN";
	expect_event(&e, "12:00:00.123 capability host CAP_SYS_ADMIN denied\n");
	capability.granted = 1;
	capability.child_user_namespace = 1;
	expect_event(&e, "12:00:00.123 capability host CAP_SYS_ADMIN granted"
			 " (child user namespace)\n");
}

Test(people_event, namespaces_show_those_of_the_host)
{
	Keelwatch__Namespaces namespaces = KEELWATCH__NAMESPACES__INIT;
	Keelwatch__Event e = event("namespace");
	char *host[] = { "pid" };

	e.namespaces = &namespaces;
	namespaces.operation = "setns";
	namespaces.host = host;
	namespaces.n_host = ARRAY_SIZE(host);
	expect_event(&e, "12:00:00.123 namespace  host setns host=pid\n");
}

Test(people_event, a_cgroup_shows_its_path_and_who_was_moved)
{
	Keelwatch__Cgroup cgroup = KEELWATCH__CGROUP__INIT;
	Keelwatch__Event e = event("cgroup");

	e.cgroup = &cgroup;
	cgroup.operation = "mkdir";
	cgroup.path = "/system.slice/docker-0123.scope";
	expect_event(&e, "12:00:00.123 cgroup     host mkdir /system.slice/docker-0123.scope\n");
	cgroup.operation = "attach";
	cgroup.id = 77;
	cgroup.target_pid = 12;
	expect_event(&e, "12:00:00.123 cgroup     host attach /system.slice/docker-0123.scope"
			 " id=77 pid=12\n");
}

Test(people_event, losses_are_listed_by_class)
{
	Keelwatch__Loss file = KEELWATCH__LOSS__INIT, mount = KEELWATCH__LOSS__INIT;
	Keelwatch__Loss *loss[] = { &file, &mount };
	Keelwatch__Event e = event("loss");

	file.class_ = "file";
	file.sent = 100;
	file.lost = 2;
	file.busy = 3;
	file.limited = 4;
	file.truncated = 5;
	mount.class_ = "mount";
	e.loss = loss;
	e.n_loss = ARRAY_SIZE(loss);
	expect_event(&e, "12:00:00.123 loss       host"
			 " file: sent=100 lost=2 busy=3 limited=4 truncated=5;"
			 " mount: sent=0 lost=0 busy=0 limited=0 truncated=0\n");
}

Test(people_event, the_type_is_coloured_only_when_asked_for)
{
	Keelwatch__Event e = event("fork");
	struct buf b = {};

	people_event(&b, &e, true);
	cr_assert_str_eq(buf_cstr(&b), "12:00:00.123 \033[36mfork      \033[0m host\n");
	buf_free(&b);
}

Test(people_event, the_last_millisecond_of_a_day_is_not_rounded_up)
{
	Keelwatch__Event e = event("exit");

	e.time = 86399999999999ULL;
	expect_event(&e, "23:59:59.999 exit       host\n");
}

Test(log, a_line_says_how_grave_it_is, .init = cr_redirect_stderr)
{
	log_error("open %s", "a");
	log_warn("b");
	log_info("c");
	cr_assert_stderr_eq_str("keelwatch: error: open a\n"
				"keelwatch: warning: b\n"
				"keelwatch: c\n");
}

Test(log, lines_above_the_level_are_not_written, .init = cr_redirect_stderr)
{
	log_debug("not by default");
	log_set_level(LOG_DEBUG);
	log_debug("now");
	log_set_level(LOG_ERROR);
	log_warn("no more");
	log_error("still");
	cr_assert_stderr_eq_str("keelwatch: debug: now\n"
				"keelwatch: error: still\n");
}

Test(log, log_errno_explains_the_error_and_returns_it_negative, .init = cr_redirect_stderr)
{
	int r = log_errno(ENOENT, "cannot read %s", "/x");

	cr_expect_eq(r, -ENOENT);
	cr_assert_stderr_eq_str("keelwatch: error: cannot read /x: No such file or directory\n");
}

Test(log, errno_survives_logging)
{
	close(STDERR_FILENO);
	errno = EROFS;
	log_error("nobody reads this");
	cr_assert_eq(errno, EROFS);
}

Test(log, a_line_too_long_is_cut_and_says_so)
{
	char longer[10001] = "", line[10001];
	ssize_t n;
	int fds[2];

	memset(longer, 'x', sizeof(longer) - 1);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	log_info("%s", longer);
	n = read(fds[0], line, sizeof(line));
	cr_assert_gt(n, 1000);
	cr_assert_leq(n, 4096);
	cr_assert_arr_eq(line, "keelwatch: xxx", 14);
	cr_assert_arr_eq(line + n - 5, "x...\n", 5);
}
