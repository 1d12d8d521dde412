// SPDX-License-Identifier: GPL-2.0
/* mgx on, mgx off: the admin's switch for all policies. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "hold.h"
#include "options.h"
#include "out.h"
#include "sysfs.h"

#define SWITCH	"policies_enabled"

/* What the switch means depends on what is there without any policy. */
static char *what_decides(bool on)
{
	char *migrator = sysfs_read("default_migrator"), *text;
	char **policies = sysfs_entries("policies");

	if (on && *policies)
		text = mgx_strdup("the policies that are attached");
	else if (migrator && strcmp(migrator, "none"))
		text = mgx_printf("the built-in default, with migrator %s", migrator);
	else
		text = mgx_strdup("nobody: folios are copied one by one");
	sysfs_entries_free(policies);
	free(migrator);
	return text;
}

static int set_switch(struct mgx *mgx, int argc, char **argv, bool on)
{
	const char *what = on ? "cannot switch policies on" : "cannot switch policies off";
	static const struct out_column columns[] = {
		{ "policies_enabled", "policies_enabled" },
		{ "was", "was" },
		{ "decides", "who decides" },
	};
	bool held = hold_is_set(HOLD_POLICIES);
	char *was, *decides;
	int ret, err;

	ret = options_parse(mgx, argc, argv, NULL, NULL, NULL);
	if (!ret)
		ret = sysfs_require(mgx, what);
	if (ret)
		return ret;

	was = sysfs_read(SWITCH);
	if (!was)
		return mgx_fail(mgx, errno == ENOENT ? MGX_NO_FEATURE : mgx_exit_of(errno),
				"boot a kernel with CONFIG_MIGRATE_EXT=y",
				"%s: " SYSFS_DIR "/" SWITCH ": %s", what,
				errno == ENOENT ? "this kernel has no policies" : mgx_why(errno));
	if (!on)
		hold_set(HOLD_POLICIES);
	err = sysfs_write(on ? "1" : "0", SWITCH);
	if (!err || !held)
		hold_end(HOLD_POLICIES, !on && !err);
	if (err) {
		free(was);
		return mgx_fail(mgx, mgx_exit_of(err),
				mgx_exit_of(err) == MGX_NO_PERM ? "run it as root" : NULL,
				"%s: " SYSFS_DIR "/" SWITCH ": %s", what, mgx_why(err));
	}

	decides = what_decides(on);
	out_record(mgx->out, "switch", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_bool(mgx->out, on);
	out_bool(mgx->out, strcmp(was, "0"));
	out_str(mgx->out, decides);
	out_row(mgx->out);
	out_end(mgx->out);
	free(decides);
	free(was);
	return 0;
}

int cmd_on(struct mgx *mgx, int argc, char **argv)
{
	return set_switch(mgx, argc, argv, true);
}

int cmd_off(struct mgx *mgx, int argc, char **argv)
{
	return set_switch(mgx, argc, argv, false);
}
