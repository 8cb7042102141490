/*
 * Reading the configuration again.  The master is held and nobody's root any
 * more: what would take a new socket, another tree or another user takes a
 * restart, and is told.
 */
#include "server/daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_warn.h"
#include "server/daemon/check.h"
#include "server/daemon/log_setup.h"
#include "server/daemon/notify.h"
#include "server/daemon/renew.h"
#include "server/log/log_file.h"
#include "server/mail/recipient_load.h"
#include "server/process/auth.h"
#include "server/mail/commit.h"
#include "server/process/nursery.h"
#include "server/process/pool.h"
#include "server/process/signer.h"
#include "server/session/descriptors.h"
#include "server/session/listen.h"
#include "server/session/session.h"
#include "shared/log.h"

int
reload_init(struct master *m)
{
	m->epoch = conf_epoch_new();
	if (m->epoch == NULL)
		return -1;
	m->epoch->conf = m->conf;
	return 0;
}

static void
log_kept(const struct master *m, const char *why)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_ERROR, "reload-failed");
	log_str(&l, "file", m->conf.path);
	log_str(&l, "why", why);
	log_str(&l, "then", "all stays as it was");
	log_end(&l);
}

static void
log_mistakes(const struct master *m, char *text)
{
	char *line;

	while ((line = check_next_mistake(&text)) != NULL)
		log_kept(m, line);
}

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
	for (size_t i = 0; i < m->listener_count; i++)
		if (same_listen(l, &m->listeners[i].line))
			return true;
	return false;
}

/* A line that was there before and has no socket: of IPv6, without IPv6. */
static bool
lacks_socket(const struct master *m, const struct conf *new,
    const struct conf_listen *l)
{
	for (size_t i = 0; i < m->conf.listen_count; i++)
		if (same_listen(l, &m->conf.listens[i]))
			return listen_may_lack(new, l);
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

/* What of new cannot take the place of what is; NULL: all of it can. */
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
	if (!descriptors_suffice(new))
		return "so many workers (more descriptors)";
	return NULL;
}

/* A socket of others cannot be closed, and stays what it is. */
static bool
lacks_tls(const struct master *m, const struct conf *new)
{
	size_t i = 0;

	while (i < m->listener_count && !m->listeners[i].line.submission &&
	    !m->listeners[i].line.tls_first)
		i++;
	return m->listen_adopted && new->pair_count == 0 &&
	    i < m->listener_count;
}

/* All that stands in the way is told, and where that is. */
static bool
is_possible(const struct master *m, const struct conf *new)
{
	const struct conf_listen *l = m->listen_adopted ? NULL :
	    find_new_listen(m, new);
	const char *obstacle = find_obstacle(m, new);
	char text[200];

	if (!m->listen_adopted && new->listen_count == 0)
		log_kept(m, "there is no listen line");
	if (l != NULL) {
		snprintf(text, sizeof(text), "line %u: a new \"listen\" takes "
		    "a restart", l->line);
		log_kept(m, text);
	}
	if (obstacle != NULL) {
		snprintf(text, sizeof(text), "%s takes a restart", obstacle);
		log_kept(m, text);
	}
	if (lacks_tls(m, new))
		log_kept(m, "there is no \"tls\" line, and a socket that is "
		    "under TLS only");
	return l == NULL && obstacle == NULL && !lacks_tls(m, new) &&
	    (m->listen_adopted || new->listen_count > 0);
}

/* Closes the listeners that have no line any more. */
static void
drop_listeners(struct master *m)
{
	for (size_t i = m->listen_adopted ? 0 : m->listener_count; i-- > 0;) {
		size_t k = 0;

		while (k < m->conf.listen_count && !same_listen(
		    &m->listeners[i].line, &m->conf.listens[k]))
			k++;
		if (k == m->conf.listen_count)
			listen_close(m, i);
	}
}

static void
adopt(struct master *m, struct conf_epoch *e)
{
	struct conf_epoch *old = m->epoch;
	struct log_line l;

	if (m->conf.log_forced) {
		e->conf.log = m->conf.log;
		e->conf.log_forced = true;
	}
	m->epoch = e;
	m->conf = e->conf;
	auth_renew(m);
	conf_epoch_leave(old);
	commit_make_ahead(m);
	drop_listeners(m);
	renew_commit(m);
	pool_retire_idle(m);
	log_begin(&l, LOG_LEVEL_INFO, "reload");
	log_str(&l, "file", m->conf.path);
	log_u64(&l, "domains", m->conf.domain_count);
	log_u64(&l, "listeners", m->listener_count);
	log_u64(&l, "sessions", m->sessions->count[SESSIONS_SERVED]);
	log_end(&l);
	conf_warn_broken(&m->conf, check_log_warning);
}

/* Of the same configuration, with the keys of a new sign process. */
static void
adopt_certificates(struct master *m)
{
	renew_commit(m);
	pool_retire_idle(m);
	signer_fed(m);
}

/* Reads it, and writes what is wrong to said; false then. */
static bool
read_conf(struct master *m, struct conf_epoch *e, FILE *said)
{
	return recipient_load(m->conf.path, &e->conf, said) == 0;
}

/* It takes its place now, later, or not at all. */
static void
begin(struct master *m, struct conf_epoch *e, FILE *said)
{
	enum renew_answer answer = RENEW_REFUSED;

	if (read_conf(m, e, said) && is_possible(m, &e->conf))
		answer = renew_begin(m, &e->conf, said);
	if (answer == RENEW_LATER)
		m->next_epoch = e;
	else if (answer == RENEW_NOW)
		adopt(m, e);
	else
		conf_epoch_leave(e);
}

void
reload_renewed(struct master *m, char *mistakes)
{
	struct conf_epoch *e = m->next_epoch;

	m->next_epoch = NULL;
	/* The last sessions end with what they have. */
	if (m->stopping) {
		if (e != NULL)
			conf_epoch_leave(e);
		return;
	}
	if (e == NULL) {
		adopt_certificates(m);
	} else if (mistakes == NULL) {
		adopt(m, e);
	} else {
		log_mistakes(m, mistakes);
		conf_epoch_leave(e);
	}
	(void)notify_ready(m);
	if (m->reload_again)
		reload(m);
}

void
reload(struct master *m)
{
	struct conf_epoch *e;
	char *text = NULL;
	size_t n = 0;
	FILE *said;

	if (m->stopping || m->one_session)
		return;
	/* What is under way has read files that may be others by now. */
	m->reload_again = m->renewal != NULL;
	if (m->reload_again)
		return;
	notify_reloading();
	log_reopen();
	e = conf_epoch_new();
	said = e == NULL ? NULL : open_memstream(&text, &n);
	if (said == NULL) {
		log_kept(m, "no memory");
		if (e != NULL)
			conf_epoch_leave(e);
	} else {
		begin(m, e, said);
		fclose(said);
		log_mistakes(m, text);
		free(text);
	}
	if (m->next_epoch == NULL)
		(void)notify_ready(m);
}
