// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a policy: what can be attached where, replaced by what, and what is left of
 * it when its link, its pin or its cgroup has gone. A policy that stayed after its last
 * reference, or two at one place, would decide for people who do not know of it.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "case.h"
#include "offload.h"
#include "policy.h"

#define PIN	"/sys/fs/bpf/test_attach"

static struct policy one, two;

void case_setup(void)
{
	offload_reset();
}

void case_teardown(void)
{
	policy_close(&one);
	policy_close(&two);
	unlink(PIN);
	cgroup_remove("attach/child");
	cgroup_remove("attach");
	EXPECT_EQ(shell("test -z \"$(ls " OFFLOAD_DIR "/policies)\""), 0);
}

static int load(struct policy *policy, const char *map, uint64_t cgroup_id)
{
	int ret = policy_load(policy, "steer", map, cgroup_id);

	REQUIRE(!ret, "%s: load: %s\n%s", map, strerror(-ret), policy_log());
	return policy_attach(policy);
}

CASE(twice, "a second policy at the same place is -EBUSY")
{
	uint64_t id = cgroup_of("attach");

	steer(&one, 0);
	EXPECT_EQ(load(&two, "empty", 0), -EBUSY);
	policy_close(&two);
	/* 0 and the root's id are the same place. */
	EXPECT_EQ(load(&two, "empty", ROOT_CGROUP_ID), -EBUSY);
	policy_close(&two);
	EXPECT_EQ(load(&two, "empty", id), 0);
	policy_close(&one);
	EXPECT_EQ(load(&one, "steer", id), -EBUSY);
}

CASE(unknown_cgroup, "a cgroup that does not exist is an error, and nothing stays")
{
	EXPECT_EQ(load(&one, "steer", 1ULL << 40), -ENOENT);
	EXPECT(!policy_is_attached(1ULL << 40), "attached all the same");
}

CASE(no_controller, "a cgroup without the memory controller is -EOPNOTSUPP")
{
	uint64_t id;

	cgroup_of("attach");
	id = cgroup_of("attach/child");
	EXPECT_EQ(load(&one, "steer", id), -EOPNOTSUPP);
}

CASE(linkless, "without a link there is no attachment")
{
	EXPECT_EQ(load(&one, "linkless", 0), -EOPNOTSUPP);
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "attached all the same");
}

CASE(names, "no name, or an odd one, is -EINVAL")
{
	EXPECT_EQ(load(&one, "nameless", 0), -EINVAL);
	policy_close(&one);
	EXPECT_EQ(load(&one, "misnamed", 0), -EINVAL);
}

CASE(closed, "when the link's file descriptor is closed, the policy goes")
{
	steer(&one, 0);
	EXPECT(policy_is_attached(ROOT_CGROUP_ID), "not attached");
	policy_close(&one);
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "still attached");
}

CASE(pinned, "a pinned link stays until the pin goes")
{
	char line[64];

	steer(&one, 0);
	REQUIRE(!bpf_link__pin(one.link, PIN), "pin: %m");
	policy_close(&one);
	EXPECT(policy_is_attached(ROOT_CGROUP_ID), "gone with the descriptor");
	read_line(OFFLOAD_DIR "/policies/1/name", line, sizeof(line));
	EXPECT(!strcmp(line, "steer"), "name %s", line);
	REQUIRE(!unlink(PIN), "unlink: %m");
	/* The last put is done by a work item. */
	while (policy_is_attached(ROOT_CGROUP_ID))
		usleep(1000);
}

CASE(detached, "a detached link is empty, tells its pollers, and cannot be updated")
{
	struct pollfd poll_fd = { .events = POLLHUP };

	steer(&one, 0);
	poll_fd.fd = bpf_link__fd(one.link);
	REQUIRE(!bpf_link__detach(one.link), "detach: %m");
	EXPECT(!policy_is_attached(ROOT_CGROUP_ID), "still attached");
	EXPECT_EQ(poll(&poll_fd, 1, 10000), 1);
	EXPECT(poll_fd.revents & POLLHUP, "events %#x", poll_fd.revents);
	REQUIRE(!policy_load(&two, "steer", "steer", 0), "load");
	EXPECT_EQ(bpf_link__update_map(one.link, two.map), -ENOLINK);
	EXPECT_EQ(policy_attach(&two), 0);
}

CASE(update, "a policy is replaced by another one of the same cgroup, or by itself")
{
	char line[64];

	steer(&one, 0);
	REQUIRE(!policy_load(&two, "steer", "empty", 0), "load");
	EXPECT_EQ(policy_replace(&one, &one), 0);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "updates"), 0);
	EXPECT_EQ(policy_replace(&one, &two), 0);
	EXPECT_EQ(policy_event(ROOT_CGROUP_ID, "updates"), 1);
	read_line(OFFLOAD_DIR "/policies/1/name", line, sizeof(line));
	EXPECT(!strcmp(line, "empty"), "name %s", line);
}

CASE(update_elsewhere, "an update to another cgroup is refused, and the old policy stays")
{
	uint64_t id = cgroup_of("attach");
	char line[64];

	steer(&one, 0);
	REQUIRE(!policy_load(&two, "steer", "empty", id), "load");
	EXPECT_EQ(policy_replace(&one, &two), -EINVAL);
	read_line(OFFLOAD_DIR "/policies/1/name", line, sizeof(line));
	EXPECT(!strcmp(line, "steer"), "name %s", line);
}

CASE(cgroup_gone, "when its cgroup is removed, the policy goes and the link says so")
{
	uint64_t id = cgroup_of("attach");
	struct pollfd poll_fd = { .events = POLLHUP };

	steer(&one, id);
	EXPECT(policy_is_attached(id), "not attached");
	EXPECT_EQ(cgroup_remove("attach"), 0);
	poll_fd.fd = bpf_link__fd(one.link);
	EXPECT_EQ(poll(&poll_fd, 1, 10000), 1);
	EXPECT(!policy_is_attached(id), "still attached");
	EXPECT_EQ(load(&two, "steer", id), -ENOENT);
}

CASES_MAIN
