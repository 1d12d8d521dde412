# SPDX-License-Identifier: GPL-2.0
#
# migrate_ext: the ways in. `make help` lists them. What takes more than a
# compiler call is in scripts/; everything generated goes to build/.

FLAVOUR ?= base
PREFIX ?= /usr/local
CLANG ?= clang-19
# For mgx, which is what is installed. WERROR=0: what another compiler warns of is no error.
CFLAGS ?= -g -O2
WERROR ?= 1
V ?=

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

Q := $(if $(V),,@)
msg = $(if $(V),,@printf '  %-8s %s\n' $(1) $(2))

# ARCH=arm64: the VM and all that runs in it is of another architecture than this machine.
HOST_ARCH := $(patsubst aarch64,arm64,$(shell uname -m))
ARCH ?= $(HOST_ARCH)
$(if $(filter $(ARCH),$(HOST_ARCH) arm64),,$(error ARCH=$(ARCH): only $(HOST_ARCH) and arm64 can be built and run here))
ifeq ($(ARCH),$(HOST_ARCH))
B := build
TARGET_CC := gcc
PKG_CONFIG := pkg-config
else
B := build/$(ARCH)
SYSROOT := $(shell scripts/guest-root --path)
TARGET_CC := aarch64-linux-gnu-gcc --sysroot=$(SYSROOT)
PKG_CONFIG := PKG_CONFIG_SYSROOT_DIR=$(SYSROOT) PKG_CONFIG_LIBDIR=$(SYSROOT)/usr/lib/aarch64-linux-gnu/pkgconfig pkg-config
endif
ARCH_BPF := $(patsubst x86_64,x86,$(ARCH))

.PHONY: help
help: ## this list
	@printf 'migrate_ext: BPF policies for page migration. Targets:\n\n'
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@printf '\nKnobs: FLAVOUR=base|debug|off|vanilla  T=test  ARCH=arm64  KSRC=/a/linux-7.3.y  JOBS=n  V=1\n'
	@printf 'Flags of mgx: CPPFLAGS CFLAGS LDFLAGS  WERROR=0 (warnings are no errors)\n'
	@printf 'ARCH=arm64 (make check, check-full, run, vm, kernel): cross-built, in an emulated Versal board.\n'

.PHONY: deps run check check-full torture mutants vm kernel tools bpf mgx selftests bench bench-core bench-copy dmabench bench-policies series series-check install uninstall deb deb-kernel transcripts clean lint
deps: ## install what a bare Debian lacks, and nothing else
	@scripts/deps

run: deps ## build everything, boot the VM, move live memory under a policy, print the proof
	@$(MAKE) --no-print-directory FLAVOUR=base build-for-vm
	@selftests/vm/run --flavour base --results $(B)/vm/run -- selftests/job/job.sh

check: deps ## all tests in the VM, on the debug kernel (T="name..." runs some)
	@$(MAKE) --no-print-directory FLAVOUR=debug build-for-vm
	@FLAVOUR=debug selftests/vm/check $(T)

check-full: deps ## the tests of check and the long ones; of the kernel's packages after make deb-kernel
	@scripts/deps deb
	@$(if $(filter $(ARCH),$(HOST_ARCH)),scripts/deps debian-root)
	@$(MAKE) --no-print-directory FLAVOUR=debug build-for-vm
	@$(if $(filter $(ARCH),$(HOST_ARCH)),scripts/deb)
	@FLAVOUR=debug selftests/vm/check --full $(T)

torture: deps ## move memory for all reasons while everything writes to it (TIME=seconds SEED=n)
	@$(MAKE) --no-print-directory FLAVOUR=debug build-for-vm
	@FLAVOUR=debug selftests/torture/run --seconds $(or $(TIME),300) $(if $(SEED),--seed $(SEED))

mutants: deps ## take each guard out, one at a time, and see that a test notices (N="2 6" some)
	@$(MAKE) --no-print-directory FLAVOUR=debug build-for-vm
	@selftests/mutants/run $(N)

vm: deps ## a shell in the VM (FLAVOUR=debug for the debug kernel)
	@$(MAKE) --no-print-directory FLAVOUR=$(FLAVOUR) build-for-vm
	@selftests/vm/run --flavour $(FLAVOUR) $(VM)

bench: deps ## instructions per migrated folio: vanilla, and compiled in but off
	@selftests/bench/run

bench-core: deps ## the same by folio, batch and policies, with the goals; text, stack, object code (SAMPLES=n)
	@selftests/bench/core

