# System tests: the real daemon, from outside.  Linux only: they read /proc
# and trace processes.  Included by t/tests.mk, which builds what
# system_tests names and runs SYSTEM_COMMANDS.

ifeq ($(OS),Linux)
# Those that take long first; what measures time, and is alone, last.
SYSTEM_TESTS	= sweep queue any_killed submission kill liar renew batch exhaust hold disk \
		  recover start dial clients log chain explain share inetd peer \
		  sockets upgrade control queuectl stats dryrun reload files \
		  passwd relay_who report resolver \
		  top tls sign proxy catcher stalled leave
SYSTEM_LIAR	= $(BUILD)/t/system/lying_worker \
		  $(BUILD)/t/system/broken_worker
endif
SYSTEM_COMMON	= harness proc daemon reload client mail chain events ctl spawn

# A TLS client is one by OpenSSL alone.
SYSTEM_LIBS	= -lssl -lcrypto

# To send a record.
SYSTEM_RECORDS	= ipc ipc_check ip sasl smtp_syntax span buf envelope os/os_linux

# To read the queue.
SYSTEM_QUEUE	= queue_file envelope smtp_syntax ip span buf file

system_o	= $(SYSTEM_COMMON:%=$(BUILD)/t/system/%.o)
system_tests	= $(SYSTEM_TESTS:%=$(BUILD)/t/system/test_%)

define SYSTEM_COMMANDS
$(foreach t,$(system_tests),$(t) $(BUILD)/smtpd $(BUILD)/smtpd-worker
)
endef

$(BUILD)/t/system/test_batch $(BUILD)/t/system/test_log \
$(BUILD)/t/system/test_sweep: \
    $(BUILD)/t/system/trace.o
$(BUILD)/t/system/test_queue $(BUILD)/t/system/test_any_killed: \
    $(BUILD)/t/system/trace.o $(BUILD)/t/system/queue.o $(BUILD)/t/system/sink.o \
    $(SYSTEM_QUEUE:%=$(BUILD)/shared/%.o)
$(BUILD)/t/system/test_liar: $(BUILD)/t/system/lies.o
$(BUILD)/t/system/test_dryrun $(BUILD)/t/system/test_log: \
    $(BUILD)/t/system/ask.o
$(BUILD)/t/system/test_stats: $(BUILD)/t/system/ask.o \
    $(BUILD)/t/system/openmetrics.o
$(BUILD)/t/system/test_top: $(BUILD)/t/system/ask.o
$(BUILD)/t/system/test_control: $(BUILD)/t/system/ask.o \
    $(SYSTEM_RECORDS:%=$(BUILD)/shared/%.o)

$(BUILD)/t/system/test_queuectl: $(BUILD)/t/system/sink.o \
    $(SYSTEM_QUEUE:%=$(BUILD)/shared/%.o)

$(BUILD)/t/system/test_leave: $(BUILD)/t/system/sink.o
$(BUILD)/t/system/test_report: $(BUILD)/t/system/sink.o \
    $(BUILD)/t/system/queue.o $(SYSTEM_QUEUE:%=$(BUILD)/shared/%.o)
$(BUILD)/t/system/test_tls $(BUILD)/t/system/test_sign \
    $(BUILD)/t/system/test_renew $(BUILD)/t/system/test_submission \
    $(BUILD)/t/system/test_proxy $(BUILD)/t/system/test_relay_who \
    $(BUILD)/t/system/test_catcher: $(BUILD)/t/system/secure.o
$(BUILD)/t/system/test_sign $(BUILD)/t/system/test_renew \
    $(BUILD)/t/system/test_submission: $(BUILD)/t/system/secrets.o

$(BUILD)/t/system/test_%: $(BUILD)/t/system/test_%.o $(system_o)
	$(call link,,$(SERVER_LIBS) $(SYSTEM_LIBS))

# Speaks the records of the real worker, and holds itself to none of them.
$(BUILD)/t/system/lying_worker: $(BUILD)/t/system/lying_worker.o \
    $(BUILD)/t/system/lies.o $(shared_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS))

# The real worker with a library of TLS that crashes.
$(BUILD)/t/system/broken_worker: $(worker_o) $(shared_o)
	$(call link,$(WORKER_STATIC) -Xlinker --wrap=SSL_accept \
	    -Xlinker --defsym=__wrap_SSL_accept=bug_at,$(WORKER_LIBS))

.PRECIOUS: $(BUILD)/t/system/%.o
