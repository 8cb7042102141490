/*
 * One renewal at a time: read, given to the sign process, judged, adopted; or
 * refused as a whole, at any of these steps.  The master can neither fork nor
 * have OpenSSL parse a key in its memory: so the sign process judges each pair.
 */
#include "server/daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_warn.h"
#include "server/mail/recipient.h"
#include "server/process/dial.h"
#include "server/process/helper.h"
#include "server/process/resolver.h"
#include "server/session/listen.h"
#include "server/session/session.h"
#include "shared/log.h"

enum { patience_s = 10 };	/* for the sign process */

static struct {
	struct master		*master;	/* NULL: there is none */
	struct conf_epoch	*epoch;		/* NULL: keys alone */
	const struct conf	*conf;		/* of epoch, or of the master */
	struct tls_files	*files;		/* NULL: unchanged */
	bool			 own_slots;	/* files has slots at sign */
	bool			 denied;	/* a file, to this user */
	bool			 again;		/* SIGHUP came meanwhile */
	size_t			 judged_due;
	struct event		 patience;
	char			*mistakes;	/* in said; 0: adopt */
	size_t			 mistakes_n;
	FILE			*said;
} r;

/* ---- what takes a restart ----------------------------------------------- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
has_line(const struct conf *conf, const struct conf_listen *l)
{
	for (size_t i = 0; i < conf->listen_count; i++) {
		const struct conf_listen *same = &conf->listens[i];

		if (l->addr_len == same->addr_len &&
		    memcmp(&l->addr, &same->addr, l->addr_len) == 0 &&
		    l->words == same->words)
			return true;
	}
	return false;
}

/* Sockets that were passed to us need no line, but perhaps TLS. */
static void
tell_listeners(const struct master *m, const struct conf *new, FILE *said)
{
	if (m->listeners->adopted) {
		if (new->pair_count == 0 && (m->listeners->words &
		    (LISTEN_SUBMISSION | LISTEN_TLS_FIRST)))
			fprintf(said, "there is no \"tls\" line, and a "
			    "socket that is under TLS only\n");
		return;
	}
	if (new->listen_count == 0)
		fprintf(said, "there is no listen line\n");
	for (size_t i = 0; i < new->listen_count; i++)
		if (!has_line(&m->conf, &new->listens[i]))
			fprintf(said, "line %u: a new \"listen\" takes a "
			    "restart\n", new->listens[i].line);
}

/* Why new cannot replace m->conf in the sandbox, a line each, to said. */
static void
tell_obstacles(const struct master *m, struct conf *new, FILE *said)
{
	const struct conf *old = &m->conf;
	const char *way;
	const struct {
		bool		 here;
		const char	*what;
	} t[] = {
		{ !same_text(old->root, new->root), "another root" },
		{ !same_text(old->control, new->control),
		    "another control socket" },
		{ !same_text(old->user, new->user), "another user" },
		{ !same_text(old->worker_user, new->worker_user),
		    "another worker-user" },
		{ old->sandbox_optional != new->sandbox_optional,
		    "another word for sandbox" },
		{ !old->log_forced && (old->log != new->log ||
		    !same_text(old->log_path, new->log_path)),
		    "another \"log to\"" },
		{ !listen_has_descriptors(new),
		    "so many workers (more descriptors)" }
	};

	tell_listeners(m, new, said);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (t[i].here)
			fprintf(said, "%s takes a restart\n", t[i].what);
	conf_relay_find_resolvers(new, old);
	if (!dial_may(&new->relay, &way))
		fprintf(said, "for dial a way to %s takes a restart\n", way);
}

/* ---- a renewal ---------------------------------------------------------- */

static void
log_kept(const struct master *m, const char *why)
{
	log_put(LOG_LEVEL_ERROR, "reload-failed", "file=%s why=%s then=%s",
	    m->conf.path, why, "all stays as it was");
}

static bool
is_refused(void)
{
	fflush(r.said);
	return r.mistakes_n > 0;
}

static void
drop_files(void)
{
	if (r.files == NULL)
		return;
	tls_files_forget_keys(r.files);
	if (r.files == r.master->tls)
		return;
	if (r.own_slots)
		sign_drop(r.master, r.files);
	else {
		tls_files_clear(r.files);
		free(r.files);
	}
	r.files = NULL;
}

