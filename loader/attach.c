// SPDX-License-Identifier: GPL-2.0
/* Links: attaching a loaded object, swapping what is attached, taking it away. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach.h"
#include "bpffs.h"
#include "cgroup.h"
#include "cgroup_knobs.h"
#include "error.h"
#include "object.h"
#include "out.h"
#include "policy.h"
#include "sysfs.h"

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

static int attach_failed(struct mgx *mgx, const char *what, const char *name,
			 __u64 cgroup_id, int err)
{
	__u64 id = cgroup_id ?: CGROUP_ROOT_ID;
	char *path = cgroup_path(id), *other = NULL, *where;
	int ret;

	where = id == CGROUP_ROOT_ID ? mgx_strdup("the whole system") :
		path ? mgx_printf("cgroup %s", path) :
		       mgx_printf("cgroup %llu", (unsigned long long)id);
	switch (err) {
	case -EBUSY:
		other = sysfs_read("policies/%llu/name", (unsigned long long)id);
		ret = mgx_fail(mgx, MGX_EXISTS,
			       "use `mgx replace`, or `mgx unload` it first",
			       "%s: %s: %s has a policy already: %s", what, name, where,
			       other ?: "?");
		break;
	case -EOPNOTSUPP:
		ret = mgx_fail(mgx, MGX_NO_FEATURE,
			       "turn it on in cgroup.subtree_control of the cgroup above (cgroup2 only)",
			       "%s: %s: %s has no memory controller", what, name, where);
		break;
	case -ENOENT:
	case -ENODEV:
		ret = mgx_fail(mgx, MGX_NOT_FOUND, "choose another cgroup",
			       "%s: %s: %s has gone", what, name, where);
		break;
	default:
		ret = mgx_fail(mgx, mgx_exit_of(err), NULL, "%s: %s: cannot attach it to %s: %s",
			       what, name, where, mgx_why(err));
	}
	free(other);
	free(where);
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
	char *pin;
	int fd, ret;

	ret = bpffs_prepare(mgx, what);
	if (ret)
		return ret;
	pin = bpffs_pin_path(pin_name);
	if (!pin)
		return mgx_fail(mgx, MGX_FAILED, NULL, "%s: bpffs: it has gone", what);
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

	fd = bpf_link_create(bpf_map__fd(object->ops), 0, BPF_STRUCT_OPS, NULL);
	if (fd < 0) {
		ret = attach_failed(mgx, what, name, object_cgroup(object), -errno);
	} else if (bpf_obj_pin(fd, pin)) {
		ret = mgx_fail(mgx, errno == EEXIST ? MGX_EXISTS : mgx_exit_of(errno),
			       "it is not loaded", "%s: %s: cannot pin it: %s", what, pin,
			       mgx_why(errno));
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
		return errno == ENOENT ? -EPERM : -errno;
	opts.old_map_fd = old;
	err = bpf_link_update(fd, bpf_map__fd(object->ops), &opts) ? -errno : 0;
	close(old);
	return err;
}

int attach_update(struct mgx *mgx, const char *what, const struct object *object,
		  const struct policy *policy)
{
	int fd, err;

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
	close(fd);
	if (err == -EPERM || err == -EINVAL)
		return mgx_fail(mgx, MGX_FAILED, "look at it with `mgx list` and try again",
				"%s: %s: somebody else replaced it meanwhile, or its cgroup or flags differ",
				what, policy->name);
	if (err == -ENOLINK)
		return mgx_fail(mgx, MGX_NOT_FOUND, "load it with `mgx load`",
				"%s: %s: it was detached meanwhile", what, policy->name);
	if (err)
		return mgx_fail(mgx, mgx_exit_of(err), "the old one goes on",
				"%s: %s: the kernel refused the update: %s", what,
				policy->name, mgx_why(err));
	return 0;
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
