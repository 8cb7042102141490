/*
 * TLS in words: a worker tells numbers, of tables in shared/ipc_tls.h.
 */
#include "server/tls_log.h"

#include <stdio.h>

#include "server/log_postfix.h"
#include "shared/log.h"

static const char *const suites[TLS_SUITE_COUNT] = {
#define SUITE_WORD(name, iana, openssl) [TLS_SUITE_##name] = iana,
	IPC_TLS_SUITES(SUITE_WORD)
#undef SUITE_WORD
};

static const char *const versions[TLS_VERSION_COUNT] = {
#define VERSION_WORD(name, text) [TLS_VERSION_##name] = text,
	IPC_TLS_VERSIONS(VERSION_WORD)
#undef VERSION_WORD
};

static const char *const fails[TLS_FAIL_COUNT] = {
#define FAIL_WORDS(name, text) [TLS_FAIL_##name] = text,
	IPC_TLS_FAILS(FAIL_WORDS)
#undef FAIL_WORDS
};

const char *
tls_log_suite(const struct ipc_tls *t)
{
	return suites[t->suite];
}

void
tls_log(const struct session *s)
{
	struct log_line l;

	if (log_postfix_tls(s, versions[s->tls.version], suites[s->tls.suite]))
		return;
	log_begin(&l, LOG_LEVEL_INFO, "tls");
	log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_str(&l, "version", versions[s->tls.version]);
	log_str(&l, "suite", suites[s->tls.suite]);
	log_end(&l);
}

void
tls_log_failed(const struct session *s, enum tls_fail why)
{
	struct log_line l;

	if (log_postfix_tls_failed(s, fails[why]))
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "tls-failed");
	log_str(&l, "session", s->id);
	log_str(&l, "client", s->client.text);
	log_str(&l, "why", fails[why]);
	log_end(&l);
}
