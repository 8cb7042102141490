/*
 * smtpctl stats: each thing that happens is counted once, where it belongs,
 * and a collector can read it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/openmetrics.h"
#include "t/system/proc.h"

static struct ctl ctl;
static struct openmetrics metrics;

static void
collect(const struct daemon *d)
{
	static const char *const args[] = { "stats", "--openmetrics", NULL };
	const char *why;

	ctl_ask(&ctl, d->conf, args);
	why = openmetrics_read(ctl.out, &metrics);
	EXPECT(why == NULL, "no OpenMetrics: %s\n%s", why, ctl.out);
}

/* The value of "smtpd_" SERIES. */
static double
value_of(const char *series)
{
	char name[160];
	double value;

	snprintf(name, sizeof(name), "smtpd_%s", series);
	value = openmetrics_value(&metrics, name);
	EXPECT(value >= 0, "no %s in\n%s", name, ctl.out);
	return value;
}

static bool
counted(const struct daemon *d, const char *series, double want)
{
	collect(d);
	return value_of(series) == want;
}

#define EXPECT_COUNTED(d, series, want)					\
	EXPECT(WAIT_FOR(5000, counted((d), (series), (want))),		\
	    "%s is %g, not %g", (series), value_of(series), (double)(want))

TEST(all_zero)
{
	struct daemon d;

	daemon_serve(&d, "");
	collect(&d);
	for (size_t i = 0; i < metrics.count; i++) {
		const char *series = metrics.samples[i].series;

		/* Workers are there, and this question was asked. */
		if (strstr(series, "_total") == NULL ||
		    strstr(series, "workers_started") != NULL ||
		    strstr(series, "control_questions") != NULL)
			continue;
		EXPECT(metrics.samples[i].value == 0, "%s is %g", series,
		    metrics.samples[i].value);
	}
	EXPECT(value_of("commit_wait_seconds_count") == 0, "%s", ctl.out);
	EXPECT(value_of("sessions_max") == 200, "%s", ctl.out);
	EXPECT(strstr(ctl.out, "smtpd_build_info{version=\"") != NULL, "%s",
	    ctl.out);
	daemon_stop(&d);
}

TEST(mail_is_counted)
{
	static const char *const both[] = { "alice", "bob", NULL };
	static const char *const some[] = { "alice", "nobody-here", NULL };
	struct client c;
	struct daemon d;

	daemon_serve(&d, "");
	client_open(&c, &d, NULL);
	EXPECT(client_mail(&c, 1, 4000, both) == 250, "mail");
	EXPECT(client_mail(&c, 2, 4000, both) == 250, "mail");
	EXPECT(client_begin(&c, some) == 550, "rcpt: %s", c.reply);
	client_expect(&c, 550, "RCPT TO:<a@elsewhere.example>");
	client_expect(&c, 500, "NONSENSE");
	client_expect(&c, 221, "QUIT");
	client_close(&c);
	EXPECT_COUNTED(&d, "connections_total", 1);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"quit\"}", 1);
	EXPECT_COUNTED(&d, "senders_accepted_total", 3);
	EXPECT_COUNTED(&d, "recipients_accepted_total", 5);
	EXPECT_COUNTED(&d, "recipients_refused_total{verdict=\"no such "
	    "recipient\"}", 1);
	EXPECT_COUNTED(&d, "recipients_refused_total{verdict=\"relaying "
	    "denied\"}", 1);
	EXPECT_COUNTED(&d, "messages_stored_total", 2);
	EXPECT_COUNTED(&d, "deliveries_total", 4);
	/*
	 * "new" four times; two new Maildirs, their domain, and mail; more
	 * where a Maildir takes long to make.
	 */
	EXPECT(value_of("directory_syncs_total") >= 8 &&
	    value_of("directory_syncs_total") <= 12, "%s", ctl.out);
	EXPECT_COUNTED(&d, "commit_wait_seconds_count", 2);
	EXPECT_COUNTED(&d, "commit_messages_bucket{le=\"1.0\"}", 2);
	EXPECT_COUNTED(&d, "commit_messages_sum", 2);
	EXPECT_COUNTED(&d, "errors_total", 3);
	/* Where a Maildir takes long to make, the next waits for a turn. */
	EXPECT(value_of("commits_total") >= 2 &&
	    value_of("commits_total") <= 4, "%s", ctl.out);
	EXPECT(value_of("stored_bytes_total") > 8000 &&
	    value_of("received_bytes_total") > 8000 &&
	    value_of("sent_bytes_total") > 100, "%s", ctl.out);
	EXPECT(value_of("commit_wait_seconds_sum") > 0 &&
	    value_of("commit_wait_seconds_sum") < 20, "%s", ctl.out);
	daemon_stop(&d);
}

