/*
 * The master's end of dial.  A slot for each connection under way says what
 * dial may answer; who forgets a job leaves its slot until dial has answered.
 */
#include "server/process/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/master.h"
#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/log.h"

enum { for_udp = 16 };		/* slots that hosts which hang cannot take */

struct slot {
	uint64_t		 ticket;	/* 0: free */
	struct dial_job		*job;		/* NULL: forgotten */
};

static struct {
	TAILQ_HEAD(dial_jobs, dial_job) waiting;
	struct slot		 slots[dial_calls_max];
	size_t			 used;
	uint64_t		 tickets;	/* given out */
	int64_t			 patience_ms;	/* the longest so far */
	struct helper		*helper;	/* NULL: never served */
	char			**words;	/* it was started with */
} dial = { .waiting = TAILQ_HEAD_INITIALIZER(dial.waiting) };

/* Questions to name servers go first: they take no time. */
static void
enqueue(struct dial_job *job)
{
	struct dial_job *before = TAILQ_FIRST(&dial.waiting);

	while (job->udp && before != NULL && before->udp)
		before = TAILQ_NEXT(before, entry);
	if (job->udp && before != NULL)
		TAILQ_INSERT_BEFORE(before, job, entry);
	else
		TAILQ_INSERT_TAIL(&dial.waiting, job, entry);
}

/* An answer is due; helper.c waits a while longer. */
static void
set_due(void)
{
	dial.helper->due_ms = dial.used == 0 ? 0 :
	    deadline_now_ms() + dial.patience_ms;
}

static bool
next(void *helper, struct ipc_record *out)
{
	struct dial_job *job = TAILQ_FIRST(&dial.waiting);
	struct slot *s = dial.slots;

	if (job == NULL ||
	    dial.used >= (size_t)(dial_calls_max - (job->udp ? 0 : for_udp)))
		return false;
	while (s->ticket != 0)
		s++;
	TAILQ_REMOVE(&dial.waiting, job, entry);
	job->ticket = ++dial.tickets * dial_calls_max +
	    (uint64_t)(s - dial.slots);
	*s = (struct slot){ job->ticket, job };
	if (job->patience_ms > dial.patience_ms)
		dial.patience_ms = job->patience_ms;
	if (dial.used++ == 0)
		set_due();
	memset(out, 0, sizeof(*out));
	out->type = IPC_DIAL;
	out->u.dial = (struct ipc_dial){ .ticket = job->ticket,
	    .to = job->to, .port = job->port, .udp = job->udp,
	    .has_source = job->has_source, .source = job->source,
	    .patience_ms = job->patience_ms };
	return true;
}

void
dial_connect(struct master *m, struct dial_job *job)
{
	job->ticket = 0;
	enqueue(job);
	helper_tell(m, HELPER_DIAL);
}

void
dial_forget(struct dial_job *job)
{
	struct slot *s = &dial.slots[job->ticket % dial_calls_max];

	if (s->job == job)
		s->job = NULL;
	else
		TAILQ_REMOVE(&dial.waiting, job, entry);
}

/* Does fd lead where it should?  A connection that was lost since may not. */
static bool
is_asked_for(int fd, const struct dial_job *d)
{
	struct sockaddr_storage to, peer;
	socklen_t size = ip_sockaddr(d->to.ipv6, d->to.ip, d->port, &to);
	socklen_t n = sizeof(peer);

	memset(&peer, 0, sizeof(peer));
	return fcntl(fd, F_SETFL, O_NONBLOCK) != -1 &&
	    (getpeername(fd, (struct sockaddr *)&peer, &n) == -1 ?
	    errno == ENOTCONN :
	    n == size && memcmp(&peer, &to, size) == 0);
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	const struct ipc_synced *d = &r->u.synced;
	struct slot *s = &dial.slots[d->ticket % dial_calls_max];
	struct dial_job *job = s->job;
	int fd = dial.helper->passed;
	int error = d->error != 0 ? d->error : fd == -1 ? EMFILE : 0;

	if ((r->type != IPC_DIALED && r->type != IPC_UNDIALED) ||
	    d->ticket == 0 || s->ticket != d->ticket ||
	    (job != NULL && fd != -1 && !is_asked_for(fd, job)))
		return false;
	*s = (struct slot){ 0 };
	dial.used--;
	set_due();
	if (job != NULL) {
		dial.helper->passed = -1;
		job->done(job->arg, fd, error);
	}
	helper_tell(m, HELPER_DIAL);
	return true;
}

