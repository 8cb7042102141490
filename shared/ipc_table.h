/*
 * The table of all records: name, way (IPC_*), payload (in
 * shared/ipc_session.h, ipc_relay.h or ipc_process.h), 1 if it carries a
 * descriptor, states in which it may come (IPC_*), and what must hold for its
 * payload p.  ipc_check.c expands the last column, and has its functions.
 *
 * A number is, for SPAWN, how many workers; for BREED and SIBLING the option of
 * smtpd-worker, 'r' or a helper's; for FILE 1 if it is one of two; for RESET
 * the errno of the spool file, or 0; for LETTER_DONE 1 if another LETTER may
 * come; for TABLE how many rows follow; for KEY_FORGET a slot; for UNDIALED an
 * errno; for TELL_END an exit status; else nothing.
 */
#ifndef SHARED_IPC_TABLE_H
#define SHARED_IPC_TABLE_H

#define IPC_RECORDS(X)							\
	X(SETTINGS, TO_NURSERY, settings, 0, AT_ANY, ENDS(p->hostname))	\
	X(SPAWN, TO_NURSERY, number, 0, AT_ANY, true)			\
	X(KILL, TO_NURSERY, child, 0, AT_ANY, p->pid > 1)		\
	X(RENEW, TO_NURSERY, number, 0, AT_ANY, true)			\
	X(BREED, TO_NURSERY, number, 0, AT_ANY, is_option(p->n))	\
	X(READY, FROM_STARTED, text, 0, AT_ANY, is_ours(p))		\
	X(UNSAFE, FROM_STARTED, text, 0, AT_ANY, is_ours(p))		\
	X(STALE, FROM_NURSERY, number, 0, AT_ANY, true)		\
	X(NEWBORN, FROM_NURSERY, child, 1, AT_ANY, p->pid > 1)		\
	X(STILLBORN, FROM_NURSERY, number, 0, AT_ANY, true)		\
	X(DIED, FROM_NURSERY, child, 0, AT_ANY, p->pid > 1)		\
	X(SIBLING, FROM_NURSERY, number, 1, AT_ANY, is_option(p->n))	\
	X(SESSION, TO_WORKER, session, 1, AT_IDLE,			\
	    p->auth < IPC_AUTH_COUNT && p->dsn <= 1)			\
	X(VERDICT, TO_WORKER, verdict, 0, AT_DECIDE,			\
	    p->reply < REPLY_COUNT && p->dsn <= 1 && ENDS(p->id))	\
	X(FILE, TO_WORKER, number, 1, AT_RCPT, p->n <= 1)		\
	X(STRESS, TO_WORKER, stress, 0, AT_ANY, p->why < STRESS_COUNT)	\
	X(MAIL, FROM_WORKER, mail, 0, AT_SESSION, is_mail(p))		\
	X(RCPT, FROM_WORKER, rcpt, 0, AT_OPEN, is_rcpt(p))		\
	X(RESET, FROM_WORKER, number, 0, AT_GIVEN, p->n < 4096)		\
	X(BEGIN, FROM_WORKER, number, 0, AT_RCPT, true)		\
	X(COMMIT, FROM_WORKER, commit, 0, AT_DATA,			\
	    p->flags <= CONTENT_FLAGS && p->lines <= p->size &&		\
	    p->size <= INT64_MAX)					\
	X(NOTE, FROM_WORKER, number, 0, AT_WORK, p->n < NOTE_COUNT)	\
	X(TRACE, FROM_WORKER, trace, 0, AT_WORK,			\
	    p->n <= ipc_trace_bytes && p->kind < IPC_TRACE_KIND_COUNT)	\
	X(END, FROM_WORKER, end, 0, AT_ALIVE, p->end < END_COUNT)	\
	X(OUTPUT, TO_WORKER, number, 1, AT_IDLE, true)			\
	X(ASK, FROM_CONTROL, ask, 0, AT_ASK, is_ask(p))			\
	X(TELL_TEXT, TO_CONTROL, tell_text, 0, AT_ASK,			\
	    p->n <= sizeof(p->text))					\
	X(TELL_END, TO_CONTROL, number, 0, AT_ASK, p->n <= 1)		\
	X(LOGIN, FROM_WORKER, login, 0, AT_SESSION, is_login(p))	\
	X(ACCOUNT, TO_AUTH, account, 0, AT_ANY,				\
	    smtp_mailbox_valid(&p->who) && ENDS(p->stored))		\
	X(TABLE, TO_AUTH, number, 0, AT_ANY, true)			\
	X(PASSWORD, TO_AUTH, password, 0, AT_ANY,			\
	    smtp_mailbox_valid(&p->who) && ENDS(p->password))		\
	X(CHECKED, FROM_AUTH, checked, 0, AT_ANY,			\
	    p->answer == REPLY_AUTH_OK ||				\
	    p->answer == REPLY_AUTH_WRONG ||				\
	    p->answer == REPLY_AUTH_TROUBLE)				\
	X(CERTIFICATE, TO_NURSERY, pem, 0, AT_ANY,			\
	    is_piece(p, ipc_tls_pairs_max))				\
	X(SIGN, FROM_WORKER, digest, 0, AT_SESSION,			\
	    is_digest(p, ipc_tls_pairs_max))				\
	X(SIGNATURE, TO_WORKER, signature, 0, AT_SESSION,		\
	    p->n <= ipc_signature_max_bytes)				\
	X(TLS, FROM_WORKER, tls, 0, AT_SESSION,				\
	    is_tls(p) && p->version[0] != '\0' && p->suite[0] != '\0')	\
	X(TLS_FAIL, FROM_WORKER, number, 0, AT_SESSION,			\
	    p->n < TLS_FAIL_COUNT)					\
	X(KEY, TO_SIGN, pem, 0, AT_ANY, is_piece(p, ipc_sign_slots_max)) \
	X(DIGEST, TO_SIGN, digest, 0, AT_ANY,				\
	    is_digest(p, ipc_sign_slots_max))				\
	X(SIGNED, FROM_SIGN, signature, 0, AT_ANY,			\
	    p->n <= ipc_signature_max_bytes)				\
	X(KEY_CERTIFICATE, TO_SIGN, pem, 0, AT_ANY,			\
	    is_piece(p, ipc_sign_slots_max))				\
	X(KEY_FORGET, TO_SIGN, number, 0, AT_ANY, p->n < ipc_sign_slots_max) \
	X(JUDGED, FROM_SIGN, judged, 0, AT_ANY, is_judged(p))		\
	X(ORIGINATOR, FROM_WORKER, rcpt, 0, AT_DATA, is_rcpt(p))	\
	X(PROXY, FROM_WORKER, proxy, 0, AT_PROXY, p->given <= 1 &&	\
	    is_ip(&p->ip))						\
	X(PROXY_FAIL, FROM_WORKER, number, 0, AT_PROXY,			\
	    p->n < PROXY_FAIL_COUNT)					\
	X(SYNC, TO_DISK, sync, 1, AT_ANY, p->data <= 1)			\
	X(SYNCED, FROM_DISK, done, 0, AT_ANY, is_errno(p->error))	\
	X(LOG_FILE, TO_LOGGER, number, 1, AT_ANY, true)		\
	X(LOG_LINES, TO_LOGGER, lines, 0, AT_ANY,			\
	    p->n <= ipc_lines_bytes && p->again <= 1)			\
	X(LOG_WRITTEN, FROM_LOGGER, done, 0, AT_ANY,			\
	    p->n <= ipc_lines_bytes && is_errno(p->error))		\
	X(DIAL, TO_DIAL, dial, 0, AT_ANY, is_dial(p))			\
	X(DIALED, FROM_DIAL, number, 1, AT_ANY, p->n == 0)		\
	X(UNDIALED, FROM_DIAL, number, 0, AT_ANY,			\
	    p->n > 0 && is_errno((int64_t)p->n))			\
	X(CLIENT, TO_WORKER, client, 1, AT_IDLE,			\
	    p->tls < RELAY_TLS_COUNT && ENDS(p->helo) && ENDS(p->host))	\
	X(GREETED, FROM_WORKER, greeted, 0, AT_RELAY,			\
	    p->offers <= RELAY_OFFERS_ALL && is_tls(&p->tls))		\
	X(LETTER, TO_WORKER, letter, 1, AT_RELAY, p->count > 0 &&	\
	    p->count <= relay_rcpts_max && ENDS(p->envid))		\
	X(RCPT_TO, TO_WORKER, rcpt, 0, AT_ANY, is_rcpt(p))		\
	X(OUTCOME, FROM_WORKER, outcome, 0, AT_HOST, is_outcome(p))	\
	X(LETTER_DONE, FROM_WORKER, number, 0, AT_LETTER, p->n <= 1)	\
	X(DISMISS, TO_WORKER, number, 0, AT_RELAY, true)		\
	X(LOOKUP, TO_WORKER, lookup, 1, AT_NAME,			\
	    p->kind < RESOLVE_KIND_COUNT && p->ipv6 <= 1 &&		\
	    ENDS(p->name))						\
	X(HOST, FROM_WORKER, host, 0, AT_RESOLVE, is_host(p))		\
	X(ANSWER, FROM_WORKER, answer, 0, AT_RESOLVE,			\
	    p->status < RESOLVE_STATUS_COUNT && p->implicit <= 1 &&	\
	    p->secure <= 1)						\
	X(REPORT, TO_WORKER, report, 1, AT_IDLE, p->count > 0 &&	\
	    p->kind < REPORT_KIND_COUNT && p->utf8 <= 1 && ENDS(p->envid)) \
	X(FACT, TO_WORKER, fact, 0, AT_ANY,				\
	    is_outcome(&p->outcome) && ENDS(p->host))

/* The payloads, as members of struct ipc_record. */
#define IPC_PAYLOADS(X)							\
	X(settings) X(number) X(text) X(child) X(session) X(verdict)	\
	X(stress) X(mail) X(rcpt) X(trace) X(end) X(ask) X(tell_text)	\
	X(login) X(account) X(password) X(checked) X(pem) X(digest)	\
	X(signature) X(tls) X(judged) X(proxy) X(sync) X(done)	\
	X(lines) X(commit) X(client) X(greeted) X(letter)	\
	X(outcome) X(lookup) X(host) X(answer) X(report) X(fact) X(dial)

#endif
