/*
 * The PROXY header in front of a session.  It comes from a proxy that is
 * believed, but that may be wrong, slow or taken over like anybody else.
 */
#include "worker/smtp_proxy.h"

#include <errno.h>

#include "shared/deadline.h"
#include "shared/proxy_header.h"
#include "worker/ask.h"

enum { header_ms = 5000 };	/* for all of it, however it trickles */

static enum proxy_fail
fail_of_errno(void)
{
	switch (errno) {
	case ETIMEDOUT:
		return PROXY_FAIL_TIMEOUT;
	case ECANCELED:
		return PROXY_FAIL_GONE;
	case ECONNRESET:
	case EPIPE:
		return PROXY_FAIL_CLOSED;
	default:
		return PROXY_FAIL_LOST;
	}
}

/* Takes n octets that are there, for they were looked at. */
static bool
take(struct peer *p, uint8_t *to, size_t n, int64_t until)
{
	while (n > 0) {
		ssize_t got = peer_ops.read(p, to, n, until);

		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

/*
 * What stands behind the header is the client's own, perhaps the first of
 * TLS: so it is looked at first, and only what is of the header is read.
 */
static bool
read_header(struct peer *p, struct ipc_proxy *out, enum proxy_fail *why)
{
	int64_t until = deadline_now_ms() + header_ms;
	uint8_t in[proxy_header_max_bytes];
	size_t have = 0, n;

	for (;;) {
		ssize_t got = peer_peek(p, in + have, sizeof(in) - have,
		    until);
		size_t all = have + (got > 0 ? (size_t)got : 0);
		enum proxy_verdict verdict;

		*why = got == 0 ? PROXY_FAIL_CLOSED : fail_of_errno();
		if (got <= 0)
			return false;
		verdict = proxy_header_parse(span_from(in, all), out, &n,
		    why);
		if (verdict == PROXY_BAD)
			return false;
		if (verdict == PROXY_MORE)
			n = all;
		*why = PROXY_FAIL_LOST;
		if (!take(p, in + have, n - have, until))
			return false;
		if (verdict == PROXY_OK)
			return true;
		have = n;
	}
}

/* Without a word: nobody knows what would understand it. */
static struct outcome
fail(struct smtp_session *s, enum proxy_fail why)
{
	s->end.end = END_PROXY;
	/* It had less time than it may have. */
	if (why == PROXY_FAIL_TIMEOUT && s->master->hurry == HURRY_ROOM)
		s->end.end = END_ROOM;
	else if (why == PROXY_FAIL_TIMEOUT && s->master->hurry == HURRY_STOP)
		s->end.end = END_STOPPED;
	else
		tell_proxy_fail(s->master, why);
	return (struct outcome){ REPLY_BYE, SMTP_CLOSE_NOW };
}

struct outcome
smtp_proxy_begin(struct smtp_session *s)
{
	static const enum smtp_reply replies[PROXY_ANSWER_COUNT] = {
		[PROXY_WELCOME] = REPLY_GREETING,
		[PROXY_REFUSED] = REPLY_A_WHILE,
		[PROXY_HOST_FULL] = REPLY_HOST_FULL,
		[PROXY_NETWORK_FULL] = REPLY_NETWORK_FULL,
		[PROXY_NO_MEMORY] = REPLY_NO_MEMORY
	};
	enum proxy_answer answer;
	struct ipc_proxy client;
	enum proxy_fail why;

	if (!read_header(s->peer, &client, &why))
		return fail(s, why);
	answer = ask_proxy(s->master, &client);
	if (answer == PROXY_WELCOME)
		return smtp_go_on(REPLY_GREETING);
	s->end.end = END_AWAY;
	/* Who waits for TLS would read a line of ours as a broken record. */
	return (struct outcome){ replies[answer],
	    s->tls_first ? SMTP_CLOSE_NOW : SMTP_CLOSE };
}
