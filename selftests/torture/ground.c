// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <numaif.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../lib/case.h"
#include "../lib/live_pattern.h"
#include "ground.h"
#include "late.h"

#define ALL_WRITERS	(CAN_GET | CAN_PIN | CAN_READ | CAN_LOCK | CAN_MOVE_BY)

const struct region_info regions[NR_REGIONS] = {
	[R_ANON]	= { "anon", 512, 1, ALL_WRITERS | IS_PRIVATE },
	[R_MTHP]	= { "anon 64 KiB", 256, 16, ALL_WRITERS | IS_PRIVATE },
	[R_THP]		= { "anon 2 MiB", 1024, 512, ALL_WRITERS | IS_PRIVATE | IS_HUGE },
	[R_SHMEM]	= { "shmem", 512, 1, ALL_WRITERS | CAN_FILE },
	[R_SHMEM_HUGE]	= { "shmem 2 MiB", 512, 512, ALL_WRITERS | CAN_FILE | IS_HUGE },
	[R_COW]		= { "forked, swapped", 256, 1, CAN_READ | CAN_DROP | CAN_FORK |
			    CAN_SWAP | IS_PRIVATE },
	[R_KSM]		= { "merged", 64, 1, CAN_READ | CAN_MERGE | CAN_MOVE_BY | IS_PRIVATE },
	[R_UFFD]	= { "userfaultfd", 64, 1, CAN_FAULT | IS_PRIVATE },
	[R_PUNCH]	= { "truncated", 128, 1, CAN_READ | CAN_PUNCH | CAN_FILE },
	[R_POISON]	= { "poisoned", 32, 1, CAN_POISON | IS_PRIVATE },
	[R_FILE]	= { "ext2", 64, 1, CAN_FILE | IS_DISK },
	[R_LONG]	= { "pinned for long", 64, 1, ALL_WRITERS | CAN_PIN_LONG | IS_PRIVATE },
	[R_LONG_SHMEM]	= { "shmem, likewise", 64, 1, ALL_WRITERS | CAN_PIN_LONG | CAN_FILE },
};

struct page_shadow {
	atomic_int lock;
	atomic_uint events;
	struct event history[HISTORY];
	uint32_t seq[PAGE_WORDS];
};

static struct page_shadow *shadows;
static int fds[MAX_OWNERS][NR_REGIONS];
static pid_t mapped_by;
static unsigned int mapped_owner;

struct shared *shared;

unsigned int ground_pages(void)
{
	return ground_first(NR_REGIONS);
}

unsigned int ground_first(enum region region)
{
	unsigned int i, first = 0;

	for (i = 0; i < region; i++)
		first += regions[i].pages;
	return first;
}

enum region ground_region(unsigned int page)
{
	unsigned int i;

	for (i = 0; page >= regions[i].pages; i++)
		page -= regions[i].pages;
	return i;
}

/* Everything at an address that tells owner and region. */
static char *region_address(unsigned int owner, enum region region)
{
	return (char *)(0x200000000000UL + (owner + 1) * 0x10000000000UL +
			region * 0x40000000UL);
}

char *ground_address(unsigned int owner, unsigned int page)
{
	enum region region = ground_region(page);

	return region_address(owner, region) + (page - ground_first(region)) * PAGE_BYTES;
}

size_t ground_offset(unsigned int page)
{
	return (page - ground_first(ground_region(page))) * PAGE_BYTES;
}

int ground_fd(unsigned int owner, enum region region)
{
	return fds[owner][region];
}

static struct page_shadow *shadow(unsigned int owner, unsigned int page)
{
	return &shadows[owner * ground_pages() + page];
}

static int open_file(unsigned int owner, enum region region)
{
	size_t bytes = regions[region].pages * PAGE_BYTES;
	char path[PATH_MAX];
	int fd;

	if (regions[region].can & IS_DISK) {
		snprintf(path, sizeof(path), "%s/owner%u", ext2_dir(), owner);
		fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	} else {
		fd = memfd_create("torture", 0);
	}
	REQUIRE(fd >= 0, "%s: %m", regions[region].name);
	REQUIRE(!ftruncate(fd, bytes), "%s: ftruncate: %m", regions[region].name);
	return fd;
}

void ground_make(unsigned int owners)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	size_t head = (sizeof(struct shared) + 4095) & -PAGE_BYTES;
	size_t bytes = head + owners * ground_pages() * sizeof(struct page_shadow);
	unsigned int owner, region;
	char *map;
	int fd;

	bytes = (bytes + 4095) & -PAGE_BYTES;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "torture", sizeof(uint32_t), PAGE_BYTES,
			    bytes / PAGE_BYTES, &opts);
	REQUIRE(fd >= 0, "BPF array: %m");
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(map != MAP_FAILED, "mmap of the BPF array: %m");
	shared = (void *)map;
	shadows = (void *)(map + head);
	shared->owners = owners;
	for (owner = 0; owner < owners; owner++)
		for (region = 0; region < NR_REGIONS; region++)
			fds[owner][region] = regions[region].can & CAN_FILE ?
				open_file(owner, region) : -1;
}

