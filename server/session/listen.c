/*
 * Binding, and the limit of open descriptors, before any privilege is dropped.
 */
#include "server/session/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shared/file.h"
#include "shared/log.h"

enum {
	waiting_least = 256,	/* however few workers there are */
	waiting_most = 1024,
	descriptors_beside = 344,	/* besides two for each worker */
	descriptors_wanted = 65536
};

static int
bind_one(const struct conf_listen *c)
{
	int one = 1;
	int fd = socket(c->addr.ss_family,
	    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0 &&
	    (c->addr.ss_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, (const struct sockaddr *)&c->addr, c->addr_len) == 0 &&
	    listen(fd, listen_backlog) == 0)
		return fd;
	file_close(fd);
	return -1;
}

/*
 * Does error, from binding l, mean that this host has no IPv6, while a line of
 * conf with IPv4 serves the same port?
 */
static bool
may_lack(const struct conf *conf, const struct conf_listen *l, int error)
{
	const struct sockaddr_in6 *in6 = (const void *)&l->addr;
	struct address mine, other;

	if (l->addr.ss_family != AF_INET6 || !address_of(&l->addr, &mine) ||
	    (error != EAFNOSUPPORT && (error != EADDRNOTAVAIL ||
	    (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) &&
	    !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr)))))
		return false;
	for (size_t i = 0; i < conf->listen_count; i++)
		if (conf->listens[i].addr.ss_family == AF_INET &&
		    address_of(&conf->listens[i].addr, &other) &&
		    other.port == mine.port)
			return true;
	return false;
}

int
listen_try(const struct conf *conf, const struct conf_listen *l)
{
	struct conf_listen any = *l;
	int fd;

	/* Its own port may be taken, by smtpd too; IPv6 has it there, too. */
	((struct sockaddr_in *)(void *)&any.addr)->sin_port = 0;
	fd = bind_one(&any);
	if (fd == -1)
		return may_lack(conf, l, errno) ? 0 : -1;
	close(fd);
	return 0;
}

void
listen_bind(struct master *m)
{
	const struct conf *conf = &m->conf;
	struct listeners *all = m->listeners;
	struct address a = { .text = "" };

	if (conf->listen_count == 0)
		fatal("%s: nothing to listen on: add a line such as \"listen "
		    "0.0.0.0 port 25\", or let inetd or a systemd socket "
		    "start smtpd", conf->path);
	all->one = calloc(conf->listen_count, sizeof(*all->one));
	fatal_unless_memory(all->one != NULL);
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *l = &conf->listens[i];
		int fd = bind_one(l), error = errno;

		if (fd != -1) {
			all->one[all->count++] = (struct listener){ .fd = fd,
			    .line = *l };
			all->words |= l->words;
			continue;
		}
		(void)address_of(&l->addr, &a);
		if (!may_lack(conf, l, error))
			fatal("listen %s port %u: %s%s", a.text, a.port,
			    strerror(error), error == EADDRINUSE ?
			    " (another mail server is running there?)" :
			    error == EACCES ?
			    " (a port below 1024 needs root)" : "");
		log_put(LOG_LEVEL_WARNING, "warning", "file=%s line=%zu "
		    "what=%s", conf->path, (size_t)l->line, "this host has no "
		    "IPv6, so nobody can come to this address; those of its "
		    "port with IPv4 are served");
	}
}

unsigned
listen_words(const struct conf *conf, int fd)
{
	struct address mine, theirs;
	unsigned words = 0;

	for (size_t i = 0; listen_address(fd, &mine) &&
	    i < conf->listen_count; i++)
		if (address_of(&conf->listens[i].addr, &theirs) &&
		    theirs.port == mine.port)
			words |= conf->listens[i].words;
	return words;
}

void
listen_adopt(struct master *m, const int *fds, const unsigned *words,
    size_t count)
{
	struct listeners *all = m->listeners;

	all->one = calloc(count, sizeof(*all->one));
	fatal_unless_memory(all->one != NULL);
	for (size_t i = 0; i < count; i++) {
		all->one[i].fd = fds[i];
		all->one[i].line.words = words[i] |
		    listen_words(&m->conf, fds[i]);
		all->words |= all->one[i].line.words;
	}
	all->count = count;
	all->adopted = true;
}

void
listen_start(struct master *m, event_callback_fn accept_one)
{
	for (size_t i = 0; i < m->listeners->count; i++) {
		struct listener *l = &m->listeners->one[i];

		l->acceptable = event_new(m->base, l->fd,
		    EV_READ | EV_PERSIST, accept_one, m);
		fatal_unless_memory(l->acceptable != NULL);
	}
	listen_accept(m, true);
}

void
listen_accept(struct master *m, bool want)
{
	for (size_t i = 0; i < m->listeners->count; i++) {
		if (want)
			event_add(m->listeners->one[i].acceptable, NULL);
		else
			event_del(m->listeners->one[i].acceptable);
	}
}

void
listen_close(struct master *m, size_t i)
{
	struct listener *l = &m->listeners->one[i];

	if (l->acceptable != NULL)
		event_free(l->acceptable);
	close(l->fd);
	*l = m->listeners->one[--m->listeners->count];
}

void
listen_stop(struct master *m)
{
	while (m->listeners->count > 0)
		listen_close(m, m->listeners->count - 1);
	free(m->listeners->one);
	m->listeners->one = NULL;
	m->listeners->count = 0;
}

bool
listen_address(int fd, struct address *out)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);

	return getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
	    address_of(&ss, out);
}

uint64_t
listen_waiting_max(const struct conf *conf)
{
	const uint64_t n = conf->limits.workers;

	return n < waiting_least ? waiting_least : n < waiting_most ? n :
	    waiting_most;
}

/* Linux also counts descriptors under way on channels against the limit. */
uint64_t
listen_descriptors(const struct conf *conf)
{
	return conf->limits.workers * 2 + listen_waiting_max(conf) +
	    descriptors_beside;
}

bool
listen_has_descriptors(const struct conf *conf)
{
	struct rlimit r;

	return getrlimit(RLIMIT_NOFILE, &r) == 0 &&
	    (uint64_t)r.rlim_cur >= listen_descriptors(conf);
}

void
listen_raise_descriptors(const struct conf *conf)
{
	const uint64_t need = listen_descriptors(conf);
	const rlim_t want = (rlim_t)(need > descriptors_wanted ? need :
	    descriptors_wanted);
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == -1)
		fatal("getrlimit: %s", strerror(errno));
	/* Root may raise the hard limit, but not on every host. */
	if (r.rlim_max >= want || setrlimit(RLIMIT_NOFILE,
	    &(struct rlimit){ want, want }) == -1)
		(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ r.rlim_max,
		    r.rlim_max });
	/* OpenBSD accepts any number, and gives kern.maxfiles. */
	(void)getrlimit(RLIMIT_NOFILE, &r);
	if ((uint64_t)r.rlim_cur >= need)
		return;
	fatal("\"workers %llu\" needs %llu descriptors, and this process may "
	    "have %llu: raise ulimit -n (OpenBSD: kern.maxfiles, and openfiles "
	    "of its login class), or lower it in limits",
	    (unsigned long long)conf->limits.workers,
	    (unsigned long long)need, (unsigned long long)r.rlim_cur);
}
