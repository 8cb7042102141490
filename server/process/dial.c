/*
 * The master's end of dial, which answers in the order of asking, at once: the
 * connection is made while its socket is here.
 */
#include "server/process/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/master.h"
#include "shared/deadline.h"

struct words {
	char	text[dial_words_max][dial_word_bytes];
	size_t	n;
};

static struct {
	/* Without an answer; those that were asked for come first. */
	TAILQ_HEAD(dial_jobs, dial_job) jobs;
	uint64_t		 asked, answered;	/* of this dial */
	struct words		 words;		/* it was started with */
} dial = { .jobs = TAILQ_HEAD_INITIALIZER(dial.jobs) };

static bool
next(void *helper, struct ipc_record *out)
{
	struct helper *h = helper;
	struct dial_job *job = TAILQ_FIRST(&dial.jobs);

	while (job != NULL && job->number != 0)
		job = TAILQ_NEXT(job, entry);
	if (job == NULL)
		return false;
	job->number = ++dial.asked;
	if (h->due_ms == 0)
		h->due_ms = deadline_now_ms();
	memset(out, 0, sizeof(*out));
	out->type = IPC_DIAL;
	out->u.dial = (struct ipc_dial){ .to = job->to, .port = job->port,
	    .udp = job->udp, .has_source = job->has_source,
	    .source = job->source };
	return true;
}

void
dial_connect(struct master *m, struct dial_job *job)
{
	job->master = m;
	job->number = 0;
	job->fd = -1;
	TAILQ_INSERT_TAIL(&dial.jobs, job, entry);
	helper_tell(m, HELPER_DIAL);
}

void
dial_forget(struct dial_job *job)
{
	if (job->fd == -1) {
		TAILQ_REMOVE(&dial.jobs, job, entry);
		return;
	}
	event_del(&job->connected);
	close(job->fd);
}

/* Does fd lead where it should, if it leads anywhere by now? */
static bool
is_asked_for(int fd, const struct dial_job *d)
{
	struct sockaddr_storage to, peer;
	socklen_t size = ip_sockaddr(&d->to, d->port, &to);
	socklen_t n = sizeof(peer);

	memset(&peer, 0, sizeof(peer));
	return fcntl(fd, F_SETFL, O_NONBLOCK) != -1 &&
	    (getpeername(fd, (struct sockaddr *)&peer, &n) == -1 ?
	    errno == ENOTCONN :
	    n == size && memcmp(&peer, &to, size) == 0);
}

static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct dial_job *job = arg;
	struct master *m = job->master;
	struct pollfd now = { fd, POLLOUT, 0 };
	struct sockaddr_storage peer;
	int error = ETIMEDOUT;
	socklen_t n = sizeof(error), size = sizeof(peer);

	/* If this process was held up, its patience ended, too. */
	if (poll(&now, 1, 0) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR,
	    &error, &n) == -1)
		error = errno;
	/* A socket that nobody has connected is ready, too. */
	if (error == 0 && getpeername(fd, (struct sockaddr *)&peer,
	    &size) == -1)
		error = errno;
	if (error == 0 && is_asked_for(fd, job)) {
		job->done(job->arg, fd, 0);
		return;
	}
	close(fd);
	if (error != 0) {
		job->done(job->arg, -1, error);
		return;
	}
	/* In this order: with dial smtpd may end, which forgets all jobs. */
	dial_connect(m, job);
	helper_lose(m, HELPER_DIAL, "it connected elsewhere", false);
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	struct helper *h = &m->helpers[HELPER_DIAL];
	struct dial_job *job = TAILQ_FIRST(&dial.jobs);

	/* IPC_TYPE_COUNT: no descriptor was left for the answer (ipc.h). */
	if ((r->type != IPC_DIALED && r->type != IPC_UNDIALED &&
	    r->type != IPC_TYPE_COUNT) || dial.answered == dial.asked)
		return false;
	h->due_ms = ++dial.answered == dial.asked ? 0 : deadline_now_ms();
	/* Forgotten meanwhile? */
	if (job == NULL || job->number != dial.answered)
		return true;
	if (h->passed != -1 && !is_asked_for(h->passed, job))
		return false;
	TAILQ_REMOVE(&dial.jobs, job, entry);
	job->fd = h->passed;
	h->passed = -1;
	if (job->fd == -1) {
		job->done(job->arg, -1, r->type != IPC_UNDIALED ? EMFILE :
		    (int)r->u.number.n);
		return true;
	}
	event_assign(&job->connected, m->base, job->fd, EV_WRITE,
	    on_connected, job);
	event_add(&job->connected, &(struct timeval){
	    job->patience_ms / 1000, job->patience_ms % 1000 * 1000 });
	return true;
}

static void
lost(struct master *m, bool again)
{
	struct dial_job *job;

	TAILQ_FOREACH(job, &dial.jobs, entry)
		job->number = 0;
	dial.asked = dial.answered = 0;
}

const struct helper_role dial_role = {
	.then = "no mail leaves, and it waits in the queue",
	.next = next,
	.take = take,
	.lost = lost
};

/* ---- where dial may connect to ------------------------------------------- */

/* Adds a word; address NULL: of all public ones. */
static void
add_word(struct words *w, uint16_t port, const char *way,
    const struct ip *address)
{
	char text[ip_text_max_bytes + 1];

	snprintf(w->text[w->n++], dial_word_bytes, "%u/%s%s%s", port, way,
	    address != NULL ? "@" : "",
	    address != NULL ? ip_text(address, text) : "");
}

static void
make_words(const struct conf_relay *relay, struct words *out)
{
	const struct conf_via *via;

	out->n = 0;
	if (relay->line == 0)
		return;
	if (relay->private_mx)
		strlcpy(out->text[out->n++], "private", dial_word_bytes);
	for (size_t i = 0; i < 2 * relay->resolver_count; i++)
		add_word(out, relay->resolvers[i / 2].port, i % 2 == 0 ?
		    "tcp" : "udp", &relay->resolvers[i / 2].ip);
	for (size_t i = 0; i <= relay->route_count; i++) {
		via = i == 0 ? &relay->via : &relay->routes[i - 1].via;
		if (via->host != NULL)
			add_word(out, via->port, "tcp", via->is_ip ?
			    &via->ip : NULL);
	}
}

char *const *
dial_words(const struct conf_relay *relay)
{
	static char *list[dial_words_max + 1];

	make_words(relay, &dial.words);
	for (size_t i = 0; i < dial.words.n; i++)
		list[i] = dial.words.text[i];
	list[dial.words.n] = NULL;
	return list;
}

static bool
is_known(const char *word)
{
	size_t i = 0;

	while (i < dial.words.n && strcmp(dial.words.text[i], word) != 0)
		i++;
	return i < dial.words.n;
}

bool
dial_may(const struct conf_relay *relay, const char **lacks)
{
	static struct words now;

	make_words(relay, &now);
	for (size_t i = 0; i < now.n; i++)
		if (!is_known(now.text[i])) {
			*lacks = dial.words.n > 0 ? now.text[i] :
			    "others (a first \"relay\" block)";
			return false;
		}
	/* What it may do more is harmless, but for neighbours. */
	*lacks = "public addresses only";
	return relay->line == 0 || relay->private_mx || !is_known("private");
}
