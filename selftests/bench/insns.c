// SPDX-License-Identifier: GPL-2.0
/*
 * insns.so: a plugin of QEMU's TCG that counts instructions by kernel function, to say what
 * a figure of move_cost is made of. perf has no counters in an emulated machine.
 *
 *	-plugin build/bench/insns.so,map=FUNCTIONS,mark=ADDRESS,out=FILE[,modules=on]
 *
 * FUNCTIONS has lines "ADDRESS SIZE NAME", sorted by address, all hexadecimal. Each time
 * the instruction at ADDRESS is executed, the counts so far are appended to FILE, after a
 * line "mark N": lines "COUNT CALLS NAME". The difference between two marks is what was
 * executed between them; calls are executions of a function's first instruction.
 *
 * With modules=on, what is executed in modules, whose addresses nobody knows before they are
 * loaded, is counted by 16 bytes of address, which never belong to two functions: lines
 * "COUNT 0 @ADDRESS", for /proc/kallsyms to tell the functions.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of QEMU's qemu-plugin.h, version 1 of the interface, which Debian does not package. */
typedef uint64_t qemu_plugin_id_t;
typedef struct qemu_info_t qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*tb_trans_cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb);
typedef void (*exec_cb)(unsigned int cpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tb_trans_cb cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb cb,
					    enum qemu_plugin_cb_flags flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *insn,
						enum qemu_plugin_op op, void *to, uint64_t value);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

struct function {
	uint64_t address, size, count, calls;
	char name[256];
};

static struct function *functions;
static size_t nr_functions;
/* BPF programs, modules; and user space. */
static struct function elsewhere = { .name = "(elsewhere in the kernel)" };
static struct function user = { .name = "(user space)" };
static uint64_t mark;
static FILE *out;

#define MODULES_BEGIN	0xffffffffa0000000ULL
#define MODULES_END	0xffffffffff000000ULL
#define PIECES		(1UL << 16)

static bool by_modules;
static struct function *pieces[PIECES];

/* Never freed or moved: translated code counts in it. */
static struct function *piece_at(uint64_t address)
{
	size_t slot = (address >> 4) % PIECES;

	address &= ~15ULL;
	while (pieces[slot] && pieces[slot]->address != address)
		slot = (slot + 1) % PIECES;
	if (!pieces[slot]) {
		pieces[slot] = calloc(1, sizeof(**pieces));
		if (!pieces[slot])
			return &elsewhere;
		pieces[slot]->address = address;
		snprintf(pieces[slot]->name, sizeof(pieces[slot]->name), "@%" PRIx64, address);
	}
	return pieces[slot];
}

static struct function *function_at(uint64_t address)
{
	size_t low = 0, high = nr_functions;

	if (address < 1ULL << 63)
		return &user;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (functions[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low && address - functions[low - 1].address < functions[low - 1].size)
		return &functions[low - 1];
	if (by_modules && address >= MODULES_BEGIN && address < MODULES_END)
		return piece_at(address);
	return &elsewhere;
}

static void write_function(const struct function *function)
{
	if (function->count)
		fprintf(out, "%" PRIu64 " %" PRIu64 " %s\n", function->count, function->calls,
			function->name);
}

static void on_mark(unsigned int cpu, void *data)
{
	static unsigned int nr;
	size_t i;

	(void)cpu;
	(void)data;
	fprintf(out, "mark %u\n", nr++);
	for (i = 0; i < nr_functions; i++)
		write_function(&functions[i]);
	for (i = 0; i < PIECES; i++)
		if (pieces[i])
			write_function(pieces[i]);
	write_function(&elsewhere);
	write_function(&user);
	fflush(out);
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t i, nr = qemu_plugin_tb_n_insns(tb);

	(void)id;
	for (i = 0; i < nr; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t address = qemu_plugin_insn_vaddr(insn);
		struct function *function = function_at(address);

		qemu_plugin_register_vcpu_insn_exec_inline(insn, QEMU_PLUGIN_INLINE_ADD_U64,
							   &function->count, 1);
		if (address == function->address && function->size)
			qemu_plugin_register_vcpu_insn_exec_inline(insn,
								   QEMU_PLUGIN_INLINE_ADD_U64,
								   &function->calls, 1);
		if (address == mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark,
							       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static bool read_functions(const char *path)
{
	struct function function = {};
	FILE *file = fopen(path, "re");

	if (!file)
		return false;
	while (fscanf(file, "%" SCNx64 " %" SCNx64 " %255s", &function.address, &function.size,
		      function.name) == 3) {
		functions = realloc(functions, (nr_functions + 1) * sizeof(*functions));
		if (!functions)
			break;
		functions[nr_functions++] = function;
	}
	fclose(file);
	return nr_functions;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc,
			       char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "map=", 4) && !read_functions(argv[i] + 4))
			fprintf(stderr, "insns: cannot read %s\n", argv[i] + 4);
		else if (!strncmp(argv[i], "mark=", 5))
			mark = strtoull(argv[i] + 5, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "we");
		else if (!strcmp(argv[i], "modules=on"))
			by_modules = true;
	}
	if (!nr_functions || !mark || !out) {
		fprintf(stderr, "insns: needs map=, mark= and out=\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	return 0;
}
