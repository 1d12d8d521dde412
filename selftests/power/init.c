// SPDX-License-Identifier: GPL-2.0
/*
 * The only program of a guest that goes down, or to sleep, while dcbm copies. It is an
 * initramfs by itself, because a root over 9p does not survive that. STAGE= on the kernel's
 * command line says what is done. Ends with the line "vm: status N" on the console.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE		4096UL
#define PAGES		256
#define DCBM		"/sys/module/dcbm/parameters/"
#define DMASIM		"/sys/module/dmasim/parameters/"
#define OFFLOAD		"/sys/kernel/mm/migrate_offload/"

static void end(int status)
{
	printf("vm: status %d\n", status);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	_exit(status);
}

static void __attribute__((format(printf, 1, 2), noreturn)) fail(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("power: FAILED: ");
	vprintf(fmt, args);
	printf(": %s\n", strerror(errno));
	va_end(args);
	end(1);
	__builtin_unreachable();
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail("%s <- %s", path, text);
	close(fd);
}

static uint64_t status(const char *name)
{
	char line[128], word[64];
	FILE *file = fopen(DCBM "status", "r");
	uint64_t value, found = 0;
	bool is_there = false;

	if (!file)
		fail(DCBM "status");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %" SCNu64, word, &value) == 2 && !strcmp(word, name)) {
			found = value;
			is_there = true;
		}
	}
	fclose(file);
	if (!is_there)
		fail("no counter %s", name);
	return found;
}

static void wait_until_more(const char *name, uint64_t than)
{
	while (status(name) <= than)
		usleep(1000);
}

static void mount_at(const char *dir, const char *type)
{
	mkdir(dir, 0755);
	if (mount(type, dir, type, 0, NULL) && errno != EBUSY)
		fail("mount %s", dir);
}

static void insert(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY);

	if (fd < 0 || syscall(SYS_finit_module, fd, params, 0))
		fail("%s", path);
	close(fd);
}

static void move(char *memory, int nid)
{
	void *pages[PAGES];
	int nodes[PAGES], results[PAGES], i;

	for (i = 0; i < PAGES; i++) {
		pages[i] = memory + i * PAGE;
		nodes[i] = nid;
	}
	if (syscall(SYS_move_pages, 0, PAGES, pages, nodes, results, 4 /* MPOL_MF_MOVE_ALL */) < 0)
		fail("move_pages");
}

/* A process whose memory moves @times times, or for ever, and is compared each time. */
static pid_t mover(int times)
{
	uint64_t *memory;
	pid_t pid = fork();
	int i, nid;
	size_t w;

	if (pid < 0)
		fail("fork");
	if (pid)
		return pid;
	memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		      -1, 0);
	if (memory == MAP_FAILED)
		fail("mmap");
	for (w = 0; w < PAGES * PAGE / 8; w++)
		memory[w] = w * 0x9e3779b97f4a7c15ULL + getpid();
	for (i = 0; !times || i < times; i++) {
		nid = i % 2;
		move((char *)memory, nid);
		for (w = 0; w < PAGES * PAGE / 8; w++)
			if (memory[w] != w * 0x9e3779b97f4a7c15ULL + getpid())
				fail("wrong bytes at word %zu", w);
	}
	_exit(0);
}

static void expect_end(pid_t pid)
{
	int ended;

	if (waitpid(pid, &ended, 0) != pid || ended)
		fail("a process ended with %#x", ended);
}

static void start(void)
{
	insert("/virt-dma.ko", "");
	insert("/dmasim.ko", "channels=4 latency_ns=20000");
	insert("/dcbm.ko", "enable=Y timeout_ms=60000");
	put(OFFLOAD "reason_mask", "all");
	put(OFFLOAD "min_bytes", "0");
	put(OFFLOAD "default_migrator", "dcbm");
}

/*
 * A job is held while the machine is told to sleep: that has to wait for it, and whatever
 * moves meanwhile is copied by the CPU. Afterwards, all is as before.
 */
