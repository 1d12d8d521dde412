// SPDX-License-Identifier: GPL-2.0
/* Knobs: from BTF to a name, a type, a range, and back to bytes. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "error.h"
#include "knobs.h"
#include "out.h"
#include "reasons.h"
#include "sysfs.h"

static const struct btf_type *skip_mods(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(btf, type->type);
	return type;
}

/* As the author wrote it, if the typedef is one of the usual. */
static const char *type_name(const struct btf *btf, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(btf, id);

	while (type && btf_is_mod(type))
		type = btf__type_by_id(btf, type->type);
	return type ? btf__name_by_offset(btf, type->name_off) : "?";
}

static void parse_type(struct knob *knob, const struct btf *btf, __u32 id)
{
	const struct btf_type *type = skip_mods(btf, id), *element;

	knob->kind = KNOB_OPAQUE;
	if (type && btf_is_int(type)) {
		__u8 encoding = btf_int_encoding(type);

		knob->kind = encoding & BTF_INT_BOOL ? KNOB_BOOL :
			     encoding & BTF_INT_SIGNED ? KNOB_INT : KNOB_UINT;
		knob->type = mgx_strdup(type_name(btf, id));
		if (knob->size > 8 || knob->size & (knob->size - 1) ||
		    knob->offset & (knob->size - 1))
			knob->kind = KNOB_OPAQUE;
		return;
	}
	if (type && btf_is_array(type)) {
		element = skip_mods(btf, btf_array(type)->type);
		if (element && btf_is_int(element) && element->size == 1) {
			knob->kind = KNOB_STR;
			knob->type = mgx_printf("char[%u]", btf_array(type)->nelems);
			return;
		}
	}
	knob->type = mgx_strdup("?");
}

static bool parse_limit(const struct knob *knob, const char *str, __s64 *limit)
{
	char *end;

	errno = 0;
	if (knob->kind == KNOB_INT)
		*limit = strtoll(str, &end, 0);
	else
		*limit = strtoull(str, &end, 0);
	/* A suffix as in C (1048576ULL) may stand behind it, nothing else. */
	end += strspn(end, "uUlL");
	return !errno && !*end && end != str;
}

static void parse_tag(struct knob *knob, const char *tag)
{
	const char *value;

	if (strncmp(tag, "knob:", 5) && strncmp(tag, "counter:", 8))
		return;
	tag = strchr(tag, ':') + 1;
	value = strchr(tag, '=');
	if (!value++)
		return;

	if (!strncmp(tag, "unit=", 5) && !knob->unit && *value)
		knob->unit = mgx_strdup(value);
	else if (!strncmp(tag, "help=", 5) && !knob->help)
		knob->help = mgx_strdup(value);
	else if (!strncmp(tag, "min=", 4))
		knob->has_min = parse_limit(knob, value, &knob->min);
	else if (!strncmp(tag, "max=", 4))
		knob->has_max = parse_limit(knob, value, &knob->max);
}

void knobs_parse(struct knobs *knobs, const struct btf *btf, const char *section)
{
	const struct btf_var_secinfo *info;
	const struct btf_type *datasec;
	__u32 *vars, id, i;
	int sec_id;

	memset(knobs, 0, sizeof(*knobs));
	sec_id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	if (sec_id < 0)
		return;

	datasec = btf__type_by_id(btf, sec_id);
	info = btf_var_secinfos(datasec);
	knobs->nr = btf_vlen(datasec);
	knobs->knobs = mgx_alloc(knobs->nr * sizeof(*knobs->knobs));
	vars = mgx_alloc(knobs->nr * sizeof(*vars));
	for (i = 0; i < knobs->nr; i++) {
		const struct btf_type *var = btf__type_by_id(btf, info[i].type);
		struct knob *knob = &knobs->knobs[i];

		vars[i] = info[i].type;
		knob->name = mgx_strdup(btf__name_by_offset(btf, var->name_off));
		knob->offset = info[i].offset;
		knob->size = info[i].size;
		parse_type(knob, btf, var->type);
	}

	for (id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (!btf_is_decl_tag(type) || btf_decl_tag(type)->component_idx != -1)
			continue;
		for (i = 0; i < knobs->nr; i++)
			if (vars[i] == type->type)
				parse_tag(&knobs->knobs[i],
					  btf__name_by_offset(btf, type->name_off));
	}
	free(vars);
}

