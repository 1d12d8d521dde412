// SPDX-License-Identifier: GPL-2.0
/*
 * mgx dump: all that a report of a bug needs, as far as it can be read. What is
 * missing is left out, and said so; nothing of it changes anything.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "error.h"
#include "kernel.h"
#include "options.h"
#include "out.h"
#include "policy.h"
#include "sections.h"
#include "sysfs.h"

static void out_file(struct mgx *mgx, const char *path)
{
	char *text = sysfs_read_path(path);

	out_str(mgx->out, text);
	free(text);
}

static void show_machine(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "time", "time" },
		{ "mgx", "mgx" },
		{ "libbpf", "libbpf" },
		{ "kernel", "kernel" },
		{ "version", "version" },
		{ "machine", "machine" },
		{ "tainted", "tainted" },
		{ "boot_id", "boot" },
		{ "uptime_seconds", "seconds since boot" },
		{ "cpus", "CPUs" },
		{ "nodes", "nodes with memory" },
		{ "iommu_groups", "IOMMU groups" },
		{ "thp", "huge pages" },
		{ "cmdline", "command line" },
	};
	time_t now = time(NULL);
	struct timespec up;
	struct utsname uts;
	char date[64] = "", **groups;
	size_t nr = 0;
	struct tm tm;

	uname(&uts);
	clock_gettime(CLOCK_BOOTTIME, &up);
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%FT%TZ", &tm);
	groups = sysfs_entries_path("/sys/kernel/iommu_groups");
	while (groups[nr])
		nr++;
	sysfs_entries_free(groups);

	out_record(mgx->out, "machine", "Machine", columns, MGX_ARRAY_SIZE(columns));
	out_str(mgx->out, date);
	out_str(mgx->out, MGX_VERSION);
	out_str(mgx->out, libbpf_version_string() + 1);
	out_str(mgx->out, uts.release);
	out_str(mgx->out, uts.version);
	out_str(mgx->out, uts.machine);
	out_file(mgx, "/proc/sys/kernel/tainted");
	out_file(mgx, "/proc/sys/kernel/random/boot_id");
	out_uint(mgx->out, up.tv_sec);
	out_file(mgx, "/sys/devices/system/cpu/online");
	out_file(mgx, "/sys/devices/system/node/has_memory");
	out_uint(mgx->out, nr);
	out_file(mgx, "/sys/kernel/mm/transparent_hugepage/enabled");
	out_file(mgx, "/proc/cmdline");
	out_row(mgx->out);
	out_end(mgx->out);
}

/* One column of lines, of those that have one of @words in them. */
static void show_lines(struct mgx *mgx, const char *key, const char *title,
		       const char *empty, char *text, const char * const *words)
{
	static const struct out_column columns[] = { { "line", "LINE" } };
	char *rest = text, *line;
	size_t i;

	out_table(mgx->out, key, title, empty, columns, MGX_ARRAY_SIZE(columns));
	while (text && (line = strsep(&rest, "\n"))) {
		for (i = 0; words[i]; i++)
			if (strstr(line, words[i]))
				break;
		if (!words[i])
			continue;
		out_str(mgx->out, line);
		out_row(mgx->out);
	}
	out_end(mgx->out);
}

/* What is not compressed is read as it is. */
static char *read_config(const char *path)
{
	gzFile file = gzopen(path, "rb");
	size_t len = 0, size = 1 << 20;
	char *text;
	int n;

	if (!file)
		return NULL;
	text = mgx_alloc(size + 1);
	while (len < size && (n = gzread(file, text + len, size - len)) > 0)
		len += n;
	gzclose(file);
	return text;
}

/* Kernels of distributions mostly lack CONFIG_IKCONFIG_PROC. */
static void show_config(struct mgx *mgx, const char * const *words)
{
	char *text, *boot, *empty;
	struct utsname uts;

	uname(&uts);
	boot = mgx_printf("/boot/config-%s", uts.release);
	empty = mgx_printf("neither /proc/config.gz nor %s can be read", boot);
	text = read_config("/proc/config.gz") ?: read_config(boot);
	show_lines(mgx, "config", "Configuration", empty, text, words);
	free(text);
	free(empty);
	free(boot);
}

