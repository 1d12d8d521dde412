// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that do the same, the same constants (.rodata), and the same numbers of the ops:
 * then two policies decide alike, but for their knobs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "compare.h"
#include "error.h"
#include "policy.h"
#include "program.h"

/* 1, 0 or -errno */
static int same_programs(const struct policy *a, const struct policy *b)
{
	__u32 i;
	int ret;

	if (a->nr_progs != b->nr_progs || a->shape != b->shape)
		return 0;
	for (i = 0; i < a->nr_progs; i++) {
		ret = program_same(a->prog_ids[i], b->prog_ids[i]);
		if (ret <= 0)
			return ret;
	}
	return 1;
}

static bool same_value(const struct policy_section *a, const struct policy_section *b,
		       const struct knob *x, const struct knob *y)
{
	return x->size == y->size && !strcmp(x->name, y->name) &&
	       !memcmp((char *)a->base + x->offset, (char *)b->base + y->offset, x->size);
}

/* How many variables of a section differ; @first: the name of the first. Or -errno. */
static int differences(const struct policy *a, const struct policy *b, const char *section,
		       char **first)
{
	struct policy_section x, y;
	int err, nr = 0;
	size_t i;

	err = policy_section_open(a, section, &x);
	if (err)
		return err;
	err = policy_section_open(b, section, &y);
	if (err) {
		policy_section_close(&x);
		return err;
	}
	if (x.vars.nr != y.vars.nr)
		nr = 1000;
	for (i = 0; x.vars.nr == y.vars.nr && i < x.vars.nr; i++) {
		if (same_value(&x, &y, &x.vars.knobs[i], &y.vars.knobs[i]))
			continue;
		nr++;
		if (first && !*first)
			*first = mgx_strdup(x.vars.knobs[i].name);
	}
	policy_section_close(&x);
	policy_section_close(&y);
	return nr;
}

int compare_policies(const struct policy *running, const struct policy *wanted, char **knob)
{
	int ret;

	*knob = NULL;
	ret = same_programs(running, wanted);
	if (ret <= 0)
		return ret < 0 ? ret : COMPARE_PROGRAMS;
	ret = differences(running, wanted, ".rodata", NULL);
	if (ret)
		return ret < 0 ? ret : COMPARE_PROGRAMS;
	ret = differences(running, wanted, KNOBS_SECTION, knob);
	if (ret < 0)
		return ret;
	return !ret ? COMPARE_SAME : ret == 1 ? COMPARE_ONE_KNOB : COMPARE_KNOBS;
}

int compare_copy_knob(const struct policy *to, const struct policy *from, const char *name)
{
	struct policy_section x, y;
	union knob_value value;
	struct knob *a, *b;
	char *str = NULL;
	int err;

	err = policy_section_open(to, KNOBS_SECTION, &x);
	if (err)
		return err;
	err = policy_section_open(from, KNOBS_SECTION, &y);
	if (err) {
		policy_section_close(&x);
		return err;
	}
	a = knobs_find(&x.vars, name);
	b = knobs_find(&y.vars, name);
	if (a && b) {
		if (a->kind == KNOB_STR)
			value.str = str = mgx_printf("%.*s", (int)b->size,
						     (char *)y.base + b->offset);
		else
			value.uint = knob_load_uint(y.base, b);
		knob_store(x.base, a, &value);
		err = policy_section_flush(&x);
	} else {
		err = -ENOENT;
	}
	free(str);
	policy_section_close(&x);
	policy_section_close(&y);
	return err;
}
