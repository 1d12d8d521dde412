// SPDX-License-Identifier: GPL-2.0-only
/*
 * DCBM: when the machine goes down, or to sleep
 *
 * No copy may outlive the kernel: after a reboot or kexec the pages are somebody
 * else's. And none may be under way while devices are suspended, or an image of
 * memory is made.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/suspend.h>

#include "dcbm.h"

/* Before devices are shut down; whatever migrates now is copied by the CPU. */
static int dcbm_reboot_notify(struct notifier_block *nb, unsigned long action,
			      void *data)
{
	unsigned int lost;

	dcbm_shut_down();
	lost = dcbm_nr_lost();
	if (lost)
		pr_emerg("%u channels are lost: they may write to memory until the machine is reset, also under the next kernel\n",
			 lost);
	return NOTIFY_OK;
}

static struct notifier_block dcbm_reboot_nb = {
	.notifier_call = dcbm_reboot_notify,
};

static int dcbm_pm_notify(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	switch (action) {
	case PM_HIBERNATION_PREPARE:
	case PM_SUSPEND_PREPARE:
	case PM_RESTORE_PREPARE:
		/* Nobody is frozen yet: who waits for a job can end it. */
		dcbm_pause();
		return NOTIFY_OK;
	case PM_POST_HIBERNATION:
	case PM_POST_SUSPEND:
	case PM_POST_RESTORE:
		dcbm_resume();
		return NOTIFY_OK;
	}
	return NOTIFY_DONE;
}

static struct notifier_block dcbm_pm_nb = {
	.notifier_call = dcbm_pm_notify,
};

int dcbm_power_init(void)
{
	int ret;

	ret = register_reboot_notifier(&dcbm_reboot_nb);
	if (ret)
		return ret;
	ret = register_pm_notifier(&dcbm_pm_nb);
	if (ret)
		unregister_reboot_notifier(&dcbm_reboot_nb);
	return ret;
}

void dcbm_power_exit(void)
{
	unregister_pm_notifier(&dcbm_pm_nb);
	unregister_reboot_notifier(&dcbm_reboot_nb);
}
