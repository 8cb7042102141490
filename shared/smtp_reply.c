/* Replies as text.  Pure. */
#include "shared/smtp_reply.h"

#define ROW(name, note, end, text) [REPLY_##name] = text,
static const char *const rows[REPLY_COUNT] = { SMTP_REPLIES(ROW) };
#undef ROW

/*
 * A host name may be 255 octets long: with any text of the table the reply is
 * still far shorter than 512, so it is never cut.
 */
void
smtp_reply_write(enum smtp_reply reply, struct span hostname, struct span id,
    struct buf *out)
{
	for (const char *p = rows[reply]; *p != '\0'; p++) {
		if (p[0] == '%' && (p[1] == 'h' || p[1] == 'i'))
			buf_add(out, *++p == 'h' ? hostname : id);
		else
			buf_add(out, span_from(p, 1));
	}
	buf_add_str(out, "\r\n");
}

void
smtp_reply_write_ehlo(struct span hostname, uint64_t size_max,
    uint64_t rcpt_max, bool starttls, const char *auth, bool dsn,
    struct buf *out)
{
	buf_add_str(out, "250-");
	buf_add(out, hostname);
	buf_add_str(out, "\r\n250-PIPELINING\r\n250-SIZE ");
	buf_add_decimal(out, size_max);
	buf_add_str(out, "\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
	    "250-ENHANCEDSTATUSCODES\r\n");
	buf_add_str(out, dsn ? "250-DSN\r\n" : "");
	buf_add_str(out, starttls ? "250-STARTTLS\r\n" : "");
	if (auth != NULL)
		buf_print(out, "250-AUTH %s\r\n", auth);
	buf_add_str(out, "250 LIMITS RCPTMAX=");
	buf_add_decimal(out, rcpt_max);
	buf_add_str(out, "\r\n");
}

bool
smtp_reply_is_error(enum smtp_reply reply)
{
	return rows[reply][0] >= '4';
}

#define VERDICT_ROW(P, name, reply, counter, word)			\
	[P##name] = { REPLY_##reply, word },
static const struct {
	enum smtp_reply	 reply;
	const char	*word;
} verdicts[VERDICT_COUNT] = { VERDICTS(VERDICT_ROW, VERDICT_) };
#undef VERDICT_ROW

enum smtp_reply
smtp_reply_of(enum verdict v, enum smtp_reply ok)
{
	return v == VERDICT_OK ? ok : verdicts[v].reply;
}

const char *
smtp_reply_verdict(enum verdict v)
{
	return verdicts[v].word;
}
