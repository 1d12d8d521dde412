// SPDX-License-Identifier: GPL-2.0
/* Live memory, the starter's side. */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "live_command.h"
#include "live_memory.h"

static bool __attribute__((format(printf, 2, 3)))
fail(struct live *live, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(live->error, sizeof(live->error), fmt, args);
	va_end(args);
	return false;
}

static bool shared_make(struct live *live)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	live->map_bytes = live_map_bytes(live->options.bytes);
	live->fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "live_memory", sizeof(uint32_t),
				  4096, live->map_bytes / 4096, &opts);
	if (live->fd < 0)
		return fail(live, "BPF array for the generations: %s", strerror(errno));
	live->shared = mmap(NULL, live->map_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    live->fd, 0);
	if (live->shared == MAP_FAILED) {
		live->shared = NULL;
		return fail(live, "mmap of the generations: %s", strerror(errno));
	}
	return true;
}

/* In the child: into the cgroup first, so that all its memory is charged there. */
static void __attribute__((noreturn)) become_owner(struct live *live)
{
	const struct live_options *o = &live->options;
	char procs[PATH_MAX], number[16], bytes[32], nid[16], fd[16];
	int file;

	if (o->cgroup) {
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", o->cgroup);
		file = open(procs, O_WRONLY | O_CLOEXEC);
		if (file < 0 || write(file, "0", 1) != 1)
			_exit(2);
	}
	snprintf(number, sizeof(number), "%u", o->owner);
	snprintf(bytes, sizeof(bytes), "%zu", o->bytes);
	snprintf(nid, sizeof(nid), "%d", o->nid);
	/* A copy of the descriptor that stays open over exec. */
	snprintf(fd, sizeof(fd), "%d", dup(live->fd));
	execl("/proc/self/exe", "live_owner", LIVE_OWNER_ARG, number, bytes,
	      o->huge ? "1" : "0", nid, fd, NULL);
	_exit(3);
}

bool live_start(struct live *live, const struct live_options *options)
{
	*live = (struct live){ .options = *options, .fd = -1 };
	if (!shared_make(live))
		return false;
	live->pid = fork();
	if (!live->pid)
		become_owner(live);
	if (live->pid < 0) {
		live->pid = 0;
		return fail(live, "fork: %s", strerror(errno));
	}
	return true;
}

static bool owner_lives(struct live *live)
{
	int status;

	if (!live->pid)
		return false;
	if (waitpid(live->pid, &status, WNOHANG) != live->pid)
		return true;
	live->pid = 0;
	if (live->shared->error[0])
		return fail(live, "%s", live->shared->error);
	if (WIFSIGNALED(status))
		return fail(live, "killed by signal %d (%s)", WTERMSIG(status),
			    strsignal(WTERMSIG(status)));
	return fail(live, "ended with status %d", WEXITSTATUS(status));
}

bool live_wait(struct live *live, enum live_state state)
{
	while (__atomic_load_n(&live->shared->state, __ATOMIC_ACQUIRE) != state) {
		if (!owner_lives(live))
			return false;
		usleep(1000);
	}
	return owner_lives(live);
}

static void command(struct live *live, enum live_command what)
{
	__atomic_store_n(&live->shared->command, what, __ATOMIC_RELEASE);
}

void live_heat(struct live *live, size_t offset, size_t bytes)
{
	__atomic_store_n(&live->shared->hot, (uint64_t)(offset / LIVE_CHUNK) << 32 |
			 bytes / LIVE_CHUNK, __ATOMIC_RELAXED);
}

bool live_verify(struct live *live)
{
	command(live, LIVE_VERIFY);
	return live_wait(live, LIVE_VERIFIED);
}

void live_resume(struct live *live)
{
	command(live, LIVE_RUN);
}

void live_stop(struct live *live)
{
	if (live->pid) {
		command(live, LIVE_QUIT);
		kill(live->pid, SIGKILL);
		waitpid(live->pid, NULL, 0);
		live->pid = 0;
	}
}

void live_free(struct live *live)
{
	if (live->shared)
		munmap(live->shared, live->map_bytes);
	if (live->fd >= 0)
		close(live->fd);
	live->shared = NULL;
	live->fd = -1;
}

void live_wrong_text(const struct live *live, const struct live_wrong *wrong, char *text,
		     size_t size)
{
	static const char * const kinds[] = {
		[LIVE_STALE] = "stale", [LIVE_TORN] = "torn", [LIVE_FOREIGN] = "foreign",
	};
	uint64_t offset = wrong->address - live->shared->address;
	bool known = wrong->got_owner && wrong->got_chunk < live->options.bytes / LIVE_CHUNK;
	int len;

	len = snprintf(text, size, "%s: address %#" PRIx64 ", offset %#" PRIx64
		       ", %u of %zu words: generation %u expected (%#" PRIx64 "), ",
		       kinds[wrong->kind], wrong->address, offset, wrong->words,
		       LIVE_CHUNK / sizeof(uint64_t), wrong->generation, wrong->expected);
	if (len < 0 || (size_t)len >= size)
		return;
	if (known)
		snprintf(text + len, size - len, "got %s%s generation %u%s (%#" PRIx64 ")",
			 wrong->got_owner != live->options.owner ? "another process's " : "",
			 wrong->got_chunk != offset / LIVE_CHUNK ? "another chunk's" : "its",
			 wrong->got_generation, wrong->final ? ", at the end" : "",
			 wrong->got);
	else
		snprintf(text + len, size - len, "got %#" PRIx64 ", which nobody wrote",
			 wrong->got);
}