bench-copy: ## who copies folios how: orders x channels x migrators (QUICK=1 KINDS= RUNS= FRESH=1)
	@scripts/deps bench-copy
	@selftests/bench/bench-copy

dmabench: deps ## prep, submit, issue, wait of a dmaengine provider (PROVIDER=lsi|dmasim QUICK=1 RUNS=)
	@selftests/bench/dmabench $(PROVIDER)

bench-policies: deps ## each policy against the best static choice, in model time (QUICK=1 KINDS= RUNS= FRESH=1)
	@selftests/bench/bench-policies

kernel: deps ## the patched kernel of FLAVOUR, into build/kernel/FLAVOUR
	@scripts/kernel $(FLAVOUR)

tools: deps ## libbpf and bpftool of the same tree, into build/tools
	@scripts/tools

bpf: kernel-and-tools ## the policies, into build/bpf
	@$(MAKE) --no-print-directory objects-bpf

mgx: tools ## the operator's tool, build/mgx
	@$(MAKE) --no-print-directory $(B)/mgx

selftests: kernel-and-tools ## the test programs, into build/selftests
	@$(MAKE) --no-print-directory objects-selftests
	@scripts/test-modules $(FLAVOUR)

series: ## the mailable patch series, into build/series
	@scripts/series

series-check: ## build and check the series patch by patch (long; goes on where it was stopped)
	@scripts/deps series-check
	@scripts/series-check

install: ## mgx, its manual and services, the policies and what authors need under $(DESTDIR)$(PREFIX)
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install

deb: deps ## a Debian package of mgx, policies, headers and services, into build/deb
	@scripts/deps deb-check
	@$(MAKE) --no-print-directory bpf
	@scripts/deb --lintian

deb-kernel: deps ## Debian packages of the patched kernel, into build/deb/kernel (CONFIG=file; long)
	@scripts/deps deb
	@scripts/deb-kernel $(CONFIG)

transcripts: deps ## what each verb of mgx shows, from the VM, into build/transcripts.md
	@$(MAKE) --no-print-directory FLAVOUR=base build-for-vm
	@selftests/vm/run --flavour base --results $(B)/vm/transcripts -- bash -c 'selftests/docs/transcripts >$$VM_RESULTS/page'
	@cp $(B)/vm/transcripts/page $(B)/transcripts.md && echo '  PAGE     $(B)/transcripts.md'

uninstall: ## remove what install has put under $(DESTDIR)$(PREFIX)
	@PREFIX='$(PREFIX)' DESTDIR='$(DESTDIR)' scripts/install --uninstall

lint: ## shellcheck over every script
	@scripts/deps lint
	@scripts/lint

clean: ## remove build/ (the user's cache stays)
	rm -rf $(B)

# --- what the targets above are made of ---

.PHONY: build-for-vm kernel-and-tools objects objects-bpf objects-selftests bench-objects objects-bench
kernel-and-tools:
	@scripts/kernel $(FLAVOUR)
	@scripts/tools
	@scripts/vmlinux-h $(FLAVOUR)

bench-objects: kernel-and-tools
	@$(MAKE) --no-print-directory objects-bench

build-for-vm: kernel-and-tools
	@$(MAKE) --no-print-directory -j$(or $(JOBS),$(shell nproc)) objects
	@scripts/test-modules $(FLAVOUR)

