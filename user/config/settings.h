/* SPDX-License-Identifier: Apache-2.0 */
/* Every setting there is, in one table: parsing, defaults, `config show` and the man page's test read it. */
#ifndef KEELWATCH_SETTINGS_H
#define KEELWATCH_SETTINGS_H

#include "config/config.h"

enum setting_type {
	SETTING_BOOL,
	SETTING_NUMBER,	  /* uint32_t */
	SETTING_SIZE,	  /* uint64_t bytes: 64KiB, 1GiB, 1000 */
	SETTING_DURATION, /* uint64_t ns: 500ms, 30s, 5m, 2h, 30d */
	SETTING_CHOICE,	  /* an int; names tells which */
	SETTING_KINDS,	  /* unsigned int: a list of kinds of records */
	SETTING_TEXT,	  /* char *, may be NULL */
	SETTING_SECRET,	  /* struct config_secret: KEY_file or KEY_env */
	SETTING_HEADERS,  /* a mapping of names to values */
};

#define SINK_BIT(type) (1u << (type))

struct setting {
	const char *section; /* "store"; of a sink "batch", ...; "" at the top */
	const char *key;
	enum setting_type type;
	size_t offset;		/* in struct config, or struct config_sink */
	const char *by_default; /* as it would stand in the file; NULL: unset */
	unsigned int sinks;	/* SINK_BIT()s; 0: a setting of the whole */
	uint64_t min, max;
	const char *const *names; /* of a choice, ended by NULL */
	const char *help;
};

extern const struct setting settings_top[];
extern const size_t settings_top_count;
extern const struct setting settings_sink[];
extern const size_t settings_sink_count;

extern const char *const sink_type_names[];
extern const char *const format_names[];

#endif
