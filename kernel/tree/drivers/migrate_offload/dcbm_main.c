// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM, the DMA Core Batch Migrator: page migration with DMA engines
 *
 * A migrator, as Documentation/mm/migrate_offload.rst has it, over the memcpy
 * channels of dmaengine:
 *
 *	modprobe dcbm
 *	echo Y > /sys/module/dcbm/parameters/enable
 *	echo dcbm > /sys/kernel/mm/migrate_offload/default_migrator
 *	cat /sys/module/dcbm/parameters/status
 *
 * This file has the parameters, and switches it all on and off. See
 * Documentation/admin-guide/mm/dcbm.rst for the parameters and the limits.
 *
 * Copyright (C) 2026 The migrate_ext authors
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "dcbm.h"
#include "param.h"

unsigned int dcbm_min_chunk = SZ_64K;
unsigned int dcbm_max_chunk;
unsigned int dcbm_timeout_ms = 2000;
unsigned int dcbm_poll_us = 100;
bool dcbm_verify;
bool dcbm_window = true;
bool dcbm_sg = true;

/* These apply when channels are taken; under dcbm_mutex. */
static unsigned int dcbm_max_channels = 16;
static char dcbm_trust[DCBM_TRUST_LEN];

/* Parameters can be written before init and after exit, too. */
static enum {
	DCBM_LOADING,
	DCBM_READY,
	DCBM_LEAVING,
} dcbm_phase;

/* Wanted on, while loading; then whether it is. Under dcbm_mutex. */
static bool dcbm_enabled;

static void dcbm_channels(struct migrator *migrator, u32 *nr, u32 *idle)
{
	unsigned int states[DCBM_LOST + 1];

	dcbm_count_states(states);
	*nr = states[DCBM_IDLE] + states[DCBM_BUSY];
	*idle = states[DCBM_IDLE];
}

static struct migrator dcbm_migrator = {
	.name		= "dcbm",
	.submit		= dcbm_submit,
	.wait		= dcbm_wait,
	.channels	= dcbm_channels,
};

static int dcbm_enable(void)
{
	int nr, ret;

	lockdep_assert_held(&dcbm_mutex);

	nr = dcbm_channels_take(dcbm_max_channels, dcbm_trust, dcbm_verify);
	if (nr < 0)
		return nr;

	ret = dcbm_transfers_alloc(nr);
	if (!ret)
		ret = migrator_register(&dcbm_migrator);
	if (ret) {
		dcbm_channels_release();
		dcbm_transfers_free();
		return ret;
	}

	dcbm_enabled = true;
	pr_info("enabled with %d channels\n", nr);
	return 0;
}

static void dcbm_disable(void)
{
	lockdep_assert_held(&dcbm_mutex);

	/* Waits for the jobs in flight, which end in bounded time. */
	migrator_unregister(&dcbm_migrator);
	dcbm_channels_release();
	dcbm_transfers_free();

	dcbm_enabled = false;
	pr_info("disabled\n");
}

/**
 * dcbm_shut_down() - the machine goes down: disable, and stay so
 */
void dcbm_shut_down(void)
{
	guard(mutex)(&dcbm_mutex);

	dcbm_phase = DCBM_LEAVING;
	if (dcbm_enabled)
		dcbm_disable();
}

static int dcbm_enable_set(const char *val, const struct kernel_param *kp)
{
	int ret = 0;
	bool on;

	/* "dcbm.enable" alone means yes */
	if (!val)
		on = true;
	else if (kstrtobool(val, &on))
		return -EINVAL;

	guard(mutex)(&dcbm_mutex);

	switch (dcbm_phase) {
	case DCBM_LOADING:
		dcbm_enabled = on;
		return 0;
	case DCBM_LEAVING:
		return -ENODEV;
	case DCBM_READY:
		break;
	}

	if (on && !dcbm_enabled) {
		ret = dcbm_enable();
		if (ret)
			pr_warn("not enabled: %s (%d)\n",
				ret == -ENODEV ? "no usable channel" : "error", ret);
	} else if (!on && dcbm_enabled) {
		dcbm_disable();
	}
	return ret;
}

