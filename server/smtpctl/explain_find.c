/*
 * Where is a message now?  Its file keeps its name but for the flags that
 * mail programs add behind it, in "cur" and in other folders of the Maildir.
 */
#include "server/smtpctl/explain.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "server/mail/recipient.h"

/* Looks through a directory; true when it is there, or errno was noted. */
static bool
look_in(const char *dir, const char *file, struct explain_place *out)
{
	size_t n = strlen(file);
	DIR *d = opendir(dir);
	struct dirent *e;
	bool found = false;

	if (d == NULL) {
		if (errno != ENOENT && errno != ENOTDIR)
			out->error = errno;
		return false;
	}
	while (!found && (e = readdir(d)) != NULL)
		if (strncmp(e->d_name, file, n) == 0 &&
		    memchr(":,", e->d_name[n], 3) != NULL) {
			const char *flags = strstr(e->d_name + n, ":2,");

			snprintf(out->path, sizeof(out->path), "%.3000s/%s",
			    dir, e->d_name);
			snprintf(out->flags, sizeof(out->flags), "%.31s",
			    flags == NULL ? "" : flags + 3);
			found = true;
		}
	closedir(d);
	return found;
}

static bool
look_in_folder(const char *maildir, const char *file,
    struct explain_place *out)
{
	static const char *const parts[] = { "new", "cur" };
	char dir[PATH_MAX];

	for (size_t i = 0; i < 2; i++) {
		snprintf(dir, sizeof(dir), "%.3500s/%s", maildir, parts[i]);
		if (!look_in(dir, file, out))
			continue;
		out->state = i == 0 ? EXPLAIN_NEW : EXPLAIN_CUR;
		return true;
	}
	return false;
}

/* Maildir++: other folders are directories ".NAME" inside. */
static bool
look_in_others(const char *maildir, const char *file,
    struct explain_place *out)
{
	DIR *d = opendir(maildir);
	char folder[PATH_MAX];
	struct dirent *e;
	bool found = false;

	while (!found && d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] != '.' || e->d_name[1] == '.' ||
		    e->d_name[1] == '\0')
			continue;
		snprintf(folder, sizeof(folder), "%.3000s/%s", maildir,
		    e->d_name);
		if (!look_in_folder(folder, file, out))
			continue;
		snprintf(out->folder, sizeof(out->folder), "%s", e->d_name);
		out->state = EXPLAIN_FOLDER;
		found = true;
	}
	if (d == NULL && errno != ENOENT)
		out->error = errno;
	if (d != NULL)
		closedir(d);
	return found;
}

/* "alice@example.org": mail/example.org/alice; no "@": a catcher's. */
static void
maildir_of(const char *root, struct span mailbox, char out[PATH_MAX])
{
	const uint8_t *at = memrchr(mailbox.p, '@', mailbox.n);
	char catcher[PATH_MAX];
	struct stat st;

	snprintf(catcher, sizeof(catcher), "%s/.smtpd", root);
	if (at == NULL || stat(catcher, &st) == 0)
		snprintf(out, PATH_MAX, "%.3000s/%.*s", root, (int)mailbox.n,
		    mailbox.p);
	else
		snprintf(out, PATH_MAX, "%.3000s/mail/%.*s/%.*s", root,
		    (int)(mailbox.n - (size_t)(at + 1 - mailbox.p)), at + 1,
		    (int)(at - mailbox.p), mailbox.p);
}

void
explain_find(const char *root, struct span mailbox, struct span file,
    struct explain_place *out)
{
	char maildir[PATH_MAX], name[1024];

	memset(out, 0, sizeof(*out));
	maildir_of(root, mailbox, maildir);
	snprintf(name, sizeof(name), "%.*s", (int)file.n, file.p);
	if (look_in_folder(maildir, name, out) ||
	    look_in_others(maildir, name, out))
		return;
	out->state = out->error != 0 ? EXPLAIN_UNKNOWN : EXPLAIN_GONE;
	snprintf(out->path, sizeof(out->path), "%s", maildir);
}