void knobs_free(struct knobs *knobs)
{
	size_t i;

	for (i = 0; i < knobs->nr; i++) {
		free(knobs->knobs[i].name);
		free(knobs->knobs[i].type);
		free(knobs->knobs[i].unit);
		free(knobs->knobs[i].help);
	}
	free(knobs->knobs);
	memset(knobs, 0, sizeof(*knobs));
}

struct knob *knobs_find(const struct knobs *knobs, const char *name)
{
	size_t i;

	for (i = 0; i < knobs->nr; i++)
		if (!strcmp(knobs->knobs[i].name, name))
			return &knobs->knobs[i];
	return NULL;
}

static bool has_unit(const struct knob *knob, const char *unit)
{
	return knob->unit && !strcmp(knob->unit, unit);
}

/* The factor of a suffix of that unit; 0 when there is no such suffix. */
static __u64 suffix_factor(const struct knob *knob, const char *suffix)
{
	static const struct {
		const char *unit;
		const char *suffix;
		__u64 factor;
	} suffixes[] = {
		{ "bytes", "K", 1ULL << 10 }, { "bytes", "KiB", 1ULL << 10 },
		{ "bytes", "M", 1ULL << 20 }, { "bytes", "MiB", 1ULL << 20 },
		{ "bytes", "G", 1ULL << 30 }, { "bytes", "GiB", 1ULL << 30 },
		{ "ns", "us", 1000 }, { "ns", "ms", 1000000 },
		{ "ns", "s", 1000000000 }, { "ns", "ns", 1 },
		{ "bytes", "B", 1 },
	};
	size_t i;

	if (!*suffix)
		return 1;
	for (i = 0; i < MGX_ARRAY_SIZE(suffixes); i++)
		if (has_unit(knob, suffixes[i].unit) &&
		    !strcasecmp(suffix, suffixes[i].suffix))
			return suffixes[i].factor;
	return 0;
}

static bool parse_bool(const char *str, __u64 *value)
{
	static const char * const words[][2] = {
		{ "0", "1" }, { "false", "true" }, { "off", "on" }, { "no", "yes" },
	};
	size_t i, b;

	for (i = 0; i < MGX_ARRAY_SIZE(words); i++)
		for (b = 0; b < 2; b++)
			if (!strcasecmp(str, words[i][b])) {
				*value = b;
				return true;
			}
	return false;
}

static bool parse_uint(const struct knob *knob, const char *str, __u64 *value)
{
	__u64 factor;
	char *end;

	/* strtoull() takes a minus sign and wraps. */
	if (!isdigit((unsigned char)*str))
		return false;
	errno = 0;
	*value = strtoull(str, &end, 0);
	factor = suffix_factor(knob, end);
	if (errno || !factor || __builtin_mul_overflow(*value, factor, value))
		return false;
	return knob->size == 8 || *value < 1ULL << knob->size * 8;
}

static bool parse_sint(const struct knob *knob, const char *str, __s64 *value)
{
	__s64 limit = knob->size == 8 ? INT64_MAX :
				       (__s64)(1ULL << (knob->size * 8 - 1)) - 1;
	__u64 factor;
	char *end;

	errno = 0;
	*value = strtoll(str, &end, 0);
	if (errno || end == str)
		return false;
	factor = suffix_factor(knob, end);
	if (!factor || __builtin_mul_overflow(*value, (__s64)factor, value))
		return false;
	return *value <= limit && *value >= -limit - 1;
}