static char *read_log(void)
{
	int size = klogctl(10, NULL, 0), len;
	char *text;

	if (size <= 0)
		return NULL;
	text = mgx_alloc(size + 1);
	len = klogctl(3, text, size);
	if (len < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

static void show_kernel(struct mgx *mgx)
{
	static const char * const config[] = {
		"MIGRATE_OFFLOAD", "MIGRATE_EXT", "DCBM", "MTCOPY", "CONFIG_DMA_ENGINE", "CONFIG_MEMCG=",
		"CONFIG_BPF_JIT", "CONFIG_BPF_EVENTS", "CONFIG_DEBUG_INFO_BTF", "CONFIG_NUMA",
		"CONFIG_TRANSPARENT_HUGEPAGE", "CONFIG_SWIOTLB", "CONFIG_IOMMU_DEFAULT",
		"CONFIG_KASAN=", "CONFIG_PROVE_LOCKING", "CONFIG_FAULT_INJECTION", NULL
	};
	static const char * const vmstat[] = {
		"pgmigrate", "thp_migration", "thp_split_page", "pgdemote", "pgpromote", "numa_", "compact_",
		NULL
	};
	static const char * const log[] = {
		"migrate_offload", "migrate_ext", "dcbm", "dmasim", "mtcopy", "migrator", "dmaengine", "DMAR",
		"Oops", "BUG:", "WARNING:", NULL
	};
	char *text;

	show_config(mgx, config);
	text = sysfs_read_path("/proc/vmstat");
	show_lines(mgx, "vmstat", "Counters of the memory management", NULL, text, vmstat);
	free(text);
	text = read_log();
	show_lines(mgx, "kernel_log", "Of the kernel log", "nothing of it can be read, or it has nothing to say",
		   text, log);
	free(text);
}

static void show_nodes(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "node", "NODE" },
		{ "total_bytes", "MEMORY", OUT_BYTES },
		{ "free_bytes", "FREE", OUT_BYTES },
		{ "cpus", "CPUS" },
		{ "distances", "DISTANCES" },
	};
	char **nodes = sysfs_entries_path("/sys/devices/system/node"), **node;

	out_table(mgx->out, "nodes", "Memory nodes", NULL, columns, MGX_ARRAY_SIZE(columns));
	for (node = nodes; *node; node++) {
		char *dir, *path, *text, *at;

		if (strncmp(*node, "node", 4) || !isdigit((unsigned char)(*node)[4]))
			continue;
		dir = mgx_printf("/sys/devices/system/node/%s", *node);
		path = mgx_printf("%s/meminfo", dir);
		text = sysfs_read_path(path);
		free(path);
		out_uint(mgx->out, strtoull(*node + 4, NULL, 10));
		at = text ? strstr(text, "MemTotal:") : NULL;
		out_uint(mgx->out, at ? strtoull(at + 9, NULL, 10) << 10 : 0);
		at = text ? strstr(text, "MemFree:") : NULL;
		out_uint(mgx->out, at ? strtoull(at + 8, NULL, 10) << 10 : 0);
		free(text);
		path = mgx_printf("%s/cpulist", dir);
		out_file(mgx, path);
		free(path);
		path = mgx_printf("%s/distance", dir);
		out_file(mgx, path);
		free(path);
		free(dir);
		out_row(mgx->out);
	}
	out_end(mgx->out);
	sysfs_entries_free(nodes);
}

/* All channels of the machine, whoever holds them. */
static void show_dma(struct mgx *mgx)
{
	static const struct out_column columns[] = {
		{ "channel", "CHANNEL" },
		{ "device", "DEVICE" },
		{ "in_use", "IN USE" },
		{ "memcpy_count", "COPIES" },
		{ "bytes_transferred", "SIZE", OUT_BYTES },
	};
	char **channels = sysfs_entries_path("/sys/class/dma"), **channel;

	out_table(mgx->out, "dma_channels", "DMA channels", "there is no DMA engine", columns,
		  MGX_ARRAY_SIZE(columns));
	for (channel = channels; *channel; channel++) {
		static const char * const numbers[] = {
			"in_use", "memcpy_count", "bytes_transferred",
		};
		char *path = mgx_printf("/sys/class/dma/%s/device", *channel), target[4096];
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		size_t i;

		free(path);
		out_str(mgx->out, *channel);
		target[len > 0 ? len : 0] = '\0';
		out_str(mgx->out, len > 0 ? strrchr(target, '/') + 1 : NULL);
		for (i = 0; i < MGX_ARRAY_SIZE(numbers); i++) {
			char *text;

			path = mgx_printf("/sys/class/dma/%s/%s", *channel, numbers[i]);
			text = sysfs_read_path(path);
			out_uint(mgx->out, text ? strtoull(text, NULL, 10) : 0);
			free(text);
			free(path);
		}
		out_row(mgx->out);
	}
	out_end(mgx->out);
	sysfs_entries_free(channels);
}

