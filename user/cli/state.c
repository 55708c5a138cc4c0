/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/state.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/util.h"
#include "cli/cli.h"
#include "config/config.h"

/* What is wrong with a store, in the words for it. */
static int say(const char *command, const char *what, int err)
{
	static const struct {
		int err;
		const char *text;
	} words[] = {
		{ -ENOENT, "there is no store (`keelwatch run` makes one)" },
		{ -EBADMSG, "it is damaged: the monitor sets it aside and begins a new one" },
		{ -EMEDIUMTYPE, "it is no store of keelwatch's" },
		{ -EPROTONOSUPPORT, "it was made by a newer version of keelwatch" },
		{ -EACCES, "permission denied (it is root's)" },
	};
	const char *text = strerror(-err);

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].err == err)
			text = words[i].text;
	if (err)
		fprintf(stderr, "keelwatch %s: %s: %s\n", command, what, text);
	return err ? EXIT_CANNOT : EXIT_FINE;
}

int state_open_file(const char *command, const char *path, struct store_reader **ret)
{
	int err = store_reader_open_file(path, ret);

	if (err != -ENOENT)
		return say(command, path, err);
	fprintf(stderr, "keelwatch %s: %s: %s\n", command, path, strerror(ENOENT));
	return EXIT_CANNOT;
}

int state_open(const char *command, const char *dir, const char *path, struct store_reader **ret)
{
	_cleanup_(buf_free) struct buf problems = {};
	struct config *config = NULL;
	int err;

	if (!dir && config_load(path ? path : CONFIG_PATH, path ? 0 : CONFIG_OPTIONAL, &problems,
				&config)) {
		fprintf(stderr, "keelwatch %s: %s\n", command, buf_cstr(&problems));
		return EXIT_CANNOT;
	}
	dir = dir ? dir : config->state_dir;
	err = say(command, dir, store_reader_open(dir, ret));
	config_free(config);
	return err;
}
