/*
 * dial as a helper of the real daemon: started only where mail may leave, with
 * the exceptions of the configuration, and started again with the same ones.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "t/system/client.h"
#include "t/system/harness.h"
#include "t/system/proc.h"

static const char relay[] = "resolver 127.0.0.1 port 5399\n"
    "relay {\n\tfrom authenticated\n\tvia 127.0.0.1 port 2599\n}\n";

static void
serve(struct daemon *d)
{
	daemon_init(d, "", NULL);
	daemon_add_conf(d, "%s", relay);
	daemon_start(d);
}

static pid_t
dial_of(const struct daemon *d)
{
	pid_t pid;

	EXPECT(WAIT((pid = proc_helper(d->pid, 'c')) != 0), "no dial");
	return pid;
}

/* The words behind the option, one blank between. */
static void
words_of(pid_t pid, char *out, size_t size)
{
	char path[64], text[1024] = "";
	size_t n, at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	f = fopen(path, "re");
	EXPECT(f != NULL, "%s: %s", path, strerror(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	at = strlen(text) + 1;
	at += strlen(text + at) + 1;
	for (size_t i = at; i + 1 < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	snprintf(out, size, "%s", at < n ? text + at : "");
}

static void
expect_words(pid_t pid)
{
	char words[512];

	words_of(pid, words, sizeof(words));
	EXPECT(strcmp(words, "5399/tcp@127.0.0.1 5399/udp@127.0.0.1 "
	    "2599/tcp@127.0.0.1") == 0, "words: %s", words);
}

TEST(not_without_relay)
{
	struct daemon d;

	daemon_serve(&d, "");
	EXPECT(proc_helper(d.pid, 'c') == 0, "it was started");
	daemon_stop(&d);
}

/* Killed, it is there again, with the same exceptions; mail comes in. */
TEST(dial_is_killed)
{
	struct daemon d;
	struct client c;
	pid_t pid, again;

	serve(&d);
	pid = dial_of(&d);
	expect_words(pid);
	for (int i = 1; i <= 2; i++) {
		kill(pid, SIGKILL);
		/* Before that, the child of its self-test may be there. */
		EXPECT(WAIT(daemon_logged(&d, " event=helper-started ",
		    " helper=dial ", NULL) == (size_t)i), "%s",
		    daemon_last_words(&d));
		again = proc_helper(d.pid, 'c');
		EXPECT(again != 0 && again != pid, "none was started");
		expect_words(again);
		pid = again;
	}
	EXPECT(daemon_logged(&d, " event=helper-lost ", " helper=dial ",
	    "no mail leaves", NULL) == 2, "%s", daemon_last_words(&d));
	EXPECT(client_connect(&c, &d, "127.0.0.1"), "connect");
	client_close(&c);
	daemon_stop(&d);
}

/* It has no file, and no descriptor but its channel. */
TEST(what_it_holds)
{
	struct proc_fd fds[proc_fds_max];
	struct daemon d;
	char text[64];
	pid_t pid;
	int n, sockets = 0;

	serve(&d);
	pid = dial_of(&d);
	n = proc_fds(pid, fds);
	for (int i = 0; i < n; i++)
		if (strncmp(fds[i].what, "socket:", 7) == 0)
			sockets++;
		else
			EXPECT(strcmp(fds[i].what, "/dev/null") == 0, "%s",
			    fds[i].what);
	EXPECT(sockets == 1, "%d sockets", sockets);
	proc_status(pid, "Seccomp", text, sizeof(text));
	EXPECT(strcmp(text, "2") == 0, "Seccomp: %s", text);
	proc_status(pid, "NoNewPrivs", text, sizeof(text));
	EXPECT(strcmp(text, "1") == 0, "NoNewPrivs: %s", text);
	daemon_stop(&d);
}

/*
 * A socket that nobody asked for: that dial is let go.  (The keeper would start
 * the liar's program again, which dies in its sandbox.)
 */
TEST(lying_dial)
{
	struct daemon d;
	pid_t pid;

	daemon_init(&d, "", NULL);
	daemon_add_conf(&d, "%s", relay);
	daemon_use_other(&d, "lying_worker", "liar-dial");
	daemon_start(&d);
	pid = dial_of(&d);
	EXPECT(WAIT(daemon_logged(&d, " event=helper-lost ", " helper=dial ",
	    "its record was not asked for", NULL) == 1), "%s",
	    daemon_last_words(&d));
	EXPECT(WAIT(proc_is_gone(pid)), "the liar is still there");
	daemon_stop(&d);
}
