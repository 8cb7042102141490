/*
 * smtpctl top on a real terminal, before a real smtpd: what it shows, and
 * that the terminal is given back on every way out.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/ask.h"
#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"
#include "t/system/tty.h"

static struct ctl ctl;
static struct tty tty;

#define SHOWS(text) EXPECT(WAIT(tty_shows(&tty, (text))),		\
	"no \"%s\" in\n%s", (text), tty_text(&tty))

static void
start(const struct daemon *d, size_t rows, size_t columns)
{
	const char *const args[] = { "top", "-f", d->conf, "-i", "0.1", NULL };

	tty_start(&tty, rows, columns, args);
	SHOWS("connections let in");
	EXPECT(!tty_is_restored(&tty) && tty.hidden, "it was not taken");
}

/* By key, and everything is as it was. */
static void
quit(void)
{
	int status;

	tty_key(&tty, 'q');
	status = tty_wait_end(&tty);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x",
	    (unsigned)status);
	EXPECT(tty_is_restored(&tty), "the terminal is not as it was");
	EXPECT(!tty.other, "it drew what it should not:\n%s",
	    tty_text(&tty));
	tty_close(&tty);
}

static void
shows_what_happens(void)
{
	static const char *const alice[] = { "alice", NULL };
	struct client c[2];
	struct daemon d;

	daemon_init(&d, "\tworkers 40\n", NULL);
	daemon_start(&d);
	start(&d, 30, 100);
	SHOWS("0 of 40");
	SHOWS("as mx.example.org");
	client_open(&c[0], &d, "127.0.0.5");
	SHOWS("1 of 40, 1 idle");
	SHOWS("127.0.0.5                                 1");
	client_open(&c[1], &d, "127.0.0.6");
	EXPECT(client_begin(&c[1], alice) == 354, "DATA");
	SHOWS("2 of 40, 1 idle, 1 data");
	EXPECT(client_send(&c[1], "x\r\n.\r\n", 6) &&
	    client_reply(&c[1]) == 250, "mail: %s", c[1].reply);
	SHOWS("messages stored                         0.0              1");
	tty_key(&tty, 's');
	SHOWS("SESSION          CLIENT");
	SHOWS(" 127.0.0.6                idle ");
	EXPECT(!tty_shows(&tty, "REFUSED FOR"), "%s", tty_text(&tty));
	SHOWS("by age");
	tty_key(&tty, 'o');
	SHOWS("by octets stored");
	tty_key(&tty, 'a');
	SHOWS("by time refused");
	client_close(&c[0]);
	client_close(&c[1]);
	SHOWS("0 of 40 ");
	EXPECT(!tty.red, "colour without alarm");
	quit();
	daemon_stop(&d);
}

/* While it is paused nothing is asked; the screen stands still. */
static void
pauses(void)
{
	struct client c;
	struct daemon d;

	daemon_init(&d, "\tworkers 40\n", NULL);
	daemon_start(&d);
	start(&d, 24, 80);
	tty_key(&tty, ' ');
	SHOWS("PAUSED");
	client_open(&c, &d, NULL);
	EXPECT(!WAIT_FOR(500, tty_shows(&tty, "1 of 40")), "it goes on:\n%s",
	    tty_text(&tty));
	tty_key(&tty, ' ');
	SHOWS("1 of 40");
	EXPECT(!tty_shows(&tty, "PAUSED"), "%s", tty_text(&tty));
	client_close(&c);
	quit();
	daemon_stop(&d);
}

/* Cut at the width, to the last row, and again when that is another. */
static void
follows_the_size(void)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	daemon_start(&d);
	start(&d, 24, 80);
	SHOWS("o order");
	EXPECT(strncmp(tty.cells[23], "q quit", 6) == 0, "last row:\n%s",
	    tty_text(&tty));
	tty_resize(&tty, 40, 120);
	EXPECT(WAIT(tty_shows(&tty, "workers") &&
	    strncmp(tty.cells[39], "q quit", 6) == 0), "last row:\n%s",
	    tty_text(&tty));
	tty_resize(&tty, 10, 30);
	EXPECT(WAIT(tty_shows(&tty, "workers") &&
	    strncmp(tty.cells[9], "q quit", 6) == 0), "last row:\n%s",
	    tty_text(&tty));
	/* Between the two sizes it may have drawn for the one before. */
	tty.other = false;
	SHOWS("messages stored");
	quit();
	daemon_stop(&d);
}

