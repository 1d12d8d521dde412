/* SPDX-License-Identifier: GPL-2.0-only */
/* DCBM, the DMA Core Batch Migrator: what its parts share */
#ifndef _DCBM_H
#define _DCBM_H

#include <linux/dma-mapping.h>
#include <linux/dmaengine.h>
#include <linux/list.h>
#include <linux/migrate_offload.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

/* How many channels may be taken. */
#define DCBM_MAX_CHANNELS	64

/*
 * Pairs of one job: as many as the core puts into a batch. Should it ever give
 * more, the rest is refused and copied by the CPU.
 */
#define DCBM_MAX_PAIRS		512

/*
 * Descriptors that one job may have in flight, over all its channels: enough
 * for a batch of order-0 folios at once. A job that needs more (large folios,
 * small segments) submits the rest as the first ones complete, so that neither
 * the size of a folio, up to 2^(MAX_PAGE_ORDER + PAGE_SHIFT) bytes, nor that of
 * a batch is limited by it.
 */
#define DCBM_MAX_PIECES		512

static_assert(DCBM_MAX_PIECES >= DCBM_MAX_CHANNELS);

/* Copies of one descriptor: as many as a job has pairs. */
#define DCBM_MAX_SG		DCBM_MAX_PAIRS

/* Longest "trust" parameter, with the terminating NUL. */
#define DCBM_TRUST_LEN		128

/* dcbm_providers.c: which engines to believe */

/**
 * struct dcbm_provider - what is known of a dmaengine provider
 * @name: name of its driver
 * @results: DMA_TRANS_NOERROR proves that the bytes have been copied
 * @abort_quiet: DMA_TRANS_ABORTED proves that the engine does not touch the
 *	memory any more; any other result always counts as such a proof
 * @terminate_quiet: so does the return of dmaengine_terminate_sync(), for every
 *	descriptor of the channel
 * @depth: how many descriptors a channel may be given at a time, 0 for as many
 *	as prep hands out
 */
struct dcbm_provider {
	const char *name;
	bool results;
	bool abort_quiet;
	bool terminate_quiet;
	unsigned int depth;
};

const struct dcbm_provider *dcbm_provider_find(const char *name);
bool dcbm_provider_is_trusted(const char *name, const char *trust);
bool dcbm_trust_is_valid(const char *trust);

/* dcbm_cost.c: what copies take */

/* From a page to 2^30 bytes and more */
#define DCBM_COST_CLASSES	(31 - PAGE_SHIFT)

/**
 * struct dcbm_costs - what one channel of a device takes for its share of a job
 * @ns: running means in nanoseconds, by the share's size as a power of two; 0 when
 *	not known
 *
 * Protected by dcbm_state_lock.
 */
struct dcbm_costs {
	u64 ns[DCBM_COST_CLASSES];
};

void dcbm_cost_add(struct dcbm_costs *costs, u64 bytes, u64 ns);
u64 dcbm_cost_expect(const struct dcbm_costs *costs, u64 bytes);

/* dcbm_channels.c: the channels it has */

/**
 * enum dcbm_state - what a channel is doing
 * @DCBM_IDLE: nothing
 * @DCBM_BUSY: works on a job, which owns it
 * @DCBM_QUARANTINED: failed, but quiet: not used until it is re-armed
 * @DCBM_GONE: was given back, or its provider was unbound; has been released
 * @DCBM_LOST: may still access memory; not released unless it is proven to be quiet
 */
enum dcbm_state {
	DCBM_IDLE,
	DCBM_BUSY,
	DCBM_QUARANTINED,
	DCBM_GONE,
	DCBM_LOST,
};

/**
 * struct dcbm_device - a DMA device with channels of ours
 * @node: in dcbm_devices
 * @chans: its channels, a list of &struct dcbm_chan
 * @dma: the device as dmaengine knows it; not to be used when it has gone
 * @dev: device to map memory for, with a reference
 * @parent: device whose driver provides the channels, with a reference
 * @attrs: DMA attributes of every mapping
 * @nid: memory node, or NUMA_NO_NODE
 * @align: log2 of the alignment that copies need
 * @max_piece: longest copy of one descriptor, or of an entry of one, a multiple of
 *	the page size
 * @max_sg: how many copies one descriptor can have, 1 without DMA_MEMCPY_SG
 * @provider: name of the driver
 * @abort_quiet: see &struct dcbm_provider; as the next two
 * @terminate_quiet: likewise
 * @depth: likewise
 * @verify: its word is not enough, each of its copies is compared
 * @closing: being unbound: no new jobs. Protected by dcbm_state_lock
 * @nr_lost: channels that were lost before dcbm was disabled; under dcbm_mutex
 * @costs: what its copies take; protected by dcbm_state_lock
 *
 * All but the last three is constant from enable to disable.
 */
struct dcbm_device {
	struct list_head node;
	struct list_head chans;
	struct dma_device *dma;
	struct device *dev;
	struct device *parent;
	unsigned long attrs;
	int nid;
	unsigned int align;
	size_t max_piece;
	unsigned int max_sg;
	char provider[32];
	bool abort_quiet;
	bool terminate_quiet;
	unsigned int depth;
	bool verify;
	bool closing;
	unsigned int nr_lost;
	struct dcbm_costs costs;
};

/**
 * struct dcbm_stats - counters of a channel, or of all there ever were
 * @jobs: jobs, or parts of jobs, that were given to it
 * @descs: descriptors that it accepted
 * @bytes: bytes that it reported as copied
 * @errors: descriptors that it reported as failed
 * @linked: bytes that were linked into its windows
 * @mismatches: parts of folios that were not as it reported, by comparison
 * @prep_failed: times it had no descriptor to give, and would not have one
 * @submit_failed: descriptors that it did not accept
 * @timed_out: descriptors stopped after the time-out
 * @lost: descriptors that may still be at work
 * @busy_ns: from the first descriptor's issue to the last one's completion,
 *	added up over jobs
 */