void ground_close(void)
{
	unsigned int owner, region;

	for (owner = 0; owner < shared->owners; owner++)
		for (region = 0; region < NR_REGIONS; region++)
			if (fds[owner][region] >= 0)
				close(fds[owner][region]);
}

static void map_region(unsigned int owner, enum region region)
{
	const struct region_info *info = &regions[region];
	char *address = region_address(owner, region);
	size_t bytes = info->pages * PAGE_BYTES;
	int flags = info->can & CAN_FILE ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS;

	REQUIRE(mmap(address, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE,
		     fds[owner][region], 0) == address, "%s: mmap: %m", info->name);
	madvise(address, bytes, info->folio > 1 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (!(info->can & CAN_FORK))
		REQUIRE(!madvise(address, bytes, MADV_DONTFORK), "MADV_DONTFORK: %m");
	if (info->can & CAN_MERGE)
		madvise(address, bytes, MADV_MERGEABLE);
}

void ground_map(unsigned int owner)
{
	unsigned int page;
	int region;

	mapped_by = getpid();
	mapped_owner = owner;
	for (region = 0; region < NR_REGIONS; region++)
		map_region(owner, region);
	for (page = 0; page < ground_pages(); page++) {
		volatile uint64_t *word = (void *)ground_address(owner, page);
		unsigned int i;

		for (i = 0; i < PAGE_WORDS; i++) {
			shadow(owner, page)->seq[i] = 1;
			word[i] = ground_word(owner, page, i, 0);
		}
		if (regions[ground_region(page)].can & CAN_GET) {
			word[LATE_MAGIC_WORD] = LATE_MAGIC;
			word[LATE_COUNT_WORD] = 0;
		}
	}
}

unsigned int ground_owner(struct run *run)
{
	return run->actor->place == IN_OWNER ? run->owner : roll(&run->dice, shared->owners);
}

/* Any of @ranges; false if there is none yet. */
static bool range_get(struct run *run, const atomic_ullong *ranges, unsigned int *owner,
		      unsigned int *page, unsigned int *pages)
{
	uint64_t range = atomic_load_explicit(&ranges[roll(&run->dice, HOT)],
					      memory_order_relaxed);

	*owner = range >> 48;
	*page = range >> 24 & 0xffffff;
	*pages = range & 0xffffff;
	return *pages;
}

static void range_put(struct run *run, atomic_ullong *ranges, unsigned int owner,
		      unsigned int page, unsigned int pages)
{
	atomic_store(&ranges[run->actor->number % HOT],
		     (uint64_t)owner << 48 | (uint64_t)page << 24 | pages);
}

static bool hot_page(struct run *run, unsigned int owner, unsigned int can, unsigned int *page)
{
	unsigned int whose, pages;

	if (!range_get(run, shared->hot, &whose, page, &pages) || whose != owner)
		return false;
	*page += roll(&run->dice, pages);
	return (regions[ground_region(*page)].can & can) == can;
}

unsigned int ground_pick(struct run *run, unsigned int owner, unsigned int can)
{
	unsigned int page, region;

	if (!chance(&run->dice, 4) &&
	    (hot_page(run, owner, can, &page) || hot_page(run, owner, can, &page)))
		return page;
	do {
		region = roll(&run->dice, NR_REGIONS);
	} while ((regions[region].can & can) != can);
	return ground_first(region) + roll(&run->dice, regions[region].pages);
}

void ground_heat(struct run *run, unsigned int owner, unsigned int page, unsigned int pages)
{
	range_put(run, shared->hot, owner, page, pages);
}

void ground_hold(struct run *run, unsigned int owner, unsigned int page, unsigned int pages)
{
	range_put(run, shared->held, owner, page, pages);
}

bool ground_held(struct run *run, unsigned int *owner, unsigned int *page, unsigned int *pages)
{
	return range_get(run, shared->held, owner, page, pages);
}

bool ground_trylock(unsigned int owner, unsigned int page)
{
	int unlocked = 0;

	return atomic_compare_exchange_strong(&shadow(owner, page)->lock, &unlocked, 1);
}

void ground_unlock(unsigned int owner, unsigned int page)
{
	atomic_store(&shadow(owner, page)->lock, 0);
}

bool ground_trylock_range(unsigned int owner, unsigned int page, unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++) {
		if (ground_trylock(owner, page + i))
			continue;
		ground_unlock_range(owner, page, i);
		return false;
	}
	return true;
}

