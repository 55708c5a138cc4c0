/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/keeper.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/hand_over.h"
#include "config/config.h"
#include "feed/feeder.h"
#include "feed/lag.h"

#define SETTLE_STEP_MS 20
#define STAND_BY_STEP_MS 50
#define SETTLE_STEPS 100 /* at the end: two seconds for receivers that are well */

/* What of a sink's is lost for good, as far as gaps have told it. */
struct told {
	char name[sizeof(((struct feeder_sink *)0)->name)];
	uint64_t letters, rejected;
};

struct keeper {
	struct keeper_options options;
	struct config *config, *started; /* in force; and as of our start, which may be the same */
	struct stamp *stamp;
	struct store *store;
	struct feeder *feeder;
	struct journal *journal;
	struct heartbeat heartbeat;
	char *state_dir; /* as it was at our start: a reload moves no store */
	char *store_path;
	bool unclean, reboot; /* as keeper_unclean() says */
	uint64_t last_ns;
	struct resume *resume; /* while records are read again; else NULL */
	struct told told[CONFIG_SINKS_MAX];
	uint64_t refused; /* by the store, logged */
	struct lag lag;
	bool settings_wrong;
};

static int load_config(const struct keeper_options *o, struct config **ret)
{
	_cleanup_(buf_free) struct buf problems = {};
	int err = config_load(o->config ? o->config : CONFIG_PATH, o->config ? 0 : CONFIG_OPTIONAL,
			      &problems, ret);

	if (err)
		log_error("%s", problems.len ? buf_cstr(&problems) : strerror(-err));
	else if (problems.len)
		log_warn("%s", buf_cstr(&problems));
	if (!err && !o->log)
		log_set_format((*ret)->log_format);
	return err;
}

static size_t enabled_sinks(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->sink_count; i++)
		n += c->sinks[i].enabled;
	return n;
}

static int store_failed(const char *dir, int err, int holder)
{
	if (err == -EBUSY && holder)
		log_error("%s: another keelwatch (pid %d) keeps its findings there; --no-store or "
			  "--state DIR lets this one run beside it",
			  dir, holder);
	else if (err == -EBUSY)
		log_error(
			"%s: another keelwatch keeps its findings there; --no-store or --state DIR "
			"lets this one run beside it",
			dir);
	else
		log_error("%s: findings cannot be kept there: %s (--no-store goes without)", dir,
			  strerror(-err));
	return EXIT_CANNOT;
}

/* The newest record of these kinds; NULL: there is none. */
static Keelwatch__Record *newest(struct store_reader *reader, unsigned int kinds)
{
	struct store_query query = { .kinds = kinds, .newest_first = true, .limit = 1 };
	Keelwatch__Record *record = NULL;
	struct store_cursor *cursor;
	struct stored row;

	if (store_select(reader, &query, &cursor))
		return NULL;
	if (store_next(cursor, &row) == 1)
		record = keelwatch__record__unpack(NULL, row.len, row.body);
	store_cursor_free(cursor);
	return record;
}

static bool other_boot(const struct keeper *k, const Keelwatch__Metadata *then)
{
	return then && then->host && strcmp(then->host->boot_id, stamp_boot_id(k->stamp));
}

static void read_last_end(struct keeper *k, const char *dir)
{
	Keelwatch__Record *last, *word;
	struct store_reader *reader;
	struct record_head head;

	if (store_reader_open(dir, &reader))
		return;
	last = newest(reader, 0);
	word = newest(reader, 1 << KIND_MONITOR);
	if (last && !record_head(last, &head)) {
		k->unclean = !word || !word->monitor || strcmp(word->monitor->operation, "stop");
		k->last_ns = head.time_ns;
		k->reboot = other_boot(k, head.metadata);
	}
	if (last)
		keelwatch__record__free_unpacked(last, NULL);
	if (word)
		keelwatch__record__free_unpacked(word, NULL);
	store_reader_free(reader);
}