BPF_OBJECTS := $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
# Where mgx looks for them before it is installed.
PRESETS := $(patsubst bpf/presets/%.knobs,$(B)/bpf/%.knobs,$(wildcard bpf/presets/*.knobs))
TEST_BPF_OBJECTS := $(patsubst selftests/bpf/%.bpf.c,$(B)/selftests/%.bpf.o,$(wildcard selftests/bpf/*.bpf.c))
BENCH_BPF_OBJECTS := $(patsubst selftests/bench/%.bpf.c,$(B)/selftests/bench/%.bpf.o,$(wildcard selftests/bench/*.bpf.c))
# All but those that say that they are for another architecture.
TEST_SOURCES := $(shell grep -LE '^ \* arch: ' selftests/*.c) $(shell grep -lE '^ \* arch: $(ARCH)$$' selftests/*.c)
TEST_PROGRAMS := $(patsubst selftests/%.c,$(B)/selftests/%,$(TEST_SOURCES))
TEST_LIB := $(patsubst selftests/lib/%.c,$(B)/selftests/lib/%.o,$(wildcard selftests/lib/*.c))
# The package has its own, with its own flags and its own libbpf: see scripts/deb-objects.
MGX_DIR ?= $(B)
MGX_OBJECTS := $(patsubst loader/%.c,$(MGX_DIR)/loader/%.o,$(wildcard loader/*.c))
LIBBPF := $(B)/tools/lib/libbpf.a

objects: objects-bpf objects-selftests $(if $(MGX_OBJECTS),$(B)/mgx)
objects-bpf: $(BPF_OBJECTS) $(PRESETS)
objects-selftests: $(TEST_PROGRAMS) $(TEST_BPF_OBJECTS) $(if $(filter $(ARCH),$(HOST_ARCH)),$(B)/selftests/tutorial/stamp)
BENCH_PROGRAMS := $(patsubst %,$(B)/selftests/bench/%,move_cost steps faults)
objects-bench: $(BENCH_BPF_OBJECTS) $(BENCH_PROGRAMS) objects-bpf $(B)/mgx

# vmlinux.h declares every kfunc; the headers of policies and tests declare those they use.
ERRORS := $(if $(filter-out 0 n no,$(WERROR)),-Werror)
BPF_FLAGS := -g -O2 -Wall $(ERRORS) -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH_BPF) \
	-ffile-prefix-map=$(CURDIR)=. -DBPF_NO_KFUNC_PROTOTYPES -Iinclude -I$(B)/include -I$(B)/tools/include
C_FLAGS := -std=gnu11 -Wall -Wextra $(ERRORS) -Iinclude -I$(B)/tools/include
HOST_FLAGS := -g -O2 $(C_FLAGS)
PKG := smartcols json-c

# A compiler call that finds nothing newer costs nothing; -MMD names the headers.
define bpf_object
	$(call msg,BPF,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) $(1) -MMD -MP -MF $@.d -c $< -o $@
endef

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(B)/include/vmlinux.h
	$(call bpf_object)

$(B)/bpf/%.knobs: bpf/presets/%.knobs
	$(Q)install -D -m 644 $< $@

$(B)/selftests/%.bpf.o: selftests/bpf/%.bpf.c $(B)/include/vmlinux.h
	$(call bpf_object,-Iselftests/bpf -Ibpf)

# The policy that the tutorial writes, compiled as it says, outside of this tree.
$(B)/selftests/tutorial/stamp: docs/writing-policies.md selftests/docs/precompile scripts/install \
		$(wildcard include/migrate_ext/*.h loader/migrate_ext.pc) $(B)/include/vmlinux.h $(B)/mgx $(BPF_OBJECTS)
	$(call msg,PAGE,$@)
	$(Q)selftests/docs/precompile $(@D)
	$(Q)touch $@

$(B)/selftests/bench/%.bpf.o: selftests/bench/%.bpf.c $(B)/include/vmlinux.h
	$(call bpf_object)

$(MGX_DIR)/loader/%.o: loader/%.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)ccache $(TARGET_CC) $(C_FLAGS) $(MGX_FLAGS) $$($(PKG_CONFIG) --cflags $(PKG)) $(CPPFLAGS) $(CFLAGS) \
		-MMD -MP -c $< -o $@

$(MGX_DIR)/mgx: $(MGX_OBJECTS) $(LIBBPF)
	$(call msg,LD,$@)
	$(Q)$(TARGET_CC) $(CFLAGS) $(LDFLAGS) -o $@ $(MGX_OBJECTS) $(LIBBPF) $$($(PKG_CONFIG) --libs $(PKG)) -lelf -lz -lm

$(B)/selftests/lib/%.o: selftests/lib/%.c
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)ccache $(TARGET_CC) $(HOST_FLAGS) -Iselftests/lib -MMD -MP -c $< -o $@

$(B)/selftests/%: selftests/%.c $(TEST_LIB) $(LIBBPF)
	$(call msg,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(TARGET_CC) $(HOST_FLAGS) -Iselftests/lib -Ibuild/linux/tools/testing/selftests -MMD -MP -MF $@.d \
		-o $@ $< $(TEST_LIB) $(LIBBPF) -lelf -lz -lnuma -lpthread

$(B)/include/vmlinux.h $(LIBBPF):
	@echo 'make: $@ is missing; run make tools bpf' >&2; exit 1

-include $(wildcard $(B)/bpf/*.d $(MGX_DIR)/loader/*.d $(B)/selftests/*.d $(B)/selftests/lib/*.d)
-include loader/Makefile.mgx
-include selftests/job/Makefile.job
-include selftests/torture/Makefile.torture