void ground_unlock_range(unsigned int owner, unsigned int page, unsigned int pages)
{
	while (pages--)
		ground_unlock(owner, page + pages);
}

/* Pages that are to be merged have the same name. */
static unsigned int alias(unsigned int page)
{
	return regions[ground_region(page)].can & CAN_MERGE ? page & ~1u : page;
}

uint64_t ground_word(unsigned int owner, unsigned int page, unsigned int word,
		     unsigned int later)
{
	struct live_key key = {
		.owner = owner + 1,
		.chunk = alias(page) * PAGE_WORDS + word,
		.generation = shadow(owner, page)->seq[word] + later,
	};

	return live_first_word(&key);
}

static struct event *next_event(struct run *run, unsigned int owner, unsigned int page)
{
	struct page_shadow *s = shadow(owner, page);
	struct event *event;

	event = &s->history[atomic_fetch_add(&s->events, 1) % HISTORY];
	memset(event, 0, sizeof(*event));
	event->ns = now_ns();
	event->actor = run->actor->number;
	return event;
}

void ground_wrote(struct run *run, unsigned int owner, unsigned int page, unsigned int word,
		  unsigned int words)
{
	struct event *event = next_event(run, owner, page);
	unsigned int i;

	for (i = 0; i < words; i++)
		shadow(owner, page)->seq[word + i]++;
	event->word = word;
	event->words = words;
	event->seq = shadow(owner, page)->seq[word];
}

void ground_moved(struct run *run, unsigned int owner, unsigned int page, int nid)
{
	next_event(run, owner, page)->moved_to = nid + 1;
}

static const char *actor_name(unsigned int number)
{
	struct actor *actor;

	for (actor = actors_first(); actor; actor = actor->next)
		if (actor->number == number)
			return actor->name;
	return "the owner";
}

static void tell_history(unsigned int owner, unsigned int page)
{
	struct page_shadow *s = shadow(owner, page);
	unsigned int last = atomic_load(&s->events), i;
	void *address = ground_address(owner, page);
	int nid = -1;

	if (!move_pages(shared->pid[owner], 1, &address, NULL, &nid, 0) && nid >= 0)
		note("  it is on node %d now", nid);
	for (i = last > HISTORY ? last - HISTORY : 0; i < last; i++) {
		struct event *e = &s->history[i % HISTORY];
		double at = (e->ns - shared->begin_ns) / 1e9;

		if (e->moved_to)
			note("  at %.6f s moved to node %d by %s", at, e->moved_to - 1,
			     actor_name(e->actor));
		else
			note("  at %.6f s words %u to %u written by %s, the first for the %u. time",
			     at, e->word, e->word + e->words - 1, actor_name(e->actor), e->seq);
	}
}

#define MAX_TOLD	4

static void tell(struct run *run, unsigned int owner, unsigned int page, unsigned int word,
		 unsigned int words, uint64_t is, uint64_t now, const char *when)
{
	struct live_key got = live_key_of(is, 0);
	unsigned int number = alias(page) * PAGE_WORDS + word;
	char what[128];

	if (atomic_fetch_add(&shared->wrongs, 1) >= MAX_TOLD)
		return;
	if (got.owner == owner + 1 && got.chunk == number)
		snprintf(what, sizeof(what), "STALE: write %u of it", got.generation);
	else if (got.owner && got.owner <= shared->owners &&
		 got.chunk < ground_pages() * PAGE_WORDS)
		snprintf(what, sizeof(what), "FOREIGN: owner %u, page %u, word %u, write %u",
			 got.owner - 1, got.chunk / PAGE_WORDS, got.chunk % PAGE_WORDS,
			 got.generation);
	else
		snprintf(what, sizeof(what), is ? "TORN or nobody's" : "zero");
	failure("after %.3f s, %s by %s: %u words wrong of owner %u, page %u (%s, %p), the first is word %u: %#" PRIx64 " (%s; a second look: %#" PRIx64 "), should be %#" PRIx64 " (write %u)",
		(now_ns() - shared->begin_ns) / 1e9, when, run->actor->name, words, owner, page,
		regions[ground_region(page)].name, ground_address(owner, page), word, is, what,
		now, ground_word(owner, page, word, 0), shadow(owner, page)->seq[word]);
	tell_history(owner, page);
}

