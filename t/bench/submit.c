/*
 * Sessions under TLS 1.3, each with a handshake in full, by several clients
 * at once, each a process of its own.  What a session is says -m:
 *
 *   submit	STARTTLS, AUTH PLAIN, one message of 4 KiB, QUIT
 *   handshake	TLS from the first octet, and away without a word
 *   guess	STARTTLS, AUTH PLAIN with a wrong password, QUIT; from another
 *		loopback address each, until standard input ends
 *   idle	STARTTLS and EHLO, plain EHLO alone: all are held by one
 *   plain	process until standard input ends, and then have to answer NOOP
 *
 * The server is never judged here beyond the expected code.
 */

#include "t/bench/talk.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <openssl/evp.h>

#include <err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	number_max = 16000000,
	clients_max = 1000,
	message_bytes = 4096,
	line_bytes = 64,
	guess_address = 0x7f400000,	/* 127.64.0.0 */
	guess_addresses = 0x400000,
	spare_descriptors = 16
};

struct plan {
	const struct mode	*mode;
	int			 addresses;	/* of idle sessions */
	int			 clients;
	int			 count;
	int			 first;		/* the number of the first */
	int			 port;
	const char		*password;
};

struct mode {
	const char	*name;
	void		(*once)(const struct plan *, int which);
	int		 until_told;
	int		 tls;
};

/* What the clients share: no two begin the same session. */
struct shared {
	atomic_int	next;
	atomic_int	done;
	atomic_int	told_to_end;
};

static const char	 user[] = "bench@bench.test";
static struct shared	*shared;
static char		 message[message_bytes + 512];
static char		 auth_command[1024];

static double
now_s(void)
{
	struct timespec	ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		err(1, "clock_gettime");
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
build_message(void)
{
	size_t	at;
	int	n;

	n = snprintf(message, 512, "From: <%s>\r\nTo: <%s>\r\n"
	    "Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
	    "Message-ID: <submit@client.invalid>\r\n"
	    "Subject: submit\r\n\r\n", user, user);
	if (n < 0 || n >= 512)
		errx(1, "cannot build the message");
	at = (size_t)n;
	while (at + line_bytes + 2 <= message_bytes) {
		memset(message + at, 'x', line_bytes);
		memcpy(message + at + line_bytes, "\r\n", 2);
		at += line_bytes + 2;
	}
	memcpy(message + at, ".\r\n", 4);
}

static void
build_auth(const char *password)
{
	unsigned char	plain[256], base64[512];
	int		n;

	n = snprintf((char *)plain, sizeof(plain), "%c%s%c%s", 0, user, 0,
	    password);
	if (n < 0 || (size_t)n >= sizeof(plain))
		errx(1, "name and password are too long");
	EVP_EncodeBlock(base64, plain, n);
	(void)snprintf(auth_command, sizeof(auth_command),
	    "AUTH PLAIN %s\r\n", (const char *)base64);
}

static void
submit(const struct plan *plan, int which)
{
	struct line	l = talk_greet(INADDR_LOOPBACK, plan->port, 1);

	(void)which;
	talk_say(&l, auth_command, "235");
	talk_say(&l, "MAIL FROM:<bench@bench.test>\r\n", "250");
	talk_say(&l, "RCPT TO:<bench@bench.test>\r\n", "250");
	talk_say(&l, "DATA\r\n", "354");
	talk_say(&l, message, "250");
	talk_say(&l, "QUIT\r\n", "221");
	talk_end(&l);
}

/* It counts when the server, too, has done with it. */
static void
handshake(const struct plan *plan, int which)
{
	struct line	l = talk_open(INADDR_LOOPBACK, plan->port);

	(void)which;
	talk_begin_tls(&l);
	talk_leave(&l);
}

static void
guess(const struct plan *plan, int which)
{
	struct line	l = talk_greet(guess_address +
	    (in_addr_t)which % guess_addresses, plan->port, 1);

	talk_say(&l, auth_command, "535");
	talk_say(&l, "QUIT\r\n", "221");
	talk_end(&l);
}

static const struct mode	modes[] = {
	{ "submit", submit, 0, 1 },
	{ "handshake", handshake, 0, 1 },
	{ "guess", guess, 1, 1 },
	{ "idle", NULL, 1, 1 },
	{ "plain", NULL, 1, 0 }
};

static void
wait_for_end(void)
{
	char	buf[64];

	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
}

static _Noreturn void
client(const struct plan *plan)
{
	int	which;

	while (!atomic_load(&shared->told_to_end)) {
		which = atomic_fetch_add(&shared->next, 1);
		if (!plan->mode->until_told && which >= plan->count)
			break;
		plan->mode->once(plan, plan->first + which);
		atomic_fetch_add(&shared->done, 1);
	}
	_exit(0);
}

static void
run(const struct plan *plan)
{
	double	start = now_s();
	int	failed = 0, i, status;

	for (i = 0; i < plan->clients; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			client(plan);
		}
	}
	if (plan->mode->until_told)
		wait_for_end();
	atomic_store(&shared->told_to_end, plan->mode->until_told);
	for (i = 0; i < plan->clients; i++)
		failed += wait(&status) == -1 || status != 0;
	if (failed > 0)
		errx(1, "%d of %d clients failed", failed, plan->clients);
	printf("done %d seconds %.3f\n", atomic_load(&shared->done),
	    now_s() - start);
}

