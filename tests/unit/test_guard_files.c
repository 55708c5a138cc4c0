/* SPDX-License-Identifier: Apache-2.0 */
/* What is noticed of files of ours, and what we do with them ourselves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/guard_files.h"

static char folder[64], path[128], other[128];
static struct guard_files *files;
static int said;
static enum guard_file act;

static void say(void *arg, const char *what, enum guard_file how)
{
	(void)arg;
	cr_assert_str_eq(what, path);
	said++;
	act = how;
}

static int look(void)
{
	said = 0;
	act = 0;
	guard_files_look(files, say, NULL);
	cr_assert_leq(said, 1);
	return act;
}

static void put(const char *where)
{
	FILE *f = fopen(where, "we");

	cr_assert_not_null(f);
	fputs("x", f);
	fclose(f);
}

static void make_folder(void)
{
	strcpy(folder, "/tmp/keelwatch-files-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/one", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	put(path);
	put(other);
}

static void begin(bool ours)
{
	make_folder();
	cr_assert_eq(guard_files_new(&files), 0);
	cr_assert_eq(guard_files_add(files, path, ours), 0);
}

static void end(void)
{
	guard_files_free(files);
	unlink(path);
	unlink(other);
	rmdir(folder);
}

Test(guard_files, one_that_is_changed_replaced_or_removed_is_said_once)
{
	begin(false);
	cr_assert_eq(look(), 0);
	put(path);
	put(path);
	cr_assert_eq(look(), FILE_CHANGED);
	cr_assert_eq(look(), 0);
	cr_assert_eq(rename(other, path), 0);
	cr_assert_eq(look(), FILE_REPLACED);
	unlink(path);
	cr_assert_eq(look(), FILE_REMOVED);
	put(path);
	cr_assert_eq(look(), FILE_CHANGED, "it came to be again");
	end();
}

Test(guard_files, of_the_same_folder_another_does_not_matter)
{
	begin(false);
	put(other);
	unlink(other);
	cr_assert_eq(look(), 0);
	end();
}

Test(guard_files, one_we_write_ourselves_is_looked_at_for_its_place_alone)
{
	begin(true);
	put(path);
	cr_assert_eq(look(), 0);
	unlink(path);
	put(path); /* as the store does at once */
	cr_assert_eq(look(), FILE_REMOVED);
	cr_assert_eq(rename(other, path), 0);
	cr_assert_eq(look(), FILE_REPLACED);
	end();
}

Test(guard_files, a_folder_that_kubernetes_swaps_changes_all_that_is_in_it)
{
	char first[128], swapped[128];

	begin(false);
	snprintf(first, sizeof(first), "%s/..tmp", folder);
	snprintf(swapped, sizeof(swapped), "%s/..data", folder);
	cr_assert_eq(symlink("somewhere", first), 0);
	cr_assert_eq(rename(first, swapped), 0);
	cr_assert_eq(look(), FILE_REPLACED);
	unlink(swapped);
	end();
}

Test(guard_files, one_whose_folder_goes_away_and_another_comes_is_replaced)
{
	char away[80];

	begin(false);
	snprintf(away, sizeof(away), "%s-away", folder);
	cr_assert_eq(rename(folder, away), 0);
	cr_assert_eq(look(), FILE_REMOVED);
	cr_assert_eq(look(), 0);
	cr_assert_eq(mkdir(folder, 0700), 0);
	put(path);
	cr_assert_eq(look(), FILE_REPLACED);
	put(path);
	cr_assert_eq(look(), FILE_CHANGED);
	end();
	cr_assert_eq(rename(away, folder), 0);
	unlink(path);
	unlink(other);
	rmdir(folder);
}

/* More events than the kernel keeps, of another file. */
static void crowd(void)
{
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");
	int most;

	cr_assert(f && fscanf(f, "%d", &most) == 1);
	fclose(f);
	for (int i = 0; i <= most; i += 2) {
		put(other);
		unlink(other);
	}
}

Test(guard_files, change_is_not_hidden_behind_a_crowd_of_others)
{
	begin(false);
	crowd();
	cr_assert_eq(look(), 0, "nobody touched it");
	crowd();
	put(path);
	cr_assert_eq(look(), FILE_CHANGED);
	cr_assert_eq(look(), 0);
	end();
}

Test(guard_files, folder_that_is_swapped_behind_a_crowd_is_watched_on)
{
	char away[80];

	begin(false);
	snprintf(away, sizeof(away), "%s-away", folder);
	crowd();
	cr_assert_eq(rename(folder, away), 0);
	cr_assert_eq(mkdir(folder, 0700), 0);
	put(path);
	cr_assert_eq(look(), FILE_REPLACED);
	unlink(path);
	cr_assert_eq(look(), FILE_REMOVED);
	end();
	cr_assert_eq(rename(away, folder), 0);
	unlink(path);
	rmdir(folder);
}

/* As where there is no instance of inotify to have. */
static int look_without_descriptors(void)
{
	struct rlimit most, none;
	int ret;

	getrlimit(RLIMIT_NOFILE, &most);
	none = (struct rlimit){ 0, most.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	if (!files) {
		cr_assert_eq(guard_files_new(&files), 0);
		cr_assert_eq(guard_files_add(files, path, false), 0);
	}
	ret = look();
	setrlimit(RLIMIT_NOFILE, &most);
	return ret;
}

Test(guard_files, that_cannot_be_watched_are_looked_at)
{
	make_folder();
	cr_assert_eq(look_without_descriptors(), 0);
	unlink(path);
	cr_assert_eq(look_without_descriptors(), FILE_REMOVED);
	put(path);
	cr_assert_eq(look_without_descriptors(), FILE_REPLACED);
	unlink(path);
	cr_assert_eq(look(), FILE_REMOVED, "now there is one");
	put(path);
	cr_assert_eq(look(), FILE_CHANGED, "it came to be again");
	end();
}
