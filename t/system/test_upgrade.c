/*
 * One smtpd after another on a socket that somebody else holds, as systemd
 * does, while clients come and deliver all the time: nobody is refused, no
 * message is lost, none is there twice.
 */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/chain.h"
#include "t/system/harness.h"
#include "t/system/spawn.h"

enum { senders = 4, upgrades = 6, one_sender_max = 100000 };

/* How one try to deliver ended. */
enum try { TRY_STORED, TRY_AGAIN, TRY_LOST };

/* What a sender tells of itself at its end. */
struct sent {
	unsigned	stored;
	unsigned	again;		/* tries that were told 421, or cut */
};

/* Shared with the senders; no signal, which would end their waiting. */
static volatile bool *over;

/*
 * Whoever is told 421, or loses the connection before the end of the message
 * was sent, comes again; who hears nothing after that cannot know.
 */
static enum try
deliver(const struct daemon *d, unsigned number, const char *user)
{
	const char *const rcpts[] = { user, NULL };
	enum try result = TRY_AGAIN;
	struct client c;
	char *text;

	EXPECT(client_connect(&c, d, NULL), "refused: %s", strerror(errno));
	if (client_reply(&c) == 220 && client_begin(&c, rcpts) == 354) {
		text = mail_text(number, 500, "\r\n");
		if (client_send(&c, text, strlen(text)) &&
		    client_send(&c, ".\r\n", 3))
			switch (client_reply(&c)) {
			case 250:
				result = TRY_STORED;
				break;
			case 0:
				result = TRY_LOST;
				break;
			default:
				break;
			}
		free(text);
	}
	client_close(&c);
	return result;
}

static void
send_all_the_time(const struct daemon *d, unsigned sender, int out)
{
	struct sent sent = { 0, 0 };
	char user[16];

	snprintf(user, sizeof(user), "u%u", sender);
	while (!*over) {
		switch (deliver(d, sender * one_sender_max + sent.stored,
		    user)) {
		case TRY_STORED:
			sent.stored++;
			break;
		case TRY_AGAIN:
			sent.again++;
			break;
		case TRY_LOST:
			harness_fail(__FILE__, __LINE__,
			    "no answer to the end of a message");
		}
	}
	EXPECT(write(out, &sent, sizeof(sent)) == sizeof(sent), "write");
}

/* All of its messages are there, each once; how many. */
static size_t
check_sender(const struct daemon *d, unsigned sender, int in)
{
	struct sent sent;
	char user[16];

	EXPECT(read(in, &sent, sizeof(sent)) == sizeof(sent),
	    "sender %u has failed", sender);
	snprintf(user, sizeof(user), "u%u", sender);
	EXPECT(sent.stored > 0, "sender %u has sent nothing", sender);
	for (unsigned i = 0; i < sent.stored; i++)
		EXPECT(mail_copies(d, user, sender * one_sender_max + i) ==
		    1, "message %u of sender %u is there %zu times", i,
		    sender, mail_copies(d, user, sender * one_sender_max +
		    i));
	return sent.stored;
}

static pid_t
start_next(const struct daemon *d, const struct spawn *s, size_t starts)
{
	pid_t pid = spawn(s);

	EXPECT(WAIT(daemon_logged(d, " event=start ", NULL) == starts),
	    "it does not start: %s", daemon_last_words(d));
	return pid;
}

/* The new one serves before the old one is told to end. */
TEST(upgrade)
{
	struct daemon d;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1 };
	pid_t pids[senders], old, next;
	int tubes[senders][2];
	size_t total = 0;

	over = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED |
	    MAP_ANONYMOUS, -1, 0);
	EXPECT(over != MAP_FAILED, "mmap: %s", strerror(errno));
	daemon_init(&d, "\tper-address 100\n\tper-network 100\n", NULL);
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	s.fds[0] = s.fds[1] = s.fds[2] = open(d.log, O_WRONLY | O_CREAT |
	    O_APPEND | O_CLOEXEC, 0644);
	old = start_next(&d, &s, 1);
	for (unsigned i = 0; i < senders; i++) {
		EXPECT(pipe2(tubes[i], O_CLOEXEC) == 0, "pipe");
		pids[i] = fork();
		EXPECT(pids[i] != -1, "fork: %s", strerror(errno));
		if (pids[i] == 0) {
			send_all_the_time(&d, i, tubes[i][1]);
			_exit(0);
		}
		close(tubes[i][1]);
	}
	for (size_t i = 0; i < upgrades; i++) {
		size_t before = daemon_logged(&d, " event=store ", NULL);

		next = start_next(&d, &s, i + 2);
		EXPECT(kill(old, SIGTERM) == 0, "kill: %s", strerror(errno));
		EXPECT(spawn_wait(old) == 0, "the old one: exit status");
		old = next;
		EXPECT(WAIT(daemon_logged(&d, " event=store ", NULL) >
		    before + senders), "nothing more is stored");
	}
	*over = true;
	for (unsigned i = 0; i < senders; i++)
		EXPECT(spawn_wait(pids[i]) == 0, "sender %u", i);
	EXPECT(kill(old, SIGTERM) == 0, "kill: %s", strerror(errno));
	EXPECT(spawn_wait(old) == 0, "the last one: exit status");
	for (unsigned i = 0; i < senders; i++)
		total += check_sender(&d, i, tubes[i][0]);
	EXPECT(mail_total(&d) == total && mail_incoming(&d) == 0,
	    "%zu messages, %zu were stored", mail_total(&d), total);
	chain_check(&d, total);
}

/*
 * The old one ends before the new one begins: who comes meanwhile waits in
 * the socket's queue.
 */
TEST(restart)
{
	struct daemon d;
	struct client c;
	struct spawn s = { .d = &d, .options = "-d", .listener_count = 1 };
	pid_t pid;

	daemon_init(&d, "", NULL);
	s.listeners[0] = spawn_listener("127.0.0.1", &d.port);
	s.fds[0] = s.fds[1] = s.fds[2] = open(d.log, O_WRONLY | O_CREAT |
	    O_APPEND | O_CLOEXEC, 0644);
	for (size_t i = 1; i <= 3; i++) {
		EXPECT(client_connect(&c, &d, NULL), "refused: %s",
		    strerror(errno));
		pid = start_next(&d, &s, i);
		EXPECT(client_reply(&c) == 220, "%s", c.reply);
		client_expect(&c, 221, "QUIT");
		client_close(&c);
		EXPECT(kill(pid, SIGTERM) == 0, "kill: %s", strerror(errno));
		EXPECT(spawn_wait(pid) == 0, "exit status");
	}
}
