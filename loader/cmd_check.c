// SPDX-License-Identifier: GPL-2.0
/*
 * mgx check: everything that load does, up to the point where the policy would
 * decide. What the verifier refuses is told the way an author reads it: by the
 * lines of the source that lead there.
 */
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpffs.h"
#include "bpflog.h"
#include "cgroup.h"
#include "cgroup_knobs.h"
#include "error.h"
#include "object.h"
#include "options.h"
#include "out.h"
#include "prepare.h"
#include "sysfs.h"

/* So much of the way there is worth reading; the beginning is left out. */
#define MAX_STEPS	40

struct steps {
	size_t nr;
	struct {
		char *where;
		char *text;
	} last[MAX_STEPS];
};

static void keep_step(const char *where, const char *text, void *arg)
{
	struct steps *steps = arg;
	size_t i = steps->nr++ % MAX_STEPS;

	free(steps->last[i].where);
	free(steps->last[i].text);
	steps->last[i].where = where ? mgx_strdup(where) : NULL;
	steps->last[i].text = mgx_strdup(text);
}

static void show_refusal(struct mgx *mgx, const struct bpflog_refusal *refusal)
{
	static const struct out_column columns[] = {
		{ "source", "SOURCE" },
		{ "text", "WHAT HAPPENED ON THE WAY" },
	};
	struct steps steps = {};
	char *title;
	size_t i;

	if (!refusal->log)
		return;
	bpflog_steps(refusal->log, keep_step, &steps);
	title = mgx_printf("The verifier's way through %s%s", refusal->program,
			   steps.nr > MAX_STEPS ? ", its end" : "");
	out_table(mgx->out, "verifier", title, NULL, columns, MGX_ARRAY_SIZE(columns));
	for (i = steps.nr > MAX_STEPS ? steps.nr - MAX_STEPS : 0; i < steps.nr; i++) {
		out_str(mgx->out, steps.last[i % MAX_STEPS].where);
		out_str(mgx->out, steps.last[i % MAX_STEPS].text);
		out_row(mgx->out);
	}
	out_end(mgx->out);
	for (i = 0; i < MAX_STEPS; i++) {
		free(steps.last[i].where);
		free(steps.last[i].text);
	}
	free(title);
}

/* What the load would meet where the policy is to go. */
static void show_place(struct mgx *mgx, const struct object *object, const char *name)
{
	static const struct out_column columns[] = {
		{ "name", "name" },
		{ "object", "object" },
		{ "cgroup_id", NULL },
		{ "cgroup_path", "cgroup" },
		{ "verdict", "verdict" },
		{ "cgroup_has", "the cgroup has already" },
		{ "name_taken", "the name is taken" },
	};
	__u64 cgroup_id = object_cgroup(object) ?: CGROUP_ROOT_ID;
	char *path = cgroup_path(cgroup_id), *pin = bpffs_pin_path(name);
	char *other = sysfs_read("policies/%llu/name", (unsigned long long)cgroup_id);

	out_record(mgx->out, "check", NULL, columns, MGX_ARRAY_SIZE(columns));
	out_str(mgx->out, name);
	out_str(mgx->out, bpf_map__name(object->ops));
	out_uint(mgx->out, cgroup_id);
	out_str(mgx->out, path);
	out_str(mgx->out, "the kernel takes it");
	out_str(mgx->out, other);
	out_bool(mgx->out, pin && !access(pin, F_OK));
	out_row(mgx->out);
	out_end(mgx->out);
	free(other);
	free(pin);
	free(path);
}

static void show_programs(struct mgx *mgx, const struct object *object)
{
	static const struct out_column columns[] = {
		{ "program", "PROGRAM" },
		{ "sleepable", "SLEEPABLE" },
		{ "verified_insns", "INSTRUCTIONS VERIFIED" },
		{ "xlated_bytes", "SIZE", OUT_BYTES },
		{ "jited_bytes", "MACHINE CODE", OUT_BYTES },
	};
	struct bpf_program *prog;

	out_table(mgx->out, "programs", NULL, "it has no callbacks", columns,
		  MGX_ARRAY_SIZE(columns));
	bpf_object__for_each_program(prog, object->bpf) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) < 0 ||
		    bpf_prog_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			continue;
		out_str(mgx->out, bpf_program__name(prog));
		out_bool(mgx->out, bpf_program__flags(prog) & BPF_F_SLEEPABLE);
		out_uint(mgx->out, info.verified_insns);
		out_uint(mgx->out, info.xlated_prog_len);
		out_uint(mgx->out, info.jited_prog_len);
		out_row(mgx->out);
	}
	out_end(mgx->out);
}

/* @base: NULL of one that each cgroup has of its own: nobody has it yet. */
static void out_knob(struct mgx *mgx, const struct knob *knob, const void *base)
{
	char *name = base ? mgx_strdup(knob->name) : mgx_printf("%s:CGROUP", knob->name);

	out_str(mgx->out, name);
	if (base)
		knob_out_value(mgx, base, knob);
	else
		out_none(mgx->out);
	out_str(mgx->out, knob->unit);
	knob_out_limit(mgx, knob, false);
	knob_out_limit(mgx, knob, true);
	out_str(mgx->out, knob->type);
	out_str(mgx->out, knob->help);
	out_row(mgx->out);
	free(name);
}

static void show_knobs(struct mgx *mgx, const struct object *object)
{
	static const struct out_column columns[] = {
		{ "knob", "KNOB" },
		{ "value", "VALUE" },
		{ "unit", "UNIT" },
		{ "min", "MIN" },
		{ "max", "MAX" },
		{ "type", "TYPE" },
		{ "help", "HELP" },
	};
	struct cgroup_knobs of_cgroups;
	struct knobs knobs;
	const void *base;
	size_t i;

	base = object_knobs(object, &knobs);
	out_table(mgx->out, "knobs", NULL, "it has no knobs", columns, MGX_ARRAY_SIZE(columns));
	for (i = 0; base && i < knobs.nr; i++)
		out_knob(mgx, &knobs.knobs[i], base);
	knobs_free(&knobs);
	if (!cgroup_knobs_of_object(object, &of_cgroups))
		for (i = 0; i < of_cgroups.nr; i++)
			out_knob(mgx, &of_cgroups.knobs[i].knob, NULL);
	cgroup_knobs_close(&of_cgroups);
	out_end(mgx->out);
}

int cmd_check(struct mgx *mgx, int argc, char **argv)
{
	static const char what[] = "the policy is not fit to be loaded";
	struct load_options options = { .wants_object = true };
	struct object object = {};
	char *name = NULL;
	int ret;

	ret = options_parse(mgx, argc, argv, load_option_table, take_load_option, &options);
	if (ret)
		return ret;
	if (!options.object)
		return mgx_fail(mgx, MGX_USAGE, "see `mgx check --help`",
				"check: no object file is given");

	ret = prepare_object(mgx, what, &options, &object, &name);
	if (!ret) {
		object.refused = show_refusal;
		ret = object_load(mgx, what, &object);
	}
	if (!ret) {
		show_place(mgx, &object, name);
		show_programs(mgx, &object);
		show_knobs(mgx, &object);
	}
	free(name);
	object_close(&object);
	return ret;
}
