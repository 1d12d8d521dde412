// SPDX-License-Identifier: GPL-2.0
/*
 * The dry run: /sys/kernel/debug/migrate_offload/dry_run, for root only. What is
 * written asks, what is then read from the same open file answers:
 *
 *	reason=demotion cgroup=1234 order=9 count=8 kind=anon src=0 dst=1 mode=async
 *
 * The answers come from the code that decides for batches, and from the policies
 * that are attached at that moment. No folio is looked at, done() is not called,
 * nothing is counted, and policies see MIGRATE_EXT_DRY_RUN.
 */

#include <linux/cgroup.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kstrtox.h>
#include <linux/migrate.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "batch.h"

/* As in migrate_pages(). */
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#define DEFAULT_MAX_PAGES	HPAGE_PMD_NR
#else
#define DEFAULT_MAX_PAGES	512
#endif

struct dry_run {
	u64 cgroup_id;
	int reason;
	int mode;
	int kind;
	u32 order;
	u32 count;
	s32 src_nid;
	s32 dst_nid;
};

static const char * const kind_names[] = { "anon", "shmem", "file" };
static const char * const mode_names[] = { "async", "sync_light", "sync" };

static int parse_name(const char * const *names, size_t nr, const char *name,
		      int *index)
{
	*index = match_string(names, nr, name);
	return min(*index, 0);
}

/* One word, name=value. */
static int parse_word(struct dry_run *run, char *word)
{
	char *value = word;
	char *name = strsep(&value, "=");
	int ret = 0;

	if (!value)
		return -EINVAL;

	if (!strcmp(name, "cgroup")) {
		ret = kstrtou64(value, 0, &run->cgroup_id);
	} else if (!strcmp(name, "order")) {
		ret = kstrtou32(value, 0, &run->order);
	} else if (!strcmp(name, "count")) {
		ret = kstrtou32(value, 0, &run->count);
	} else if (!strcmp(name, "src")) {
		ret = kstrtos32(value, 0, &run->src_nid);
	} else if (!strcmp(name, "dst")) {
		ret = kstrtos32(value, 0, &run->dst_nid);
	} else if (!strcmp(name, "reason")) {
		ret = parse_name(migrate_reason_names, MR_TYPES, value,
				 &run->reason);
	} else if (!strcmp(name, "mode")) {
		ret = parse_name(mode_names, ARRAY_SIZE(mode_names), value,
				 &run->mode);
	} else if (!strcmp(name, "kind")) {
		ret = parse_name(kind_names, ARRAY_SIZE(kind_names), value,
				 &run->kind);
	} else {
		ret = -EINVAL;
	}
	return ret;
}

static int parse(struct dry_run *run, char *text)
{
	char *word;
	int ret;

	*run = (struct dry_run) {
		.cgroup_id = cgroup_id(&cgrp_dfl_root.cgrp),
		.reason = MR_SYSCALL,
		.mode = MIGRATE_ASYNC,
		.kind = MIGRATE_EXT_ANON,
		.count = 1,
		.dst_nid = 1,
	};

	while ((word = strsep(&text, " \t\n"))) {
		ret = *word ? parse_word(run, word) : 0;
		if (ret)
			return ret;
	}

	if (run->order > MAX_PAGE_ORDER || !run->count ||
	    run->count > MIGRATE_BATCH_PAIRS || run->src_nid < 0 ||
	    run->src_nid >= MAX_NUMNODES || run->dst_nid < 0 ||
	    run->dst_nid >= MAX_NUMNODES || run->reason >= MR_NEVER)
		return -EINVAL;
	return 0;
}

/* As many as migrate_pages() puts into one batch before it has enough pages. */
static u32 folios_per_batch(u32 max_pages, u32 order)
{
	u32 each = max(1U << order, max_pages / MIGRATE_BATCH_PAIRS);

	return DIV_ROUND_UP(max_pages, each);
}

static void say_run(struct seq_buf *to, struct migrate_batch *batch, u32 id,
		    u32 folios)
{
	int i;

	/* As batch_job() has it: the first so many migrators get a job. */
	for (i = 0; i < batch->nr_jobs; i++)
		if (batch->jobs[i].id == id)
			break;
	if (i == MIGRATE_BATCH_JOBS) {
		seq_buf_printf(to,
			       "verdict single: more migrators than can work on one batch, folios=%u\n",
			       folios);
		return;
	}
	if (i == batch->nr_jobs)
		batch->jobs[batch->nr_jobs++].id = id;
	seq_buf_printf(to, "verdict ahead migrator=%s folios=%u\n",
		       migrator_name(id), folios);
}

/* One line for each run of folios with the same migrator. */
static void say_verdict(struct seq_buf *to, struct migrate_batch *batch,
			struct migrate_batch_group *group)
{
	u32 pos, first = 0;