/* Ends the renewal: adopted, or refused if there are mistakes. */
static void
end(void)
{
	struct master *m = r.master;
	const bool refused = is_refused(), keys_alone = r.epoch == NULL,
	    again = r.again;
	char *said, *rest, *line;

	event_del(&r.patience);
	sign_give(m, NULL);
	/* Which may move the text. */
	fclose(r.said);
	said = rest = r.mistakes;
	if (refused)
		drop_files();
	if (refused && !keys_alone)
		conf_epoch_leave(r.epoch);
	r.master = NULL;
	line = check_next_mistake(&rest);
	if (keys_alone && refused)
		helper_lose(m, HELPER_SIGN, line, r.denied);
	else if (keys_alone)
		helper_fed(m, HELPER_SIGN);
	/* During shutdown nothing is adopted, and no reason logged. */
	else if (!m->stopping) {
		for (; line != NULL; line = check_next_mistake(&rest))
			log_kept(m, line);
		(void)loop_notify_ready(m);
	}
	free(said);
	if (again)
		reload(m);
}

static void
adopt_conf(struct master *m, struct conf_epoch *e)
{
	struct conf_epoch *old = m->epoch;

	if (m->conf.log_forced) {
		e->conf.log = m->conf.log;
		e->conf.log_forced = true;
	}
	m->epoch = e;
	m->conf = e->conf;
	auth_renew(m);
	resolver_renew();
	conf_epoch_leave(old);
	for (size_t i = m->listeners->adopted ? 0 : m->listeners->count;
	    i-- > 0;)
		if (!has_line(&m->conf, &m->listeners->one[i].line))
			listen_close(m, i);
}

static void
adopt(void)
{
	struct master *m = r.master;
	struct tls_files *old = m->tls;
	const bool fresh = r.files != NULL;

	if (r.epoch != NULL) {
		/* Before auth has the passwords, and the master none. */
		conf_warn_broken(&r.epoch->conf, check_log_warning);
		adopt_conf(m, r.epoch);
	}
	if (fresh)
		m->tls = r.files;
	nursery_tell_settings(m);
	tls_files_log(m, fresh);
	if (fresh)
		sign_drop(m, old);
	if (r.epoch != NULL)
		log_put(LOG_LEVEL_INFO, "reload", "file=%s domains=%zu "
		    "listeners=%zu sessions=%zu", m->conf.path,
		    m->conf.domain_count, m->listeners->count,
		    (size_t)m->sessions->count[SESSIONS_SERVED]);
	end();
}

static void
fail(const char *why)
{
	fprintf(r.said, "%s: \"tls\": %s\n", r.conf->path, why);
	end();
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	fail("the sign process does not answer");
}

/* All pairs have been judged. */
static void
go_on(void)
{
	tls_files_forget_keys(r.files);
	if (r.own_slots && r.master->stopping)
		fputs("shutdown\n", r.said);
	if (r.own_slots && !is_refused()) {
		adopt();
		return;
	}
	drop_files();
	end();
}

/* Has the pairs judged that are not served already. */
static void
judge(void)
{
	for (size_t i = 0; i < r.files->count; i++)
		r.judged_due += !r.files->pairs[i].shared;
	event_add(&r.patience, &(struct timeval){ patience_s, 0 });
	if (r.judged_due == 0)
		go_on();
	else
		sign_give(r.master, r.files);
}

static void
on_judged(struct master *m, const struct ipc_judged *judged)
{
	for (size_t i = 0; r.master != NULL && r.judged_due > 0 &&
	    i < r.files->count; i++) {
		struct tls_pair *pair = &r.files->pairs[i];

		if (pair->shared || pair->facts.slot != judged->slot)
			continue;
		pair->facts = *judged;
		if (judged->fault != TLS_FAULT_NONE)
			tls_files_report(r.conf, i,
			    (enum tls_fault)judged->fault, r.said);
		if (--r.judged_due == 0)
			go_on();
		return;
	}
}

static void
on_sign_lost(struct master *m)
{
	if (r.master != NULL)
		fail("the sign process has ended: send SIGHUP again");
}

