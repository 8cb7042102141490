# The programs as on the BSDs, with pledge and capsicum played by seccomp:
# kernel.h.  What depends on the system is compiled again, all else is as built.

BSD_ABLE := $(and $(filter Linux,$(OS)),$(filter x86_64,$(shell uname -m)),\
	  $(if $(filter -DSANDBOX_SANITIZED=1,$(ALL_CFLAGS)),,yes))
ifneq ($(BSD_ABLE),)
BSD_DEPENDENT := $(shell grep -lE '"(shared/os/|worker/helper\.h)' \
	  $(wildcard server/*.c server/*/*.c worker/*.c shared/*.c))
BSD_openbsd = -D__OpenBSD__
BSD_freebsd = -D__FreeBSD__=15

# In place of an object, that of SYSTEM.
bsd_swap = $(foreach o,$(filter-out $(BUILD)/shared/os/%,$(2)),\
	  $(if $(filter $(o:$(BUILD)/%.o=%.c),$(BSD_DEPENDENT)),\
	  $(o:$(BUILD)/%=$(B)/bsd/$(1)/%),$(o)))
bsd_os = $(patsubst %,$(B)/bsd/$(1)/shared/os/%.o,os_common sandbox_os \
	  sandbox_probe sandbox_$(1)) \
	  $(patsubst %,$(B)/bsd/$(1)/t/bsd/%.o,kernel $(2))

define BSD_RULES
$(B)/bsd/$(1)/%.o: %.c GNUmakefile t/bsd/bsd.mk
	@mkdir -p $$(@D)
	$$(call say,CC $$< ($(1)))
	$$(Q)$$(CC) $$(filter-out -DWORKER_DYNAMIC,$$(ALL_CFLAGS)) \
	    -U__linux__ $$(BSD_$(1)) -include t/bsd/facts.h -It/bsd/include \
	    -MMD -MP -c -o $$@ $$<
$(B)/bsd/$(1)/t/%.o: t/%.c GNUmakefile t/bsd/bsd.mk
	@mkdir -p $$(@D)
	$$(call say,CC $$< ($(1)))
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(BSD_$(1)) -It/bsd/include -MMD -MP \
	    -c -o $$@ $$<
$(B)/bsd/$(1)/smtpd: $$(call bsd_swap,$(1),$$(server_o) $$(shared_o)) \
    $$(call bsd_os,$(1),$(2))
	$$(call link,,$$(SERVER_LIBS))
$(B)/bsd/$(1)/smtpd-worker: $$(call bsd_swap,$(1),$$(worker_o) $$(shared_o)) \
    $$(call bsd_os,$(1),$(2))
	$$(call link,$$(WORKER_STATIC),$$(WORKER_LIBS))
endef
$(eval $(call BSD_RULES,openbsd,pledge))
$(eval $(call BSD_RULES,freebsd,capsicum))

BSD_TESTS = $(foreach s,openbsd freebsd,$(B)/bsd/$(s)/smtpd \
	  $(B)/bsd/$(s)/smtpd-worker) $(B)/bsd/stuck $(BUILD)/smtpctl \
	  $(patsubst %,$(BUILD)/t/system/test_%,kill sign submission report \
	  resolver log dial start exhaust)

$(B)/bsd/stuck: $(BUILD)/t/bsd/stuck.o $(shared_o)
	$(call link,,$(SERVER_LIBS) $(SANDBOX_LIBS))

-include $(wildcard $(B)/bsd/*/*.d $(B)/bsd/*/*/*.d $(B)/bsd/*/*/*/*.d)

define BSD_COMMANDS
sh t/bsd/run.sh $(BUILD) openbsd
sh t/bsd/run.sh $(BUILD) freebsd
endef
else
BSD_COMMANDS = echo skipped t/bsd: it plays the kernels on Linux, x86-64, without sanitizers; echo 0 passed, 0 failed, 2 skipped
endif