static void
need_descriptors(int lines)
{
	struct rlimit	rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "getrlimit");
	rl.rlim_cur = rl.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &rl) == -1)
		err(1, "setrlimit");
	if (rl.rlim_max < (rlim_t)lines + spare_descriptors)
		errx(1, "%d sessions need more descriptors: raise the limit "
		    "with ulimit -Hn", lines);
}

static void
hold(const struct plan *plan)
{
	double		all = now_s(), slowest = 0, start, took;
	int		i, kept = 0;
	struct line	*l;

	need_descriptors(plan->count);
	l = calloc((size_t)plan->count, sizeof(*l));
	if (l == NULL)
		err(1, "calloc");
	for (i = 0; i < plan->count; i++) {
		start = now_s();
		l[i] = talk_greet(INADDR_LOOPBACK + 1 +
		    (in_addr_t)(i % plan->addresses), plan->port,
		    plan->mode->tls);
		took = now_s() - start;
		if (took > slowest)
			slowest = took;
	}
	printf("held %d seconds %.2f slowest %.1f\n", plan->count,
	    now_s() - all, slowest * 1e3);
	(void)fflush(stdout);
	wait_for_end();
	for (i = 0; i < plan->count; i++)
		kept += talk_still_serves(&l[i]);
	printf("kept %d\n", kept);
	free(l);
}

static void
prepare(const struct plan *plan)
{
	(void)signal(SIGPIPE, SIG_IGN);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	talk_init();
	build_message();
	build_auth(plan->password);
}

static int
number(const char *text, int max)
{
	char	*rest;
	long	n;

	n = strtol(text, &rest, 10);
	if (*text == '\0' || *rest != '\0' || n < 1 || n > max)
		errx(1, "%s: not a number from 1 to %d", text, max);
	return (int)n;
}

static const struct mode *
find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(name, modes[i].name) == 0)
			return &modes[i];
	}
	errx(1, "%s: not submit, handshake, guess, idle or plain", name);
}

static int
option(struct plan *plan, int ch, const char *value)
{
	switch (ch) {
	case 'a':
		plan->addresses = number(value, 200);
		return 1;
	case 'c':
		plan->clients = number(value, clients_max);
		return 1;
	case 'f':
		plan->first = number(value, number_max);
		return 1;
	case 'm':
		plan->mode = find_mode(value);
		return 1;
	case 'n':
		plan->count = number(value, number_max);
		return 1;
	case 'p':
		plan->port = number(value, 65535);
		return 1;
	case 'w':
		plan->password = value;
		return 1;
	default:
		return 0;
	}
}

int
main(int argc, char *argv[])
{
	struct plan	plan = { .mode = &modes[0], .addresses = 10,
	    .clients = 1, .count = 100, .password = "wrong" };
	int		ch, understood = 1;

	while ((ch = getopt(argc, argv, "a:c:f:m:n:p:w:")) != -1)
		understood = understood && option(&plan, ch, optarg);
	if (!understood || plan.port == 0 || optind != argc) {
		(void)fprintf(stderr, "usage: submit -p PORT [-m MODE] "
		    "[-n COUNT] [-c CLIENTS] [-a ADDRESSES] [-f FIRST-GUESS] "
		    "[-w PASSWORD]\n");
		return 1;
	}
	prepare(&plan);
	if (plan.mode->once == NULL)
		hold(&plan);
	else
		run(&plan);
	return 0;
}
