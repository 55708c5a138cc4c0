# SPDX-License-Identifier: Apache-2.0
# keelwatch: `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# bpftool and the container daemons live where an ordinary user's PATH does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin

# The outermost make uses every processor unless it is told otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += --no-print-directory
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
endif
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),@:,@printf '  %-7s %s\n' $(1) $(2))

# Architectures by their names in the kernel's BPF headers.
ARCHES := x86 arm64
NATIVE := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))
CROSS_x86   := x86_64-linux-gnu-
CROSS_arm64 := aarch64-linux-gnu-

ARCH    ?= $(NATIVE)
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error no such architecture: $(ARCH) ($(ARCHES)))
endif
CROSS   := $(filter-out $(NATIVE),$(ARCH))
ifeq ($(origin CC),default)
CC      := $(if $(CROSS),$(CROSS_$(ARCH)))gcc
endif
CLANG   ?= clang
STRIP   ?= llvm-strip
BPFTOOL ?= bpftool
KERNEL  ?= 6.1
LAYOUT  ?= v2
WAY     ?=
PREFIX  ?= /usr/local
MANDIR  ?= $(PREFIX)/share/man
FORMAT  ?= $(firstword $(shell command -v clang-format-14 clang-format))

BUILD := build$(addprefix /,$(CROSS))
GEN   := $(BUILD)/gen