TEST(refusals_are_counted)
{
	struct client c[3];
	struct daemon d;

	daemon_serve(&d, "\tworkers 40\n\tper-address 2\n");
	client_open(&c[0], &d, NULL);
	client_open(&c[1], &d, NULL);
	EXPECT(client_connect(&c[2], &d, NULL) &&
	    client_reply(&c[2]) == 421, "a third is let in");
	EXPECT_COUNTED(&d, "connections_total", 2);
	EXPECT_COUNTED(&d, "connections_refused_total{reason=\"too many "
	    "sessions from you\"}", 1);
	EXPECT_COUNTED(&d, "sessions{state=\"idle\"}", 2);
	client_close(&c[0]);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"closed by "
	    "client\"}", 1);
	daemon_stop(&d);
}

/* Held back before the greeting, too many of a network, sent away. */
TEST(admission_is_counted)
{
	struct client c[4];
	struct daemon d;

	daemon_serve(&d, "\tgreeting-wait 60s\n\tper-network 2\n"
	    "\tper-address 2\n");
	EXPECT(client_connect(&c[0], &d, "127.0.0.2") &&
	    client_connect(&c[1], &d, "127.0.0.3"), "connect");
	EXPECT_COUNTED(&d, "sessions{state=\"greeting\"}", 2);
	EXPECT(client_connect(&c[2], &d, "127.0.0.4") &&
	    client_reply(&c[2]) == 421, "a third of the network is let in");
	EXPECT_COUNTED(&d, "connections_refused_total{reason=\"too many "
	    "sessions from your network\"}", 1);
	EXPECT(client_send(&c[0], "HELO x\r\n", 8) &&
	    client_reply(&c[0]) == 554, "it may speak too soon");
	EXPECT_COUNTED(&d, "connections_refused_total{reason=\"spoke before "
	    "the greeting\"}", 1);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"turned away\"}", 1);
	client_close(&c[1]);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"closed by "
	    "client\"}", 1);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"worker lost\"}", 0);
	EXPECT_COUNTED(&d, "connections_total", 2);
	daemon_stop(&d);
}

TEST(crashes_are_counted)
{
	pid_t workers[64];
	struct client c;
	struct daemon d;
	size_t n;

	daemon_serve(&d, "");
	client_open(&c, &d, "127.0.0.9");
	daemon_settle(&d);
	n = daemon_workers(&d, workers, 64);
	EXPECT(n > 0, "no worker");
	/* It would let the others go when it hears of the first. */
	proc_stop(d.pid);
	for (size_t i = 0; i < n; i++)
		kill(workers[i], SIGSEGV);
	for (size_t i = 0; i < n; i++)
		EXPECT(WAIT(proc_is_gone(workers[i])), "a worker stays");
	EXPECT(kill(d.pid, SIGCONT) == 0, "kill: %s", strerror(errno));
	EXPECT_COUNTED(&d, "worker_crashes_total", (double)n);
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"worker lost\"}", 1);
	EXPECT_COUNTED(&d, "addresses_refused", 1);
	EXPECT(client_connect(&c, &d, "127.0.0.9") &&
	    client_reply(&c) == 421, "it is let in");
	EXPECT_COUNTED(&d, "connections_refused_total{reason=\"refused for a "
	    "while\"}", 1);
	daemon_stop(&d);
}

