/*
 * Who may send mail out, as a client reads it and as smtpctl explains it; and
 * how much.
 */
#include <stdio.h>
#include <string.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"

/* Who may send out, by which line, and which way; as a client reads it. */
TEST(elsewhere)
{
	static const char relay[] = "hostname mx.example.org\nroot %s\n"
	    "user nobody\nworker-user daemon\nlisten 127.0.0.1 port 0\n"
	    "domain example.org {\n\tusers %s\n}\n"
	    "limits {\n\tdisk-reserve 1M\n}\nrelay {\n\tfrom %s\n%s}\n";
	static const struct {
		const char	*from, *more;	/* of the block */
		const char	*client, *user, *to;
		int		 status;
		const char	*want;
	} t[] = {
		{ "127.0.0.0/8", "", "127.0.0.1", NULL, "x@a.example", 0,
		    "the client may send mail out" },
		{ "127.0.0.0/8", "", "192.0.2.1", NULL, "x@a.example", 1,
		    "NO  its domain has no block, and no line lets the client "
		    "send mail out" },
		{ "127.0.0.0/8", "", "127.0.0.1", NULL, "alice@example.org", 0,
		    "alice@example.org is a user" },
		{ "authenticated", "", "127.0.0.1", NULL, "x@a.example", 1,
		    "550 5.7.1 relaying denied" },
		{ "authenticated", "", "127.0.0.1", "Alice@example.org",
		    "x@a.example", 0, "it goes to the hosts that MX records "
		    "name  the default" },
		{ "authenticated", "\tfor .example via smart.example.net port "
		    "25\n", "127.0.0.1", "alice", "x@a.example", 0,
		    "it goes to smart.example.net " },
		{ "127.0.0.0/8", "", "127.0.0.1", "alice", "x@a.example", 0,
		    "Delivered: 1 recipient, 0 mailboxes; 1 of the recipients "
		    "elsewhere.\n" },
		{ "authenticated", "", "127.0.0.1", "nobody-here",
		    "x@a.example", 2, "no such user" }
	};
	struct client c;
	struct daemon d;
	char text[2000];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		daemon_init(&d, "", NULL);
		snprintf(text, sizeof(text), relay, d.root,
		    harness_path("users"), t[i].from, t[i].more);
		harness_write_file(d.conf, text);
		CTL_EXPECT(t[i].status, t[i].want, "explain -f %s --from %s --to %s "
		    "--client %s%s%s", d.conf, t[i].user == NULL ?
		    "a@b.example" : "alice@example.org", t[i].to,
		    t[i].client, t[i].user == NULL ? "" : " --user ",
		    t[i].user == NULL ? "" : t[i].user);
		if (t[i].user != NULL || strcmp(t[i].client, "127.0.0.1") != 0)
			continue;
		daemon_start(&d);
		client_open(&c, &d, NULL);
		client_expect(&c, 250, "EHLO client.example.net");
		client_expect(&c, 250, "MAIL FROM:<a@b.example>");
		snprintf(text, sizeof(text), "RCPT TO:<%s>", t[i].to);
		client_expect(&c, t[i].status == 0 ? 250 : 550, text);
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		daemon_stop(&d);
	}
	/* The sender has to be one of the user's. */
	CTL_EXPECT(1, "553 5.7.1 that sender address is not yours", "explain "
	    "-f %s --from bob@example.org --to x@a.example --user alice",
	    d.conf);
}
