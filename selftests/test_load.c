// SPDX-License-Identifier: GPL-2.0
/*
 * timeout: 420
 *
 * Point 10 of the design: while pages move, migrators, engines, policies and cgroups come
 * and go.
 *
 * A process writes to its memory, which moves all the time. A use after free is KASAN's to
 * find, a wait that does not end the runner's; a write that got lost is seen by the process.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "dcbm.h"
#include "load.h"
#include "offload.h"
#include "policy.h"

static struct load load;
static struct policy policies[2];

void case_setup(void)
{
	insert_once("migrator_test");
	mt_reset();
	offload_reset();
	dcbm_start("channels=4");
	book_open();
}

void case_teardown(void)
{
	if (load.pid)
		load_stop(&load);
	EXPECT_GT(book_close().consumed, 0);
	policy_close(&policies[0]);
	policy_close(&policies[1]);
	mt_check_busy();
	mt_reset();
	offload_reset();
	dcbm_stop();
}

CASE(dcbm_enable, "dcbm is switched off and on")
{
	int i;

	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(dcbm_enable(0), 0);
		load_wait(&load, 1);
		EXPECT_EQ(dcbm_enable(1), 0);
		load_wait(&load, 1);
	}
	EXPECT_GT(dcbm_status("folios_copied"), 0);
}

CASE(dcbm_reload, "dcbm is unloaded and loaded")
{
	int i;

	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 2; i++) {
		remove_module("dcbm");
		load_wait(&load, 1);
		probe("dcbm", "enable=Y");
		load_wait(&load, 2);
		EXPECT_GT(dcbm_status("folios_copied"), 0);
	}
}

CASE(dmasim_busy, "a provider that is in use is not unloaded")
{
	offload_use("dcbm");
	load = load_start(NULL, 0);
	EXPECT(try_remove("dmasim") != 0, "unloaded");
	EXPECT(is_loaded("dmasim"), "gone");
	load_wait(&load, 2);
}

CASE(dmasim_unbind, "the engine is unbound from its driver and bound again")
{
	int i;

	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 2; i++) {
		write_file("/sys/bus/platform/drivers/dmasim/unbind", "dmasim.0");
		EXPECT_EQ(dcbm_channels_usable(), 0);
		load_wait(&load, 1);
		write_file("/sys/bus/platform/drivers/dmasim/bind", "dmasim.0");
		EXPECT_EQ(dcbm_enable(0), 0);
		EXPECT_EQ(dcbm_enable(1), 0);
		load_wait(&load, 1);
	}
}

CASE(engine_faults, "the engine fails, refuses and hangs")
{
	static const char * const faults[] = {
		"error_every", "partial_every", "prep_null_every", "submit_error_every",
		"hang_every",
	};
	size_t i;

	dcbm_set("timeout_ms", "50");
	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		/* On a slow machine all channels may be in quarantine by now. */
		EXPECT_EQ(dcbm_enable(0), 0);
		EXPECT_EQ(dcbm_enable(1), 0);
		dmasim_set(faults[i], 7);
		load_wait(&load, 2);
		dmasim_set(faults[i], 0);
	}
	EXPECT_GT(dmasim_count("injected_errors"), 0);
	EXPECT_GT(dmasim_count("injected_hung"), 0);
	/* The engine is none the worse for it. */
	dcbm_set("timeout_ms", "2000");
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), 0);
	load_wait(&load, 1);
	EXPECT_EQ(dcbm_status("channels_quarantined") + dcbm_status("channels_lost"), 0);
}

/*
 * What is unbound is not taken again before it has gone. Unbinding is held here, after the
 * channels have been given back, which is the first thing that happens.
 */
CASE(enable_while_unbinding, "dcbm is enabled while its engine is being unbound")
{
	pid_t pid;

	offload_use("dcbm");
	load = load_start(NULL, 0);
	write_file("/sys/module/dmasim/parameters/remove_hold", "Y");
	fflush(NULL);
	pid = fork();
	REQUIRE(pid >= 0, "fork: %m");
	if (!pid)
		_exit(try_write("/sys/bus/platform/drivers/dmasim/unbind", "dmasim.0") ? 1 : 0);
	dcbm_wait_channels("gone", 4);
	EXPECT_EQ(dcbm_enable(0), 0);
	EXPECT_EQ(dcbm_enable(1), -ENODEV);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	write_file("/sys/module/dmasim/parameters/remove_hold", "N");
	EXPECT_EQ(waitpid(pid, NULL, 0), pid);
	load_wait(&load, 1);
	write_file("/sys/bus/platform/drivers/dmasim/bind", "dmasim.0");
	EXPECT_EQ(dcbm_enable(1), 0);
	EXPECT_EQ(dcbm_channels_usable(), 4);
	load_wait(&load, 1);
}

