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
#include "server/process/feed.h"
#include "shared/deadline.h"
#include "shared/ip.h"
#include "shared/log.h"

enum { for_udp = 16 };		/* slots that hosts which hang cannot take */

struct slot {
	bool			 used;
	struct dial_job		*job;		/* NULL: forgotten */
	uint64_t		 ticket;
	int64_t			 due_ms;
	/* What was asked for. */
	struct ipc_dial		 asked;
};

static struct {
	TAILQ_HEAD(dial_jobs, dial_job) waiting;
	struct slot		 slots[dial_calls_max];
	size_t			 used;
	uint64_t		 tickets;	/* given out */
	struct feed		 feed;
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

/* helper.c gives dial a while longer. */
static void
set_due(void)
{
	int64_t due_ms = 0;

	for (size_t i = 0; i < dial_calls_max; i++)
		if (dial.slots[i].used && (due_ms == 0 ||
		    dial.slots[i].due_ms < due_ms))
			due_ms = dial.slots[i].due_ms;
	dial.helper->due_ms = due_ms;
}

static bool
next_call(void *arg, struct ipc_record *out)
{
	struct dial_job *job = TAILQ_FIRST(&dial.waiting);
	struct slot *s = dial.slots;

	if (job == NULL ||
	    dial.used >= (size_t)(dial_calls_max - (job->udp ? 0 : for_udp)))
		return false;
	while (s->used)
		s++;
	TAILQ_REMOVE(&dial.waiting, job, entry);
	job->ticket = dial.tickets++ * dial_calls_max +
	    (uint64_t)(s - dial.slots);
	*s = (struct slot){ .used = true, .job = job, .asked = {
	    .ticket = job->ticket, .to = job->to, .port = job->port,
	    .udp = job->udp, .has_source = job->has_source,
	    .source = job->source, .patience_ms = job->patience_ms } };
	if (s->asked.patience_ms > dial_patience_max_ms)
		s->asked.patience_ms = dial_patience_max_ms;
	s->due_ms = deadline_now_ms() + s->asked.patience_ms;
	dial.used++;
	set_due();
	memset(out, 0, sizeof(*out));
	out->type = IPC_DIAL;
	out->u.dial = s->asked;
	return true;
}

static void
on_sent(void *arg)
{
	if (dial.feed.error != 0)
		helper_lose(arg, HELPER_DIAL, strerror(dial.feed.error), false);
}

void
dial_connect(struct master *m, struct dial_job *job)
{
	job->ticket = 0;
	enqueue(job);
	if (m->helpers[HELPER_DIAL].state == HELPER_SERVING)
		feed_start(&dial.feed);
}

void
dial_forget(struct dial_job *job)
{
	struct slot *s = &dial.slots[job->ticket % dial_calls_max];

	if (s->used && s->job == job)
		s->job = NULL;
	else
		TAILQ_REMOVE(&dial.waiting, job, entry);
}

static void
log_refusal(const struct ipc_dial *d)
{
	const enum ip_reach reach = ip_reach(d->to.ipv6, d->to.ip);
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(d->to.ipv6 ? AF_INET6 : AF_INET, d->to.ip, text,
	    sizeof(text));
	log_put(LOG_LEVEL_WARNING, "dial-refused", "to=%s port=%zu why=%s",
	    text, (size_t)d->port, reach == IP_SPECIAL ?
	    "not the address of another host" : reach == IP_PRIVATE ?
	    "a private network, without private-mx at start" :
	    "an address of this host, or a port that was not in the "
	    "configuration at start");
}

/* Does fd lead where it should?  A connection that was lost since may not. */
static bool
is_asked_for(int fd, const struct ipc_dial *d)
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
	const struct ipc_dialed *d = &r->u.dialed;
	struct slot *s = &dial.slots[d->ticket % dial_calls_max];
	struct dial_job *job = s->job;
	int fd = dial.helper->passed;
	int error = d->error != 0 ? d->error : fd == -1 ? EMFILE : 0;

