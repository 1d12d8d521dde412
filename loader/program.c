// SPDX-License-Identifier: GPL-2.0
/*
 * The tag of a program is a hash of its instructions without those of the maps: which
 * variable of a section is read, which map, and what a literal says are not in it. The
 * instructions as the kernel has translated them have all that, but for the maps' ids.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "error.h"
#include "program.h"

#define LD_IMM64	(BPF_LD | BPF_IMM | BPF_DW)
#define BPF_CLASS_MASK	0x07

struct program {
	__u8 tag[BPF_TAG_SIZE];
	struct bpf_insn *insns;		/* NULL: not shown */
	size_t nr;
};

static int read_program(__u32 id, struct program *program)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info), size;
	int fd = bpf_prog_get_fd_by_id(id), err;

	memset(program, 0, sizeof(*program));
	if (fd < 0)
		return -errno;
	err = bpf_prog_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	memcpy(program->tag, info.tag, BPF_TAG_SIZE);
	size = info.xlated_prog_len;
	if (!err && size) {
		program->insns = mgx_alloc(size);
		memset(&info, 0, sizeof(info));
		info.xlated_prog_insns = (__u64)(unsigned long)program->insns;
		info.xlated_prog_len = size;
		len = sizeof(info);
		err = bpf_prog_get_info_by_fd(fd, &info, &len) ? -errno : 0;
		program->nr = size / sizeof(*program->insns);
		if (err || !info.xlated_prog_insns) {
			free(program->insns);
			program->insns = NULL;
		}
	}
	close(fd);
	return err;
}

/* libbpf calls the map of a section OBJECT.SECTION, and others as they are called. */
static const char *own_name(const char *name)
{
	const char *section = strchr(name, '.');

	return section ?: name;
}

static bool is_constant(const char *section)
{
	return !strncmp(section, ".rodata", strlen(".rodata")) || !strcmp(section, ".kconfig");
}

static bool same_contents(int one, int other, __u32 size)
{
	char *values[2] = { mgx_alloc(size), mgx_alloc(size) };
	__u32 key = 0;
	bool same;

	same = !bpf_map_lookup_elem(one, &key, values[0]) &&
	       !bpf_map_lookup_elem(other, &key, values[1]) && !memcmp(values[0], values[1], size);
	free(values[0]);
	free(values[1]);
	return same;
}

static bool same_map(__u32 one_id, __u32 other_id)
{
	struct bpf_map_info one = {}, other = {};
	__u32 one_len = sizeof(one), other_len = sizeof(other);
	int fd = bpf_map_get_fd_by_id(one_id), other_fd = bpf_map_get_fd_by_id(other_id);
	bool same = false;

	if (fd >= 0 && other_fd >= 0 && !bpf_map_get_info_by_fd(fd, &one, &one_len) &&
	    !bpf_map_get_info_by_fd(other_fd, &other, &other_len))
		same = one.type == other.type && one.key_size == other.key_size &&
		       one.value_size == other.value_size && one.max_entries == other.max_entries &&
		       one.map_flags == other.map_flags &&
		       !strcmp(own_name(one.name), own_name(other.name));
	/* Constants, and literals: the program's knobs are compared by who asks. */
	if (same && is_constant(own_name(one.name)))
		same = same_contents(fd, other_fd, one.value_size);
	if (fd >= 0)
		close(fd);
	if (other_fd >= 0)
		close(other_fd);
	return same;
}

/* Two words that load 64 bits. */
static bool same_load(const struct bpf_insn *one, const struct bpf_insn *other)
{
	if (one[0].src_reg != other[0].src_reg || one[0].dst_reg != other[0].dst_reg)
		return false;
	if (one[0].src_reg == BPF_PSEUDO_MAP_FD || one[0].src_reg == BPF_PSEUDO_MAP_VALUE)
		return one[1].imm == other[1].imm &&
		       (one[0].imm == other[0].imm || same_map(one[0].imm, other[0].imm));
	/*
	 * What the object says is in the tag, which is the same: what differs the kernel has
	 * put there, an address that this load has got.
	 */
	if (!one[0].src_reg)
		return true;
	return !memcmp(one, other, 2 * sizeof(*one));
}

static bool same_insns(const struct program *one, const struct program *other)
{
	size_t i;

	if (one->nr != other->nr)
		return false;
	for (i = 0; i < one->nr; i++) {
		const struct bpf_insn *a = &one->insns[i], *b = &other->insns[i];

		if (a->code == LD_IMM64 && b->code == LD_IMM64 && i + 1 < one->nr) {
			if (!same_load(a, b))
				return false;
			i++;
		} else if (memcmp(a, b, sizeof(*a))) {
			return false;
		}
	}
	return true;
}

/*
 * With bpf_jit_harden=2 the kernel hides constants behind random numbers, in a register
 * that no object can name, which one depends on the kernel. (The file of that setting is
 * not in all network namespaces.)
 */
static bool is_blinded(const struct program *program)
{
	size_t i;

	for (i = 0; i + 1 < program->nr; i++) {
		const struct bpf_insn *insn = &program->insns[i];

		if (insn[0].dst_reg >= MAX_BPF_REG && insn[1].dst_reg == insn[0].dst_reg &&
		    (insn[0].code & ~BPF_CLASS_MASK) == (BPF_MOV | BPF_K) &&
		    (insn[1].code & ~BPF_CLASS_MASK) == (BPF_XOR | BPF_K))
			return true;
	}
	return false;
}

int program_same(__u32 one_id, __u32 other_id)
{
	struct program one, other = {};
	int err = read_program(one_id, &one), same = 0;

	err = err ?: read_program(other_id, &other);
	if (!err) {
		same = !memcmp(one.tag, other.tag, BPF_TAG_SIZE);
		if (same && one.insns && other.insns && !is_blinded(&one) && !is_blinded(&other))
			same = same_insns(&one, &other);
	}
	free(one.insns);
	free(other.insns);
	return err ?: same;
}
