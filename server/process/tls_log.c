/*
 * TLS in words: a worker sends numbers of tables in shared/ipc_words.h.
 */
#include "server/process/tls_log.h"

#include <stdio.h>
#include <time.h>

#include "server/log/figure.h"
#include "server/process/tls_files.h"
#include "shared/log.h"

const char *const tls_log_suites[TLS_SUITE_COUNT] = {
#define SUITE_WORD(P, name, iana, openssl) [P##name] = iana,
	IPC_TLS_SUITES(SUITE_WORD, TLS_SUITE_)
#undef SUITE_WORD
};

const char *const tls_log_versions[TLS_VERSION_COUNT] = {
	IPC_TLS_VERSIONS(IPC_WORD, TLS_VERSION_)
};

enum { soon_days = 7 };

const char *
tls_log_trouble(const struct ipc_judged *facts, int64_t now_s)
{
	if (facts->until_s <= now_s)
		return "it has expired: clients that check it refuse it";
	return facts->until_s - now_s < soon_days * (int64_t)86400 ?
	    "it expires within a week: renew it, and send SIGHUP" : NULL;
}

void
tls_log_certificates(const struct master *m, bool fresh)
{
	char until[figure_bytes];

	for (size_t i = 0; i < m->tls->count && i < m->conf.pair_count; i++) {
		const struct tls_pair *pair = &m->tls->pairs[i];
		const struct ipc_judged *facts = &pair->facts;
		const char *why = tls_log_trouble(facts, time(NULL));

		if (why == NULL && (!fresh || pair->shared))
			continue;
		figure_utc(facts->until_s, until);
		log_put(why != NULL ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
		    "certificate",
		    "file=%s name=%s serial=%s until=%s why=%s",
		    m->conf.pairs[i].certificate, facts->name, facts->serial,
		    until, why != NULL ? why : "");
	}
}
