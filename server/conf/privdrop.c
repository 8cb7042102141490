/*
 * Dropping privileges, and proving that they are dropped.
 */
#include "server/conf/privdrop.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shared/os.h"

/* An administrator may have let the user into a group of keys, say. */
static void
find_groups(struct identity *out)
{
	gid_t all[identity_groups_max];
	int n = identity_groups_max;

	if (getgrouplist(out->name, out->gid, all, &n) == -1)
		n = identity_groups_max;
	out->group_count = 0;
	for (int i = 0; i < n; i++)
		if (all[i] != 0)
			out->groups[out->group_count++] = all[i];
}

bool
privdrop_find(const char *name, struct identity *out)
{
	const struct passwd *pw = getpwnam(name);

	if (pw == NULL || pw->pw_uid == 0 || pw->pw_gid == 0)
		return false;
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	find_groups(out);
	return true;
}

void
privdrop_own(struct identity *out)
{
	const struct passwd *pw = getpwuid(geteuid());

	out->uid = geteuid();
	out->gid = getegid();
	if (pw != NULL)
		snprintf(out->name, sizeof(out->name), "%s", pw->pw_name);
	else
		snprintf(out->name, sizeof(out->name), "%u",
		    (unsigned)out->uid);
}

int
privdrop_to(const struct identity *id)
{
	uid_t r, e, s;

	os_drop_capabilities();
	if (setgroups((size_t)id->group_count, id->groups) == -1 ||
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

int
privdrop_stay(void)
{
	os_drop_capabilities();
	return os_forget_capabilities();
}

bool
privdrop_can(const struct identity *id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(privdrop_to(id) == 0 ? 0 : 1);
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0;
}
