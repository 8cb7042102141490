/*
 * Lines as Postfix writes them.  What programs look for in them is what they
 * are made of here: pflogsumm wants "client=", "from=<...>, size=",
 * "to=<...>, relay=, delay=, status=" and "reject: RCPT from", fail2ban the
 * address in brackets behind the first word, ahead of all that the client
 * said.
 *
 * Postfix numbers processes, and one of its processes serves one client at a
 * time; so the number here is the session's.
 */
#include "server/log/log_postfix.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "shared/buf.h"
#include "shared/log.h"

enum { mailboxes_told_max = 1000, number_bits = 22 };

static struct buf
begin(struct log_line *l)
{
	return buf_over(l->text, sizeof(l->text));
}

/* Of the random part of the session's id. */
static uint32_t
number_of(const struct session *s)
{
	uint32_t n = 0;

	for (size_t i = 9; i < ipc_id_bytes; i++)
		n = n * 37 + (uint8_t)s->id[i];
	return 1 + (n & ((1U << number_bits) - 1));
}

static void
end(const struct session *s, const char *program, const struct buf *b)
{
	log_text(LOG_LEVEL_INFO, program, number_of(s), buf_span(b));
}

/* Angle brackets inside a quoted name would end the address too early. */
static void
add_escaped(struct buf *b, struct span s)
{
	while (s.n > 0) {
		size_t n = 0;

		while (n < s.n && s.p[n] != '<' && s.p[n] != '>')
			n++;
		buf_add_escaped(b, span_from(s.p, n), "");
		if (n < s.n)
			buf_add_str(b, s.p[n] == '<' ? "\\x3c" : "\\x3e");
		s = span_skip(s, n + 1);
	}
}

static void
add_mailbox(struct buf *b, const char *key, const struct mailbox *m)
{
	char text[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(m, text);

	buf_add_str(b, key);
	buf_add_str(b, "<");
	add_escaped(b, span_from(text, n));
	buf_add_str(b, ">");
}

static void
add_client(struct buf *b, const struct address *client)
{
	buf_add_str(b, "unknown[");
	buf_add_str(b, client->text);
	buf_add_str(b, "]");
}

/*
 * Behind a reject: how the client spoke, who it said it was, and our name
 * for all of it, which Postfix has not.
 */
static void
add_speech(struct buf *b, const struct session *s)
{
	const struct ipc_mail *mail = &s->tx.mail;

	buf_add_str(b, mail->esmtp ? " proto=ESMTP" : " proto=SMTP");
	if (mail->helo_len > 0) {
		buf_add_str(b, " helo=<");
		add_escaped(b, span_from(mail->helo, mail->helo_len));
		buf_add_str(b, ">");
	}
	buf_add_str(b, " session=");
	buf_add_str(b, s->id);
}

bool
log_postfix_connect(const struct session *s)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	buf_add_str(&b, "connect from ");
	add_client(&b, &s->client);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_tls(const struct session *s, const char *version,
    const char *suite)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	buf_add_str(&b, "Anonymous TLS connection established from ");
	add_client(&b, &s->client);
	buf_add_str(&b, ": ");
	buf_add_str(&b, version);
	buf_add_str(&b, " with cipher ");
	buf_add_str(&b, suite);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_tls_failed(const struct session *s, const char *why)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	buf_add_str(&b, "SSL_accept error from ");
	add_client(&b, &s->client);
	buf_add_str(&b, ": ");
	buf_add_str(&b, why);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_login(const struct session *s, const char *mechanism,
    const char *why)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix() || why == NULL)
		return log_is_postfix();
	buf_add_str(&b, "warning: ");
	add_client(&b, &s->client);
	buf_add_str(&b, ": SASL ");
	buf_add_str(&b, mechanism);
	buf_add_str(&b, " authentication failed: ");
	buf_add_str(&b, why);
	end(s, "smtpd", &b);
	return true;
}

static void
begin_reject(struct buf *b, const char *command, const struct address *client,
    const char *reply)
{
	buf_add_str(b, "NOQUEUE: reject: ");
	buf_add_str(b, command);
	buf_add_str(b, " from ");
	add_client(b, client);
	buf_add_str(b, ": ");
	buf_add_str(b, reply);
	buf_add_str(b, " ");
}

bool
log_postfix_turned_away(const struct address *client, const char *why)
{
	static uint32_t number;
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	begin_reject(&b, "CONNECT", client, "421 4.7.0");
	buf_add_str(&b, "Client host rejected: ");
	buf_add_str(&b, why);
	buf_add_str(&b, "; proto=SMTP");
	number = (number + 1) & ((1U << number_bits) - 1);
	log_text(LOG_LEVEL_INFO, "smtpd", 1 + number, buf_span(&b));
	return true;
}