BPF_SRC  := $(sort $(wildcard bpf/*.bpf.c))
BPF_OBJ  := $(BPF_SRC:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
SKEL     := $(GEN)/keelwatch.skel.h
# The form of records and maps as one number: see user/probe/pins.h.
LAYOUT_H := $(GEN)/layout.h
FORM_OF  := bpf/event.h bpf/control.h bpf/lib/maps.bpf.h
PROTOS   := event otlp containerd
PROTO_H  := $(PROTOS:%=$(GEN)/%.pb-c.h)
USER_SRC := $(sort $(shell find user -name '*.c'))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
HELPER   := $(BUILD)/e2e/helper
PROGRAMS := $(BUILD)/vm/programs
FILL     := $(BUILD)/ship/fill
CONFINED := $(BUILD)/ship/confined
OTHER    := $(BUILD)/ship/keelwatch
SAMPLES  := $(BUILD)/ship/samples

# name.o of every source, and of the generated protobuf code (default: the monitor's), under an object directory
objects = $(patsubst %.c,$(1)/%.o,$(2)) $(patsubst %,$(1)/gen/%.pb-c.o,$(or $(3),event containerd))

# Two programs: the monitor is static and has no network library in it; the shipper, which has a
# network and no privileges, takes TLS, HTTP and Kafka from the system's own libraries.
SHIP_SRC := $(filter user/ship/%,$(USER_SRC)) \
	    $(filter $(patsubst %,user/%/%,base message config output),$(USER_SRC)) user/feed/link.c
MAIN_SRC := $(filter-out user/ship/%,$(USER_SRC))
FILL_SRC := $(filter $(patsubst %,user/%/%,base message store),$(USER_SRC)) tests/ship/fill.c
USER_OBJ := $(call objects,$(BUILD)/obj,$(MAIN_SRC))
SHIP_OBJ := $(call objects,$(BUILD)/obj,$(SHIP_SRC),$(PROTOS))
CONF_SRC := $(filter user/base/%,$(USER_SRC)) user/ship/sandbox.c user/ship/syscalls.c user/cli/monitor_rights.c tests/ship/confined.c
CONF_OBJ := $(patsubst %.c,$(BUILD)/obj/%.o,$(CONF_SRC))
FILL_OBJ := $(call objects,$(BUILD)/obj,$(FILL_SRC))
SAMPLES_OBJ := $(call objects,$(BUILD)/obj,tests/ship/samples.c tests/unit/sample.c \
	    $(filter-out user/ship/main.c,$(SHIP_SRC)) $(filter user/store/%,$(USER_SRC)),$(PROTOS))
UNIT_OBJ := $(call objects,$(BUILD)/obj-unit,$(filter-out user/main.c user/ship/main.c,$(USER_SRC)) $(UNIT_SRC),$(PROTOS))

# -fdebug-prefix-map: the lines that the verifier quotes name their file, but not where it was compiled.
BPF_FLAGS  := -O2 -g -fdebug-prefix-map=$(CURDIR)=. -target bpf -D__TARGET_ARCH_$(ARCH) -Ivmlinux/$(ARCH) \
	      -Ibpf -Wall -Werror
INCLUDES   := -D_GNU_SOURCE -I. -Iuser -Ibpf -I$(GEN)
USER_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror $(INCLUDES) $(EXTRA_CFLAGS)
UNIT_FLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror $(INCLUDES) -Itests/unit \
	      -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer $(EXTRA_CFLAGS)
LIBS       := -lbpf -lelf -lz -ljansson -lprotobuf-c -lcap -lseccomp -lsqlite3 -lfyaml -lmd -lm
SHIP_LIBS  := -lcurl -ljansson -lrdkafka -lssl -lcrypto -lz -lfyaml -lprotobuf-c -lseccomp -lcap
DEPS        = -MMD -MP -MF $(@:.o=.d)

# What runs here what it has built.
HERE := run demo test unit replay-test schema man cli image-test e2e ship test-flood test-receivers test-kubernetes test-metrics bench bench-ship deb tarball test-deb
ifneq ($(and $(CROSS),$(filter $(HERE),$(MAKECMDGOALS))),)
$(error $(filter $(HERE),$(MAKECMDGOALS)): only for this machine's own architecture, not for $(ARCH) (`make vm` boots it))
endif

.PHONY: all image image-test test-kubernetes manifests help cross-tools vm runtimes matrix environments instructions instructions-check cost run demo test unit replay-test schema man cli e2e ship test-flood test-receivers test-metrics layers bench bench-ship format format-check install deb tarball test-deb clean

## all: build/keelwatch and its shipper (the default); with ARCH=arm64 elsewhere in build/arm64
all: $(BUILD)/keelwatch $(BUILD)/keelwatch-shipper
	@echo "build: $< is ready"

## image: build/image.tar, a container image from nothing but what is built here (no daemon, no network)
image: all
	@CC='$(CC)' scripts/image $(BUILD)

help:
	@sed -n 's/^## \([a-z0-9-]*\): /  make \1\t/p' Makefile | expand -t 22
	@echo '  variables: V=1 (show commands), ARCH=x86|arm64 (this machine: $(NATIVE)), PREFIX, DESTDIR, CC, CLANG, EXTRA_CFLAGS'

# --- the kernel half ---

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) $(DEPS) -c $< -o $@

# The domains become one object: the kernel's types are looked up once, not once for each.
$(BUILD)/bpf/keelwatch.o: $(BPF_OBJ)
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^
	$(Q)$(STRIP) -g $@

$(SKEL): $(BUILD)/bpf/keelwatch.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name keelwatch_bpf > $@

$(LAYOUT_H): $(FORM_OF) Makefile
	$(call say,LAYOUT,$@)
	$(Q)mkdir -p $(@D)
	$(Q)printf '#ifndef LAYOUT_ID\n#define LAYOUT_ID "%s"\n#endif\n' "$$(cat $(FORM_OF) | sha256sum | cut -c 1-16)" > $@

# --- the userspace half ---

# Another architecture's compiler and libraries: said at once where they are missing.
cross-tools:
	@command -v $(firstword $(CC)) >/dev/null || \
		{ echo '$(firstword $(CC)) is missing: scripts/bootstrap $(CROSS)' >&2; exit 1; }; \
	for library in $(patsubst -l%,lib%.a,$(LIBS)) $(patsubst -l%,lib%.so,$(SHIP_LIBS)); do \
		[[ -e $$($(CC) -print-file-name=$$library) ]] || \
			{ echo "$$library is missing for $(ARCH): scripts/bootstrap $(CROSS)" >&2; exit 1; }; \
	done

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h &: proto/%.proto
	$(call say,PROTO,$<)
	$(Q)mkdir -p $(GEN)
	$(Q)protoc-c -Iproto --c_out=$(GEN) $<

# Generated headers come before the first object; afterwards the .d files know who needs which.
$(USER_OBJ) $(SHIP_OBJ) $(SAMPLES_OBJ) $(FILL_OBJ) $(CONF_OBJ) $(UNIT_OBJ): Makefile | $(SKEL) $(LAYOUT_H) $(PROTO_H)
$(USER_OBJ) $(SHIP_OBJ) $(HELPER): | $(if $(CROSS),cross-tools)

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) $(DEPS) -c $< -o $@

$(BUILD)/obj/gen/%.o: $(GEN)/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) $(DEPS) -c $< -o $@

# SQLite could load extensions by dlopen(3), which we never ask of it: the linker's word on that is noise.
$(BUILD)/keelwatch: $(USER_OBJ) $(BUILD)/user.list
	$(call say,LINK,$@)
	$(Q)$(CC) -static $(EXTRA_LDFLAGS) $(USER_OBJ) $(LIBS) -o $@ 2>$(BUILD)/link.said || \
		{ cat $(BUILD)/link.said >&2; exit 1; }; sed '/unixDlOpen/d; /Using .dlopen/d' $(BUILD)/link.said >&2

$(BUILD)/keelwatch-shipper: $(SHIP_OBJ) $(BUILD)/ship.list
	$(call say,LINK,$@)
	$(Q)$(CC) -pie -Wl,-z,relro,-z,now $(EXTRA_LDFLAGS) $(SHIP_OBJ) $(SHIP_LIBS) -o $@

# What a binary is made of: newer than the binary when a source was added or taken away.
$(BUILD)/user.list: LIST = $(USER_OBJ)
$(BUILD)/ship.list: LIST = $(SHIP_OBJ)
$(BUILD)/unit.list: LIST = $(UNIT_OBJ)
$(BUILD)/%.list: FORCE
	@mkdir -p $(@D); echo '$(LIST)' | cmp -s - $@ || echo '$(LIST)' > $@
FORCE:

# --- tests ---

$(BUILD)/obj-unit/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_FLAGS) $(DEPS) -c $< -o $@

$(BUILD)/obj-unit/gen/%.o: $(GEN)/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(UNIT_FLAGS) $(DEPS) -c $< -o $@

$(BUILD)/unit-tests: $(UNIT_OBJ) $(BUILD)/unit.list
	$(call say,LINK,$@)
	$(Q)$(CC) -fsanitize=address,undefined $(UNIT_OBJ) $(LIBS) $(SHIP_LIBS) -lcriterion -o $@

$(HELPER): tests/e2e/helper.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -static $< -o $@

$(BUILD)/flood/flood: tests/flood/flood.c Makefile
$(BUILD)/flood/arrivals: tests/bench/arrivals.c Makefile
$(BUILD)/flood/%:
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -static $< -o $@

$(PROGRAMS): tests/vm/programs.c $(SKEL) Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -I$(GEN) -static $< -lbpf -lelf -lz -o $@

# Findings for a store, for the tests of what ships them.
$(FILL): $(FILL_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $^ -lprotobuf-c -lsqlite3 -lmd -lcap -o $@

# The monitor as one of a version with another form of records and maps.
$(BUILD)/obj-other/user/probe/pins.o: user/probe/pins.c Makefile | $(LAYOUT_H)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(USER_FLAGS) -DLAYOUT_ID='"other"' $(DEPS) -c $< -o $@

$(OTHER): $(BUILD)/obj-other/user/probe/pins.o $(BUILD)/keelwatch
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -static $(EXTRA_LDFLAGS) $(filter-out %/user/probe/pins.o,$(USER_OBJ)) $< $(LIBS) -o $@ 2>/dev/null

# The shipper's sandbox, and one thing that is tried in it.
$(CONFINED): $(CONF_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $^ -lseccomp -lcap -o $@

$(SAMPLES): $(SAMPLES_OBJ)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(EXTRA_LDFLAGS) $(SAMPLES_OBJ) $(SHIP_LIBS) -lsqlite3 -lmd -o $@

## unit: tests that need no root, under the address and undefined-behaviour sanitizers
unit: $(BUILD)/unit-tests
	@rm -f $(BUILD)/unit.tap $(BUILD)/unit.sanitizer.*; status=0; \
	ASAN_OPTIONS=log_path=$(BUILD)/unit.sanitizer \
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$(BUILD)/unit.sanitizer \
	$(BUILD)/unit-tests --tap=$(BUILD)/unit.tap || status=$$?; \
	passed=$$(grep -c '^ok' $(BUILD)/unit.tap || true); \
	failed=$$(grep -c '^not ok' $(BUILD)/unit.tap || true); \
	reports=$$(find $(BUILD) -name 'unit.sanitizer.*' | wc -l); \
	if ((reports > 0)); then cat $(BUILD)/unit.sanitizer.* >&2; fi; \
	if ((failed == 0 && (status != 0 || reports > 0))); then \
		echo "unit-tests: status $$status, $$reports sanitizer reports" >&2; failed=1; \
	fi; \
	echo "unit: $${passed:-0} passed, $${failed:-0} failed"; \
	((failed == 0))

## replay-test: recorded bytes in, exact findings out
replay-test: all
	@tests/replay/run

## cli: events, verify and config over stores that were filled, altered and set aside
cli: all $(FILL)
	@tests/cli/run

## image-test: the image is reproducible, whole, and taken by docker, podman and containerd (root)
image-test: all
	@tests/image/run

## e2e: every finding against the real container runtimes (root)
e2e: all $(HELPER)
	@tests/e2e/run

## runtimes: e2e with the newest runtimes too, as one table (root): make runtimes [SETS="host newest"]
runtimes: all $(HELPER)
	@scripts/bootstrap build test runtimes
	@tests/e2e/matrix

## ship: findings arrive whatever becomes of receivers, processes and disks (root)
ship: all $(FILL) $(CONFINED) $(OTHER)
	@tests/ship/run

## test-flood: one container floods; its neighbours' findings arrive, its own are counted (root); a minute
test-flood: all $(BUILD)/flood/flood $(BUILD)/flood/arrivals
	@tests/flood/run

## test-receivers: findings arrive at real receivers: Kafka, OpenSearch, OpenTelemetry, ... (root)
test-receivers:
	@scripts/bootstrap build test receivers
	@$(MAKE) all $(FILL)
	@tests/receivers/run

## test-metrics: what keelwatch says of itself, scraped by a real Prometheus (root)
test-metrics:
	@scripts/bootstrap build test
	@$(MAKE) all
	@tests/metrics/run

## test-kubernetes: the chart, on a real node of Kubernetes that is made of Go modules the first time (root)
test-kubernetes:
	@scripts/bootstrap build test kubernetes
	@$(MAKE) all $(HELPER)
	@tests/kubernetes/run

## manifests: deploy/kubernetes/manifests made anew of the chart
manifests:
	@scripts/manifests >deploy/kubernetes/manifests/keelwatch.yaml.new
	@mv deploy/kubernetes/manifests/keelwatch.yaml.new deploy/kubernetes/manifests/keelwatch.yaml

## schema: every record of every kind, valid in every format; those of a run too (root)
schema: all $(SAMPLES)
	@tests/schema/run

## man: the manual pages are sound, and say what the program does
man: all
	@tests/man/run

## vm: the scenarios on one kernel in QEMU: make vm KERNEL=5.10 [LAYOUT=v2|hybrid] [WAY=...] [ARCH=arm64] (5.10, 6.1, 6.12, newest)
vm:
	@scripts/bootstrap build vm $(CROSS)
	@$(MAKE) all $(HELPER)
	@scripts/vm --arch $(ARCH) $(KERNEL) --cgroup $(LAYOUT) $(addprefix --way ,$(WAY))

## matrix: the scenarios on every kernel, control group layout and way, in QEMU; about 20 minutes on 2 processors
matrix: all $(HELPER)
	@scripts/bootstrap build vm
	@tests/vm/matrix

## environments: where something is missing, closed or forbidden, in QEMU: a finding or a clear word
environments: all $(HELPER)
	@scripts/bootstrap build vm
	@tests/vm/environments

## instructions: makes tests/vm/instructions.txt anew: what each BPF program costs each kernel, in QEMU
## instructions-check: fails where a program grew by more than 10 % over that table
instructions instructions-check: all $(HELPER) $(PROGRAMS)
	@scripts/bootstrap build vm
	@tests/vm/instructions $(if $(filter %-check,$@),--check)

## cost: what a call that is not hooked costs beside keelwatch, in instructions, in QEMU: make cost KERNEL=6.12
cost: all $(HELPER)
	@scripts/bootstrap build vm
	@tests/vm/cost $(KERNEL)

## layers: no include against the order of the layers
layers:
	@scripts/layers.sh

## test: installs what is missing, builds, runs every test
test:
	@scripts/bootstrap build test
	@echo 'test: building'
	@$(MAKE) all $(HELPER) $(FILL) $(CONFINED) $(SAMPLES) $(BUILD)/unit-tests
	@passed=0 failed=0; \
	for part in layers unit replay-test schema man cli image-test e2e ship; do \
		echo; echo "== $$part =="; \
		log=$(BUILD)/test-$$part.log; status=0; \
		$(MAKE) $$part 2>&1 | tee "$$log" || status=$$?; \
		line=$$(grep -aE '^[a-z0-9-]+: [0-9]+ passed, [0-9]+ failed' "$$log" | tail -n 1 || true); \
		p=$$(sed -E 's/.* ([0-9]+) passed.*/\1/' <<<"$$line") ; \
		f=$$(sed -E 's/.* ([0-9]+) failed.*/\1/' <<<"$$line") ; \
		if [[ -z $$line ]]; then echo "$$part: did not finish (status $$status)"; p=0 f=1; \
		elif ((status != 0 && f == 0)); then echo "$$part: ended with status $$status"; f=1; fi; \
		passed=$$((passed + p)) failed=$$((failed + f)); \
	done; \
	echo; echo "total: $$passed passed, $$failed failed"; \
	((failed == 0))

## bench: what watching costs, as ratios (root)
bench: all $(HELPER)
	@tests/bench/run

## bench-ship: what keeping and shipping findings costs, and how late they are beside a stalled disk (root)
bench-ship: all $(FILL)
	@tests/bench/ship

# --- what people run ---

## run: installs what is missing, builds, and watches this machine
run:
	@scripts/bootstrap build
	@$(MAKE) all
	@echo
	@echo 'Try in another terminal, once it says "watching":'
	@echo '  docker run --rm --read-only busybox touch /etc/x        a write on a read-only container'
	@echo '  docker run --rm --privileged busybox true               a container with all powers'
	@echo '  docker run --rm -v /etc:/host-etc:ro busybox true       a sensitive host mount'
	@echo 'podman, ctr, runc and crun do as well; `make demo` needs none of them. Ctrl-C ends it.'
	@echo
	@if (($$(id -u) == 0)); then exec $(BUILD)/keelwatch run $(ARGS); \
	else exec sudo $(BUILD)/keelwatch run $(ARGS); fi

## demo: shows the three findings on a throw-away container, and cleans up
demo:
	@scripts/bootstrap build
	@$(MAKE) all
	@scripts/demo

## format: clang-format over bpf/, user/ and tests/
format:
	$(Q)find bpf user tests -name '*.[ch]' -print0 | xargs -0r $(FORMAT) -i

## format-check: fails where `make format` would change something
format-check:
	$(Q)find bpf user tests -name '*.[ch]' -print0 | xargs -0r $(FORMAT) --dry-run -Werror
	@echo 'format-check: clean'

## install: the two programs and the man pages, under DESTDIR and PREFIX
install: all
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 $(BUILD)/keelwatch $(BUILD)/keelwatch-shipper '$(DESTDIR)$(PREFIX)/bin'
	@for page in man/*.[1-8]; do \
		[[ -e $$page ]] || continue; \
		install -D -v -m 644 "$$page" "$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}"; \
	done

## deb: a package for Debian 12 and its like, build/keelwatch_VERSION_ARCHITECTURE.deb
## tarball: the same for other systems, build/keelwatch-VERSION-MACHINE.tar.gz
deb tarball: all
	@scripts/package $@

## test-deb: the package, linted, looked into, and its life on a Debian 12 booted in QEMU (root)
test-deb:
	@scripts/bootstrap build vm deb
	@$(MAKE) all
	@tests/deb/run

## clean: removes build/, or with another ARCH that part of it
clean:
	$(Q)rm -rf $(BUILD)

-include $(shell [ -d $(BUILD) ] && find $(BUILD) $(patsubst %,-path $(BUILD)/% -prune -o,$(ARCHES)) -name '*.d' -print)
