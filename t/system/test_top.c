/*
 * smtpctl top: the status, again and again, with what happens a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/harness.h"

static struct ctl ctl;

static size_t
count(const char *text)
{
	size_t n = 0;

	for (const char *at = ctl.out; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

/* So many blocks, of plain text where nobody watches a terminal. */
TEST(blocks)
{
	const char *const args[] = { "top", "-i", "0.1", "-n", "3", NULL };
	struct daemon d;

	daemon_serve(&d, "\tworkers 40\n");
	EXPECT(client_deliver(&d, NULL, 1, 100, "alice") == 250, "mail");
	ctl_ask(&ctl, d.conf, args);
	EXPECT(count(" is running as mx.example.org ") == 3 &&
	    count("0 of 40 at most") == 3 && count("\033") == 0, "%s",
	    ctl.out);
	daemon_stop(&d);
}

/* Messages of the last seconds, and none when nothing has come for long. */
TEST(rates)
{
	const char *const args[] = { "status", NULL };
	struct daemon d;

	daemon_serve(&d, "");
	for (int i = 0; i < 20; i++)
		EXPECT(client_deliver(&d, NULL, 1, 100, "alice") == 250,
		    "mail");
	EXPECT(WAIT_FOR(5000, (ctl_ask(&ctl, d.conf, args),
	    ctl_says(&ctl, "a second "))), "%s", ctl.out);
	EXPECT(WAIT_FOR(20000, (ctl_ask(&ctl, d.conf, args),
	    ctl_says(&ctl, " 0.0 messages, "))), "%s", ctl.out);
	EXPECT(client_deliver(&d, NULL, 1, 100, "alice") == 250, "mail");
	EXPECT(WAIT_FOR(5000, (ctl_ask(&ctl, d.conf, args),
	    !ctl_says(&ctl, " 0.0 messages, "))), "%s", ctl.out);
	daemon_stop(&d);
}

TEST(nobody_answers)
{
	const char *args[] = { "top", "-f", NULL, "-n", "2", NULL };
	struct daemon d;

	daemon_init(&d, "", NULL);
	args[2] = d.conf;
	ctl_run(&ctl, 0, args);
	EXPECT(ctl.status == 1 && strstr(ctl.err, "no smtpd answers") !=
	    NULL && ctl.out[0] == '\0', "status %d: %s%s", ctl.status,
	    ctl.err, ctl.out);
}

TEST(wrong_arguments)
{
	static const char *const wrong[][4] = {
		{ "top", "more", NULL }, { "top", "-n", "0", NULL },
		{ "top", "-n", "x", NULL }, { "top", "-i", "0.01", NULL },
		{ "top", "-i", "3601", NULL }, { "top", "-i", "1e3", NULL },
		{ "top", "-j", NULL }, { "stats", "-v", NULL },
		{ "status", "-o", NULL }, { "status", "--openmetrics", NULL }
	};
	const char *const no_terminal[] = { "top", NULL };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ctl_run(&ctl, 0, wrong[i]);
		EXPECT(ctl.status == 2 && strncmp(ctl.err, "smtpctl: ", 9) == 0,
		    "%zu: status %d: %s", i, ctl.status, ctl.err);
	}
	ctl_run(&ctl, 0, no_terminal);
	EXPECT(ctl.status == 2 && strstr(ctl.err, "no terminal") != NULL,
	    "status %d: %s", ctl.status, ctl.err);
}
