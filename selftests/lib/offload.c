// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "case.h"
#include "offload.h"

int try_write(const char *path, const char *text)
{
	int fd, ret = 0;
	ssize_t n;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n != (ssize_t)strlen(text))
		ret = n < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

void write_file(const char *path, const char *text)
{
	int ret = try_write(path, text);

	REQUIRE(!ret, "%s <- %s: %s", path, text, strerror(-ret));
}

void write_number(const char *path, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	write_file(path, text);
}

void read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");

	REQUIRE(file, "%s: %m", path);
	if (!fgets(line, size, file))
		line[0] = '\0';
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

uint64_t read_number(const char *path)
{
	char line[64];

	read_line(path, line, sizeof(line));
	return strtoull(line, NULL, 0);
}

bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* Returns whether there is such a line. */
static bool find_counter(FILE *file, const char *name, uint64_t *value)
{
	char line[256], word[128];

	rewind(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%127s %" SCNu64, word, value) == 2 && !strcmp(word, name))
			return true;
	return false;
}

uint64_t counter(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	uint64_t value = 0;
	bool found;

	REQUIRE(file, "%s: %m", path);
	found = find_counter(file, name, &value);
	fclose(file);
	REQUIRE(found, "%s: no line %s", path, name);
	return value;
}

int shell(const char *fmt, ...)
{
	char command[4096];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	fflush(stdout);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The runner starts tests in the top directory and names the kernel they run on. */
int try_insert(const char *name, const char *params)
{
	const char *flavour = getenv("FLAVOUR") ?: "debug";
	char path[PATH_MAX];
	int fd, ret;

	snprintf(path, sizeof(path), "build/kernel/%s/test-modules/%s.ko", flavour, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %m", path);
	ret = syscall(SYS_finit_module, fd, params ?: "", 0) ? -errno : 0;
	close(fd);
	return ret;
}

void insert(const char *name, const char *params)
{
	int ret = try_insert(name, params);

	REQUIRE(!ret, "insert %s: %s", name, strerror(-ret));
}

void insert_once(const char *name)
{
	if (!is_loaded(name))
		insert(name, NULL);
}

int try_remove(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

void remove_module(const char *name)
{
	int ret = try_remove(name);

	REQUIRE(!ret, "remove %s: %s", name, strerror(-ret));
}

bool is_loaded(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s/initstate", name);
	return exists(path);
}

void probe(const char *name, const char *params)
{
	REQUIRE(!shell("modprobe %s %s", name, params ?: ""), "modprobe %s %s", name,
		params ?: "");
}

void offload_set(const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), OFFLOAD_DIR "/%s", file);
	write_file(path, text);
}

/* It may have been made to fail so often that the core has given it up. */
static void rearm(const char *migrator)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), OFFLOAD_DIR "/migrators/%s/state", migrator);
	if (exists(path))
		write_file(path, "rearm");
}

void offload_reset(void)
{
	if (!exists(OFFLOAD_DIR)) {
		errno = ENOENT;
		REQUIRE(false, OFFLOAD_DIR ": %m: not the patched kernel");
	}
	offload_set("default_migrator", "none");
	offload_set("reason_mask", "all");
	offload_set("min_bytes", "0");
	offload_set("batch_pages", "512");
	if (exists(OFFLOAD_DIR "/file_folios"))
		offload_set("file_folios", "0");
	rearm("test");
	rearm("dcbm");
	rearm("mtcopy");
}

void offload_use(const char *migrator)
{
	offload_set("default_migrator", migrator);
}

struct book book_read(const char *dir, const char *reason)
{
	struct book book = {};
	char path[PATH_MAX], text[4096];
	ssize_t len;
	FILE *file;
	bool found = true;
	int fd;

	snprintf(path, sizeof(path), "%s/books/%s", dir ?: OFFLOAD_DIR, reason);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0, "%s: %m", path);
	/* One read is one moment of the books. */
	len = read(fd, text, sizeof(text));
	close(fd);
	REQUIRE(len > 0, "%s: %m", path);
	file = fmemopen(text, len, "r");
	REQUIRE(file, "fmemopen: %m");
#define X(x) found = find_counter(file, #x, &book.x) && found;
	BOOK_FIELDS(X)
#undef X
	fclose(file);
	REQUIRE(found, "%s: a line is missing", path);
	return book;
}

struct book book_minus(struct book after, struct book before)
{
#define X(x) after.x -= before.x;
	BOOK_FIELDS(X)
#undef X
	return after;
}

static struct book opened;

void book_open(void)
{
	opened = book_read(NULL, SYSCALL);
}

struct book book_close(void)
{
	struct book book = book_minus(book_read(NULL, SYSCALL), opened);

	book_check(&book);
	return book;
}

void book_check(const struct book *b)
{
	EXPECT_EQ(b->offered, b->taken + b->refused);
	EXPECT_EQ(b->refused, b->refused_kind + b->refused_policy + b->refused_full +
		  b->refused_busy + b->refused_poisoned + b->refused_no_migrator +
		  b->refused_migrator);
	EXPECT_EQ(b->taken, b->copied + b->failed);
	EXPECT_EQ(b->failed, b->failed_error + b->failed_timeout + b->failed_lost);
	EXPECT_EQ(b->copied, b->consumed + b->discarded);
	EXPECT_GE(b->bytes_taken, b->bytes_copied);
}

void book_print(const struct book *b)
{
#define X(x) if (b->x) case_note("  %s %" PRIu64, #x, b->x);
	BOOK_FIELDS(X)
#undef X
}

uint64_t migrator_event(const char *migrator, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), OFFLOAD_DIR "/migrators/%s/events", migrator);
	return counter(path, name);
}

void mt_set(const char *knob, uint64_t value)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), TEST_MIGRATOR "/%s", knob);
	write_number(path, value);
}

uint64_t mt_get(const char *event)
{
	return counter(TEST_MIGRATOR "/events", event);
}

void mt_reset(void)
{
	mt_set("reset", 1);
}

/* A test that never gets there is killed by the runner. */
void mt_wait_held(unsigned int nr)
{
	while (mt_get("held") != nr)
		usleep(1000);
}

static void check_promises(bool refs)
{
	char line[256], word[128];
	uint64_t value;
	FILE *file = fopen(TEST_MIGRATOR "/events", "re");

	REQUIRE(file, TEST_MIGRATOR "/events: %m");
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%127s %" SCNu64, word, &value) != 2 ||
		    strncmp(word, "bad_", 4) || (!refs && !strcmp(word, "bad_refs")))
			continue;
		EXPECT(!value, "the migrator saw %s %" PRIu64 " times, see the kernel log",
		       word, value);
	}
	fclose(file);
}

void mt_check(void)
{
	check_promises(true);
}

void mt_check_busy(void)
{
	check_promises(false);
}
