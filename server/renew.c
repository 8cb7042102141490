/*
 * One renewal at a time: read, given to the sign process, judged, tried by a
 * nursery, adopted; or refused as a whole, at any of these steps.
 */
#include "server/renew.h"

#include <stdlib.h>
#include <string.h>

#include "server/nursery.h"
#include "server/reload.h"
#include "server/signer.h"
#include "server/tls_log.h"
#include "server/tls_set.h"
#include "shared/log.h"

enum { patience_s = 10 };	/* for both of them together */

struct renewal {
	struct master		*master;
	const struct conf	*conf;
	struct tls_files	*files;
	size_t			 judged_due;
	bool			 faulty;
	struct nursery		*trying;	/* NULL: none yet, or it has */
	bool			 taken;		/* ready to be adopted */
	struct event		 patience;
	char			*mistakes;	/* of said */
	size_t			 mistakes_n;
	FILE			*said;
};

/* The files stay the caller's. */
static void
forget(struct renewal *r)
{
	struct master *m = r->master;

	event_del(&r->patience);
	signer_give(m, NULL);
	if (r->trying != NULL)
		nursery_try(r->trying, NULL);
	if (r->said != NULL)
		fclose(r->said);
	free(r->mistakes);
	m->renewal = NULL;
	free(r);
}

static void
refuse(struct renewal *r)
{
	struct master *m = r->master;
	struct tls_files *files = r->files;
	char *mistakes, no_memory[] = "no memory";

	fclose(r->said);
	r->said = NULL;
	mistakes = r->mistakes;
	r->mistakes = NULL;
	forget(r);
	tls_set_drop(m, files);
	reload_renewed(m, mistakes != NULL ? mistakes : no_memory);
	free(mistakes);
}

void
renew_fail(struct master *m, const char *why)
{
	struct renewal *r = m->renewal;

	if (r == NULL || r->taken)
		return;
	fprintf(r->said, "%s: \"tls\": %s\n", r->conf->path, why);
	refuse(r);
}

static void
on_patience(evutil_socket_t fd, short what, void *arg)
{
	struct renewal *r = arg;

	(void)fd;
	(void)what;
	renew_fail(r->master, r->judged_due > 0 ?
	    "the sign process does not answer" :
	    "the nursery does not answer");
}

/* Only one that works as it was told before can be told the next thing. */
void
renew_ready(struct master *m)
{
	struct renewal *r = m->renewal;
	struct nursery *n = m->pool.active;

	if (r == NULL || r->taken || r->judged_due > 0 || n == NULL ||
	    n->state != NURSERY_READY)
		return;
	r->trying = n;
	nursery_try(n, r->files);
}

void
renew_untried(const struct nursery *n)
{
	struct renewal *r = n->master->renewal;

	if (r != NULL && r->trying == n)
		r->trying = NULL;
}

void
renew_tried(struct nursery *n, const char *why_not)
{
	struct master *m = n->master;
	struct renewal *r = m->renewal;

	if (r == NULL || r->trying != n)
		return;
	if (why_not[0] != '\0') {
		renew_fail(m, why_not);
		return;
	}
	r->trying = NULL;
	r->taken = true;
	reload_renewed(m, NULL);
}

static struct tls_pair *
find_given(struct tls_files *files, uint16_t slot)
{
	for (size_t i = 0; i < files->count; i++)
		if (!files->pairs[i].shared &&
		    files->pairs[i].facts.slot == slot)
			return &files->pairs[i];
	return NULL;
}

void
renew_judged(struct master *m, const struct ipc_judged *judged)
{
	struct renewal *r = m->renewal;
	struct tls_pair *pair = r == NULL ? NULL :
	    find_given(r->files, judged->slot);

	if (pair == NULL || r->judged_due == 0)
		return;
	pair->facts = *judged;
	if (judged->fault != TLS_FAULT_NONE) {
		r->faulty = true;
		tls_files_report(r->conf, (size_t)(pair - r->files->pairs),
		    (enum tls_fault)judged->fault, r->said);
	}
	if (--r->judged_due > 0)
		return;
	tls_files_forget_keys(r->files);
	if (r->faulty)
		refuse(r);
	else
		renew_ready(m);
}

