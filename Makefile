# Dartboard: one Makefile, no recursion. `make help` lists the targets.
# Modules and the arrows between them are the DEPS_ lines; `make layers` holds the code to them.

MODE   ?= release
O      ?= build/$(MODE)
PREFIX ?= /usr/local
V      ?= 0
# Waiting OpenMP threads sleep soon: on a busy machine long spinning slows a step a hundredfold.
export GOMP_SPINCOUNT ?= 1000
VERSION := 0.1.0

# ---- modules: what each may include (transitive) -------------------------------------------------
DEPS_base   :=
DEPS_conf   := base
DEPS_data   := base
DEPS_layer  := base
DEPS_kernel := base
DEPS_engine := layer kernel
DEPS_space  := layer
DEPS_arch   := space
DEPS_script := space arch
DEPS_net    := engine space arch
DEPS_health := arch
DEPS_study  := arch
DEPS_search := net data health study
DEPS_run    := search study conf script data net
DEPS_proto  := base
DEPS_watch  := health study proto
DEPS_export := arch net watch proto
DEPS_cmd    := run watch export
DEPS_term   := draw
DEPS_draw   := arch
DEPS_view   := draw watch
DEPS_edit   := draw
DEPS_app    := term view edit run
SRC_MODULES := base conf data layer kernel engine space arch script net health study search run proto watch export cmd
UI_MODULES  := term draw view edit app

closure1 = $(sort $(1) $(foreach m,$(1),$(DEPS_$(m))))
closure  = $(call closure1,$(call closure1,$(call closure1,$(call closure1,$(call closure1,$(call closure1,$(call closure1,$(call closure1,$(1)))))))))

# ---- libraries ----------------------------------------------------------------------------------
ifneq ($(filter-out clean help format,$(or $(MAKECMDGOALS),all)),)
WITH_BLAS ?= 1
PKGS := ncursesw lua5.4 $(if $(WITH_BLAS),openblas) yaml-0.1 json-c zlib sqlite3
MISSING := $(foreach p,$(PKGS),$(if $(shell pkg-config --exists $(p) 2>/dev/null && echo y),,$(p)))
ifneq ($(strip $(MISSING)),)
$(error pkg-config does not find: $(strip $(MISSING)). On Debian or Ubuntu: sh assets/setup.sh)
endif
have = $(shell pkg-config --exists $(1) 2>/dev/null && echo 1)
WITH_ARCHIVE  ?= $(call have,libarchive)
WITH_IMAGES   ?= $(if $(call have,libturbojpeg),$(call have,libpng))
WITH_PROTOBUF ?= $(if $(shell command -v protoc-c),$(call have,libprotobuf-c))
OPTIONAL := $(if $(WITH_ARCHIVE),libarchive) $(if $(WITH_IMAGES),libturbojpeg libpng) $(if $(WITH_PROTOBUF),libprotobuf-c)
DEFS := $(if $(WITH_ARCHIVE),-DWITH_ARCHIVE=1) $(if $(WITH_IMAGES),-DWITH_IMAGES=1) $(if $(WITH_PROTOBUF),-DWITH_PROTOBUF=1)$(if $(WITH_BLAS),, -DWITHOUT_BLAS)
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) $(OPTIONAL))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) $(OPTIONAL))
CMOCKA_CFLAGS = $(shell pkg-config --cflags cmocka)
CMOCKA_LIBS   = $(shell pkg-config --libs cmocka)
endif

# ---- flags --------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wno-format-truncation
ifdef CI
WARN += -Werror
endif
SAN_asan := -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
SAN_tsan := -fno-omit-frame-pointer -fsanitize=thread
# The thread sanitizer must know of OpenMP's barriers. LLVM's runtime tells it, by the library archer that comes with
# it; GCC's runtime waits on futexes that the sanitizer does not see and every parallel loop looks like a race. What
# libraries without instrumentation do (libomp, OpenBLAS) is left out, what our code does is not; tests fork.
ifeq ($(MODE),tsan)
ifeq ($(origin CC),default)
CC := clang
endif
WARN += -Wno-unknown-warning-option
export TSAN_OPTIONS ?= ignore_noninstrumented_modules=1 die_after_fork=0
endif
OPT_release := -O2 -g
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g $(SAN_asan)
OPT_tsan    := -O1 -g $(SAN_tsan)
OPT_cover   := -O0 -g --coverage
LINK_asan   := $(SAN_asan)
LINK_tsan   := $(SAN_tsan)
LINK_cover  := --coverage
KOPT := $(if $(filter release,$(MODE)),-O3,-O1)
CPPALL = -I. -D_GNU_SOURCE -DDARTBOARD_VERSION='"$(VERSION)"' -DDARTBOARD_PREFIX='"$(PREFIX)"' $(DEFS) $(PKG_CFLAGS) $(CPPFLAGS)
CALL   = -std=c11 $(WARN) $(OPT_$(MODE)) -fopenmp -ffp-contract=off -MMD -MP $(CFLAGS)
# Kernels: fused multiply-adds and vector code wanted, IEEE semantics kept (no -ffast-math).
CKERN  = -std=c11 $(WARN) -Wno-psabi $(OPT_$(MODE)) $(KOPT) -fopenmp -fno-math-errno -ffp-contract=fast -MMD -MP $(CFLAGS)
LALL   = -fopenmp $(LINK_$(MODE)) $(LDFLAGS)
LIBS   = $(PKG_LIBS) -lm -lpthread -ldl -lutil
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@echo "  $(1)";)