static void
signals_restore(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct daemon d;
	int status;

	daemon_init(&d, "", NULL);
	daemon_start(&d);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		start(&d, 24, 80);
		kill(tty_job(&tty), signals[i]);
		status = tty_wait_end(&tty);
		EXPECT(WIFSIGNALED(status) &&
		    WTERMSIG(status) == signals[i], "status %x",
		    (unsigned)status);
		EXPECT(tty_is_restored(&tty), "signal %d: not as it was",
		    signals[i]);
		tty_close(&tty);
	}
	/* The key for it, while smtpd hangs and the program waits for it. */
	start(&d, 24, 120);
	EXPECT(kill(d.pid, SIGSTOP) == 0, "kill");
	SHOWS("smtpd takes the question at ");
	tty_key(&tty, 3);
	status = tty_wait_end(&tty);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT,
	    "status %x", (unsigned)status);
	EXPECT(tty_is_restored(&tty), "not as it was");
	tty_close(&tty);
	EXPECT(kill(d.pid, SIGCONT) == 0, "kill");
	daemon_stop(&d);
}

static bool
is_stopped(pid_t pid)
{
	char state[64];

	return proc_status_of(pid, "State", state, sizeof(state)) &&
	    state[0] == 'T';
}

static void
go_on(pid_t pid)
{
	EXPECT(kill(pid, SIGCONT) == 0, "kill");
	EXPECT(WAIT(!tty_is_restored(&tty) && tty.alternate && tty.hidden),
	    "it does not take it again");
	SHOWS("connections let in");
}

/* Stopped, it gives the terminal back; continued, it takes it again. */
static void
stops_and_goes_on(void)
{
	struct daemon d;
	pid_t pid;

	daemon_init(&d, "", NULL);
	daemon_start(&d);
	start(&d, 24, 80);
	pid = tty_job(&tty);
	for (int i = 0; i < 2; i++) {
		tty_key(&tty, 26);
		EXPECT(WAIT(is_stopped(pid)), "the key does not stop it");
		EXPECT(tty_is_restored(&tty), "the terminal is kept");
		go_on(pid);
	}
	/* This it cannot hear, and a shell has changed what it wants. */
	proc_stop(pid);
	EXPECT(tcsetattr(tty.own, TCSANOW, &tty.before) == 0, "tcsetattr");
	tty.alternate = tty.hidden = false;
	go_on(pid);
	quit();
	daemon_stop(&d);
}

static void
server_goes_and_comes(void)
{
	struct client c;
	struct daemon d;

	daemon_init(&d, "\tworkers 40\n", NULL);
	daemon_start(&d);
	EXPECT(client_deliver(&d, NULL, 1, 100, "alice") == 250, "mail");
	start(&d, 24, 60);
	SHOWS("messages stored                         0.0              1");
	/* daemon_stop would wait for smtpctl, too. */
	EXPECT(kill(d.pid, SIGTERM) == 0 && daemon_wait_end(&d) == 0,
	    "%s", daemon_last_words(&d));
	SHOWS("no smtpd answers: there is no socket");
	EXPECT(tty_shows(&tty, "connections let in"), "%s", tty_text(&tty));
	EXPECT(tty.red, "an alarm without colour");
	daemon_start(&d);
	SHOWS("messages stored                         0.0              0");
	SHOWS("q quit");
	client_open(&c, &d, NULL);
	SHOWS("1 of 40");
	client_close(&c);
	quit();
	daemon_stop(&d);
}

static void
without_colour(void)
{
	struct daemon d;

	daemon_init(&d, "\tdisk-reserve 1000000G\n", NULL);
	daemon_start(&d);
	setenv("NO_COLOR", "1", 1);
	start(&d, 24, 120);
	SHOWS("NO MAIL IS TAKEN");
	EXPECT(!tty.red, "colour in spite of NO_COLOR");
	quit();
	unsetenv("NO_COLOR");
	daemon_stop(&d);
}