bool ground_compare(struct run *run, unsigned int owner, unsigned int page, unsigned int word,
		    unsigned int words, const volatile uint64_t *is, const char *when)
{
	unsigned int i, wrong = 0, first = 0;
	uint64_t value = 0;

	for (i = 0; i < words; i++) {
		uint64_t got;

		/* Those of the kernel's own writer. */
		if (word + i <= LATE_COUNT_WORD && regions[ground_region(page)].can & CAN_GET)
			continue;
		got = is[i];
		if (got == ground_word(owner, page, word + i, 0))
			continue;
		if (!wrong++) {
			first = i;
			value = got;
		}
	}
	if (wrong)
		tell(run, owner, page, word + first, wrong, value, is[first], when);
	return !wrong;
}

bool ground_check(struct run *run, unsigned int owner, unsigned int page, const char *when)
{
	atomic_fetch_add_explicit(&shared->checked, 1, memory_order_relaxed);
	return ground_compare(run, owner, page, 0, PAGE_WORDS,
			      (void *)ground_address(owner, page), when);
}

void ground_refill(struct run *run, unsigned int owner, unsigned int page)
{
	volatile uint64_t *word = (void *)ground_address(owner, page);
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i++)
		word[i] = ground_word(owner, page, i, 1);
	ground_wrote(run, owner, page, 0, PAGE_WORDS);
}

void ground_same(struct run *run, unsigned int owner, unsigned int page)
{
	uint32_t *one = shadow(owner, page)->seq, *two = shadow(owner, page + 1)->seq;
	unsigned int i;

	for (i = 0; i < PAGE_WORDS; i++)
		one[i] = two[i] = one[i] > two[i] ? one[i] : two[i];
	ground_refill(run, owner, page);
	ground_refill(run, owner, page + 1);
}

uint64_t ground_late_words(unsigned int owner)
{
	uint64_t sum = 0;
	unsigned int page;

	for (page = 0; page < ground_pages(); page++) {
		volatile uint64_t *word = (void *)ground_address(owner, page);

		if (!(regions[ground_region(page)].can & CAN_GET))
			continue;
		if (word[LATE_MAGIC_WORD] != LATE_MAGIC)
			failure("owner %u, page %u: the first word is %#" PRIx64, owner, page,
				word[LATE_MAGIC_WORD]);
		sum += word[LATE_COUNT_WORD];
	}
	return sum;
}

/* What is in those words of whichever process. */
static bool look(struct strike *strike, uint64_t *is)
{
	struct iovec local = { is, strike->words * 8 }, remote = { strike->address, local.iov_len };

	if (getpid() == mapped_by && strike->owner == mapped_owner) {
		memcpy(is, strike->address, local.iov_len);
		return true;
	}
	return process_vm_readv(shared->pid[strike->owner], &local, 1, &remote, 1, 0) ==
	       (ssize_t)local.iov_len;
}

bool strike_begin(struct run *run, struct strike *strike, unsigned int owner,
		  unsigned int page, unsigned int unit, unsigned int most)
{
	unsigned int first = (GROUND_FIRST + unit - 1) / unit, units = PAGE_WORDS / unit - first;
	uint64_t is[PAGE_WORDS];
	unsigned int i, at;

	if (!ground_trylock(owner, page))
		return false;
	strike->owner = owner;
	strike->page = page;
	at = roll(&run->dice, units);
	strike->word = (first + at) * unit;
	strike->words = (1 + roll(&run->dice, units - at)) * unit;
	if (strike->words > most)
		strike->words = most;
	strike->address = ground_address(owner, page) + strike->word * 8;
	if (!look(strike, is) ||
	    !ground_compare(run, owner, page, strike->word, strike->words, is, "about to be written")) {
		ground_unlock(owner, page);
		return false;
	}
	for (i = 0; i < strike->words; i++)
		strike->value[i] = ground_word(owner, page, strike->word + i, 1);
	return true;
}

void strike_again(struct run *run, struct strike *strike)
{
	volatile uint64_t *word = (void *)strike->address;
	unsigned int i;

	for (i = 0; i < strike->words && word[i] == strike->value[i]; i++)
		;
	if (i < strike->words)
		failure("owner %u, page %u, word %u: %#" PRIx64 " after %s wrote %#" PRIx64,
			strike->owner, strike->page, strike->word + i, word[i],
			run->actor->name, strike->value[i]);
	word[0] = strike->value[0];
}

long strike_end(struct run *run, struct strike *strike, long words)
{
	if (words > 0)
		ground_wrote(run, strike->owner, strike->page, strike->word, words);
	ground_unlock(strike->owner, strike->page);
	return words;
}

long strike_end_bytes(struct run *run, struct strike *strike, ssize_t bytes)
{
	if (bytes < 0)
		atomic_store(&run->count->last_errno, errno);
	/* Half a word would be neither here nor there; nothing of ours makes one. */
	return strike_end(run, strike, bytes > 0 ? bytes / 8 : 0);
}