	if ((r->type != IPC_DIALED && r->type != IPC_UNDIALED) || !s->used ||
	    s->asked.ticket != d->ticket ||
	    (fd != -1 && !is_asked_for(fd, &s->asked)))
		return false;
	if (error == EACCES)
		log_refusal(&s->asked);
	s->used = false;
	s->job = NULL;
	dial.used--;
	set_due();
	if (job != NULL) {
		dial.helper->passed = -1;
		job->done(job->arg, fd, error);
	}
	feed_start(&dial.feed);
	return true;
}

static bool
wanted(const struct master *m)
{
	return m->conf.relay.line != 0 && !m->one_session && !m->conf.catcher;
}

static void
feed(struct master *m, bool first)
{
	dial.helper = &m->helpers[HELPER_DIAL];
	feed_init(&dial.feed, m->base, dial.helper->channel, next_call,
	    on_sent, m);
	helper_fed(m, HELPER_DIAL);
	feed_start(&dial.feed);
}

/* What was asked for is asked for again. */
static void
lost(struct master *m, bool again)
{
	if (dial.helper == NULL)
		return;
	feed_stop(&dial.feed);
	for (size_t i = 0; i < dial_calls_max; i++) {
		struct slot *s = &dial.slots[i];

		if (s->used && s->job != NULL)
			enqueue(s->job);
		s->used = false;
		s->job = NULL;
	}
	dial.used = 0;
}

const struct helper_role dial_role = {
	.then = "no mail leaves, and it waits in the queue",
	.way = IPC_FROM_DIAL,
	.wanted = wanted,
	.feed = feed,
	.take = take,
	.lost = lost
};

/* Adds a word; address NULL: of every public address.  False: no memory. */
static bool
add_word(char **word, uint16_t port, bool udp, const struct ipc_ip *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (address != NULL)
		inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->ip,
		    text, sizeof(text));
	if (asprintf(word, "%u/%s%s%s", port, udp ? "udp" : "tcp",
	    address != NULL ? "@" : "", text) != -1)
		return true;
	*word = NULL;
	return false;
}

static bool
add_via(char **word, const struct conf_via *via)
{
	return add_word(word, via->port, false, via->is_ip ? &via->ip : NULL);
}

static void
free_words(char **words)
{
	for (size_t i = 0; words != NULL && words[i] != NULL; i++)
		free(words[i]);
	free(words);
}

/* NULL without memory. */
static char **
make_words(const struct conf_relay *relay)
{
	char **words = calloc(4 + 2 * relay->resolver_count +
	    relay->route_count, sizeof(*words));
	bool fine = words != NULL;
	size_t n = 0;

	if (relay->line == 0)
		return words;
	if (fine && relay->private_mx)
		fine = (words[n++] = strdup("private")) != NULL;
	for (size_t i = 0; fine && i < 2 * relay->resolver_count; i++)
		fine = add_word(&words[n++], relay->resolvers[i / 2].port,
		    i % 2 == 1, &relay->resolvers[i / 2].ip);
	if (fine && relay->via.host != NULL)
		fine = add_via(&words[n++], &relay->via);
	for (size_t i = 0; fine && i < relay->route_count; i++)
		if (relay->routes[i].via.host != NULL)
			fine = add_via(&words[n++], &relay->routes[i].via);
	if (fine)
		return words;
	free_words(words);
	return NULL;
}

char **
dial_words(const struct conf_relay *relay)
{
	dial.words = make_words(relay);
	fatal_unless_memory(dial.words != NULL);
	return dial.words;
}

bool
dial_may(const struct conf_relay *relay, char lacks[dial_word_bytes])
{
	char **words = make_words(relay);
	bool may = words != NULL;

	snprintf(lacks, dial_word_bytes, "without memory");
	for (size_t i = 0, k; may && words[i] != NULL; i++) {
		for (k = 0; dial.words[k] != NULL &&
		    strcmp(dial.words[k], words[i]) != 0;)
			k++;
		may = dial.words[k] != NULL;
		if (!may)
			snprintf(lacks, dial_word_bytes, "%s", words[i]);
	}
	/* What it may do more is harmless, but for neighbours. */
	if (may && relay->line != 0 && !relay->private_mx && dial.words[0] !=
	    NULL && strcmp(dial.words[0], "private") == 0) {
		snprintf(lacks, dial_word_bytes, "public addresses only");
		may = false;
	}
	free_words(words);
	return may;
}
