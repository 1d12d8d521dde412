// SPDX-License-Identifier: GPL-2.0
/*
 * The first program of the test guest, alone in its initramfs. It makes the
 * host's root, shared read-only over 9p, the guest's own by laying a tmpfs over
 * it, and hands over to the script named by vm.guest= on the command line.
 *
 * A guest of another architecture cannot run the host's programs: the host shares
 * another root then, and, by itself, the directory named by vm.top=, which the guest
 * has in the same place as the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT_9P	"trans=virtio,version=9p2000.L,msize=512000,cache=loose"

static void fail(const char *what)
{
	fprintf(stderr, "vm: init: %s: %s\n", what, strerror(errno));
	reboot(RB_POWER_OFF);
	exit(1);
}

static void mount_at(const char *dir, const char *source, const char *type,
		     unsigned long flags, const char *options)
{
	mkdir(dir, 0755);
	if (mount(source, dir, type, flags, options))
		fail(dir);
}

/* The value of KEY= on the kernel's command line, or NULL. */
static char *argument(const char *key)
{
	static char line[8192];
	size_t len = strlen(key);
	char *word;
	int fd = open("/proc/cmdline", O_RDONLY);
	ssize_t n = read(fd, line, sizeof(line) - 1);

	close(fd);
	if (n < 0)
		fail("/proc/cmdline");
	line[n] = '\0';
	for (word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, key, len) && word[len] == '=')
			return word + len + 1;
	return NULL;
}

/* A directory and all above it; what is wrong shows when it is mounted. */
static void make_path(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0755);
}

/* The share TAG at the directory, writable for as long as the guest lives. */
static void mount_share(const char *tag, const char *host, const char *over,
			const char *dir)
{
	char upper[64], work[64], options[256];

	mount_at(host, tag, "9p", MS_RDONLY, ROOT_9P);
	mount_at(over, tag, "tmpfs", 0, "mode=755");
	snprintf(upper, sizeof(upper), "%s/upper", over);
	snprintf(work, sizeof(work), "%s/work", over);
	mkdir(upper, 0755);
	mkdir(work, 0755);
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s",
		 host, upper, work);
	mount_at(dir, tag, "overlay", 0, options);
}

int main(void)
{
	char *guest, *top, dir[8300];
	int console;

	mount_at("/dev", "dev", "devtmpfs", 0, NULL);
	console = open("/dev/console", O_RDWR);
	if (console >= 0) {
		dup2(console, 0);
		dup2(console, 1);
		dup2(console, 2);
	}
	mount_at("/proc", "proc", "proc", 0, NULL);
	mount_share("root", "/host", "/over", "/root");
	top = argument("vm.top");
	if (top) {
		snprintf(dir, sizeof(dir), "/root%s", top);
		make_path(dir);
		mount_share("top", "/host-top", "/over-top", dir);
	}
	guest = argument("vm.guest");
	if (!guest) {
		errno = ENOENT;
		fail("vm.guest=");
	}
	if (mount("/dev", "/root/dev", NULL, MS_MOVE, NULL) ||
	    mount("/proc", "/root/proc", NULL, MS_MOVE, NULL))
		fail("moving /dev and /proc");
	if (chdir("/root") || mount(".", "/", NULL, MS_MOVE, NULL) ||
	    chroot(".") || chdir("/"))
		fail("changing the root");
	execl("/bin/bash", "bash", guest, NULL);
	fail(guest);
}