static int dcbm_enable_get(char *buf, const struct kernel_param *kp)
{
	/* While it is being switched on or off, it is not yet. */
	return sysfs_emit(buf, "%c\n", READ_ONCE(dcbm_enabled) ? 'Y' : 'N');
}

static const struct kernel_param_ops dcbm_enable_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = dcbm_enable_set,
	.get = dcbm_enable_get,
};
module_param_cb(enable, &dcbm_enable_ops, NULL, 0644);
__MODULE_PARM_TYPE(enable, "bool");
MODULE_PARM_DESC(enable, "Y: take channels and copy with them; N: finish, and give them back (default: N)");

static struct uint_param dcbm_channels_param = {
	.val = &dcbm_max_channels, .min = 1, .max = DCBM_MAX_CHANNELS, .step = 1,
};
module_param_cb(channels, &uint_param_ops, &dcbm_channels_param, 0644);
__MODULE_PARM_TYPE(channels, "uint");
MODULE_PARM_DESC(channels, "Channels taken at most, from the next time it is enabled (1..64, default: 16)");

static struct uint_param dcbm_min_chunk_param = {
	.val = &dcbm_min_chunk, .min = PAGE_SIZE, .max = SZ_1G, .step = PAGE_SIZE,
};
module_param_cb(min_chunk, &uint_param_ops, &dcbm_min_chunk_param, 0644);
__MODULE_PARM_TYPE(min_chunk, "uint");
MODULE_PARM_DESC(min_chunk, "Bytes that another channel, or a cut in a folio, is worth; a multiple of the page size (one page..1 GiB, default: 65536)");

static struct uint_param dcbm_max_chunk_param = {
	.val = &dcbm_max_chunk, .min = 0, .max = SZ_1G, .step = PAGE_SIZE,
};
module_param_cb(max_chunk, &uint_param_ops, &dcbm_max_chunk_param, 0644);
__MODULE_PARM_TYPE(max_chunk, "uint");
MODULE_PARM_DESC(max_chunk, "Longest copy of one descriptor in bytes; a multiple of the page size (0 = as long as the device allows, max 1 GiB, default: 0)");

static struct uint_param dcbm_timeout_param = {
	.val = &dcbm_timeout_ms, .min = 10, .max = 60000, .step = 1,
};
module_param_cb(timeout_ms, &uint_param_ops, &dcbm_timeout_param, 0644);
__MODULE_PARM_TYPE(timeout_ms, "uint");
MODULE_PARM_DESC(timeout_ms, "How long to wait for a job in ms, beside 1 ms for each 64 KiB of it (10..60000, default: 2000)");

static struct uint_param dcbm_poll_param = {
	.val = &dcbm_poll_us, .min = 0, .max = 10000, .step = 1,
};
module_param_cb(poll_us, &uint_param_ops, &dcbm_poll_param, 0644);
__MODULE_PARM_TYPE(poll_us, "uint");
MODULE_PARM_DESC(poll_us, "Poll for the end of a job that is expected to take so long at most, in us, and sleep until that of others (0 = always sleep, max 10000, default: 100)");

static int dcbm_bool_set(const char *val, const struct kernel_param *kp)
{
	bool on = true;

	/* The name alone means yes. */
	if (val && kstrtobool(val, &on))
		return -EINVAL;
	WRITE_ONCE(*(bool *)kp->arg, on);
	return 0;
}

static int dcbm_bool_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%c\n", READ_ONCE(*(bool *)kp->arg) ? 'Y' : 'N');
}

static const struct kernel_param_ops dcbm_bool_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = dcbm_bool_set,
	.get = dcbm_bool_get,
};

module_param_cb(window, &dcbm_bool_ops, &dcbm_window, 0644);
__MODULE_PARM_TYPE(window, "bool");
MODULE_PARM_DESC(window, "Link folios into IOVA windows where an IOMMU translates; N: map each by itself (default: Y)");