/* As long as another one has it, we stand by. */
static int open_after_another(struct keeper *k, const struct store_options *o, int *holder)
{
	struct timespec step = { .tv_nsec = STAND_BY_STEP_MS * NS_PER_MS };
	_cleanup_close_ int next = hand_over_stand_by(o->dir);
	bool said = false;
	int err;

	if (next < 0 && next != -ENOENT)
		return next;
	while ((err = store_open(o, holder, &k->store)) == -EBUSY) {
		if (!said)
			log_info(
				"%s: standing by for the end of the monitor that keeps its findings "
				"there (pid %d)",
				o->dir, *holder);
		said = true;
		nanosleep(&step, NULL);
	}
	return err;
}

static int open_store(struct keeper *k)
{
	struct store_options o = {
		.dir = k->state_dir,
		.stamp = k->stamp,
		.max_bytes = k->config->store_max_bytes,
		.max_age_ns = k->config->store_max_age_ns,
		.queue_bytes = k->config->store_queue_bytes,
	};
	int holder = 0, err;

	if (k->options.no_store || !k->config->store) {
		if (enabled_sinks(k->config))
			log_warn("without a store nothing is shipped: the sinks of %s stay idle",
				 k->config->path);
		return EXIT_FINE;
	}
	err = k->options.hand_over ? open_after_another(k, &o, &holder) :
				     store_open(&o, &holder, &k->store);
	if (err)
		return store_failed(o.dir, err, holder);
	read_last_end(k, o.dir);
	if (asprintf(&k->store_path, "%s/store.db", o.dir) < 0)
		k->store_path = NULL;
	err = feeder_new(k->store, o.dir, &k->feeder);
	return err ? store_failed(o.dir, err, 0) : EXIT_FINE;
}

int keeper_new(const struct keeper_options *options, struct keeper **ret)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int err, code;

	if (!k) {
		log_error("cannot start: out of memory");
		return EXIT_ERROR;
	}
	k->options = *options;
	if (load_config(options, &k->config)) {
		keeper_free(k, false);
		return EXIT_CANNOT;
	}
	k->started = k->config;
	k->state_dir = strdup(options->state_dir ? options->state_dir : k->config->state_dir);
	err = k->state_dir ? stamp_new(&k->stamp) : -ENOMEM;
	code = err ? EXIT_ERROR : open_store(k);
	if (!err && code == EXIT_FINE)
		err = journal_new(k->stamp, k->store, &k->journal);
	if (err) {
		log_error("cannot start: %s", strerror(-err));
		code = EXIT_ERROR;
	}
	if (code != EXIT_FINE) {
		keeper_free(k, false);
		return code;
	}
	*ret = k;
	return EXIT_FINE;
}

struct journal *keeper_journal(struct keeper *k)
{
	return k->journal;
}

static void ship_to(struct keeper *k, const struct config *config)
{
	int err = k->feeder ? feeder_set(k->feeder, config) : 0;

	if (err)
		log_error("the sinks cannot be set: %s", strerror(-err));
}

const char *keeper_pins(const struct keeper *k)
{
	const char *pins = k->config->pins;

	return k->store && strcmp(pins, PINS_NONE) ? pins : NULL;
}

int keeper_resume(struct keeper *k, const struct stamp_place *from, const struct resume **ret)
{
	int err = resume_read(k->state_dir, from, stamp_boot_id(k->stamp), &k->resume);

	journal_resume(k->journal, k->resume);
	*ret = k->resume;
	return err;
}

void keeper_resumed(struct keeper *k)
{
	journal_resume(k->journal, NULL);
	resume_free(k->resume);
	k->resume = NULL;
}

bool keeper_is_awaited(const struct keeper *k)
{
	return k->store && hand_over_is_awaited(k->state_dir);
}

uint64_t keeper_safe(struct keeper *k)
{
	struct store_stats stats;

	if (!k->store)
		return UINT64_MAX;
	store_stats(k->store, &stats);
	return stats.newest;
}

void keeper_begin(struct keeper *k, const char *message)
{
	journal_monitor(k->journal, "start", message);
	k->heartbeat.interval_ns = k->config->heartbeat_ns;
	heartbeat_begin(&k->heartbeat);
	ship_to(k, k->config);
}