# ---- objects ------------------------------------------------------------------------------------
dir_of   = $(if $(filter $(1),$(UI_MODULES)),ui/$(1),src/$(1))
srcs_of  = $(wildcard $(call dir_of,$(1))/*.c)
obj      = $(patsubst %.c,$(O)/%.o,$(1))

ARCH := $(shell uname -m)
ISAS := $(if $(filter x86_64,$(ARCH)),base avx2 avx512,base)
ISAFLAGS_base   := -DKERNEL_ISA=base -DKERNEL_VL=4
ISAFLAGS_avx2   := -DKERNEL_ISA=avx2 -DKERNEL_VL=8 -mavx2 -mfma
ISAFLAGS_avx512 := -DKERNEL_ISA=avx512 -DKERNEL_VL=16 -mavx512f -mavx512vl -mavx512dq -mavx512bw -mfma -mprefer-vector-width=512
ISA_SRC  := $(wildcard src/kernel/isa/*.c)
ISA_OBJ  := $(foreach i,$(ISAS),$(patsubst src/kernel/isa/%.c,$(O)/src/kernel/isa-$(i)/%.o,$(ISA_SRC)))
PROTO_SRC := $(if $(WITH_PROTOBUF),$(patsubst src/proto/%.proto,$(O)/src/proto/%.pb-c.c,$(wildcard src/proto/*.proto)))
PROTO_OBJ := $(PROTO_SRC:.c=.o)

objs_of  = $(call obj,$(call srcs_of,$(1))) $(if $(filter kernel,$(1)),$(ISA_OBJ)) $(if $(filter proto,$(1)),$(PROTO_OBJ))
objs_for = $(foreach m,$(call closure,$(1)),$(call objs_of,$(m)))

BIN := $(O)/dartboard
.SECONDARY:
.PHONY: all
all: $(BIN)

$(BIN): $(O)/src/main.o $(foreach m,$(SRC_MODULES) $(UI_MODULES),$(call objs_of,$(m)))
	$(call say,LINK $@)
	$(Q)$(CC) $(LALL) -o $@ $^ $(LIBS)
	$(Q)ln -sf $(O)/dartboard dartboard 2>/dev/null || true

$(O)/src/kernel/%.o: src/kernel/%.c $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(CPPALL) $(CKERN) -c -o $@ $<
define isa_rule
$$(O)/src/kernel/isa-$(1)/%.o: src/kernel/isa/%.c $$(O)/.flags
	@mkdir -p $$(@D)
	$$(call say,CC $$< [$(1)])
	$$(Q)$$(CC) $$(CPPALL) $$(CKERN) $$(ISAFLAGS_$(1)) -c -o $$@ $$<
endef
$(foreach i,$(ISAS),$(eval $(call isa_rule,$(i))))
$(O)/src/proto/%.pb-c.c: src/proto/%.proto
	@mkdir -p $(@D)
	$(call say,PROTOC $<)
	$(Q)protoc-c --c_out=$(O)/src/proto --proto_path=src/proto $<
$(O)/src/proto/%.pb-c.o: $(O)/src/proto/%.pb-c.c
	$(Q)$(CC) $(CPPALL) -std=c11 $(OPT_$(MODE)) -MMD -MP -c -o $@ $<
# Spelled out, not a pattern: versions of make differ in which of two patterns they take.
$(call obj,$(wildcard src/proto/*.c)): $(O)/%.o: %.c $(PROTO_SRC) $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(CPPALL) -I$(O) $(CALL) -c -o $@ $<
$(O)/%.o: %.c $(O)/.flags
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(CPPALL) $(CALL) -c -o $@ $<
.PHONY: FORCE
$(O)/.flags: FORCE
	@mkdir -p $(@D); echo '$(CC) $(CPPALL) $(CALL) $(KOPT)' | sed 's/-MMD -MP//' | cmp -s - $@ || \
	 echo '$(CC) $(CPPALL) $(CALL) $(KOPT)' | sed 's/-MMD -MP//' > $@

# ---- tests: tests/MODULE/test_*.c links the module's closure and nothing more --------------------
TEST_MODULES := $(foreach m,$(SRC_MODULES) $(UI_MODULES),$(if $(wildcard tests/$(m)/test_*.c),$(m)))
tests_of = $(patsubst tests/%.c,$(O)/tests/%,$(wildcard tests/$(1)/test_*.c))
TEST_BINS := $(foreach m,$(TEST_MODULES),$(call tests_of,$(m)))
define test_rule
$$(O)/tests/$(1)/test_%: $$(O)/tests/$(1)/test_%.o $$(call objs_for,$(1)) $$(call obj,$$(wildcard tests/support/*.c))
	$$(call say,LINK $$@)
	$$(Q)$$(CC) $$(LALL) -o $$@ $$^ $$(CMOCKA_LIBS) $$(LIBS)
.PHONY: unit-$(1)
unit-$(1): $$(call tests_of,$(1))
	$$(Q)set -e; for t in $$^; do sh tests/run-one.sh $$$$t; done
endef
$(foreach m,$(TEST_MODULES),$(eval $(call test_rule,$(m))))

.PHONY: unit
unit: $(TEST_BINS)
	$(Q)set -e; for t in $(TEST_BINS); do sh tests/run-one.sh $$t; done

ALL_SRC := $(wildcard src/*.c src/*/*.c src/kernel/isa/*.c ui/*/*.c)
ALL_HDR := $(wildcard src/*/*.h src/kernel/isa/*.h ui/*/*.h)
-include Makefile.targets
-include $(shell find $(O) -name '*.d' 2>/dev/null)

.PHONY: clean
clean:
	rm -rf build dartboard
