/*
 * Logins, as the master decides on them.  A catcher knows nobody and takes
 * everybody, or the one that it was told of.
 */
#include "server/login.h"

#include <sodium.h>
#include <string.h>

#include "server/catcher.h"
#include "server/pool_worker.h"
#include "shared/ipc.h"
#include "shared/log.h"

static void
log_login(const struct session *s, enum login_answer answer)
{
	struct log_line l;

	if (answer == LOGIN_OK) {
		log_begin(&l, LOG_LEVEL_INFO, "login");
		log_str(&l, "session", s->id);
		log_str(&l, "client", s->client.text);
		log_str(&l, "user", s->user);
	} else {
		log_begin(&l, LOG_LEVEL_WARNING, "login-failed");
		log_str(&l, "session", s->id);
		log_str(&l, "client", s->client.text);
		log_str(&l, "why", "name or password is wrong");
	}
	log_end(&l);
}

/* Not a name that failed: it may be a password in the wrong field. */
static bool
answer(struct worker *w, struct span name, enum login_answer answer)
{
	struct session *s = w->session;
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_ADMIT;
	r.u.admit.answer = answer;
	w->when = IPC_AT_SESSION;
	if (answer == LOGIN_OK) {
		memcpy(s->user, name.p, name.n);
		s->user[name.n] = '\0';
	}
	log_login(s, answer);
	if (w->master->conf.catcher)
		catcher_login(s, answer == LOGIN_OK);
	if (ipc_send(w->channel, &r, -1, false) == 0)
		return true;
	pool_lost(w, "worker gone before its answer");
	return false;
}

/* name and password as smtpd -C -a has them, parted by the first colon. */
static bool
is_the_one(const char *want, const struct ipc_login *l)
{
	size_t name = strcspn(want, ":"), n = strlen(want);

	return l->name_len == name && memcmp(l->name, want, name) == 0 &&
	    l->password_len == n - name - 1 &&
	    sodium_memcmp(l->password, want + name + 1, n - name - 1) == 0;
}

bool
login_take(struct worker *w, const struct ipc_login *login)
{
	const char *want = w->master->conf.catcher_login;
	struct span name = span_from(login->name, login->name_len);

	return answer(w, name, want == NULL || is_the_one(want, login) ?
	    LOGIN_OK : LOGIN_WRONG);
}