/* What has been read stays as it is, and who sent SIGHUP is told why. */
static void
log_kept(const struct conf *conf, const struct tls_before *before)
{
	struct log_line l;
	char then[300];

	snprintf(then, sizeof(then), "the certificate of before is served "
	    "on; let the group of %s read the file and search its "
	    "directories (chgrp, chmod 640 and 750), or restart smtpd if "
	    "root starts it", conf->user);
	log_begin(&l, LOG_LEVEL_WARNING, "reload-kept");
	log_str(&l, "file", before->denied);
	log_u64(&l, "pairs", before->kept);
	log_str(&l, "why", "Permission denied");
	log_str(&l, "then", then);
	log_end(&l);
}

/* True: what files says can be had; false after the reason was written. */
static bool
is_possible(struct master *m, const struct conf *new,
    struct tls_files *files, FILE *err)
{
	if (!m->signer.started) {
		tls_files_report_restart(new, err);
		return false;
	}
	if (m->signer.channel == -1) {
		fprintf(err, "%s: \"tls\": the sign process has ended: "
		    "restart smtpd\n", new->path);
		return false;
	}
	if (!tls_set_take_slots(m, files)) {
		fprintf(err, "%s: \"tls\": sessions still use the keys of so "
		    "many renewals that there is no room for another: send "
		    "SIGHUP again when they have ended\n", new->path);
		return false;
	}
	return true;
}

static struct renewal *
make(struct master *m, const struct conf *new, struct tls_files *files)
{
	struct renewal *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->said = open_memstream(&r->mistakes, &r->mistakes_n);
	if (r->said == NULL) {
		free(r);
		return NULL;
	}
	r->master = m;
	r->conf = new;
	r->files = files;
	for (size_t i = 0; i < files->count; i++)
		r->judged_due += !files->pairs[i].shared;
	event_assign(&r->patience, m->base, -1, 0, on_patience, r);
	return r;
}

/* Everything of files is its renewal's from here on. */
static enum renew_answer
begin(struct master *m, const struct conf *new, struct tls_files *files,
    FILE *err)
{
	const struct timeval patience = { patience_s, 0 };
	struct renewal *r = make(m, new, files);

	if (r == NULL) {
		fprintf(err, "%s: no memory\n", new->path);
		tls_set_drop(m, files);
		return RENEW_REFUSED;
	}
	m->renewal = r;
	if (files->count == 0) {
		r->taken = true;
		return RENEW_NOW;
	}
	event_add(&r->patience, &patience);
	signer_give(m, files);
	renew_ready(m);
	return RENEW_LATER;
}

enum renew_answer
renew_begin(struct master *m, const struct conf *new, FILE *err)
{
	struct tls_before before = { .conf = &m->conf, .files = m->tls };
	struct tls_files *files = tls_set_new();
	enum renew_answer answer = RENEW_REFUSED;

	if (files == NULL) {
		fprintf(err, "%s: no memory\n", new->path);
		return RENEW_REFUSED;
	}
	if (tls_files_reload(new, &before, files, err) == 0) {
		if (before.kept > 0)
			log_kept(new, &before);
		if (tls_files_are_same(files, m->tls))
			answer = RENEW_NOW;
		else if (is_possible(m, new, files, err))
			return begin(m, new, files, err);
	}
	tls_files_free(files);
	free(files);
	return answer;
}

void
renew_commit(struct master *m)
{
	struct tls_files *old = m->tls;
	struct renewal *r = m->renewal;

	if (r == NULL) {
		nursery_tell_settings(m, false);
		tls_log_certificates(m, false);
		return;
	}
	m->tls = r->files;
	forget(r);
	nursery_tell_settings(m, true);
	tls_log_certificates(m, true);
	tls_set_drop(m, old);
}
