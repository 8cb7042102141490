# Tests: what "make check" runs, and the targets beside it.  T= has words of
# which one has to stand in what is run: make check T=test_tls,
# T='check_dot dialog', T=41-data.

B		= $(BUILD)/t
T		=
FUZZ_SECONDS	?= 60
CLANG		?= clang

test_o	= $(shared_o) $(CONF:%=$(BUILD)/server/%.o) \
	  $(BUILD)/server/session/address.o $(BUILD)/server/log/ident.o \
	  $(BUILD)/server/log/log_file.o $(BUILD)/server/log/json.o \
	  $(BUILD)/server/log/log_record.o $(BUILD)/server/log/log_message.o \
	  $(BUILD)/server/mail/recipient_log.o \
	  $(BUILD)/server/log/log_chain.o
test_o	+= $(BUILD)/server/smtpctl/smtpctl_match.o \
	  $(BUILD)/server/log/json_out.o $(BUILD)/server/log/figure.o \
	  $(BUILD)/server/control/control_bind.o \
	  $(BUILD)/server/log/counters.o \
	  $(BUILD)/server/smtpctl/story.o $(BUILD)/server/session/listen.o \
	  $(BUILD)/server/process/feed.o $(BUILD)/server/session/guesses.o \
	  $(BUILD)/server/conf/conf_warn.o \
	  $(BUILD)/shared/password_check.o \
	  $(patsubst %,$(BUILD)/worker/%.o,dns dot header lineio mailbox_list \
	  proxy_header relay_reply) \
	  $(BUILD)/server/smtpctl/smtpctl_control.o

# ---- unit ---------------------------------------------------------------
UNIT_PROGRAMS = $(UNIT:%=$(B)/unit/check_%)

$(filter-out %/check_linux_sandbox,$(UNIT_PROGRAMS)): \
$(B)/unit/check_%: $(BUILD)/t/unit/check_%.o $(test_o)
	$(call link,,$(CHECK_LIBS) $(SERVER_LIBS) $(SANDBOX_LIBS) $(CRYPT_LIBS))

# Static if the worker is: a nursery that needs no loader has other rules.
$(B)/unit/check_linux_sandbox: $(BUILD)/t/unit/check_linux_sandbox.o $(shared_o)
	$(call link,$(filter -static% -pie,$(WORKER_STATIC)),$(shell \
	    $(PKG_CONFIG) --static --libs check $(LIB_NAMES) 2>/dev/null) \
	    $(SANDBOX_LIBS))

# Other kernels say where a record ends, and have their own words for a link
# that is not followed, and for a full queue.
$(B)/unit/check_control_bind: override LDFLAGS += -Wl,--wrap=connect
$(B)/unit/check_pool: override LDFLAGS += -Wl,--wrap=recvmsg
$(B)/unit/check_log: override LDFLAGS += -Wl,--wrap=openat
$(B)/unit/check_bsd_ipc: override LDFLAGS += -Wl,--wrap=os_record_end

# The family of the pool, and nothing of the rooms above it.
$(B)/unit/check_pool: $(patsubst %,$(BUILD)/server/process/%.o,pool \
    pool_worker nursery helper tls_files) $(BUILD)/shared/tls_judge.o
$(B)/unit/check_relay: $(patsubst %,$(BUILD)/server/%.o,mail/relay \
    process/pool process/pool_worker process/nursery process/helper \
    process/tls_files) \
    $(BUILD)/shared/tls_judge.o

# The pool and dial are the test.
$(B)/unit/check_resolver: $(patsubst %,$(BUILD)/server/process/%.o,resolver)
$(B)/unit/check_resolve: $(patsubst %,$(BUILD)/server/process/%.o,resolver) $(BUILD)/worker/resolve.o $(BUILD)/worker/ask.o

$(B)/unit/check_link: $(patsubst %,$(BUILD)/server/%.o,mail/link mail/site \
    mail/attempt process/path process/reply_rule)
$(B)/unit/check_path: $(BUILD)/server/process/path.o
$(B)/unit/check_maildir: $(BUILD)/server/mail/maildir.o
$(B)/unit/check_reply_rule: $(BUILD)/server/process/reply_rule.o

$(B)/unit/check_dial_job: $(BUILD)/server/process/dial.o
$(B)/unit/check_sign: $(BUILD)/server/process/sign.o

# The process that it starts, and nothing else of the worker.
$(B)/unit/check_dial $(B)/unit/check_linux_dial: $(BUILD)/worker/helper.o

# The queue and the pool are the test.
$(B)/unit/check_report_use: $(BUILD)/server/mail/report.o

# The job is the test.
$(B)/unit/check_report: $(patsubst %,$(BUILD)/worker/%.o,report ask)

