// SPDX-License-Identifier: GPL-2.0
/*
 * Files that only root can open: whoever could lock one could keep root from
 * tuning. The kernel drops the lock with the process, however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "error.h"
#include "every.h"
#include "lock.h"

#define LOCK_FILE	"/run/mgx.lock"
#define BENCH_LOCK_FILE	"/run/mgx-bench.lock"

static int lock_fd = -1;

/* Who has it, as far as it has said so. */
static const char *holder(char *text, size_t size)
{
	ssize_t len = pread(lock_fd, text, size - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	text[strspn(text, "0123456789")] = '\0';
	return *text ? text : "unknown";
}

static int try_lock(struct mgx *mgx, const char *what, const char *path)
{
	lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd < 0)
		return mgx_fail(mgx, mgx_exit_of(errno),
				mgx_exit_of(errno) == MGX_NO_PERM ? "run it as root" :
				"see that /run is there and can be written to",
				"%s: %s: %s", what, path, mgx_why(errno));
	return flock(lock_fd, LOCK_EX | LOCK_NB) ? -1 : 0;
}

static void locked(void)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", getpid());

	/* For people only: where it cannot be written, nobody reads it. */
	if (pwrite(lock_fd, text, len, 0) != len || ftruncate(lock_fd, len))
		return;
}

int lock_take(struct mgx *mgx, const char *what)
{
	char text[16];
	int ret = try_lock(mgx, what, LOCK_FILE);

	if (ret < 0) {
		mgx_warn(LOCK_FILE ": another mgx is at work, process %s: waiting for it",
			 holder(text, sizeof(text)));
		do {
			ret = flock(lock_fd, LOCK_EX);
		} while (ret && errno == EINTR && !every_stopped());
		if (ret)
			ret = mgx_fail(mgx, mgx_exit_of(errno), "run it again when that one has ended",
				       "%s: " LOCK_FILE ": %s", what, mgx_why(errno));
	}
	if (!ret)
		locked();
	return ret;
}

int lock_take_bench(struct mgx *mgx, const char *what)
{
	char text[16];
	int ret = try_lock(mgx, what, BENCH_LOCK_FILE);

	if (ret < 0)
		return mgx_fail(mgx, MGX_FAILED, "run it again when that one has ended",
				"%s: " BENCH_LOCK_FILE ": another mgx bench is at work, process %s: one would measure the other",
				what, holder(text, sizeof(text)));
	if (!ret)
		locked();
	return ret;
}

void lock_release(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	lock_fd = -1;
}
