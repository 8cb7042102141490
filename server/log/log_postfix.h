/*
 * "log format postfix": clients and messages in the words of Postfix's log,
 * for the programs that read it.  Each function writes its lines and returns
 * true, or returns false when that is not the format: then the caller logs
 * an event.
 */
#ifndef SERVER_LOG_POSTFIX_H
#define SERVER_LOG_POSTFIX_H

#include "server/master.h"

bool	log_postfix_connect(const struct session *s);
/* Turned away before there was a session; why is what it was told. */
bool	log_postfix_turned_away(const struct address *client,
	    const char *why);
bool	log_postfix_refused_rcpt(const struct session *s,
	    const struct mailbox *to, enum verdict verdict);
bool	log_postfix_note(const struct session *s, enum note note,
	    const char *words);
bool	log_postfix_tls(const struct session *s, const char *version,
	    const char *suite);
bool	log_postfix_tls_failed(const struct session *s, const char *why);
/* why NULL: it was right, which is told with each message. */
bool	log_postfix_login(const struct session *s, const char *mechanism,
	    const char *why);
/* An address that is not the user's. */
bool	log_postfix_forged(const struct session *s,
	    const struct mailbox *address);
/* MAIL was refused for want of disk space. */
bool	log_postfix_disk_full(const struct session *s,
	    const struct mailbox *from);
/* The message of s is stored: client, sender, each mailbox, the end. */
bool	log_postfix_store(const struct session *s);
/* end NULL: the worker was lost. */
bool	log_postfix_disconnect(const struct session *s, const char *why,
	    const struct ipc_end *end);

#endif