static void
feed(struct master *m, bool first)
{
	dial.helper = &m->helpers[HELPER_DIAL];
	helper_fed(m, HELPER_DIAL);
}

/* What was asked for is asked for again. */
static void
lost(struct master *m, bool again)
{
	if (dial.helper == NULL)
		return;
	for (size_t i = 0; i < dial_calls_max; i++)
		if (dial.slots[i].job != NULL)
			enqueue(dial.slots[i].job);
	memset(dial.slots, 0, sizeof(dial.slots));
	dial.used = 0;
}

const struct helper_role dial_role = {
	.then = "no mail leaves, and it waits in the queue",
	.next = next,
	.feed = feed,
	.take = take,
	.lost = lost
};

/* In words[n], which has its space; address NULL: of all public ones. */
static void
add_word(char **words, size_t n, uint16_t port, const char *way,
    const struct ipc_ip *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (address != NULL)
		inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->ip,
		    text, sizeof(text));
	snprintf(words[n], dial_word_bytes, "%u/%s%s%s", port, way,
	    address != NULL ? "@" : "", text);
}

/* One piece of memory, or NULL. */
static char **
make_words(const struct conf_relay *relay)
{
	const size_t max = 3 + 2 * relay->resolver_count + relay->route_count;
	char **words = calloc(max, sizeof(*words) + dial_word_bytes);
	const struct conf_via *via;
	size_t n = 0;

	for (size_t i = 0; words != NULL && i < max; i++)
		words[i] = (char *)(words + max) + i * dial_word_bytes;
	if (words != NULL && relay->line != 0) {
		if (relay->private_mx)
			strlcpy(words[n++], "private", dial_word_bytes);
		for (size_t i = 0; i < 2 * relay->resolver_count; i++)
			add_word(words, n++, relay->resolvers[i / 2].port,
			    i % 2 == 0 ? "tcp" : "udp",
			    &relay->resolvers[i / 2].ip);
		for (size_t i = 0; i <= relay->route_count; i++) {
			via = i == 0 ? &relay->via : &relay->routes[i - 1].via;
			if (via->host != NULL)
				add_word(words, n++, via->port, "tcp",
				    via->is_ip ? &via->ip : NULL);
		}
	}
	if (words != NULL)
		words[n] = NULL;
	return words;
}

char **
dial_words(const struct conf_relay *relay)
{
	dial.words = make_words(relay);
	fatal_unless_memory(dial.words != NULL);
	return dial.words;
}

static bool
is_known(const char *word)
{
	size_t i = 0;

	while (dial.words[i] != NULL && strcmp(dial.words[i], word) != 0)
		i++;
	return dial.words[i] != NULL;
}

bool
dial_may(const struct conf_relay *relay, char lacks[dial_word_bytes])
{
	char **words = make_words(relay);
	const char *what = words == NULL ? "without memory" : NULL;

	for (size_t i = 0; what == NULL && words[i] != NULL; i++)
		if (!is_known(words[i]))
			what = dial.words[0] != NULL ? words[i] :
			    "others (a first \"relay\" block)";
	/* What it may do more is harmless, but for neighbours. */
	if (what == NULL && relay->line != 0 && !relay->private_mx &&
	    is_known("private"))
		what = "public addresses only";
	strlcpy(lacks, what == NULL ? "" : what, dial_word_bytes);
	free(words);
	return lacks[0] == '\0';
}