	for (pos = 1; pos <= group->ctx.folios; pos++) {
		u32 id = migrate_group_assigned(group, first);

		if (pos < group->ctx.folios &&
		    migrate_group_assigned(group, pos) == id)
			continue;
		say_run(to, batch, id, pos - first);
		first = pos;
	}
}

static void decide(const struct dry_run *run, struct migrate_batch *batch,
		   struct cgroup *cgrp, struct seq_buf *to)
{
	struct migrate_batch_group *group;
	u64 least, enough, bytes = (u64)run->count << (PAGE_SHIFT + run->order);
	u32 pages, folios;

	migrate_batch_init(batch, run->mode, run->reason, 0);
	batch->flags |= MIGRATE_EXT_DRY_RUN;
	batch->report = to;

	if (!static_key_enabled(&migrate_offload_key)) {
		seq_buf_puts(to,
			     "verdict single: copy offload is off: no default migrator, no policy\n");
		return;
	}
	if (!(READ_ONCE(migrate_offload_reasons) & BIT(run->reason))) {
		seq_buf_puts(to, "verdict single: the reason is not in reason_mask\n");
		return;
	}

	if (run->kind == MIGRATE_EXT_FILE && !migrate_file_is_on()) {
		seq_buf_puts(to, "verdict single: file folios are not copied ahead\n");
		return;
	}

	pages = migrate_decide_max_pages(run->mode, run->reason, batch->flags,
					 bytes, READ_ONCE(migrate_max_pages) ?:
					 DEFAULT_MAX_PAGES, to);
	folios = min(run->count, folios_per_batch(pages, run->order));
	seq_buf_printf(to, "batch_pages %u: batches of %u folios\n", pages,
		       folios);

	batch->bytes = (u64)folios << (PAGE_SHIFT + run->order);
	migrate_min_bytes(&least, &enough);
	if (batch->bytes < least) {
		seq_buf_puts(to, "verdict single: nobody wants to be asked about so little\n");
		return;
	}

	scoped_guard(rcu)
		group = migrate_group_get(batch, cgrp, run->src_nid,
					  run->dst_nid);
	if (!group) {
		seq_buf_puts(to, "verdict single: more policies than a batch can consult\n");
		return;
	}

	if (!migrate_group_may_batch(batch, group, run->kind, run->order)) {
		seq_buf_puts(to, "verdict single: not eligible\n");
		return;
	}
	group->ctx.folios = folios;
	group->ctx.bytes = (u64)folios << (PAGE_SHIFT + run->order);
	group->ctx.orders = BIT_ULL(run->order);
	migrate_group_select(batch, group);
	say_verdict(to, batch, group);
}

static int dry_run(const struct dry_run *run, char *buf, size_t size)
{
	struct migrate_batch *batch;
	struct cgroup *cgrp;
	struct seq_buf to;
	int i;

	cgrp = cgroup_get_from_id(run->cgroup_id);
	if (IS_ERR(cgrp))
		return PTR_ERR(cgrp);
	if (!migrate_cgroup_has_folios(cgrp)) {
		cgroup_put(cgrp);
		return -EOPNOTSUPP;
	}

	batch = kmalloc(sizeof(*batch), GFP_KERNEL);
	if (!batch) {
		cgroup_put(cgrp);
		return -ENOMEM;
	}

	seq_buf_init(&to, buf, size);
	decide(run, batch, cgrp, &to);

	for (i = 0; i < batch->nr_policies; i++)
		migrate_policy_put(batch->policies[i]);
	kfree(batch);
	cgroup_put(cgrp);
	return seq_buf_has_overflowed(&to) ? -E2BIG : seq_buf_used(&to);
}

static ssize_t dry_run_write(struct file *file, const char __user *buf,
			     size_t count, loff_t *pos)
{
	struct dry_run run;
	char *text;
	int ret;

	text = simple_transaction_get(file, buf, count);
	if (IS_ERR(text))
		return PTR_ERR(text);

	ret = parse(&run, text);
	if (!ret)
		ret = dry_run(&run, text, SIMPLE_TRANSACTION_LIMIT);
	if (ret < 0)
		return ret;
	simple_transaction_set(file, ret);
	return count;
}

static const struct file_operations dry_run_fops = {
	.owner		= THIS_MODULE,
	.write		= dry_run_write,
	.read		= simple_transaction_read,
	.release	= simple_transaction_release,
	.llseek		= default_llseek,
};

void __init migrate_dry_run_init(void)
{
	struct dentry *dir = debugfs_create_dir("migrate_offload", NULL);

	debugfs_create_file("dry_run", 0600, dir, NULL, &dry_run_fops);
}