static void sleep_once(const char *level)
{
	uint64_t paused = status("jobs_paused"), copied;
	pid_t held, sleeper, other;

	printf("power: pm_test=%s\n", level);
	put("/sys/power/pm_test", level);
	put(DMASIM "hold", "Y");
	held = mover(2);
	wait_until_more("channels_busy", 3);
	sleeper = fork();
	if (!sleeper) {
		put("/sys/power/state", "mem");
		_exit(0);
	}
	/* Until it pauses, jobs are refused as busy. */
	while (status("jobs_paused") == paused) {
		other = mover(2);
		expect_end(other);
	}
	if (status("channels_busy") != 4 || waitpid(sleeper, NULL, WNOHANG))
		fail("it went to sleep with a job in flight");
	copied = status("folios_copied");
	put(DMASIM "hold", "N");
	expect_end(held);
	expect_end(sleeper);
	expect_end(mover(2));
	wait_until_more("folios_copied", copied + PAGES);
	if (status("channels_idle") != 4 || status("folios_timed_out"))
		fail("channels were lost");
	printf("power: awake again\n");
}

static void stage_sleep(void)
{
	static const char * const levels[] = {
		"freezer", "devices", "platform", "processors", "core"
	};
	char states[64] = "";
	pid_t load;
	size_t i;
	int fd;

	/* Suspend to idle has no levels behind "platform". */
	fd = open("/sys/power/mem_sleep", O_RDONLY);
	if (fd < 0 || read(fd, states, sizeof(states) - 1) < 0 || !strstr(states, "[deep]"))
		fail("/sys/power/mem_sleep: %s", states);
	close(fd);
	put("/sys/module/suspend/parameters/pm_test_delay", "1");
	start();
	for (i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		sleep_once(levels[i]);
	/* And with jobs that nobody holds. */
	load = mover(0);
	wait_until_more("folios_copied", status("folios_copied") + PAGES);
	for (i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
		put("/sys/power/pm_test", levels[i]);
		put("/sys/power/state", "mem");
		wait_until_more("folios_copied", status("folios_copied") + PAGES);
	}
	kill(load, SIGKILL);
	waitpid(load, NULL, 0);
	end(0);
}

static void under_load(void)
{
	start();
	mover(0);
	mover(0);
	wait_until_more("folios_copied", 4 * PAGES);
	printf("power: going down, %" PRIu64 " folios copied\n", status("folios_copied"));
	fflush(stdout);
}

static void stage_off(void)
{
	under_load();
	end(0);
}

static void stage_kexec(void)
{
	static const char line[] = "console=ttyS0 panic=-1 oops=panic STAGE=second";
	int kernel = open("/bzImage", O_RDONLY), initrd = open("/second.img", O_RDONLY);

	if (kernel < 0 || initrd < 0)
		fail("bzImage, second.img");
	if (syscall(SYS_kexec_file_load, kernel, initrd, sizeof(line), line, 0))
		fail("kexec_file_load");
	under_load();
	reboot(RB_KEXEC);
	fail("kexec");
}

int main(void)
{
	const char *stage = getenv("STAGE") ?: "";
	int console;

	/* The kernel could not open it: there was no /dev. */
	mount_at("/dev", "devtmpfs");
	console = open("/dev/console", O_RDWR);
	dup2(console, 0);
	dup2(console, 1);
	dup2(console, 2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	mount_at("/proc", "proc");
	mount_at("/sys", "sysfs");
	mount_at("/sys/kernel/debug", "debugfs");
	put("/proc/sys/kernel/printk", "8");
	if (!strcmp(stage, "sleep"))
		stage_sleep();
	else if (!strcmp(stage, "off"))
		stage_off();
	else if (!strcmp(stage, "kexec"))
		stage_kexec();
	else if (!strcmp(stage, "second")) {
		printf("power: this is the second kernel\n");
		end(0);
	}
	fail("no such stage: '%s'", stage);
}
