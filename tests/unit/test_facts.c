/* SPDX-License-Identifier: Apache-2.0 */
/* The live look at the host's files: what is no file must not hold us up. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "source/facts.h"
#include "model/engine.h"
#include "model/spec.h"

static char dir[] = "/tmp/keelwatch-facts.XXXXXX";
static struct facts host = { &facts_live, NULL };

static void enter(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
}

static void leave(void)
{
	static const char *const made[] = { "file", "fifo", "big", "link", "sock", "config.json" };

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		unlink(made[i]);
	rmdir("d");
	cr_expect_eq(rmdir(dir), 0);
}

TestSuite(facts, .init = enter, .fini = leave, .timeout = 20);

static void put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

Test(facts, a_file_is_appended_whole_up_to_the_bound)
{
	struct buf out = {};

	put("file", "12345");
	buf_str(&out, "<");
	cr_expect_eq(facts_read(&host, "file", 5, &out), 0);
	cr_expect_str_eq(buf_cstr(&out), "<12345");
	cr_expect_eq(facts_read(&host, "file", 4, &out), -EFBIG);
	cr_expect_eq(facts_read(&host, "missing", 4, &out), -ENOENT);
	cr_expect_str_eq(buf_cstr(&out), "<12345");
	buf_free(&out);
}

Test(facts, a_file_of_procfs_has_no_size_and_is_bounded_all_the_same)
{
	struct buf out = {};

	cr_expect_eq(facts_read(&host, "/proc/self/maps", FACT_MAX, &out), 0);
	/* The kernel gives it a page at a time: the second is too much, and the first is taken back. */
	cr_assert_gt(out.len, 8192);
	buf_reset(&out);
	buf_str(&out, "<");
	cr_expect_eq(facts_read(&host, "/proc/self/maps", 6000, &out), -EFBIG);
	cr_expect_eq(out.len, 1);
	buf_free(&out);
}

