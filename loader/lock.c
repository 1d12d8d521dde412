// SPDX-License-Identifier: GPL-2.0
/*
 * A file that only root can open: whoever could lock it could keep root from
 * tuning. The kernel drops the lock with the process, however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "error.h"
#include "lock.h"

#define LOCK_FILE	"/run/mgx.lock"

static int lock_fd = -1;

int lock_take(struct mgx *mgx, const char *what)
{
	int ret;

	lock_fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd < 0)
		return mgx_fail(mgx, mgx_exit_of(errno),
				mgx_exit_of(errno) == MGX_NO_PERM ? "run it as root" : NULL,
				"%s: " LOCK_FILE ": %s", what, mgx_why(errno));
	if (!flock(lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	mgx_warn(LOCK_FILE ": another mgx is at work, waiting for it");
	do {
		ret = flock(lock_fd, LOCK_EX);
	} while (ret && errno == EINTR);
	if (!ret)
		return 0;
	return mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: " LOCK_FILE ": %s", what,
			mgx_why(errno));
}

void lock_release(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}
