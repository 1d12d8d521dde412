// SPDX-License-Identifier: GPL-2.0
/* Modules, a slow engine, a swap device, a file system: what has to be there first. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../lib/case.h"
#include "../lib/dcbm.h"
#include "../lib/offload.h"
#include "ground.h"

#define DIR	"/tmp/torture"

static const char *loop, *ext2;

const char *ext2_dir(void)
{
	return ext2;
}

const char *loop_device(void)
{
	return loop;
}

/*
 * Milliseconds for each descriptor, which is a folio, a part of one, or sixteen of these:
 * some dozens between the copies of a usual batch and its move.
 */
static void engine(void)
{
	dcbm_start("channels=4 latency_ns=1500000 pool=512 sg_max=16");
	dcbm_set("timeout_ms", "500");
	offload_use("dcbm");
}

void surroundings_make(void)
{
	offload_reset();
	insert_once("migrator_test");
	insert_once("folio_pin");
	mt_reset();
	REQUIRE(!shell("mkdir -p " DIR "/ext2 && truncate -s 24M " DIR "/image " DIR "/raw && "
		       "mkfs.ext2 -q -F " DIR "/image && losetup /dev/loop5 " DIR "/image && "
		       "losetup /dev/loop4 " DIR "/raw && "
		       "mount -t ext2 /dev/loop5 " DIR "/ext2"), "no ext2 on a loop device");
	ext2 = DIR "/ext2";
	loop = "/dev/loop4";
	REQUIRE(!shell("echo 96M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && "
		       "swapon /dev/zram0"), "no swap on zram");
	try_write("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "advise");
	try_write("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "madvise");
	/* Poisoned pages are made good again by it; who needs it says so. */
	shell("modprobe -q hwpoison-inject");
	engine();
}

void surroundings_remove(void)
{
	char line[256];
	FILE *check;

	offload_use("none");
	if (shell("swapoff /dev/zram0 && echo 1 >/sys/block/zram0/reset"))
		failure("swap does not go");
	ground_close();
	if (shell("umount " DIR "/ext2"))
		failure("the ext2 file system is not unmounted");
	check = popen("e2fsck -n -f /dev/loop5 2>&1", "r");
	while (check && fgets(line, sizeof(line), check))
		note("e2fsck: %.*s", (int)strcspn(line, "\n"), line);
	if (!check || pclose(check))
		failure("the ext2 file system is broken");
	shell("losetup -d /dev/loop4; losetup -d /dev/loop5; rm -r " DIR);
}
