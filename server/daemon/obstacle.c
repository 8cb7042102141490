/*
 * What of a new configuration takes a restart.  The master is in its sandbox
 * and no longer root: it cannot get a new socket, another root or another user.
 */
#include "server/daemon/obstacle.h"

#include <errno.h>
#include <string.h>

#include "server/session/listen.h"

static bool
same_listen(const struct conf_listen *a, const struct conf_listen *b)
{
	return a->addr_len == b->addr_len &&
	    memcmp(&a->addr, &b->addr, a->addr_len) == 0 &&
	    a->tls_first == b->tls_first &&
	    a->submission == b->submission &&
	    a->hide_client == b->hide_client;
}

static bool
has_socket(const struct master *m, const struct conf_listen *l)
{
	for (size_t i = 0; i < m->listeners->count; i++)
		if (same_listen(l, &m->listeners->one[i].line))
			return true;
	return false;
}

/* Has l, an old line, no socket because this host has no IPv6? */
static bool
lacks_socket(const struct master *m, const struct conf *new,
    const struct conf_listen *l)
{
	for (size_t i = 0; i < m->conf.listen_count; i++)
		if (same_listen(l, &m->conf.listens[i]))
			return listen_may_lack(new, l,
			    EAFNOSUPPORT);
	return false;
}

/* A listen line that needs a socket and has none; or NULL. */
static const struct conf_listen *
find_new_listen(const struct master *m, const struct conf *new)
{
	for (size_t i = 0; i < new->listen_count; i++)
		if (!has_socket(m, &new->listens[i]) &&
		    !lacks_socket(m, new, &new->listens[i]))
			return &new->listens[i];
	return NULL;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What in new takes a restart, listen lines aside; NULL: nothing. */
static const char *
find_obstacle(const struct master *m, const struct conf *new)
{
	const struct conf *old = &m->conf;

	if (!same_text(old->root, new->root))
		return "another root";
	if (!same_text(old->control, new->control))
		return "another control socket";
	if (!same_text(old->user, new->user))
		return "another user";
	if (!same_text(old->worker_user, new->worker_user))
		return "another worker-user";
	if (old->sandbox_optional != new->sandbox_optional)
		return "another word for sandbox";
	if (!old->log_forced && (old->log != new->log ||
	    !same_text(old->log_path, new->log_path)))
		return "another \"log to\"";
	if (!listen_has_descriptors(new))
		return "so many workers (more descriptors)";
	return NULL;
}

/* A socket that was passed to us stays open, also when it needs TLS. */
static bool
lacks_tls(const struct master *m, const struct conf *new)
{
	const struct listeners *all = m->listeners;
	size_t i = 0;

	while (i < all->count && !all->one[i].line.submission &&
	    !all->one[i].line.tls_first)
		i++;
	return all->adopted && new->pair_count == 0 && i < all->count;
}

bool
obstacle_tell(const struct master *m, const struct conf *new, FILE *said)
{
	const struct conf_listen *l = m->listeners->adopted ? NULL :
	    find_new_listen(m, new);
	const char *obstacle = find_obstacle(m, new);
	bool no_listen = !m->listeners->adopted && new->listen_count == 0;
	bool no_tls = lacks_tls(m, new);

	if (no_listen)
		fprintf(said, "there is no listen line\n");
	if (l != NULL)
		fprintf(said, "line %u: a new \"listen\" takes a restart\n",
		    l->line);
	if (obstacle != NULL)
		fprintf(said, "%s takes a restart\n", obstacle);
	if (no_tls)
		fprintf(said, "there is no \"tls\" line, and a socket that "
		    "is under TLS only\n");
	return no_listen || l != NULL || obstacle != NULL || no_tls;
}

void
obstacle_drop_listeners(struct master *m)
{
	const struct listeners *all = m->listeners;

	for (size_t i = all->adopted ? 0 : all->count; i-- > 0;) {
		size_t k = 0;

		while (k < m->conf.listen_count && !same_listen(
		    &all->one[i].line, &m->conf.listens[k]))
			k++;
		if (k == m->conf.listen_count)
			listen_close(m, i);
	}
}