/* The other two forms say the same. */
TEST(other_forms)
{
	static const char *const json[] = { "stats", "--json", NULL };
	static const char *const people[] = { "stats", NULL };
	static const char *const wrong[] = { "stats", "-j", "-o", NULL };
	struct daemon d;

	daemon_serve(&d, "");
	EXPECT(client_deliver(&d, NULL, 1, 2000, "alice") == 250, "mail");
	EXPECT_COUNTED(&d, "sessions_ended_total{reason=\"quit\"}", 1);
	ctl_ask(&ctl, d.conf, json);
	EXPECT(ctl_json(&ctl, "messages_stored") == 1 &&
	    ctl_json(&ctl, "connections") == 1 &&
	    ctl_json(&ctl, "quit") == 1, "%s", ctl.out);
	EXPECT(ctl_says(&ctl, "\"commit_wait_seconds\":{\"count\":1,"), "%s",
	    ctl.out);
	ctl_ask(&ctl, d.conf, people);
	EXPECT(ctl_says(&ctl, "Messages answered for      ") &&
	    ctl_says(&ctl, "    quit   ") &&
	    ctl_says(&ctl, "    99 % at most  "), "%s", ctl.out);
	EXPECT(!ctl_says(&ctl, "session too long"), "%s", ctl.out);
	ctl_run(&ctl, 0, wrong);
	EXPECT(ctl.status == 2 && strncmp(ctl.err, "smtpctl: ", 9) == 0,
	    "exit status %d: %s", ctl.status, ctl.err);
	daemon_stop(&d);
	ctl_run(&ctl, 0, (const char *const[]){ "stats", "-f", d.conf,
	    NULL });
	EXPECT(ctl.status == 1 && strstr(ctl.err, "no smtpd answers") !=
	    NULL, "exit status %d: %s", ctl.status, ctl.err);
}

/* The reader itself is strict. */
TEST(reader_is_strict)
{
#define HEAD "# TYPE a counter\n# HELP a b\n"
#define HIST "# TYPE h histogram\n# HELP h b\n"
	static const struct {
		const char	*text;
		bool		 fine;
	} t[] = {
		{ "# EOF\n", true },
		{ "# EOF", false },
		{ "", false },
		{ HEAD "a_total 1\n# EOF\n", true },
		{ HEAD "a_total{x=\"y\"} 1\na_total{x=\"z\"} 2\n# EOF\n",
		    true },
		{ HEAD "a_total 1\n", false },
		{ HEAD "a_total 1\n# EOF\n\n", false },
		{ HEAD "# EOF\n", false },
		{ HEAD "a 1\n# EOF\n", false },
		{ HEAD "b_total 1\n# EOF\n", false },
		{ HEAD "a_total  1\n# EOF\n", false },
		{ HEAD "a_total 1 \n# EOF\n", false },
		{ HEAD "a_total -1\n# EOF\n", false },
		{ HEAD "a_total 0x1\n# EOF\n", false },
		{ HEAD "a_total 1\na_total 1\n# EOF\n", false },
		{ HEAD "a_total{x=y} 1\n# EOF\n", false },
		{ HEAD "a_total{x=\"y} 1\n# EOF\n", false },
		{ HEAD "a_total{} 1\n# EOF\n", false },
		{ HEAD "\na_total 1\n# EOF\n", false },
		{ HEAD "a_total 1\n" HEAD "a_total 1\n# EOF\n", false },
		{ "a_total 1\n# EOF\n", false },
		{ "# TYPE a counter\na_total 1\n# EOF\n", false },
		{ "# TYPE a count\n# HELP a b\na_total 1\n# EOF\n", false },
		{ "# TYPE a_s gauge\n# UNIT a_s s\n# HELP a_s b\na_s 1\n"
		    "# EOF\n", true },
		{ "# TYPE a gauge\n# UNIT a s\n# HELP a b\na 1\n# EOF\n",
		    false },
		{ HIST "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
		    "h_sum 3\nh_count 2\n# EOF\n", true },
		{ HIST "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
		    "h_sum 3\nh_count 3\n# EOF\n", false },
		{ HIST "h_bucket{le=\"1.0\"} 3\nh_bucket{le=\"+Inf\"} 2\n"
		    "h_sum 3\nh_count 2\n# EOF\n", false },
		{ HIST "h_bucket{le=\"2.0\"} 1\nh_bucket{le=\"1.0\"} 1\n"
		    "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n# EOF\n",
		    false },
		{ HIST "h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
		    "h_sum 3\nh_count 2\n# EOF\n", false },
		{ HIST "h_bucket{le=\"1.0\"} 1\nh_sum 3\nh_count 1\n# EOF\n",
		    false }
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const char *why = openmetrics_read(t[i].text, &metrics);

		EXPECT((why == NULL) == t[i].fine, "%s: %s", t[i].text,
		    why == NULL ? "taken" : why);
	}
}
