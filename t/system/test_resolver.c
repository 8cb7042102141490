/*
 * Mail to domains whose name servers are honest, broken, silent or hostile; the
 * workers that ask them, killed.  No message leaves: the only host that these
 * servers name is this one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/system/client.h"
#include "t/system/ctl.h"
#include "t/system/harness.h"
#include "t/unit/lying_dns.h"

enum { patience_ms = 60 * 1000, domains = 300 };

static pid_t liar;

static void
begin(struct daemon *d)
{
	int udp[lying_servers], tcp[lying_servers];
	uint16_t ports[lying_servers];

	lying_bind(udp, tcp, ports);
	memcpy(lying_ip, (const uint8_t[]){ 127, 0, 0, 1 }, 4);
	liar = fork();
	EXPECT(liar != -1, "fork: %s", strerror(errno));
	if (liar == 0)
		lying_run(udp, tcp);
	daemon_init(d, "recipients 1000\n", NULL);
	daemon_add_conf(d, "resolver 127.0.0.1 port %d\n"
	    "resolver 127.0.0.1 port %d\n"
	    "relay {\n\tfrom 127.0.0.1\n\tipv6 no\n}\n", ports[0], ports[1]);
	for (int i = 0; i < lying_servers; i++) {
		close(udp[i]);
		close(tcp[i]);
	}
	daemon_start(d);
}

static void
end(struct daemon *d)
{
	daemon_stop(d);
	kill(liar, SIGKILL);
	EXPECT(waitpid(liar, NULL, 0) == liar, "waitpid: %s", strerror(errno));
	EXPECT(daemon_logged(d, "event=worker-attack", NULL) == 0,
	    "an honest worker was taken for an attacker");
}

/* One message, to so many domains LABEL.N.test. */
static void
submit(const struct daemon *d, const char *label, unsigned count)
{
	static const char text[] = "Subject: x\r\n\r\nx\r\n";
	struct client c;
	char line[128];

	client_open(&c, d, NULL);
	client_expect(&c, 250, "EHLO client.example.org");
	client_expect(&c, 250, "MAIL FROM:<alice@example.org>");
	for (unsigned i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "RCPT TO:<bob@%s.%u.test>",
		    label, i);
		client_expect(&c, 250, line);
	}
	client_expect(&c, 354, "DATA");
	EXPECT(client_send(&c, text, strlen(text)), "send");
	client_expect(&c, 250, ".");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
}

/* What becomes of mail to a domain whose servers say that. */
TEST(verdicts)
{
	static const struct {
		const char	*label, *event, *why;
	} cases[] = {
		{ "nxdomain", "event=failed", "no such domain" },
		{ "null", "event=failed", "takes no mail" },
		{ "nothing", "event=failed", "names no host" },
		{ "no-host", "event=failed", "names no host" },
		{ "servfail", "event=try", "DNS gave no answer" },
		{ "silent", "event=try", "DNS gave no answer" },
		{ "others", "event=try", "DNS gave no answer" },
		{ "endless", "event=try", "DNS gave no answer" },
		{ "bomb", "event=try", "DNS gave no answer" },
		{ "stall", "event=try", "DNS gave no answer" },
		{ "good", "event=failed", "leads back to this host" },
		{ "deaf", "event=failed", "leads back to this host" },
		{ "tcp", "event=failed", "leads back to this host" },
		{ "half-silent", "event=failed", "leads back to this host" },
		{ "thousand", "event=failed", "leads back to this host" },
		{ "implicit", "event=failed", "leads back to this host" }
	};
	struct daemon d;

	begin(&d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		submit(&d, cases[i].label, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char to[64];

		snprintf(to, sizeof(to), "to=<bob@%s.0.test>", cases[i].label);
		EXPECT(WAIT_FOR(patience_ms, daemon_logged(&d, cases[i].event,
		    to, cases[i].why, NULL) > 0), "%s: not \"%s\"",
		    cases[i].label, cases[i].why);
	}
	EXPECT(daemon_logged(&d, "event=done", NULL) == 0, "mail left");
	EXPECT(daemon_logged(&d, "event=worker-crash", NULL) == 0,
	    "a worker crashed");
	end(&d);
}

/* The worker that resolves, as status has it; 0: none. */
static pid_t
resolving(const struct daemon *d)
{
	const char *p;

	EXPECT(ctl("status -v -f %s", d->conf) == 0, "%s", ctl_text);
	p = strstr(ctl_text, "resolving");
	if (p == NULL)
		return 0;
	while (p > ctl_text && p[-1] != '\n')
		p--;
	while (*p != '\0' && (*p < '0' || *p > '9'))
		p++;
	return (pid_t)atoi(p);
}

/* In all lines of what failed. */
static unsigned long
failed_recipients(const struct daemon *d)
{
	char *text = harness_read_file(d->log, NULL), *p = text;
	unsigned long sum = 0;

	while ((p = strstr(p, "event=failed")) != NULL &&
	    (p = strstr(p, "recipients=")) != NULL)
		sum += strtoul(p + strlen("recipients="), &p, 10);
	free(text);
	return sum;
}

/* What a lost worker was asked is asked again: each domain gets its answer. */
TEST(killed_while_it_asks)
{
	struct daemon d;
	pid_t pid;

	begin(&d);
	submit(&d, "slow", domains);
	EXPECT(WAIT((pid = resolving(&d)) > 0), "nobody resolves: %s",
	    ctl_text);
	EXPECT(kill(pid, SIGKILL) == 0, "kill: %s", strerror(errno));
	EXPECT(WAIT(daemon_logged(&d, "event=worker-crash", "domain=",
	    NULL) == 1), "no word of the crash");
	EXPECT(WAIT_FOR(patience_ms, daemon_logged(&d, "event=notice",
	    "kind=failed", NULL) > 0), "no end: %s", daemon_last_words(&d));
	/* The report is written first, then the log. */
	EXPECT(WAIT(failed_recipients(&d) == domains), "%lu have an answer",
	    failed_recipients(&d));
	EXPECT(daemon_logged(&d, "DNS gave no answer", NULL) == 0,
	    "one was lost");
	end(&d);
}
