// SPDX-License-Identifier: GPL-2.0
/* Links: attaching a loaded object, swapping what is attached, taking it away. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "bpffs.h"
#include "cgroup.h"
#include "cgroup_knobs.h"
#include "error.h"
#include "incidents.h"
#include "object.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"

#define CGROUP_NS_FIRST	0xeffffffb	/* include/linux/proc_ns.h */

/*
 * What has come of it, read back from the kernel. It is done by now: that it
 * cannot be read, or that somebody has taken it away already, is no failure.
 */
void attach_show(struct mgx *mgx, const char *name, __u32 link_id)
{
	struct policies policies;
	int err;

	err = policies_read_link(mgx, link_id, &policies);
	if (err) {
		mgx_warn("%s: loaded, but its link %u cannot be read back: %s", name,
			 link_id, mgx_why(err));
	} else {
		policy_out_begin(mgx, true);
		policy_out(mgx, &policies.policies[0]);
		out_end(mgx->out);
	}
	policies_free(&policies);
}

/* "No such device (ENODEV)", and before it what init() itself has said. */
static char *init_words(const char *name, __u64 cgroup_id, __u64 seq, int err)
{
	char *said = incidents_ejected(seq, name, cgroup_id), *words;
	const char *symbol = strerrorname_np(-err);

	words = mgx_printf("%s (%s)", said ?: mgx_why(err), symbol ?: "?");
	free(said);
	return words;
}

/*
 * The kernel passes on what init() returns. What it says itself is ruled out before; but
 * these can still be from both.
 */
static bool is_of_init(const struct object *object, int err)
{
	return object_has_init(object) && err != -ENOMEM && err != -EMFILE && err != -ENFILE;
}

static bool in_first_cgroup_ns(void)
{
	struct stat st;

	return stat("/proc/self/ns/cgroup", &st) || st.st_ino == CGROUP_NS_FIRST;
}

/* An errno says little, for it may be the policy's: look. @seq: of the incidents before. */
static int attach_failed(struct mgx *mgx, const char *what, const struct object *object,
			 const char *name, __u64 seq, int err)
{
	__u64 id = object_cgroup(object) ?: CGROUP_ROOT_ID;
	char *path = cgroup_path(id), *own_name = object_name(object), *words = NULL, *where;
	char *other = sysfs_read("policies/%llu/name", (unsigned long long)id);
	int ret;

	where = id == CGROUP_ROOT_ID ? mgx_strdup("the whole system") :
		path ? mgx_printf("cgroup %s", path) :
		       mgx_printf("cgroup %llu", (unsigned long long)id);
	if (err == -EBUSY && other) {
		ret = mgx_fail(mgx, MGX_EXISTS, "use `mgx replace`, or `mgx unload` it first",
			       "%s: %s: %s has a policy already: %s", what, name, where, other);
	} else if (err == -EOPNOTSUPP && path && !cgroup_has_memory(path)) {
		ret = mgx_fail(mgx, MGX_NO_FEATURE,
			       "turn it on in cgroup.subtree_control of the cgroup above (cgroup2 only)",
			       "%s: %s: %s has no memory controller", what, name, where);
	} else if ((err == -ENOENT || err == -ENODEV) && !path) {
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "choose another cgroup",
			       "%s: %s: %s has gone", what, name, where);
	} else if (err == -ENOENT && id == CGROUP_ROOT_ID && !in_first_cgroup_ns()) {
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "choose a cgroup of the container with --cgroup",
			       "%s: %s: %s cannot be had from within a container", what, name, where);
	} else if (is_of_init(object, err)) {
		words = init_words(own_name, id, seq, err);
		ret = mgx_fail(mgx, MGX_FAILED, "give it what it needs and load it again",
			       "%s: %s: %s: its init() refused: %s", what, name, where, words);
	} else {
		ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: %s: cannot attach it to %s: %s",
			       what, name, where, mgx_why(err));
	}
	free(words);
	free(other);
	free(where);
	free(own_name);
	free(path);
	return ret;
}

/* A pin that nobody stands behind any more may be taken over. */
static bool pin_is_stale(const char *path)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);
	bool stale;

	if (fd < 0)
		return false;
	stale = !bpf_link_get_info_by_fd(fd, &info, &len) &&
		info.type == BPF_LINK_TYPE_STRUCT_OPS && !info.struct_ops.map_id;
	close(fd);
	return stale;
}

/*
 * The order makes that nothing is left behind: the link lives by our descriptor
 * until it is pinned, and all the rest lives by the link.
 */