Test(facts, what_is_no_file_is_refused_without_waiting)
{
	static const char *const paths[] = { "fifo", ".", "/dev/zero", "link", "sock" };
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct buf out = {};

	cr_assert_eq(mkfifo("fifo", 0600), 0);
	cr_assert_eq(symlink("/dev/tty", "link"), 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		cr_expect_eq(facts_read(&host, paths[i], 100, &out), -EINVAL, "%s", paths[i]);
	cr_expect_eq(out.len, 0);
	close(fd);
	buf_free(&out);
}

Test(facts, a_bundle_with_a_fifo_or_a_huge_file_gives_a_partial_spec)
{
	const struct engine_view from = { .facts = &host, .root = "" };
	struct spec *s;
	int fd;

	cr_assert_eq(mkfifo("config.json", 0600), 0);
	cr_assert_eq(spec_read(&from, dir, "c1", NULL, &s), 0);
	cr_expect(s->partial);
	cr_expect_str_eq(s->why, "config.json: no regular file");
	spec_free(s);
	unlink("config.json");
	fd = open("config.json", O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(ftruncate(fd, 100 * 1024 * 1024), 0);
	close(fd);
	cr_assert_eq(spec_read(&from, dir, "c1", NULL, &s), 0);
	cr_expect(s->partial);
	cr_expect(text_starts(s->why, "config.json: larger than "), "%s", s->why);
	cr_expect_str_eq(s->name, "c1");
	spec_free(s);
}

Test(facts, a_kept_file_is_read_from_its_start_again)
{
	struct buf out = {};
	int handle;

	put("file", "first");
	handle = facts_keep(&host, "file");
	cr_assert_geq(handle, 0);
	cr_expect_eq(facts_reread(&host, handle, 5, &out), 0);
	put("file", "then");
	cr_expect_eq(facts_reread(&host, handle, 5, &out), 0);
	cr_expect_str_eq(buf_cstr(&out), "firstthen");
	cr_expect_eq(facts_reread(&host, handle, 3, &out), -EFBIG);
	cr_expect_str_eq(buf_cstr(&out), "firstthen");
	facts_release(&host, handle);
	cr_expect_eq(facts_reread(&host, handle, 5, &out), -EBADF);
	cr_expect_eq(facts_keep(&host, "missing"), -ENOENT);
	buf_free(&out);
}

Test(facts, a_buffer_that_is_full_takes_nothing)
{
	struct buf out = { .max = 8 };

	put("file", "0123456789");
	cr_expect_eq(facts_read(&host, "file", 100, &out), -ENOMEM);
	cr_expect_eq(out.len, 0);
	buf_free(&out);
}

Test(facts, a_link_is_read_and_not_followed)
{
	struct buf out = {};

	cr_assert_eq(symlink("some\nwhere", "link"), 0);
	cr_expect_eq(facts_readlink(&host, "link", &out), 0);
	cr_expect_str_eq(buf_cstr(&out), "some\nwhere");
	cr_expect_eq(facts_readlink(&host, ".", &out), -EINVAL);
	buf_free(&out);
}

/* Where nobody may chroot, its root is the host's, and the link leads there. */
Test(facts, below_a_processs_root_links_lead_where_they_lead_that_process)
{
	struct buf out = {}, path = {};
	struct fact_stat st;
	const char *seen;
	char byte;
	int ready[2];
	pid_t pid;

	put("file", "inside");
	cr_assert_eq(symlink("/file", "link"), 0);
	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (!pid) {
		seen = chroot(".") ? "" : "/";
		write(ready[1], seen, 1);
		pause();
		_exit(0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	seen = byte ? "" : dir;
	buf_fmt(&path, "/proc/%d/root%s/file", pid, seen);
	cr_expect_eq(facts_read(&host, buf_cstr(&path), 100, &out), 0);
	cr_expect_str_eq(buf_cstr(&out), "inside");
	cr_expect_eq(facts_stat(&host, buf_cstr(&path), &st), 0);
	buf_reset(&path);
	buf_reset(&out);
	buf_fmt(&path, "/proc/%d/root%s/link", pid, seen);
	cr_expect_eq(facts_readlink(&host, buf_cstr(&path), &out), 0);
	cr_expect_str_eq(buf_cstr(&out), "/file");
	cr_expect_eq(facts_stat(&host, buf_cstr(&path), &st), byte ? 0 : -ENOENT);
	cr_expect_eq(facts_read(&host, buf_cstr(&path), 100, &out), byte ? 0 : -ENOENT);
	buf_reset(&path);
	buf_reset(&out);
	buf_fmt(&path, "/proc/%d/root%s/../..%s/", pid, seen, seen);
	cr_expect_eq(facts_list(&host, buf_cstr(&path), &out), 0);
	cr_expect(out.len >= strlen("file") + strlen("link") + 2);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	buf_free(&path);
	buf_free(&out);
}

Test(facts, a_directory_lists_its_names_each_ended_by_nul)
{
	struct buf out = {};

	put("file", "");
	cr_expect_eq(facts_list(&host, dir, &out), 0);
	cr_expect_eq(out.len, 5);
	cr_expect_arr_eq(out.data, "file", 5);
	cr_assert_eq(mkdir("d", 0700), 0);
	buf_reset(&out);
	cr_expect_eq(facts_list(&host, "d", &out), 0);
	cr_expect_eq(out.len, 0);
	cr_expect_eq(facts_list(&host, "file", &out), -ENOTDIR);
	buf_free(&out);
}

Test(facts, devices_are_numbered_as_in_the_kernel)
{
	struct fact_stat st;
	struct stat real;

	cr_assert_eq(facts_stat(&host, "/dev/null", &st), 0);
	cr_expect_eq(st.rdev, 1 << 20 | 3);
	cr_expect(S_ISCHR(st.mode));
	cr_assert_eq(stat(".", &real), 0);
	cr_assert_eq(facts_stat(&host, ".", &st), 0);
	cr_expect_eq(st.dev, major(real.st_dev) << 20 | minor(real.st_dev));
	cr_expect_eq(st.ino, real.st_ino);
	cr_expect_eq(st.uid, getuid());
	cr_expect_eq(facts_stat(&host, "missing", &st), -ENOENT);
}

Test(facts, listening_sockets_are_named_with_their_file)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct fact_stat st;
	struct buf out = {};
	char line[64];
	int rc;

	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(facts_stat(&host, "sock", &st), 0);
	snprintf(line, sizeof(line), "%u %lu sock\n", st.dev, (unsigned long)st.ino);
	rc = facts_sockets(&host, &out);
	if (rc == -ENOENT)
		cr_skip_test("the kernel has no unix_diag");
	cr_assert_eq(rc, 0);
	cr_expect_null(strstr(buf_cstr(&out), line), "it does not listen yet");
	cr_assert_eq(listen(fd, 1), 0);
	buf_reset(&out);
	cr_assert_eq(facts_sockets(&host, &out), 0);
	cr_expect_not_null(strstr(buf_cstr(&out), line), "%sin\n%s", line, buf_cstr(&out));
	close(fd);
	buf_free(&out);
}