/* Takes slots for the files; false, after the reason was written. */
static bool
take_slots(void)
{
	struct master *m = r.master;

	if (m->helpers[HELPER_SIGN].state == HELPER_NONE)
		tls_files_report(r.conf, 0, TLS_FAULT_NONE, r.said);
	else if (helper_is_lacking(m, HELPER_SIGN) && r.epoch != NULL)
		fprintf(r.said, "%s: \"tls\": the sign process has ended, "
		    "and is started again: send SIGHUP when it serves\n",
		    r.conf->path);
	else if (!(r.own_slots = sign_take_slots(m, r.files)))
		fprintf(r.said, "%s: \"tls\": sessions still use the keys of "
		    "so many renewals that no slot is free: send SIGHUP again "
		    "when they have ended\n", r.conf->path);
	return r.own_slots;
}

/* Reads the files: of the new configuration, or all for a new sign process. */
static void
read_files(void)
{
	static const struct tls_files none;
	struct master *m = r.master;
	const bool keys_alone = r.epoch == NULL;
	struct tls_before before = { .conf = &m->conf,
	    .files = keys_alone ? &none : m->tls };

	r.files = tls_files_new();
	if (r.files == NULL)
		fprintf(r.said, "%s: no memory\n", r.conf->path);
	if (r.files == NULL || tls_files_load(r.conf, &before, r.files,
	    r.said) == -1) {
		r.denied = before.denied != NULL;
		end();
		return;
	}
	if (before.kept > 0)
		log_put(LOG_LEVEL_WARNING, "reload-kept", "file=%s pairs=%zu "
		    "why=%s then=%s", before.denied, before.kept,
		    privdrop_denial(before.denied), "the previous certificate "
		    "stays in use, until this user can read the new one, or "
		    "root restarts smtpd");
	if (!tls_files_are_same(r.files, m->tls)) {
		if (take_slots())
			judge();
		else
			end();
	} else if (keys_alone) {
		for (size_t i = 0; i < m->tls->count; i++)
			r.files->pairs[i].facts = m->tls->pairs[i].facts;
		judge();
	} else {
		drop_files();
		adopt();
	}
}

/* Begins one that owns e; false without memory, and e is released. */
static bool
begin(struct master *m, struct conf_epoch *e)
{
	memset(&r, 0, sizeof(r));
	r.said = open_memstream(&r.mistakes, &r.mistakes_n);
	if (r.said == NULL) {
		if (e != NULL)
			conf_epoch_leave(e);
		return false;
	}
	r.master = m;
	r.epoch = e;
	r.conf = e != NULL ? &e->conf : &m->conf;
	event_assign(&r.patience, m->base, -1, 0, on_patience, NULL);
	return true;
}

void
reload(struct master *m)
{
	struct conf_epoch *e;

	if (m->stopping || m->one_session)
		return;
	/* The renewal under way has read files that may have changed since. */
	if (r.master != NULL) {
		r.again = true;
		return;
	}
	loop_notify_reloading();
	logger_reopen(m);
	e = conf_epoch_enter(calloc(1, sizeof(*e)));
	if (e == NULL || !begin(m, e)) {
		log_kept(m, "no memory");
		(void)loop_notify_ready(m);
		return;
	}
	if (recipient_load(m->conf.path, &e->conf, r.said) == 0)
		tell_obstacles(m, &e->conf, r.said);
	if (is_refused())
		end();
	else
		read_files();
}

static void
feed_sign(struct master *m, bool first)
{
	if (!begin(m, NULL))
		helper_lose(m, HELPER_SIGN, "no memory for its keys", false);
	else if (!first)
		read_files();
	else {
		/* There are far more slots than pairs of one configuration. */
		if (sign_take_slots(m, m->tls))
			r.files = m->tls;
		judge();
	}
}

int
reload_init(struct master *m)
{
	static const struct sign_owner owner = { .feed = feed_sign,
	    .judged = on_judged, .lost = on_sign_lost };

	m->epoch = conf_epoch_enter(calloc(1, sizeof(*m->epoch)));
	if (m->epoch == NULL)
		return -1;
	m->sign_owner = &owner;
	m->epoch->conf = m->conf;
	return 0;
}