int attach_and_pin(struct mgx *mgx, const char *what, const struct object *object,
		   const char *name, const char *pin_name, __u32 *link_id)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	__u64 seq;
	char *pin;
	int fd, ret;

	ret = bpffs_prepare(mgx, what);
	if (ret)
		return ret;
	pin = bpffs_pin_path(pin_name);
	if (!pin)
		return mgx_fail(mgx, MGX_FAILED, "mount it: mount -t bpf bpf /sys/fs/bpf",
				"%s: bpffs: it has gone", what);
	if (!access(pin, F_OK)) {
		if (!pin_is_stale(pin)) {
			ret = mgx_fail(mgx, MGX_EXISTS,
				       "choose another name with --name, or use `mgx replace`",
				       "%s: %s: a policy of this name is loaded: %s",
				       what, name, pin);
			free(pin);
			return ret;
		}
		unlink(pin);
	}

	seq = incidents_last();
	fd = bpf_link_create(bpf_map__fd(object->ops), 0, BPF_STRUCT_OPS, NULL);
	if (fd < 0) {
		ret = attach_failed(mgx, what, object, name, seq, -errno);
	} else if (bpf_obj_pin(fd, pin)) {
		ret = mgx_fail(mgx, errno == EEXIST ? MGX_EXISTS : mgx_exit_of(errno),
			       "see to the mount of bpffs and load it again: it is not loaded",
			       "%s: %s: cannot pin it: %s", what, pin, mgx_why(errno));
	} else if (bpf_link_get_info_by_fd(fd, &info, &len)) {
		ret = mgx_fail(mgx, MGX_FAILED, NULL, "%s: %s: %s", what, pin,
			       mgx_why(errno));
		unlink(pin);
	}
	if (fd >= 0)
		close(fd);
	free(pin);
	*link_id = info.id;
	return ret;
}

/*
 * The link has to have still the map that it had when we looked: what another has
 * put there meanwhile is not overwritten unseen.
 */
static int update_from(int fd, const struct object *object, __u32 old_map_id)
{
	LIBBPF_OPTS(bpf_link_update_opts, opts, .flags = BPF_F_REPLACE);
	int old, err;

	old = bpf_map_get_fd_by_id(old_map_id);
	if (old < 0)
		return -errno;
	opts.old_map_fd = old;
	err = bpf_link_update(fd, bpf_map__fd(object->ops), &opts) ? -errno : 0;
	close(old);
	return err;
}

/* As attach_failed(): who said so is seen from what the link has now. */
static int update_failed(struct mgx *mgx, const char *what, int fd, const struct object *object,
			 const struct policy *policy, __u64 seq, int err)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);
	char *name, *words;
	int ret;

	if (bpf_link_get_info_by_fd(fd, &info, &len))
		return mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: %s: its link cannot be read: %s",
				what, policy->name, mgx_why(errno));
	if (!info.struct_ops.map_id || err == -ENOLINK)
		return mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx load`",
				"%s: %s: it was detached meanwhile", what, policy->name);
	if (info.struct_ops.map_id != policy->map_id)
		return mgx_fail(mgx, MGX_FAILED, "look at it with `mgx list` and try again",
				"%s: %s: somebody else replaced it meanwhile", what, policy->name);
	if (err == -EINVAL && object_flags(object) != policy->flags)
		return mgx_fail(mgx, MGX_FAILED, "`mgx unload` the old one and load the new one",
				"%s: %s: the flags of the new one differ: %#llx, not %#llx", what,
				policy->name, (unsigned long long)object_flags(object),
				(unsigned long long)policy->flags);
	if (!is_of_init(object, err))
		return mgx_fail(mgx, mgx_exit_of(err),
				"try again; the old one goes on until then",
				"%s: %s: the kernel refused the update: %s", what,
				policy->name, mgx_why(err));
	name = object_name(object);
	words = init_words(name, policy->cgroup_id, seq, err);
	ret = mgx_fail(mgx, MGX_FAILED, "the old one goes on; give it what it needs and try again",
		       "%s: %s: init() of the new one refused: %s", what, policy->name, words);
	free(words);
	free(name);
	return ret;
}

int attach_update(struct mgx *mgx, const char *what, const struct object *object,
		  const struct policy *policy)
{
	__u64 seq = incidents_last();
	int fd, err, ret = 0;

	err = cgroup_knobs_carry_over(policy, object);
	if (err)
		return mgx_fail(mgx, mgx_exit_of(err), "the old one goes on; load the new one by another name",
				"%s: %s: what it has for single cgroups cannot be carried over: %s", what,
				policy->name, err == -E2BIG ? "the new one has not room for as many" : mgx_why(err));
	fd = bpf_link_get_fd_by_id(policy->link_id);
	if (fd < 0)
		return mgx_fail(mgx, mgx_exit_of(errno), "`mgx list` shows those there are",
				"%s: %s: it has gone: %s", what, policy->name,
				mgx_why(errno));
	err = update_from(fd, object, policy->map_id);
	if (err)
		ret = update_failed(mgx, what, fd, object, policy, seq, err);
	close(fd);
	return ret;
}

int attach_remove(struct mgx *mgx, const char *what, struct policy *policy)
{
	int fd = -1, ret = 0;

	if (policy->map_id) {
		fd = bpf_link_get_fd_by_id(policy->link_id);
		/* Detached meanwhile (-ENOLINK), or gone: what we wanted. */
		if ((fd < 0 && errno != ENOENT) ||
		    (fd >= 0 && bpf_link_detach(fd) && errno != ENOLINK)) {
			ret = mgx_fail(mgx, mgx_exit_of(errno), NULL, "%s: %s: %s", what,
				       policy->name, mgx_why(errno));
			goto out;
		}
	}
	if (policy->pin && unlink(policy->pin) && errno != ENOENT) {
		ret = mgx_fail(mgx, mgx_exit_of(errno), "remove it (rm)",
			       "%s: %s: it is detached, but its pin stays: %s", what,
			       policy->pin, mgx_why(errno));
		goto out;
	}
	policy->map_id = 0;
	free(policy->pin);
	policy->pin = NULL;
out:
	if (fd >= 0)
		close(fd);
	return ret;
}