/* Says what of the new settings is not in force before the next start. */
static void warn_of_later(const struct keeper *k, const struct config *now)
{
	const struct config *old = k->started;
	const struct {
		const char *name;
		bool changed;
	} settings[] = {
		{ "state_dir", !k->options.state_dir && strcmp(now->state_dir, k->state_dir) },
		{ "pins", strcmp(now->pins, old->pins) },
		{ "store.enabled", now->store != old->store },
		{ "store.queue_size", now->store_queue_bytes != old->store_queue_bytes },
		{ "metrics.listen", strcmp(now->metrics_listen, old->metrics_listen) },
		{ "metrics.bpf_stats", now->metrics_programs != old->metrics_programs },
		{ "metrics.containers", now->metrics_containers != old->metrics_containers },
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].changed)
			log_warn("%s changes at the next start only", settings[i].name);
}

void keeper_reload(struct keeper *k)
{
	struct config *config, *old = k->config;

	k->settings_wrong = load_config(&k->options, &config);
	if (k->settings_wrong) {
		log_warn("the settings stay as they were");
		journal_monitor(k->journal, "reload", "new settings are wrong: the old ones stay");
		return;
	}
	warn_of_later(k, config);
	k->config = config;
	k->heartbeat.interval_ns = config->heartbeat_ns;
	if (k->store)
		store_limits(k->store, config->store_max_bytes, config->store_max_age_ns);
	ship_to(k, config);
	if (old != k->started)
		config_free(old);
	log_info("settings read anew: %zu sinks", enabled_sinks(config));
	journal_monitor(k->journal, "reload", "new settings are in force");
}

static struct told told_of(const struct keeper *k, const char *name)
{
	for (size_t i = 0; i < CONFIG_SINKS_MAX; i++)
		if (!strcmp(k->told[i].name, name))
			return k->told[i];
	return (struct told){};
}

/* By name: a sink that is gone leaves its place to the next that is new. */
static void tell_lost(struct keeper *k, const struct feeder_sink *sinks, size_t count)
{
	struct told now[CONFIG_SINKS_MAX] = {};

	for (size_t i = 0; i < count; i++) {
		const struct feed_status *s = &sinks[i].status;
		struct told before = told_of(k, sinks[i].name);

		if (s->lost > before.letters)
			journal_dead_letters(k->journal, sinks[i].name, s->lost - before.letters);
		if (s->rejected > before.rejected)
			journal_rejected(k->journal, sinks[i].name, s->rejected - before.rejected);
		memcpy(now[i].name, sinks[i].name, sizeof(now[i].name));
		now[i].letters = s->lost;
		now[i].rejected = s->rejected;
	}
	memcpy(k->told, now, sizeof(k->told));
}

void keeper_tick(struct keeper *k)
{
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	size_t count = k->feeder ? feeder_stats(k->feeder, sinks, NULL) : 0;
	struct store_stats stats;

	tell_lost(k, sinks, count);
	if (!k->store)
		return;
	store_stats(k->store, &stats);
	lag_note(&k->lag, stats.newest, clock_boot_ns());
	if (stats.refused > k->refused)
		log_warn("%llu records could not be kept: the disk does not take what waits",
			 (unsigned long long)(stats.refused - k->refused));
	k->refused = stats.refused;
}

bool keeper_beat_due(const struct keeper *k)
{
	return k->store && heartbeat_due(&k->heartbeat);
}

void keeper_beat(struct keeper *k, const struct vitals *vitals)
{
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	struct heartbeat_keeping keeping = {
		.sinks = sinks,
		.sink_count = feeder_stats(k->feeder, sinks, NULL),
	};

	store_stats(k->store, &keeping.store);
	heartbeat_write(&k->heartbeat, vitals, &keeping, k->journal);
}

void keeper_state(struct keeper *k, struct keeper_state *ret)
{
	*ret = (struct keeper_state){ .settings_wrong = k->settings_wrong };
	if (!k->store)
		return;
	ret->stores = true;
	store_stats(k->store, &ret->store);
	ret->store_max_bytes = k->config->store_max_bytes;
	ret->sink_count = feeder_stats(k->feeder, ret->sinks, &ret->shipper_restarts);
	ret->shipper = feeder_shipper(k->feeder);
	for (size_t i = 0; i < ret->sink_count; i++)
		ret->lag_ns[i] = lag_of(&k->lag, ret->sinks[i].acknowledged, clock_boot_ns());
}