/* Which programs decide: a tag is the same wherever the same program was loaded. */
static void show_programs(struct mgx *mgx, const struct policies *policies)
{
	static const struct out_column columns[] = {
		{ "policy", "POLICY" },
		{ "link_id", "LINK" },
		{ "prog_id", "PROGRAM" },
		{ "name", "NAME" },
		{ "tag", "TAG" },
		{ "verified_insns", "VERIFIED" },
		{ "jited_bytes", "MACHINE CODE", OUT_BYTES },
		{ "loaded_at_ns", NULL },
		{ "recursion_misses", "MISSES" },
	};
	size_t i, k;

	out_table(mgx->out, "programs", "Programs of the policies", NULL, columns,
		  MGX_ARRAY_SIZE(columns));
	for (i = 0; i < policies->nr; i++) {
		const struct policy *policy = &policies->policies[i];

		for (k = 0; k < policy->nr_progs; k++) {
			struct bpf_prog_info info = {};
			__u32 len = sizeof(info);
			int fd = bpf_prog_get_fd_by_id(policy->prog_ids[k]), n;
			char tag[2 * BPF_TAG_SIZE + 1];

			if (fd < 0)
				continue;
			if (!bpf_prog_get_info_by_fd(fd, &info, &len)) {
				for (n = 0; n < BPF_TAG_SIZE; n++)
					sprintf(tag + 2 * n, "%02x", info.tag[n]);
				out_str(mgx->out, policy->name);
				out_uint(mgx->out, policy->link_id);
				out_uint(mgx->out, info.id);
				out_str(mgx->out, info.name);
				out_str(mgx->out, tag);
				out_uint(mgx->out, info.verified_insns);
				out_uint(mgx->out, info.jited_prog_len);
				out_uint(mgx->out, info.load_time);
				out_uint(mgx->out, info.recursion_misses);
				out_row(mgx->out);
			}
			close(fd);
		}
	}
	out_end(mgx->out);
}

static int show_policies_bpf(struct mgx *mgx, const char *what)
{
	struct policies policies;
	size_t i;
	int ret;

	ret = policies_read(mgx, what, &policies);
	if (!ret) {
		out_table(mgx->out, "links", "Links of policies", "no policies are loaded",
			  policy_columns, policy_nr_columns);
		for (i = 0; i < policies.nr; i++)
			policy_out(mgx, &policies.policies[i]);
		out_end(mgx->out);
		show_programs(mgx, &policies);
		ret = show_knobs(mgx, what, &policies);
		ret = ret ?: show_own_counters(mgx, what, &policies, NULL);
	}
	policies_free(&policies);
	return ret;
}

int cmd_dump(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "cannot dump";
	char **ids;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, NULL, NULL);
	if (ret)
		return ret;

	/* A report without the patch is one about that. */
	show_machine(mgx);
	show_features(mgx);
	show_nodes(mgx);
	show_dma(mgx);
	if (sysfs_present()) {
		ids = sysfs_entries("policies");
		show_incidents(mgx, NULL, "no policy was ejected and no migrator put in quarantine since boot");
		show_switches(mgx);
		show_migrators(mgx, NULL);
		show_channels(mgx);
		show_parameters(mgx);
		show_module_counters(mgx);
		show_policies(mgx, ids);
		show_books(mgx, ids, true);
		sysfs_entries_free(ids);
	}
	show_kernel(mgx);
	/* What may fail comes last: an error ends the document. */
	if (kernel_have_cap(CAP_SYS_ADMIN) && kernel_ops_type(mgx) >= 0)
		ret = show_policies_bpf(mgx, what);
	else
		mgx_warn("dump: without CAP_SYS_ADMIN or migrate_ext nothing can be told of the policies' programs and knobs");
	return ret;
}
