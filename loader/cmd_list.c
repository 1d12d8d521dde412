// SPDX-License-Identifier: GPL-2.0
/* mgx list */
#include "options.h"
#include "out.h"
#include "policy.h"

int cmd_list(struct mgx *mgx, int argc, char **argv)
{
	struct policies policies;
	size_t i;
	int ret;

	ret = options_parse(mgx, argc, argv, NULL, NULL, NULL);
	if (ret)
		return ret;

	ret = policies_read(mgx, "cannot list policies", &policies);
	if (!ret) {
		policy_out_begin(mgx, false);
		for (i = 0; i < policies.nr; i++)
			policy_out(mgx, &policies.policies[i]);
		out_end(mgx->out);
	}
	policies_free(&policies);
	return ret;
}