static bool parse_str(const struct knob *knob, const char *str)
{
	const char *c;

	for (c = str; *c; c++)
		if (!isprint((unsigned char)*c))
			return false;
	return strlen(str) < knob->size;
}

static bool in_range(const struct knob *knob, const union knob_value *value)
{
	switch (knob->kind) {
	case KNOB_UINT:
		return !(knob->has_min && value->uint < (__u64)knob->min) &&
		       !(knob->has_max && value->uint > (__u64)knob->max);
	case KNOB_INT:
		return !(knob->has_min && value->sint < knob->min) &&
		       !(knob->has_max && value->sint > knob->max);
	default:
		return true;
	}
}

int knob_parse_value(struct mgx *mgx, const char *what, const char *owner,
		     const struct knob *knob, const char *str,
		     union knob_value *value)
{
	char *min, *max, *range;
	bool ok = false;
	int ret;

	switch (knob->kind) {
	case KNOB_UINT:
		ok = has_unit(knob, "reasons") ? reasons_parse(mgx, str, &value->uint) :
						 parse_uint(knob, str, &value->uint);
		break;
	case KNOB_INT:
		ok = parse_sint(knob, str, &value->sint);
		break;
	case KNOB_BOOL:
		ok = parse_bool(str, &value->uint);
		break;
	case KNOB_STR:
		ok = parse_str(knob, str);
		value->str = str;
		break;
	case KNOB_OPAQUE:
		return mgx_fail(mgx, MGX_BAD_VALUE,
				"use `bpftool map update` on the policy's map",
				"%s: knob %s of %s: mgx cannot write a %s",
				what, knob->name, owner, knob->type);
	}
	if (ok && in_range(knob, value))
		return 0;

	/* Both ends, in the unit's terms, so that the next try is right. */
	min = knob_format_limit(knob, false, false);
	max = knob_format_limit(knob, true, false);
	if (knob->kind == KNOB_STR)
		range = mgx_printf("give at most %u printable characters", knob->size - 1);
	else if (knob->kind == KNOB_BOOL)
		range = mgx_strdup("give 0 or 1");
	else if (has_unit(knob, "reasons"))
		range = mgx_strdup("give names as in " SYSFS_DIR "/books, with commas, or all, none, a number");
	else
		range = mgx_printf("give %s to %s%s%s%s", min ?: "its type's smallest",
				   max ?: "its type's largest", knob->unit ? " (" : "", knob->unit ?: "",
				   knob->unit ? ")" : "");
	ret = mgx_fail(mgx, MGX_BAD_VALUE, range, "%s: knob %s of %s: %s is %s",
		       what, knob->name, owner, *str ? str : "nothing",
		       ok ? "out of range" : "no value for it");
	free(range);
	free(max);
	free(min);
	return ret;
}

void knob_store(void *base, const struct knob *knob, const union knob_value *value)
{
	char *place = (char *)base + knob->offset;
	size_t i, len;

	switch (knob->kind) {
	case KNOB_STR:
		len = strlen(value->str);
		__atomic_store_n(place, 0, __ATOMIC_SEQ_CST);
		for (i = 1; i < knob->size; i++)
			__atomic_store_n(place + i, i < len ? value->str[i] : 0,
					 __ATOMIC_RELAXED);
		__atomic_store_n(place, value->str[0], __ATOMIC_RELEASE);
		return;
	case KNOB_OPAQUE:
		return;
	default:
		break;
	}

	switch (knob->size) {
	case 1:
		__atomic_store_n((__u8 *)place, value->uint, __ATOMIC_RELAXED);
		break;
	case 2:
		__atomic_store_n((__u16 *)place, value->uint, __ATOMIC_RELAXED);
		break;
	case 4:
		__atomic_store_n((__u32 *)place, value->uint, __ATOMIC_RELAXED);
		break;
	case 8:
		__atomic_store_n((__u64 *)place, value->uint, __ATOMIC_RELAXED);
		break;
	}
}

