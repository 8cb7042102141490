/* Dropping privileges, and proving that they are dropped. */
#include "server/conf/privdrop.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "shared/log.h"
#include "shared/os/os.h"

/* The user of this process once it must not look up names; or NULL. */
static const struct identity *settled;

bool
privdrop_find(const char *name, struct identity *out)
{
	const struct passwd *pw = getpwnam(name);
	gid_t all[identity_groups_max];
	int n = identity_groups_max;

	if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0)
		return false;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	/* An administrator may have added the user to, say, one for keys. */
	if (getgrouplist(out->name, out->gid, all, &n) == -1)
		n = identity_groups_max;
	out->group_count = 0;
	for (int i = 0; i < n; i++)
		if (all[i] != 0)
			out->groups[out->group_count++] = all[i];
	return true;
}

void
privdrop_own(struct identity *out)
{
	const struct passwd *pw = getpwuid(geteuid());

	out->uid = geteuid();
	out->gid = getegid();
	snprintf(out->name, sizeof(out->name), "%u", (unsigned)out->uid);
	if (pw != NULL)
		snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
}

static int
drop_to(const struct identity *id)
{
	uid_t r, e, s;

	os_drop_capabilities();
	if (setgroups((uint16_t)id->group_count, id->groups) == -1 ||
	    setresgid(id->gid, id->gid, id->gid) == -1 ||
	    setresuid(id->uid, id->uid, id->uid) == -1)
		return -1;
	if (os_forget_capabilities() == -1 || getresuid(&r, &e, &s) == -1)
		return -1;
	if (r != id->uid || e != id->uid || s != id->uid ||
	    setuid(0) != -1 || seteuid(0) != -1 || setgid(0) != -1) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

static bool
can_drop_to(const struct identity *id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(drop_to(id) == 0 ? 0 : 1);
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0;
}

void
privdrop_settle(const struct identity *id)
{
	settled = id;
}

const char *
privdrop_find_bar(const char *path)
{
	static char dir[PATH_MAX];

	for (const char *p = path; (p = strchr(p, '/')) != NULL; p++) {
		snprintf(dir, sizeof(dir), "%.*s", p == path ? 1 :
		    (int)(p - path), path);
		if (access(dir, X_OK) == -1 && errno == EACCES)
			return dir;
	}
	return NULL;
}

void
privdrop_describe(const char *path, char *out, size_t room)
{
	const char *shown = conf_shown(span_of(path));
	char user[32], group[32];
	const struct passwd *pw = NULL;
	const struct group *gr = NULL;
	struct stat st;

	if (stat(path, &st) == -1) {
		snprintf(out, room, "%s: %s", shown, strerror(errno));
		return;
	}
	if (settled == NULL) {
		pw = getpwuid(st.st_uid);
		gr = getgrgid(st.st_gid);
	}
	snprintf(user, sizeof(user), "%u", (unsigned)st.st_uid);
	snprintf(group, sizeof(group), "%u", (unsigned)st.st_gid);
	snprintf(out, room, "%s%s belongs to %s:%s, mode %04o",
	    S_ISDIR(st.st_mode) ? "the directory " : "", shown,
	    st.st_uid == 0 ? "root" : pw == NULL ? user : pw->pw_name,
	    st.st_gid == 0 ? "root" : gr == NULL ? group : gr->gr_name,
	    (unsigned)st.st_mode & 07777);
}

const char *
privdrop_denial(const char *path)
{
	static char text[640];
	const char *bar = privdrop_find_bar(path);
	struct identity me;
	char what[480];

	if (bar == NULL && settled != NULL && access(path, R_OK) == 0)
		return "Permission denied: smtpd entered its sandbox at start, "
		    "when the configuration named nothing in that directory: "
		    "restart smtpd";
	if (settled == NULL)
		privdrop_own(&me);
	privdrop_describe(bar != NULL ? bar : path, what, sizeof(what));
	snprintf(text, sizeof(text), "Permission denied: %s: let its group or "
	    "an ACL admit %s", what, (settled != NULL ? settled : &me)->name);
	return text;
}

static void
find_user(const char *name, const char *keyword, struct identity *out)
{
	if (!privdrop_find(name, out))
		fatal("%s \"%s\": no such user (or it is root): create it "
		    "with \"make install-system\", or name another", keyword,
		    name);
}

void
privdrop_find_users(const struct conf *conf, struct users *u)
{
	memset(u, 0, sizeof(*u));
	privdrop_own(&u->master);
	u->worker = u->master;
	if (!os_may_change_user())
		return;
	if (!conf->catcher) {
		find_user(conf->user, "user", &u->master);
		find_user(conf->worker_user, "worker-user", &u->worker);
	} else if (!privdrop_find(conf->user, &u->master) ||
	    !privdrop_find(conf->worker_user, &u->worker)) {
		/* The catcher needs no users of its own. */
		find_user("nobody", "user", &u->master);
		u->worker = u->master;
	}
	if (!conf->catcher && u->master.uid == u->worker.uid)
		fatal("user and worker-user are the same: workers must not "
		    "own what the master owns");
	/* Workers talk to strangers, so they are in no other group. */
	u->worker.groups[0] = u->worker.gid;
	u->worker.group_count = 1;
	u->drop = !conf->catcher || (can_drop_to(&u->master) &&
	    can_drop_to(&u->worker));
	/* In a container without CAP_SETUID, or of one user, it stays. */
	if (!u->drop) {
		privdrop_own(&u->master);
		u->worker = u->master;
	}
}

int
privdrop_become(const struct users *u, const struct identity *who)
{
	if (u->drop)
		return drop_to(who);
	os_drop_capabilities();
	return os_forget_capabilities();
}
