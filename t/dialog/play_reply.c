/*
 * Compares replies with the table of shared/smtp_reply.h, as text.
 */
#include <stdio.h>
#include <string.h>

#include "t/dialog/play_reply.h"

/* The host name of every configuration in play_daemon.c. */
static const char hostname[] = "mx.example.org";

static const char *const names[REPLY_COUNT] = {
#define NAME(name, note, end, text) [REPLY_##name] = #name,
	SMTP_REPLIES(NAME)
#undef NAME
};

/* The row as it is sent, LF for CRLF; without the id of a message. */
static void
write_row(enum smtp_reply reply, char out[smtp_reply_max_bytes])
{
	uint8_t storage[smtp_reply_max_bytes];
	struct buf text;

	text = buf_over(storage, sizeof(storage));
	smtp_reply_write(reply, span_of(hostname), span_of(""), &text);
	memcpy(out, storage, text.n);
	out[text.n - 2] = '\n';
	out[text.n - 1] = '\0';
}

static bool
is_row(enum smtp_reply reply, const char *text)
{
	char want[smtp_reply_max_bytes];

	/* The only one of several lines, and written by itself. */
	if (reply == REPLY_EHLO)
		return strncmp(text, "250-", 4) == 0;
	write_row(reply, want);
	if (reply == REPLY_STORED)
		return strncmp(text, want, strlen(want) - 1) == 0;
	return strcmp(text, want) == 0;
}

void
replies_note(struct replies *replies, const char *text)
{
	int i;

	for (i = 0; i < REPLY_COUNT; i++)
		if (is_row((enum smtp_reply)i, text))
			replies->seen[i] = true;
}

void
replies_add(struct replies *to, const struct replies *from)
{
	int i;

	for (i = 0; i < REPLY_COUNT; i++)
		to->seen[i] |= from->seen[i];
}

size_t
replies_missing(const struct replies *replies)
{
	char text[smtp_reply_max_bytes];
	size_t missing;
	int i;

	missing = 0;
	for (i = 0; i < REPLY_COUNT; i++) {
		/* Two clients, or a greeting-wait: t/system/test_clients.c. */
		if (replies->seen[i] || i == REPLY_ROOM || i == REPLY_EARLY)
			continue;
		/* A process has to be lost: test_submission.c, test_sign.c. */
		if (i == REPLY_AUTH_TROUBLE || i == REPLY_TLS_TROUBLE)
			continue;
		/* They take a proxy: t/system/test_proxy.c. */
		if (i == REPLY_A_WHILE || i == REPLY_HOST_FULL ||
		    i == REPLY_NETWORK_FULL || i == REPLY_NO_MEMORY)
			continue;
		write_row((enum smtp_reply)i, text);
		printf("FAIL replies: no transcript has REPLY_%s: %s",
		    names[i], text);
		missing++;
	}
	return missing;
}