# The worker's side of a relay, with its TLS.
$(B)/unit/check_relay_worker: $(patsubst %,$(BUILD)/worker/%.o,relay \
    relay_wire lineio ask peer tls_context tls_key_$(TLS) tls_peer helper) \
    $(BUILD)/t/dialog/play_tls.o
$(B)/unit/check_relay_worker: CHECK_LIBS += $(TLS_LIBS)

# On any library: OpenSSL 3 has what it needs, though deprecated.
$(B)/unit/check_tls_key: $(patsubst %,$(BUILD)/%.o,worker/tls_key_libressl \
    worker/tls_context worker/helper worker/helper_secrets shared/tls_judge \
    t/dialog/play_tls)
$(B)/unit/check_tls_key: CHECK_LIBS += $(TLS_LIBS)
$(BUILD)/worker/tls_key_libressl.o $(BUILD)/t/unit/check_tls_key.o: \
    ALL_CFLAGS += -Wno-deprecated-declarations

$(B)/print_internals: $(BUILD)/t/unit/print_internals.o $(shared_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS))

$(B)/print_calls: $(BUILD)/t/unit/print_linux_calls.o $(shared_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS))

$(B)/print_keywords: $(BUILD)/t/unit/print_keywords.o $(test_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS) $(CRYPT_LIBS))

# ---- dialogues ----------------------------------------------------------
PLAY = play play_script play_talk play_wire play_tls play_box play_daemon \
       play_reply
PARROT = parrot play_script play_tls
# TLS of its own, written apart from the server's.
PLAY_LIBS = -lssl -lcrypto
play_o = $(PLAY:%=$(BUILD)/t/dialog/%.o) $(PURE:%=$(BUILD)/%.o)

$(B)/dialog/play: $(play_o)
	$(call link,,$(SERVER_LIBS) $(PLAY_LIBS))

parrot_o = $(PARROT:%=$(BUILD)/t/dialog/%.o)

$(B)/dialog/parrot: $(parrot_o)
	$(call link,,$(SERVER_LIBS) $(PLAY_LIBS))

# ---- the corpus ---------------------------------------------------------
REPLAY = $(FUZZ:%=$(B)/fuzz/replay_%)

$(REPLAY): $(B)/fuzz/replay_%: $(BUILD)/t/fuzz/fuzz_%.o \
    $(BUILD)/t/fuzz/replay.o $(test_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS) $(CRYPT_LIBS))

FUZZ_SERVER = log/json log/log_record log/log_chain

$(B)/fuzz/fuzz_%: t/fuzz/fuzz_%.c
	@mkdir -p $(@D)
	$(CLANG) -std=c11 -g -O1 -I. -D_GNU_SOURCE $(LIB_CFLAGS) \
	    -fsanitize=fuzzer,address,undefined -o $@ $< \
	    $(patsubst %,%.c,$(filter-out server/%,$(PURE))) \
	    worker/lineio.c shared/array.c shared/deadline.c shared/file.c \
	    shared/log.c shared/outlet.c shared/queue_file.c \
	    $(CONF:%=server/%.c) $(FUZZ_SERVER:%=server/%.c) \
	    $(OS_FILE:%=shared/os/%.c) $(SERVER_LIBS)

fuzz: $(FUZZ:%=$(B)/fuzz/fuzz_%)
	@for f in $(FUZZ); do echo "== $$f"; \
	    mkdir -p $(B)/found/$$f && \
	    $(B)/fuzz/fuzz_$$f -max_total_time=$(FUZZ_SECONDS) \
	    -print_final_stats=1 -close_fd_mask=0 \
	    -artifact_prefix=$(B)/found/ $(B)/found/$$f t/corpus/$$f \
	    2>&1 | tail -n 12 || exit 1; done

# ---- whole --------------------------------------------------------------
-include t/system/system.mk
include t/bsd/bsd.mk

wanted = $(if $(T),$(strip $(foreach f,$(1),$(if $(strip $(foreach w,$(T),$(findstring $(w),$(f)))),$(f)))),$(1))

# All of them (-a) have every reply.
DIALOGS = $(wildcard t/dialog/[0-9]*.smtp)
DIALOGS_WANTED = $(or $(call wanted,$(DIALOGS)),$(DIALOGS))
CASES	= $(UNIT_PROGRAMS) $(REPLAY) $(system_tests)
CASES_WANTED = $(call wanted,$(CASES))
TOOLS	= $(B)/dialog/play $(B)/dialog/parrot $(B)/print_keywords \
	$(B)/print_internals $(if $(filter linux,$(SANDBOX)),$(B)/print_calls) \
	$(if $(filter $(B)/system/%,$(CASES_WANTED)),$(SYSTEM_LIAR))