struct dcbm_stats {
	u64 jobs;
	u64 descs;
	u64 bytes;
	u64 errors;
	u64 linked;
	u64 mismatches;
	u64 prep_failed;
	u64 submit_failed;
	u64 timed_out;
	u64 lost;
	u64 busy_ns;
};

/**
 * struct dcbm_chan - a channel of ours
 * @node: in dcbm_device.chans, or in the list of lost channels
 * @dd: its device
 * @chan: the channel; NULL when it has been released
 * @name: its name, which is gone with the provider
 * @state: an &enum dcbm_state, protected by dcbm_state_lock
 * @shared: other clients of dmaengine may use it at the same time
 * @leaving: is about to be given back: no new jobs. Protected by dcbm_state_lock
 * @has_windows: the next two are there; constant while the channel is held
 * @src_window: where sources are linked
 * @dst_window: where destinations are linked
 * @strikes: jobs in a row of which it took or copied nothing; of the owner
 * @stats: counters, protected by dcbm_state_lock
 */
struct dcbm_chan {
	struct list_head node;
	struct dcbm_device *dd;
	struct dma_chan *chan;
	char name[32];
	enum dcbm_state state;
	bool shared;
	bool leaving;
	bool has_windows;
	struct dma_iova_state src_window;
	struct dma_iova_state dst_window;
	unsigned int strikes;
	struct dcbm_stats stats;
};

/*
 * Who holds channels and devices in the lists: enable, disable and the unbinding
 * of a provider. Never taken between submit() and wait(), because what is called
 * with it held allocates memory and waits for jobs to end.
 */
extern struct mutex dcbm_mutex;

/* Protects the states of channels and the free transfer objects. Innermost. */
extern spinlock_t dcbm_state_lock;

extern struct list_head dcbm_devices;

void dcbm_channels_release(void);
void dcbm_channels_close(struct device *dev);
int dcbm_channel_rearm(const char *name);
int dcbm_channel_give_up(const char *name);
bool dcbm_channel_terminate(struct dcbm_chan *c);
void dcbm_shared_get(void);
void dcbm_shared_put(void);
void dcbm_count_states(unsigned int nr[DCBM_LOST + 1]);
int dcbm_channels_seq_show(struct seq_file *s, void *unused);
int dcbm_costs_seq_show(struct seq_file *s, void *unused);

/* Woken when a job has given its channels back. */
extern wait_queue_head_t dcbm_idle_wait;

/* dcbm_take.c: finding and checking them */

int dcbm_channels_take(unsigned int max, const char *trust, bool verify);

/* dcbm_sg.c: many copies with one descriptor */

unsigned int dcbm_sg_limit(struct dma_device *dma);

/* dcbm_window.c: their windows */

void dcbm_window_alloc(struct dcbm_chan *c);
void dcbm_window_free(struct dcbm_chan *c);

/* dcbm_lost.c: those that may still be at work */

void dcbm_channel_lost(struct dcbm_chan *c);
int dcbm_lost_recover(struct dcbm_chan *c);
unsigned int dcbm_nr_lost(void);
unsigned int dcbm_nr_buried(void);
int dcbm_graveyard_seq_show(struct seq_file *s, void *unused);

/* dcbm_unbind.c: providers that go */

bool dcbm_is_unbinding(struct device *dev);
int dcbm_unbind_init(void);
void dcbm_unbind_exit(void);

/* dcbm_power.c: a machine that goes */

int dcbm_power_init(void);
void dcbm_power_exit(void);

/* dcbm_copy.c and those below it: submit and wait */

/**
 * struct dcbm_totals - counters since the module was loaded
 * @jobs: jobs that were begun
 * @busy: jobs refused because no channel was idle
 * @paused: jobs refused because the machine was going to sleep
 * @polled: jobs whose end was polled for, at first at least
 * @slept: jobs whose end was slept for, at last at least
 * @copied: folios copied
 * @verified: of them, compared
 * @failed: folios whose copy was reported as failed
 * @timed_out: folios not copied in time
 * @lost: folios that an engine may still access
 * @refused_map: folios refused because they could not be mapped for DMA
 * @refused_engine: folios refused because prep or submit failed
 * @refused_full: folios refused because a job had more than fit
 * @strays: callbacks of descriptors that were over already
 * @chans: sums over all channels, with those that have been released
 *
 * Protected by dcbm_state_lock.
 */
struct dcbm_totals {
	u64 jobs;
	u64 busy;
	u64 paused;
	u64 polled;
	u64 slept;
	u64 copied;
	u64 verified;
	u64 failed;
	u64 timed_out;
	u64 lost;
	u64 refused_map;
	u64 refused_engine;
	u64 refused_full;
	u64 strays;
	struct dcbm_stats chans;
};

extern struct dcbm_totals dcbm_totals;

int dcbm_transfers_alloc(unsigned int nr);
void dcbm_transfers_free(void);
int dcbm_submit(struct migrator *migrator, struct migrate_job *job);
void dcbm_wait(struct migrator *migrator, struct migrate_job *job);
void dcbm_pause(void);
void dcbm_resume(void);

/* dcbm_main.c: on and off; parameters that are read for every job, by READ_ONCE() */

extern unsigned int dcbm_min_chunk;
extern unsigned int dcbm_max_chunk;
extern unsigned int dcbm_timeout_ms;
extern unsigned int dcbm_poll_us;
extern bool dcbm_verify;
extern bool dcbm_window;
extern bool dcbm_sg;

void dcbm_shut_down(void);

#endif /* _DCBM_H */
