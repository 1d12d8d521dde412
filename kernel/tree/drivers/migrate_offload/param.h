/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters of migrators that are numbers with a range */
#ifndef _MIGRATE_OFFLOAD_PARAM_H
#define _MIGRATE_OFFLOAD_PARAM_H

#include <linux/kstrtox.h>
#include <linux/moduleparam.h>
#include <linux/sysfs.h>

/**
 * struct uint_param - a number
 * @val: where it is; to be read by READ_ONCE()
 * @min: lowest value
 * @max: highest value
 * @step: what it has to be a multiple of
 *
 * For module_param_cb() with &uint_param_ops. A bad value is refused with -EINVAL,
 * and the old one stays.
 */
struct uint_param {
	unsigned int *val;
	unsigned int min;
	unsigned int max;
	unsigned int step;
};

static int uint_param_set(const char *val, const struct kernel_param *kp)
{
	const struct uint_param *p = kp->arg;
	unsigned int num;

	/* kstrtouint() has two error codes; one is enough for "bad value". */
	if (!val || kstrtouint(val, 0, &num) || num < p->min || num > p->max ||
	    num % p->step)
		return -EINVAL;
	WRITE_ONCE(*p->val, num);
	return 0;
}

static int uint_param_get(char *buf, const struct kernel_param *kp)
{
	const struct uint_param *p = kp->arg;

	return sysfs_emit(buf, "%u\n", READ_ONCE(*p->val));
}

static const struct kernel_param_ops uint_param_ops = {
	.set = uint_param_set,
	.get = uint_param_get,
};

#endif /* _MIGRATE_OFFLOAD_PARAM_H */