bool
log_postfix_refused_rcpt(const struct session *s, const struct mailbox *to,
    enum verdict verdict)
{
	static const struct {
		const char	*reply;
		const char	*words;
	} table[VERDICT_COUNT] = {
		[VERDICT_UNKNOWN] = { "550 5.1.1", ": Recipient address "
		    "rejected: User unknown in virtual mailbox table;" },
		[VERDICT_FOREIGN] = { "550 5.7.1", ": Relay access denied;" },
		[VERDICT_TOO_MANY] = { "452 4.5.3",
		    ": Error: too many recipients;" },
		[VERDICT_BROKEN] = { "451 4.3.0", ": Temporary lookup "
		    "failure;" },
		[VERDICT_TROUBLE] = { "451 4.3.0", ": Temporary lookup "
		    "failure;" }
	};
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	begin_reject(&b, "RCPT", &s->client, table[verdict].reply);
	add_mailbox(&b, "", to);
	buf_add_str(&b, table[verdict].words);
	add_mailbox(&b, " from=", &s->tx.mail.from);
	add_mailbox(&b, " to=", to);
	add_speech(&b, s);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_note(const struct session *s, enum note note, const char *words)
{
	static const struct {
		const char	*command, *reply, *before;
	} table[NOTE_COUNT] = {
		[NOTE_SYNTAX] = { "COMMAND", "501 5.5.4", "" },
		[NOTE_SEQUENCE] = { "COMMAND", "503 5.5.1", "" },
		[NOTE_UNKNOWN_COMMAND] = { "COMMAND", "500 5.5.1", "" },
		[NOTE_LINE_TOO_LONG] = { "COMMAND", "500 5.5.2", "" },
		[NOTE_HTTP] = { "COMMAND", "500 5.5.1", "" },
		[NOTE_NUL] = { "COMMAND", "500 5.5.2", "" },
		[NOTE_BARE_COMMAND] = { "COMMAND", "500 5.5.2",
		    "Command rejected: " },
		[NOTE_BARE_MESSAGE] = { "DATA", "554 5.6.0",
		    "<DATA>: Data command rejected: " },
		[NOTE_NUL_MESSAGE] = { "DATA", "554 5.6.0", "" },
		[NOTE_TOO_BIG] = { "MAIL", "552 5.3.4",
		    "Message size exceeds fixed limit: " },
		[NOTE_LOOP] = { "DATA", "554 5.4.6", "" },
		[NOTE_NO_UTF8] = { "COMMAND", "553 5.6.7", "" },
		[NOTE_PLAIN_TEXT] = { "COMMAND", "530 5.7.0", "" },
		[NOTE_NO_LOGIN] = { "COMMAND", "530 5.7.0", "" },
		[NOTE_WRITE_FAILED] = { "DATA", "451 4.3.0", "" }
	};
	bool of_header = table[note].command == NULL;
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	begin_reject(&b, of_header ? "DATA" : table[note].command, &s->client,
	    of_header ? "550 5.6.0" : table[note].reply);
	buf_add_str(&b, of_header ? "" : table[note].before);
	buf_add_str(&b, words);
	buf_add_str(&b, ";");
	add_speech(&b, s);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_forged(const struct session *s, const struct mailbox *address)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	begin_reject(&b, "MAIL", &s->client, "553 5.7.1");
	add_mailbox(&b, "", address);
	buf_add_str(&b, ": Sender address rejected: not owned by user ");
	add_escaped(&b, span_of(s->user));
	buf_add_str(&b, ";");
	add_mailbox(&b, " from=", address);
	add_speech(&b, s);
	end(s, "smtpd", &b);
	return true;
}

bool
log_postfix_disk_full(const struct session *s, const struct mailbox *from)
{
	struct log_line l;
	struct buf b = begin(&l);

	if (!log_is_postfix())
		return false;
	begin_reject(&b, "MAIL", &s->client, "452 4.3.1");
	buf_add_str(&b, "Insufficient system storage;");
	add_mailbox(&b, " from=", from);
	add_speech(&b, s);
	end(s, "smtpd", &b);
	return true;
}

/* In capitals, as logwatch wants it; smtpctl explain takes both. */
static struct buf
begin_message(struct log_line *l, const struct transaction *tx)
{
	struct buf b = begin(l);

	for (const char *c = tx->id; *c != '\0'; c++)
		buf_add(&b, span_from((const char[]){ (char)toupper(
		    (unsigned char)*c) }, 1));
	buf_add_str(&b, ": ");
	return b;
}

/* Since the message began to come in, which its id tells: "0.12". */
static void
add_delay(struct buf *b, const struct transaction *tx)
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	int64_t began = 0, ms;
	struct timespec now;

	for (size_t i = 0; i < 9; i++) {
		const char *digit = strchr(digits, tx->id[i]);

		began = began * 32 + (digit == NULL ? 0 : digit - digits);
	}
	clock_gettime(CLOCK_REALTIME, &now);
	ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - began;
	/* The clock may have been set back. */
	ms = ms < 0 ? 0 : ms;
	buf_add_u64(b, (uint64_t)ms / 1000, 1);
	buf_add_str(b, ".");
	buf_add_u64(b, (uint64_t)ms % 1000 / 10, 2);
}