# One command a line; t/run.sh runs them and sums what they say.
define TEST_COMMANDS
$(foreach u,$(UNIT_PROGRAMS),$(u)
)
$(foreach f,$(FUZZ),$(B)/fuzz/replay_$(f) t/corpus/$(f)
)
sh t/lint/keywords.sh $(B)/print_keywords && echo 1 passed, 0 failed
sh t/lint/internals.sh $(B)/print_internals $(if $(filter linux,$(SANDBOX)),$(B)/print_calls) && echo 1 passed, 0 failed
sh t/lint/events.sh && echo 1 passed, 0 failed
$(if $(filter yes,$(HARDENED)),sh t/hardening.sh $(if $(WORKER_STATIC),-w) $(PROGRAMS))
sh t/dialog/selftest.sh $(B)/dialog/play $(B)/dialog/parrot
$(B)/dialog/play $(if $(filter-out $(DIALOGS_WANTED),$(DIALOGS)),,-a) -s $(BUILD)/smtpd -w $(abspath $(BUILD)/smtpd-worker) $(DIALOGS_WANTED)
SMTPD=$(BUILD)/smtpd SMTPD_WORKER=$(BUILD)/smtpd-worker SMTPCTL=$(BUILD)/smtpctl sh t/system/await.sh
SMTPD=$(BUILD)/smtpd sh t/system/install.sh
$(SYSTEM_COMMANDS)
$(BSD_COMMANDS)
endef
export TEST_COMMANDS

test: $(PROGRAMS) $(TOOLS) $(CASES_WANTED) \
    $(if $(T),$(if $(findstring bsd,$(T)),$(BSD_TESTS)),$(BSD_TESTS))
	@printf '%s\n' "$$TEST_COMMANDS" | sh t/run.sh $(BUILD) $(T)

check-hardening: $(PROGRAMS)
	@sh t/hardening.sh $(if $(WORKER_STATIC),-w) $(PROGRAMS)

# Everything again with the sanitizers in every process, but for the tests
# in which a nursery executes itself: their runtime cannot start in a sandbox.
# The worker is linked dynamically, and leaks cannot be looked for either.  What
# was freed is kept for a while, and little of it, for some measure memory.
check-asan:
	@sh t/deps.sh build
	@ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:quarantine_size_mb=4 \
	UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	$(MAKE) --no-print-directory BUILD=build-asan WORKER_STATIC= \
	    HARDENED=no SYSTEM_TESTS='reload control queuectl explain disk' \
	    CFLAGS='-O1 -g -fsanitize=address,undefined -fno-omit-frame-pointer' \
	    LDFLAGS='-fsanitize=address,undefined' test

check-interop:
	@sh t/deps.sh build
	@sh t/deps.sh interop
	@$(MAKE) --no-print-directory programs
	@bash t/interop/run.sh

check-fresh:
	@sh t/deps.sh fresh
	@sh t/fresh.sh

lint:
	@sh t/deps.sh build
	@sh t/deps.sh lint
	@$(MAKE) --no-print-directory programs
	@sh t/lint/lint.sh $(BUILD) "$(PURE) server/conf/conf_parse server/log/json server/log/log_record"

bench:
	@sh t/deps.sh build
	@sh t/deps.sh bench
	@$(MAKE) --no-print-directory programs $(BENCH_PROGRAMS:%=$(B)/bench/%) \
	    $(B)/bench/submit $(B)/bench/smtpd-no-log
	@bash t/bench/bench.sh $(BENCH)

BENCH_PROGRAMS = floor latency hold greet stall

$(BENCH_PROGRAMS:%=$(B)/bench/%): $(B)/bench/%: t/bench/%.c
	@mkdir -p $(@D)
	$(call say,CC $<)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(SERVER_LIBS)

$(B)/bench/submit: $(BUILD)/t/bench/submit.o $(BUILD)/t/bench/talk.o
	$(call link,,-lssl $(SERVER_LIBS))

# The message log is left out, and with it what only it needs.
$(B)/bench/smtpd-no-log: $(BUILD)/t/bench/no_log.o $(shared_o) \
    $(filter-out %/log_message.o,$(server_o))
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS))

# Lines of the shared modules and tables reached by the unit tests and the
# corpus.  A process in its sandbox cannot write what it counted.
coverage:
	@sh t/deps.sh build
	@$(MAKE) --no-print-directory BUILD=build-coverage HARDENED=no \
	    CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage unit-only
	@sh t/coverage.sh build-coverage

unit-only: $(UNIT_PROGRAMS) $(REPLAY)
	@printf '%s\n' $(UNIT_PROGRAMS) | sh t/run.sh $(BUILD)
	@for f in $(FUZZ); do $(B)/fuzz/replay_$$f t/corpus/$$f; done