module_param_cb(sg, &dcbm_bool_ops, &dcbm_sg, 0644);
__MODULE_PARM_TYPE(sg, "bool");
MODULE_PARM_DESC(sg, "Many folios with one descriptor where the engine has DMA_MEMCPY_SG; N: a descriptor for each (default: Y)");

module_param_cb(verify, &dcbm_bool_ops, &dcbm_verify, 0644);
__MODULE_PARM_TYPE(verify, "bool");
MODULE_PARM_DESC(verify, "Y: compare each copy, and use engines of all drivers from the next time it is enabled (default: N)");

static int dcbm_trust_set(const char *val, const struct kernel_param *kp)
{
	char buf[DCBM_TRUST_LEN], *names;

	if (!val || strscpy(buf, val) < 0)
		return -EINVAL;
	names = strim(buf);
	if (!dcbm_trust_is_valid(names))
		return -EINVAL;

	guard(mutex)(&dcbm_mutex);
	strscpy(dcbm_trust, names);
	return 0;
}

static int dcbm_trust_get(char *buf, const struct kernel_param *kp)
{
	guard(mutex)(&dcbm_mutex);
	return sysfs_emit(buf, "%s\n", dcbm_trust);
}

static const struct kernel_param_ops dcbm_trust_ops = {
	.set = dcbm_trust_set,
	.get = dcbm_trust_get,
};
module_param_cb(trust, &dcbm_trust_ops, NULL, 0644);
__MODULE_PARM_TYPE(trust, "string");
MODULE_PARM_DESC(trust, "Drivers whose engines are used although their results are not known to be right, from the next time it is enabled: names, separated by commas (default: none)");

/* What is done with one channel: rearm, release */
static int dcbm_channel_set(const char *val, const struct kernel_param *kp)
{
	int (*what)(const char *name) = kp->arg;
	char buf[32];
	int ret;

	if (!val || strscpy(buf, val) < 0 || !*strim(buf))
		return -EINVAL;

	guard(mutex)(&dcbm_mutex);
	if (dcbm_phase != DCBM_READY)
		return -ENODEV;
	ret = what(strim(buf));
	/* What a lost channel had comes back, but nobody uses it. */
	if (!dcbm_enabled)
		dcbm_transfers_free();
	return ret;
}

static const struct kernel_param_ops dcbm_channel_ops = {
	.set = dcbm_channel_set,
};
module_param_cb(rearm, &dcbm_channel_ops, dcbm_channel_rearm, 0200);
__MODULE_PARM_TYPE(rearm, "string");
MODULE_PARM_DESC(rearm, "Name of a channel that is quarantined, or lost and silent by now: use it again (write only, once it is loaded)");

module_param_cb(release, &dcbm_channel_ops, dcbm_channel_give_up, 0200);
__MODULE_PARM_TYPE(release, "string");
MODULE_PARM_DESC(release, "Name of a channel to be given back, when its job is over (write only, once it is loaded)");