static void
tell_mailbox(const struct session *s, size_t i)
{
	const struct transaction *tx = &s->tx;
	const struct recipient_mailbox *box = &tx->boxes.boxes[i];
	char text[smtp_mailbox_text_max_bytes];
	struct log_line l;
	struct buf b = begin_message(&l, tx);
	size_t n;

	buf_add_str(&b, "to=<");
	add_escaped(&b, span_of(box->user));
	buf_add_str(&b, "@");
	buf_add_str(&b, box->domain);
	buf_add_str(&b, ">, ");
	/* Whom the client named, where that can be said. */
	n = smtp_mailbox_text(&tx->first_rcpt, text);
	if (tx->rcpt_count == 1 && !span_equal_fold(span_from(text,
	    n - tx->first_rcpt.domain_len), span_of(box->user))) {
		add_mailbox(&b, "orig_to=", &tx->first_rcpt);
		buf_add_str(&b, ", ");
	}
	buf_add_str(&b, "relay=virtual, delay=");
	add_delay(&b, tx);
	buf_add_str(&b, ", dsn=2.0.0, status=sent (delivered to maildir)");
	end(s, "virtual", &b);
}

static void
tell_sender(const struct session *s)
{
	struct log_line l;
	struct buf b = begin_message(&l, &s->tx);

	buf_add_str(&b, "client=");
	add_client(&b, &s->client);
	if (s->user[0] != '\0') {
		buf_add_str(&b, s->mechanism == SASL_PLAIN ?
		    ", sasl_method=PLAIN" : ", sasl_method=LOGIN");
		buf_add_str(&b, ", sasl_username=");
		add_escaped(&b, span_of(s->user));
	}
	buf_add_str(&b, ", session=");
	buf_add_str(&b, s->id);
	end(s, "smtpd", &b);
	b = begin_message(&l, &s->tx);
	add_mailbox(&b, "from=", &s->tx.mail.from);
	buf_add_str(&b, ", size=");
	buf_add_u64(&b, s->tx.size, 1);
	buf_add_str(&b, ", nrcpt=");
	buf_add_u64(&b, s->tx.boxes.count, 1);
	buf_add_str(&b, " (queue active)");
	end(s, "qmgr", &b);
}

bool
log_postfix_store(const struct session *s)
{
	struct log_line l;
	struct buf b;

	if (!log_is_postfix())
		return false;
	tell_sender(s);
	for (size_t i = 0; i < s->tx.boxes.count && i < mailboxes_told_max;
	    i++)
		tell_mailbox(s, i);
	b = begin_message(&l, &s->tx);
	buf_add_str(&b, "removed");
	end(s, "qmgr", &b);
	return true;
}

static const char *const verbs[IPC_VERB_COUNT] = {
#define VERB_WORD(name, word) [IPC_VERB_##name] = word,
	IPC_VERBS(VERB_WORD)
#undef VERB_WORD
};

static const char *const capital_verbs[IPC_VERB_COUNT] = {
#define VERB_WORD(name, word) [IPC_VERB_##name] = #name,
	IPC_VERBS(VERB_WORD)
#undef VERB_WORD
};

/* A session that did not end by QUIT: after which command. */
static void
tell_loss(const struct session *s, const struct ipc_end *e)
{
	static const char *const words[END_COUNT] = {
		[END_EOF] = "lost connection after ",
		[END_FAILED] = "lost connection after ",
		[END_TIMEOUT] = "timeout after ",
		[END_TOO_LONG] = "timeout after ",
		[END_ERRORS] = "too many errors after "
	};
	struct log_line l;
	struct buf b = begin(&l);

	if (words[e->end] == NULL)
		return;
	buf_add_str(&b, words[e->end]);
	if (e->last == IPC_VERB_COUNT)
		buf_add_str(&b, "CONNECT");
	else
		buf_add_str(&b, capital_verbs[e->last]);
	buf_add_str(&b, " from ");
	add_client(&b, &s->client);
	end(s, "smtpd", &b);
}

/* " rcpt=1/3": one of three was taken. */
static void
add_tally(struct buf *b, const char *word, uint32_t ok, uint32_t all)
{
	if (all == 0)
		return;
	buf_add_str(b, " ");
	buf_add_str(b, word);
	buf_add_str(b, "=");
	buf_add_u64(b, ok, 1);
	if (ok == all)
		return;
	buf_add_str(b, "/");
	buf_add_u64(b, all, 1);
}

bool
log_postfix_disconnect(const struct session *s, const char *why,
    const struct ipc_end *e)
{
	uint32_t ok = 0, all = 0;
	struct log_line l;
	struct buf b;

	if (!log_is_postfix())
		return false;
	if (e != NULL)
		tell_loss(s, e);
	b = begin(&l);
	buf_add_str(&b, "disconnect from ");
	add_client(&b, &s->client);
	for (size_t i = 0; e != NULL && i < IPC_VERB_COUNT; i++) {
		add_tally(&b, verbs[i], e->verbs[i].ok, e->verbs[i].all);
		ok += e->verbs[i].ok;
		all += e->verbs[i].all;
	}
	if (e == NULL) {
		buf_add_str(&b, " ");
		buf_add_str(&b, why);
	} else if (all == 0)
		buf_add_str(&b, " commands=0/0");
	else
		add_tally(&b, "commands", ok, all);
	end(s, "smtpd", &b);
	return true;
}
