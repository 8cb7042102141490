/*
 * Several masters on one root: what one receives is no litter to another,
 * what a dead one has left is, and the message log stays one chain.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/system/chain.h"
#include "t/system/client.h"
#include "t/system/harness.h"

static const char *const alice[] = { "alice", NULL };

/* A second program, with a log and a control socket of its own. */
static void
start_second(const struct daemon *first, struct daemon *second)
{
	char *text = harness_read_file(first->conf, NULL);

	*second = *first;
	snprintf(second->conf, sizeof(second->conf), "%s/second.conf",
	    harness_dir);
	harness_write_file(second->conf, text);
	free(text);
	daemon_add_conf(second, "control %s/second\n", second->root);
	snprintf(second->log, sizeof(second->log), "%s/log.second",
	    harness_dir);
	daemon_start(second);
}

static void
end_one(struct daemon *d)
{
	int status;

	EXPECT(kill(d->pid, SIGTERM) == 0, "kill: %s", strerror(errno));
	status = daemon_wait_end(d);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %d: %s", status, daemon_last_words(d));
}

/* A file as a session leaves it, last written to so many hours ago. */
static void
leave(const struct daemon *d, const char *name, int hours)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT },
	    { .tv_sec = time(NULL) - hours * 3600L } };
	char path[256];

	snprintf(path, sizeof(path), "%s/spool/incoming/%s", d->root, name);
	harness_write_file(path, "Return-Path: <>\n");
	EXPECT(utimensat(AT_FDCWD, path, t, 0) == 0, "%s: %s", path,
	    strerror(errno));
}

/* Begins a message, and sends half of it. */
static void
send_half(struct client *c, const struct daemon *d)
{
	client_open(c, d, NULL);
	EXPECT(client_begin(c, alice) == 354, "no 354: %s", c->reply);
	EXPECT(client_send(c, "Subject: half\r\n\r\nfirst\r\n", 24),
	    "send: %s", strerror(errno));
	EXPECT(WAIT(mail_incoming(d) >= 1), "no file in incoming");
}

TEST(others_receive)
{
	struct daemon first, second;
	struct client c;

	daemon_serve(&first, "");
	send_half(&c, &first);
	leave(&first, "1m8574962r79bh9t", 1);
	leave(&first, "1m8574962r79bh9v", 24 * 3);
	start_second(&first, &second);
	EXPECT(mail_incoming(&first) == 2, "%zu files, not 2",
	    mail_incoming(&first));
	EXPECT(daemon_logged(&second, " event=recover ",
	    "unfinished_removed=1", NULL) == 1, "not one was removed: %s",
	    daemon_last_words(&second));
	EXPECT(client_command(&c, "second\r\n.") == 250, "%s", c.reply);
	client_close(&c);
	EXPECT(client_deliver(&second, NULL, 1, 500, "bob") == 250, "250");
	end_one(&second);
	EXPECT(mail_incoming(&first) == 1, "the file of nobody was removed");
	end_one(&first);
	chain_check(&first, 2);
	/* Alone again: now it goes. */
	daemon_start(&first);
	EXPECT(mail_incoming(&first) == 0, "a file is left");
	daemon_stop(&first);
}

/* The one that came first dies; the other goes on, and the next cleans up. */
TEST(one_dies)
{
	struct daemon first, second;
	struct client c;

	daemon_serve(&first, "");
	send_half(&c, &first);
	start_second(&first, &second);
	kill(first.pid, SIGKILL);
	daemon_wait_end(&first);
	client_close(&c);
	EXPECT(client_deliver(&second, NULL, 1, 500, "bob") == 250, "250");
	EXPECT(mail_incoming(&second) == 1, "%zu files, not 1",
	    mail_incoming(&second));
	end_one(&second);
	daemon_start(&first);
	EXPECT(mail_incoming(&first) == 0, "a file is left");
	daemon_stop(&first);
	chain_check(&first, 1);
}

enum { in_turn = 20 };

TEST(one_chain)
{
	struct daemon first, second;

	daemon_serve(&first, "");
	start_second(&first, &second);
	for (unsigned i = 0; i < in_turn; i++)
		EXPECT(client_deliver(i % 3 ? &first : &second, NULL, i, 500,
		    "alice") == 250, "message %u", i);
	end_one(&second);
	end_one(&first);
	EXPECT(mail_total(&first) == in_turn, "%zu messages",
	    mail_total(&first));
	chain_check(&first, in_turn);
}