const struct config *keeper_config(const struct keeper *k)
{
	return k->config;
}

/* True when each sink whose receiver is well has all there is. */
static bool is_settled(struct keeper *k)
{
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	size_t count = feeder_stats(k->feeder, sinks, NULL);
	struct store_stats stats;

	store_stats(k->store, &stats);
	if (stats.committed < stats.accepted && !stats.error)
		return false;
	for (size_t i = 0; i < count; i++)
		if (sinks[i].status.state != FEED_WAITING && feeder_behind(&sinks[i], stats.newest))
			return false;
	return true;
}

void keeper_end(struct keeper *k, const char *message)
{
	struct timespec step = { .tv_nsec = SETTLE_STEP_MS * 1000000L };

	journal_monitor(k->journal, "stop", message);
	if (!k->feeder)
		return;
	for (int i = 0; i < SETTLE_STEPS && !is_settled(k); i++)
		nanosleep(&step, NULL);
}

const char *keeper_config_path(const struct keeper *k)
{
	return k->options.config ? k->options.config : CONFIG_PATH;
}

const char *keeper_store_path(const struct keeper *k)
{
	return k->store_path;
}

bool keeper_unclean(const struct keeper *k, uint64_t *last_ns, bool *reboot)
{
	*last_ns = k->last_ns;
	*reboot = k->reboot;
	return k->unclean;
}

pid_t keeper_shipper(struct keeper *k)
{
	return k->feeder ? feeder_shipper(k->feeder) : 0;
}

void keeper_summary(struct keeper *k)
{
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	struct store_stats stats;
	uint64_t restarts = 0;
	size_t count;

	if (!k->store)
		return;
	store_stats(k->store, &stats);
	log_info("%llu records stored, %llu not (counted), %llu dropped unsent",
		 (unsigned long long)stats.committed, (unsigned long long)stats.refused,
		 (unsigned long long)stats.dropped);
	count = feeder_stats(k->feeder, sinks, &restarts);
	for (size_t i = 0; i < count; i++) {
		const struct feed_status *s = &sinks[i].status;

		log_about(LOG_INFO, "sink", sinks[i].name,
			  "%llu delivered, %llu refused, %llu to go%s%s",
			  (unsigned long long)s->delivered, (unsigned long long)s->refused,
			  (unsigned long long)feeder_behind(&sinks[i], stats.newest),
			  s->why[0] ? ": " : "", s->why);
	}
	if (restarts)
		log_info("the shipper was started again %llu times", (unsigned long long)restarts);
}

/* Whether nothing is in the store that a sink lacks. */
static bool has_delivered(struct keeper *k)
{
	struct feeder_sink sinks[CONFIG_SINKS_MAX];
	size_t count = feeder_stats(k->feeder, sinks, NULL);
	struct store_stats stats;

	store_stats(k->store, &stats);
	for (size_t i = 0; i < count; i++)
		if (feeder_behind(&sinks[i], stats.newest))
			return false;
	return stats.committed == stats.accepted;
}

/* Nobody is to follow on us, and nothing would be gone with the store. */
static bool may_forget(struct keeper *k)
{
	if (!k->options.forget || !k->feeder || keeper_is_awaited(k))
		return false;
	if (has_delivered(k))
		return true;
	log_warn("%s stays: not all of it has arrived", k->state_dir);
	return false;
}

/* The feeder first: it reads the store and the settings. */
void keeper_free(struct keeper *k, bool last)
{
	bool forget = k && last && may_forget(k);

	if (!k)
		return;
	feeder_free(k->feeder);
	resume_free(k->resume);
	journal_free(k->journal);
	store_close(k->store);
	if (forget)
		hand_over_forget(k->state_dir);
	stamp_free(k->stamp);
	if (k->started != k->config)
		config_free(k->started);
	config_free(k->config);
	free(k->state_dir);
	free(k->store_path);
	free(k);
}
