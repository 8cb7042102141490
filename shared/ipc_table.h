/*
 * The table of all records: name, way, payload (shared/ipc_session.h,
 * shared/ipc_process.h), 1 if it carries a descriptor, states in which it may
 * come, and what must hold for its payload p.  ipc_check.c expands the last
 * column, and has its functions.
 *
 * A number is, for SPAWN, STILLBORN and TRY, how many workers or pairs; for
 * BREED and SIBLING the option of smtpd-worker, 'r' or a helper's; for COMMIT
 * the octets of the whole file; for ABORT the errno of the spool file, or 0;
 * for ADMIT an enum smtp_reply, AUTH_OK or GREETING or why not; for TABLE the
 * rows that came since the previous TABLE, which they replace; for KEY_FORGET a
 * slot; for TELL_END an exit status.
 */
#ifndef SHARED_IPC_TABLE_H
#define SHARED_IPC_TABLE_H

#define IPC_RECORDS(X)							\
	X(SETTINGS, IPC_TO_NURSERY, settings, 0, IPC_AT_ANY, true)	\
	X(SPAWN, IPC_TO_NURSERY, number, 0, IPC_AT_ANY, true)		\
	X(KILL, IPC_TO_NURSERY, pid, 0, IPC_AT_ANY, p->pid > 1)		\
	X(RENEW, IPC_TO_NURSERY, nothing, 0, IPC_AT_ANY, true)		\
	X(BREED, IPC_TO_NURSERY, number, 0, IPC_AT_ANY,			\
	    is_option(p->n))						\
	X(READY, IPC_FROM_STARTED, text, 0, IPC_AT_ANY, is_ours(p))	\
	X(UNSAFE, IPC_FROM_STARTED, text, 0, IPC_AT_ANY, is_ours(p))	\
	X(STALE, IPC_FROM_NURSERY, nothing, 0, IPC_AT_ANY, true)	\
	X(NEWBORN, IPC_FROM_NURSERY, pid, 1, IPC_AT_ANY, p->pid > 1)	\
	X(STILLBORN, IPC_FROM_NURSERY, number, 0, IPC_AT_ANY, true)	\
	X(DIED, IPC_FROM_NURSERY, died, 0, IPC_AT_ANY, p->pid > 1)	\
	X(SIBLING, IPC_FROM_NURSERY, number, 1, IPC_AT_ANY,		\
	    is_option(p->n))						\
	X(SESSION, IPC_TO_WORKER, session, 1, IPC_AT_IDLE,		\
	    p->auth < IPC_AUTH_COUNT && p->lacks <= IPC_LACKS_ALL)	\
	X(VERDICT, IPC_TO_WORKER, verdict, 0, IPC_AT_WORK | IPC_AT_COMMIT, \
	    p->verdict < VERDICT_COUNT)					\
	X(FILE, IPC_TO_WORKER, nothing, 1, IPC_AT_RCPT, true)		\
	X(STORED, IPC_TO_WORKER, stored, 0, IPC_AT_COMMIT,		\
	    memchr(p->id, '\0', sizeof(p->id)) != NULL)			\
	X(STRESS, IPC_TO_WORKER, stress, 0, IPC_AT_ANY,			\
	    p->why < STRESS_COUNT)					\
	X(MAIL, IPC_FROM_WORKER, mail, 0, IPC_AT_SESSION, is_mail(p))	\
	X(RCPT, IPC_FROM_WORKER, rcpt, 0, IPC_AT_MAIL | IPC_AT_RCPT,	\
	    is_recipient(&p->to))					\
	X(RESET, IPC_FROM_WORKER, nothing, 0,				\
	    IPC_AT_MAIL | IPC_AT_RCPT, true)				\
	X(BEGIN, IPC_FROM_WORKER, nothing, 0, IPC_AT_RCPT, true)	\
	X(COMMIT, IPC_FROM_WORKER, number, 0, IPC_AT_DATA, true)	\
	X(ABORT, IPC_FROM_WORKER, number, 0, IPC_AT_DATA, p->n < 4096)	\
	X(NOTE, IPC_FROM_WORKER, number, 0, IPC_AT_WORK,		\
	    p->n < NOTE_COUNT)						\
	X(TRACE, IPC_FROM_WORKER, trace, 0, IPC_AT_WORK,		\
	    p->n <= ipc_trace_bytes && p->kind < IPC_TRACE_KIND_COUNT)	\
	X(END, IPC_FROM_WORKER, end, 0, IPC_AT_WORK | IPC_AT_PROXY,	\
	    p->end < END_COUNT)						\
	X(OUTPUT, IPC_TO_WORKER, nothing, 1, IPC_AT_IDLE, true)		\
	X(ASK, IPC_FROM_CONTROL, ask, 0, IPC_AT_ASK,			\
	    p->what < QUESTION_COUNT && p->form < FORM_COUNT &&		\
	    p->all <= 1 && p->ipv6 <= 1)				\
	X(TELL_TEXT, IPC_TO_CONTROL, tell_text, 0, IPC_AT_ASK,		\
	    p->n <= sizeof(p->text))					\
	X(TELL_END, IPC_TO_CONTROL, number, 0, IPC_AT_ASK, p->n <= 1)	\
	X(LOGIN, IPC_FROM_WORKER, login, 0, IPC_AT_SESSION,		\
	    is_login(p))						\
	X(ADMIT, IPC_TO_WORKER, number, 0, IPC_AT_LOGIN | IPC_AT_PROXY,	\
	    p->n < REPLY_COUNT)						\
	X(ACCOUNT, IPC_TO_AUTH, account, 0, IPC_AT_ANY,			\
	    smtp_mailbox_valid(&p->who))				\
	X(TABLE, IPC_TO_AUTH, number, 0, IPC_AT_ANY, true)		\
	X(PASSWORD, IPC_TO_AUTH, password, 0, IPC_AT_ANY,		\
	    smtp_mailbox_valid(&p->who))				\
	X(CHECKED, IPC_FROM_AUTH, checked, 0, IPC_AT_ANY,		\
	    p->answer == REPLY_AUTH_OK ||				\
	    p->answer == REPLY_AUTH_WRONG ||				\
	    p->answer == REPLY_AUTH_TROUBLE)				\
	X(CERTIFICATE, IPC_TO_NURSERY, pem, 0, IPC_AT_ANY,		\
	    is_piece(p, ipc_tls_pairs_max))				\
	X(SIGN, IPC_FROM_WORKER, digest, 0, IPC_AT_SESSION,		\
	    is_digest(p, ipc_tls_pairs_max))				\
	X(SIGNATURE, IPC_TO_WORKER, signature, 0, IPC_AT_SESSION,	\
	    p->n <= ipc_signature_max_bytes)				\
	X(TLS, IPC_FROM_WORKER, tls, 0, IPC_AT_SESSION,			\
	    p->version < TLS_VERSION_COUNT &&				\
	    p->suite < TLS_SUITE_COUNT)					\
	X(TLS_FAIL, IPC_FROM_WORKER, number, 0, IPC_AT_SESSION,		\
	    p->n < TLS_FAIL_COUNT)					\
	X(KEY, IPC_TO_SIGN, pem, 0, IPC_AT_ANY,				\
	    is_piece(p, ipc_sign_slots_max))				\
	X(DIGEST, IPC_TO_SIGN, digest, 0, IPC_AT_ANY,			\
	    is_digest(p, ipc_sign_slots_max))				\
	X(SIGNED, IPC_FROM_SIGN, signature, 0, IPC_AT_ANY,		\
	    p->n <= ipc_signature_max_bytes)				\
	X(FORGET, IPC_TO_NURSERY, nothing, 0, IPC_AT_ANY, true)		\
	X(TRY, IPC_TO_NURSERY, number, 0, IPC_AT_ANY,			\
	    p->n <= ipc_tls_pairs_max)					\
	X(TRIED, IPC_FROM_NURSERY, text, 0, IPC_AT_ANY, is_ours(p))	\
	X(KEY_CERTIFICATE, IPC_TO_SIGN, pem, 0, IPC_AT_ANY,		\
	    is_piece(p, ipc_sign_slots_max))				\
	X(KEY_FORGET, IPC_TO_SIGN, number, 0, IPC_AT_ANY,		\
	    p->n < ipc_sign_slots_max)					\
	X(JUDGED, IPC_FROM_SIGN, judged, 0, IPC_AT_ANY, is_judged(p))	\
	X(ORIGINATOR, IPC_FROM_WORKER, rcpt, 0, IPC_AT_DATA,		\
	    is_recipient(&p->to))					\
	X(PROXY, IPC_FROM_WORKER, proxy, 0, IPC_AT_PROXY, is_proxy(p))	\
	X(PROXY_FAIL, IPC_FROM_WORKER, number, 0, IPC_AT_PROXY,		\
	    p->n < PROXY_FAIL_COUNT)					\
	X(SYNC, IPC_TO_DISK, sync, 1, IPC_AT_ANY, p->data <= 1)		\
	X(SYNCED, IPC_FROM_DISK, synced, 0, IPC_AT_ANY,			\
	    is_errno(p->error))						\
	X(LOG_FILE, IPC_TO_LOGGER, nothing, 1, IPC_AT_ANY, true)	\
	X(LOG_LINES, IPC_TO_LOGGER, lines, 0, IPC_AT_ANY,		\
	    p->n <= ipc_lines_bytes && p->again <= 1)			\
	X(LOG_WRITTEN, IPC_FROM_LOGGER, written, 0, IPC_AT_ANY,		\
	    p->n <= ipc_lines_bytes && is_errno(p->error))

/* The payloads, as members of struct ipc_record. */
#define IPC_PAYLOADS(X)							\
	X(settings) X(number) X(pid) X(nothing) X(text) X(died)		\
	X(session) X(verdict) X(stored) X(stress) X(mail) X(rcpt)	\
	X(trace) X(end) X(ask) X(tell_text) X(login) X(account)		\
	X(password) X(checked) X(pem) X(digest) X(signature) X(tls)	\
	X(judged) X(proxy) X(sync) X(synced) X(lines) X(written)

#endif