/* Channels are not a CPU's; but the engine's threads and its completions are on one. */
CASE(cpu_unplug, "a CPU is taken away and given back while jobs are in flight")
{
	uint64_t before;
	int i;

	offload_use("dcbm");
	load = load_start(NULL, 0);
	for (i = 0; i < 3; i++) {
		before = dcbm_status("folios_copied");
		write_file("/sys/devices/system/cpu/cpu1/online", "0");
		load_wait(&load, 1);
		write_file("/sys/devices/system/cpu/cpu1/online", "1");
		load_wait(&load, 1);
		EXPECT_GT(dcbm_status("folios_copied"), before);
	}
	EXPECT_EQ(dcbm_status("folios_timed_out"), 0);
	EXPECT_EQ(dcbm_status("channels_quarantined"), 0);
}

/* From now on the test migrator has jobs that last, and one of them has just begun. */
static void wait_for_long_job(void)
{
	uint64_t jobs;

	mt_set("delay_ms", 300);
	jobs = mt_get("jobs");
	while (mt_get("jobs") == jobs)
		usleep(1000);
}

CASE(migrator_reload, "a migrator goes and comes back")
{
	int i;

	offload_use("test");
	load = load_start(NULL, 0);
	for (i = 0; i < 3; i++) {
		mt_check_busy();
		wait_for_long_job();
		remove_module("migrator_test");
		load_wait(&load, 1);
		insert("migrator_test", NULL);
		load_wait(&load, 2);
		EXPECT_GT(mt_get("copied"), 0);
	}
}

static void load_policies(uint64_t cgroup_id)
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		ret = policy_load(&policies[i], "steer", "steer", cgroup_id);
		REQUIRE(!ret, "steer: %s\n%s", strerror(-ret), policy_log());
		policies[i].knobs->eligible = 1;
	}
	policies[0].knobs->by_name = STEER_DCBM;
	policies[1].knobs->by_name = STEER_TEST;
}

CASE(policy_replace, "a policy is replaced")
{
	struct book book;
	int i;

	load_policies(0);
	EXPECT_EQ(policy_attach(&policies[0]), 0);
	load = load_start(NULL, 0);
	for (i = 0; i < 20; i++) {
		int ret;

		/* Batches that it has begun may not have ended since it was replaced last. */
		while ((ret = policy_replace(&policies[i % 2], &policies[1 - i % 2])) == -EBUSY)
			usleep(1000);
		REQUIRE(!ret, "replace: %s", strerror(-ret));
		if (i % 5 == 4)
			load_wait(&load, 2);
	}
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "updates"), 20);
	/* Each batch was decided by one of them, and that one was told. */
	load_stop(&load);
	book = policy_book(ROOT_CGROUP_ID);
	EXPECT_EQ(policies[0].counts->offered + policies[1].counts->offered, book.offered);
	EXPECT_EQ(policies[0].counts->consumed + policies[1].counts->consumed, book.consumed);
	EXPECT_EQ(policies[0].counts->done + policies[1].counts->done,
		  policy_event(ROOT_CGROUP_ID, "done"));
	EXPECT_GT(policies[0].counts->done, 0);
	EXPECT_GT(policies[1].counts->done, 0);
}

CASE(policy_detach, "a policy is detached and another one attached")
{
	int i;

	load = load_start(NULL, 0);
	for (i = 0; i < 8; i++) {
		load_policies(0);
		EXPECT_EQ(policy_attach(&policies[i % 2]), 0);
		/* The first may have begun before it was attached. */
		if (i % 4 == 3)
			load_wait(&load, 2);
		policy_close(&policies[0]);
		policy_close(&policies[1]);
	}
}

CASE(random, "a policy answers anything at all")
{
	/* Not to be ejected for it. */
	policy_settings.error_limit = 1 << 20;
	load_policies(0);
	policy_settings.error_limit = 0;
	policies[0].knobs->random = 1;
	EXPECT_EQ(policy_attach(&policies[0]), 0);
	load = load_start(NULL, 0);
	load_wait(&load, 3);
}

CASE(cgroup_removed, "a cgroup with a policy is removed while its memory moves")
{
	uint64_t id;
	int i;

	for (i = 0; i < 2; i++) {
		id = cgroup_of("load");
		load_policies(id);
		EXPECT_EQ(policy_attach(&policies[0]), 0);
		load = load_start("load", 1);
		EXPECT_GT(policies[0].counts->done, 0);
		EXPECT_EQ(cgroup_remove("load"), 0);
		load_wait(&load, 2);
		policy_close(&policies[0]);
		policy_close(&policies[1]);
		load_wait(&load, 1);
		load_stop(&load);
	}
}

CASE(switches, "the admin turns everything")
{
	static const char * const migrators[] = { "none", "cpu", "test", "dcbm" };
	static const char * const reasons[] = { "all", "none", "syscall_or_cpuset" };
	static const char * const pages[] = { "32", "512", "4096", "262144" };
	int i;

	load = load_start(NULL, 0);
	for (i = 0; i < 24; i++) {
		offload_set("default_migrator", migrators[i % 4]);
		offload_set("reason_mask", reasons[i % 3]);
		offload_set("batch_pages", pages[i / 4 % 4]);
		if (i % 4 == 3)
			load_wait(&load, 1);
	}
}

CASES_MAIN