static size_t
count(const char *text)
{
	size_t n = 0;

	for (const char *p = ctl.out; (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

/* Not on a terminal: lines, when they are asked for. */
static void
blocks(void)
{
	struct daemon d;

	daemon_init(&d, "", NULL);
	daemon_start(&d);
	ctl_ask(&ctl, d.conf, (const char *const[]){ "top", "-n", "3", "-i",
	    "0.1", NULL });
	EXPECT(count("connections let in") == 3 && count("workers ") == 3,
	    "%s", ctl.out);
	EXPECT(count("\033") == 0 && count(" -  ") == 0, "%s", ctl.out);
	ctl_run(&ctl, 0, (const char *const[]){ "top", "-f", d.conf, NULL });
	EXPECT(ctl.status == 2 && ctl.out[0] == '\0' &&
	    strstr(ctl.err, "use smtpctl status") != NULL, "%d: %s",
	    ctl.status, ctl.err);
	daemon_stop(&d);
	ctl_run(&ctl, 0, (const char *const[]){ "top", "-n", "1", "-f",
	    d.conf, NULL });
	EXPECT(ctl.status == 1 && strstr(ctl.err, "no smtpd answers") !=
	    NULL, "%d: %s", ctl.status, ctl.err);
}

/* A terminal that knows lines only gets those, until it is interrupted. */
static void
dumb_terminal(void)
{
	const char *args[] = { "top", "-f", NULL, "-i", "0.1", NULL };
	struct daemon d;
	struct termios now;
	int status;

	daemon_init(&d, "", NULL);
	daemon_start(&d);
	args[2] = d.conf;
	setenv("TERM", "dumb", 1);
	tty_start(&tty, 24, 80, args);
	SHOWS("ADDRESS");
	EXPECT(tcgetattr(tty.own, &now) == 0 &&
	    now.c_lflag == tty.before.c_lflag, "modes changed");
	EXPECT(tty.pending_n == 0 && !tty.hidden && !tty.red, "a sequence");
	tty_key(&tty, 3);
	status = tty_wait_end(&tty);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT,
	    "status %x", (unsigned)status);
	tty_close(&tty);
	unsetenv("TERM");
	daemon_stop(&d);
}

static void
wrong_arguments(void)
{
	static const char *const wrong[][4] = {
		{ "top", "-n", "0", NULL }, { "top", "-n", "x", NULL },
		{ "top", "-n", "1x", NULL }, { "top", "-n", "-1", NULL },
		{ "top", "-i", "0", NULL }, { "top", "-i", "0.09", NULL },
		{ "top", "-i", "3601", NULL }, { "top", "-i", "nan", NULL },
		{ "top", "-i", "1.2.3", NULL }, { "top", "-i", "", NULL },
		{ "top", "-i", "-1", NULL }, { "top", "-x", NULL },
		{ "top", "here", NULL }
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		ctl_run(&ctl, 0, wrong[i]);
		EXPECT(ctl.status == 2 && strstr(ctl.err, "usage:") != NULL,
		    "%s %s: %d: %s", wrong[i][1], wrong[i][2], ctl.status,
		    ctl.err);
	}
}

int
main(int argc, char *argv[])
{
	static const struct test tests[] = {
		{ "shows_what_happens", shows_what_happens },
		{ "pauses", pauses },
		{ "follows_the_size", follows_the_size },
		{ "signals_restore", signals_restore },
		{ "stops_and_goes_on", stops_and_goes_on },
		{ "server_goes_and_comes", server_goes_and_comes },
		{ "without_colour", without_colour },
		{ "blocks", blocks },
		{ "dumb_terminal", dumb_terminal },
		{ "wrong_arguments", wrong_arguments },
	};

	/* What the one who runs them has is not what is tested. */
	unsetenv("NO_COLOR");
	unsetenv("TERM");
	return harness_main(argc, argv, tests,
	    sizeof(tests) / sizeof(tests[0]));
}