__u64 knob_load_uint(const void *base, const struct knob *knob)
{
	const char *place = (const char *)base + knob->offset;

	switch (knob->size) {
	case 1:
		return __atomic_load_n((const __u8 *)place, __ATOMIC_RELAXED);
	case 2:
		return __atomic_load_n((const __u16 *)place, __ATOMIC_RELAXED);
	case 4:
		return __atomic_load_n((const __u32 *)place, __ATOMIC_RELAXED);
	case 8:
		return __atomic_load_n((const __u64 *)place, __ATOMIC_RELAXED);
	}
	return 0;
}

static __s64 load_sint(const void *base, const struct knob *knob)
{
	unsigned int shift = 64 - knob->size * 8;

	return (__s64)(knob_load_uint(base, knob) << shift) >> shift;
}

/* Whole KiB, MiB and GiB as such: what knob_parse_value() takes. */
static char *format_uint(const struct knob *knob, __u64 value, bool raw)
{
	static const char suffixes[] = "KMG";
	int i = -1;

	if (has_unit(knob, "bytes") && !raw)
		while (value && !(value & 1023) && i < 2) {
			value >>= 10;
			i++;
		}
	if (i < 0)
		return mgx_printf("%" PRIu64, (uint64_t)value);
	return mgx_printf("%" PRIu64 "%c", (uint64_t)value, suffixes[i]);
}

char *knob_format(struct mgx *mgx, const void *base, const struct knob *knob,
		  bool raw)
{
	__u64 value;
	char *names;

	switch (knob->kind) {
	case KNOB_UINT:
		value = knob_load_uint(base, knob);
		if (has_unit(knob, "reasons") && !raw) {
			names = reasons_format(mgx, value);
			return names ?: mgx_printf("%#" PRIx64, (uint64_t)value);
		}
		return format_uint(knob, value, raw);
	case KNOB_INT:
		return mgx_printf("%" PRId64, (int64_t)load_sint(base, knob));
	case KNOB_BOOL:
		return mgx_strdup(knob_load_uint(base, knob) ? "1" : "0");
	case KNOB_STR:
		return mgx_printf("%.*s", (int)knob->size,
				  (const char *)base + knob->offset);
	case KNOB_OPAQUE:
		break;
	}
	return mgx_strdup("?");
}

char *knob_format_limit(const struct knob *knob, bool max, bool raw)
{
	if (!(max ? knob->has_max : knob->has_min))
		return NULL;
	if (knob->kind == KNOB_INT)
		return mgx_printf("%" PRId64, (int64_t)(max ? knob->max : knob->min));
	return format_uint(knob, max ? knob->max : knob->min, raw);
}

/* JSON gets numbers as numbers, people get them in units. */
void knob_out_value(struct mgx *mgx, const void *base, const struct knob *knob)
{
	char *text;

	if (mgx->json && knob->kind == KNOB_UINT) {
		out_uint(mgx->out, knob_load_uint(base, knob));
	} else if (mgx->json && knob->kind == KNOB_INT) {
		out_int(mgx->out, load_sint(base, knob));
	} else if (mgx->json && knob->kind == KNOB_BOOL) {
		out_bool(mgx->out, knob_load_uint(base, knob));
	} else {
		text = knob_format(mgx, base, knob, mgx->raw);
		out_str(mgx->out, text);
		free(text);
	}
}

void knob_out_limit(struct mgx *mgx, const struct knob *knob, bool max)
{
	char *text;

	if (!(max ? knob->has_max : knob->has_min)) {
		out_none(mgx->out);
	} else if (mgx->json && knob->kind == KNOB_INT) {
		out_int(mgx->out, max ? knob->max : knob->min);
	} else if (mgx->json) {
		out_uint(mgx->out, max ? knob->max : knob->min);
	} else {
		text = knob_format_limit(knob, max, mgx->raw);
		out_str(mgx->out, text);
		free(text);
	}
}
