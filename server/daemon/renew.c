/*
 * One renewal at a time: read, given to the sign process, judged, tried by a
 * nursery, adopted; or refused as a whole, at any of these steps.
 */
#include "server/daemon/renew.h"

#include <stdlib.h>
#include <string.h>

#include "server/daemon/reload.h"
#include "server/process/nursery.h"
#include "server/process/signer.h"
#include "server/process/tls_log.h"
#include "server/process/tls_set.h"
#include "shared/log.h"

enum { patience_s = 10 };	/* for both of them together */

struct renewal {
	struct master		*master;
	const struct conf	*conf;
	struct tls_files	*files;
	bool			 keys;		/* for a new sign process */
	bool			 same;		/* nothing else is new */
	bool			 denied;	/* for this user */
	size_t			 judged_due;
	bool			 faulty;
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
	nursery_try(m, NULL, NULL);
	if (r->said != NULL)
		fclose(r->said);
	free(r->mistakes);
	m->renewal = NULL;
	free(r);
}

/* Those that are the same have their slots by what is served already. */
static void
discard(struct master *m, struct tls_files *files, bool same)
{
	if (!same) {
		tls_set_drop(m, files);
		return;
	}
	tls_files_free(files);
	free(files);
}

static void
keys_refused(struct master *m, char *mistakes, bool denied)
{
	mistakes[strcspn(mistakes, "\n")] = '\0';
	if (denied)
		helper_give_up(m, HELPER_SIGN, mistakes);
	else
		helper_lose(m, HELPER_SIGN, mistakes);
	if (m->reload_again)
		reload(m);
}

static void
refuse(struct renewal *r)
{
	struct master *m = r->master;
	struct renewal was = *r;
	char *mistakes, no_memory[] = "no memory";

	fclose(r->said);
	r->said = NULL;
	mistakes = r->mistakes;
	r->mistakes = NULL;
	forget(r);
	discard(m, was.files, was.same);
	if (was.keys)
		keys_refused(m, mistakes != NULL ? mistakes : no_memory,
		    was.denied);
	else
		reload_renewed(m, mistakes != NULL ? mistakes : no_memory);
	free(mistakes);
}

/* A new sign process has the keys of the old one, and that is all. */
static void
finish_same(struct renewal *r)
{
	struct master *m = r->master;
	struct tls_files *files = r->files;

	forget(r);
	discard(m, files, true);
	signer_fed(m);
	if (m->reload_again)
		reload(m);
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

/* By a nursery, and libtls takes them, or why not. */
static void
tried(struct master *m, const char *why_not)
{
	if (why_not[0] != '\0') {
		renew_fail(m, why_not);
		return;
	}
	m->renewal->taken = true;
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
	else if (r->same)
		finish_same(r);
	else
		nursery_try(m, r->files, tried);
}

/* What has been read stays as it is, and who sent SIGHUP is told why. */
static void
log_kept(const struct tls_before *before)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "reload-kept");
	log_str(&l, "file", before->denied);
	log_u64(&l, "pairs", before->kept);
	log_str(&l, "why", privdrop_denial(before->denied));
	log_str(&l, "then", "the previous certificate stays in use, until "
	    "this user can read the new one, or root restarts smtpd");
	log_end(&l);
}

/* True: what files says can be had; false after the reason was written. */
static bool
is_possible(struct master *m, const struct conf *new,
    struct tls_files *files, FILE *err)
{
	if (m->helpers[HELPER_SIGN].state == HELPER_NONE) {
		tls_files_report_restart(new, err);
		return false;
	}
	if (helper_is_lacking(m, HELPER_SIGN)) {
		fprintf(err, "%s: \"tls\": the sign process has ended, and "
		    "is started again: send SIGHUP when it serves\n",
		    new->path);
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
	if (r->judged_due == 0)
		nursery_try(m, files, tried);
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
			log_kept(&before);
		if (tls_files_are_same(files, m->tls))
			answer = RENEW_NOW;
		else if (is_possible(m, new, files, err))
			return begin(m, new, files, err);
	}
	tls_files_free(files);
	free(files);
	return answer;
}

/* Whether the new sign process can have what the files say now. */
static bool
read_keys(struct renewal *r)
{
	static const struct conf no_conf;
	static const struct tls_files no_files;
	struct tls_before before = { .conf = &no_conf, .files = &no_files };
	struct master *m = r->master;

	if (tls_files_reload(r->conf, &before, r->files, r->said) == -1) {
		r->denied = before.denied != NULL;
		return false;
	}
	r->judged_due = r->files->count;
	r->same = tls_files_are_same(r->files, m->tls);
	for (size_t i = 0; r->same && i < r->files->count; i++)
		r->files->pairs[i].facts = m->tls->pairs[i].facts;
	if (r->same || tls_set_take_slots(m, r->files))
		return true;
	tls_files_free(r->files);
	fprintf(r->said, "sessions still use too many keys of before\n");
	return false;
}

void
renew_keys(struct master *m)
{
	const struct timeval patience = { patience_s, 0 };
	struct tls_files *files = tls_set_new();
	struct renewal *r = files == NULL ? NULL : make(m, &m->conf, files);

	if (r == NULL) {
		free(files);
		helper_lose(m, HELPER_SIGN, "no memory for its keys");
		return;
	}
	m->renewal = r;
	r->keys = true;
	event_add(&r->patience, &patience);
	if (!read_keys(r))
		refuse(r);
	else if (r->judged_due == 0)
		finish_same(r);
	else
		signer_give(m, r->files);
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