static int dcbm_status_get(char *buf, const struct kernel_param *kp)
{
	unsigned int nr[DCBM_LOST + 1];
	struct dcbm_totals t;
	unsigned int buried;
	int len = 0;

	dcbm_count_states(nr);
	spin_lock_irq(&dcbm_state_lock);
	t = dcbm_totals;
	buried = dcbm_nr_buried();
	spin_unlock_irq(&dcbm_state_lock);

#define SHOW(name, val) \
	(len += sysfs_emit_at(buf, len, "%s %llu\n", name, (u64)(val)))
	SHOW("enabled", READ_ONCE(dcbm_enabled));
	SHOW("channels_idle", nr[DCBM_IDLE]);
	SHOW("channels_busy", nr[DCBM_BUSY]);
	SHOW("channels_quarantined", nr[DCBM_QUARANTINED]);
	SHOW("channels_gone", nr[DCBM_GONE]);
	SHOW("channels_lost", nr[DCBM_LOST]);
	SHOW("jobs", t.jobs);
	SHOW("jobs_busy", t.busy);
	SHOW("jobs_paused", t.paused);
	SHOW("jobs_polled", t.polled);
	SHOW("jobs_slept", t.slept);
	SHOW("folios_copied", t.copied);
	SHOW("folios_verified", t.verified);
	SHOW("folios_failed", t.failed);
	SHOW("folios_timed_out", t.timed_out);
	SHOW("folios_lost", t.lost);
	SHOW("folios_buried", buried);
	SHOW("folios_refused_map", t.refused_map);
	SHOW("folios_refused_engine", t.refused_engine);
	SHOW("folios_refused_full", t.refused_full);
	SHOW("descriptors", t.chans.descs);
	SHOW("bytes", t.chans.bytes);
	SHOW("bytes_linked", t.chans.linked);
	SHOW("errors", t.chans.errors);
	SHOW("mismatches", t.chans.mismatches);
	SHOW("prep_failed", t.chans.prep_failed);
	SHOW("submit_failed", t.chans.submit_failed);
	SHOW("timed_out", t.chans.timed_out);
	SHOW("lost", t.chans.lost);
	SHOW("stray_callbacks", t.strays);
	SHOW("busy_ns", t.chans.busy_ns);
#undef SHOW
	return len;
}

static const struct kernel_param_ops dcbm_status_ops = {
	.get = dcbm_status_get,
};
module_param_cb(status, &dcbm_status_ops, NULL, 0444);
MODULE_PARM_DESC(status, "Counters since the module was loaded, one \"name value\" a line (read only)");

DEFINE_SHOW_ATTRIBUTE(dcbm_channels_seq);
DEFINE_SHOW_ATTRIBUTE(dcbm_costs_seq);
DEFINE_SHOW_ATTRIBUTE(dcbm_graveyard_seq);

static struct dentry *dcbm_debugfs;

static int __init dcbm_init(void)
{
	int ret;

	ret = dcbm_unbind_init();
	if (ret)
		return ret;
	ret = dcbm_power_init();
	if (ret) {
		dcbm_unbind_exit();
		return ret;
	}

	dcbm_debugfs = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("channels", 0444, dcbm_debugfs, NULL,
			    &dcbm_channels_seq_fops);
	debugfs_create_file("costs", 0444, dcbm_debugfs, NULL,
			    &dcbm_costs_seq_fops);
	debugfs_create_file("graveyard", 0400, dcbm_debugfs, NULL,
			    &dcbm_graveyard_seq_fops);

	guard(mutex)(&dcbm_mutex);
	dcbm_phase = DCBM_READY;
	if (dcbm_enabled) {
		dcbm_enabled = false;
		/* Built in or not: a provider may still come, so do not fail. */
		ret = dcbm_enable();
		if (ret)
			pr_warn("loaded, but not enabled: %s (%d); write Y to /sys/module/dcbm/parameters/enable when there is one\n",
				ret == -ENODEV ? "no usable channel" : "error", ret);
	}
	return 0;
}
late_initcall(dcbm_init); /* after the providers, when built in */

static void __exit dcbm_exit(void)
{
	dcbm_shut_down();

	/*
	 * A lost channel has a reference on this module, so that it is not
	 * unloaded. If the channel was lost after unloading had begun, there is
	 * nothing but to stay here: callbacks may come.
	 */
	if (dcbm_nr_lost()) {
		pr_crit("a channel was lost while unloading: this will never end\n");
		for (;;)
			schedule_timeout_idle(MAX_SCHEDULE_TIMEOUT);
	}

	debugfs_remove_recursive(dcbm_debugfs);
	dcbm_power_exit();
	dcbm_unbind_exit();

	/* A callback in a threaded interrupt may be about to return. */
	synchronize_rcu_tasks();
}
module_exit(dcbm_exit);

MODULE_AUTHOR("The migrate_ext authors");
MODULE_DESCRIPTION("DMA Core Batch Migrator: page migration with DMA engines");
MODULE_LICENSE("GPL");
