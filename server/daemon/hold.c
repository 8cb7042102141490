/*
 * The master's own sandbox.
 */
#include "server/daemon/hold.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/log/log_file.h"
#include "shared/log.h"
#include "shared/os.h"
#include "shared/sandbox_table.h"

enum { paths_beside = 2 };	/* root, and where the log is */

struct paths {
	struct sandbox_path	*list;
	size_t			 n;
};

/* For each certificate and key: where it is named, and where it is. */
enum { named_max = 4 * ipc_tls_pairs_max };

static struct sandbox_path named[named_max];
static size_t named_count;

static char *
directory_of(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash == NULL ? strdup(".") :
	    strndup(file, slash == file ? 1 : (size_t)(slash - file));
}

static void
name_directory_of(const char *file)
{
	char *dir = directory_of(file);
	int fd;

	if (dir == NULL || os_keep_directory(dir) == -1) {
		free(dir);
		return;
	}
	fd = os_name_directory(dir);
	named[named_count++] = (struct sandbox_path){ dir, fd,
	    SANDBOX_READ_ONLY, false };
}

/*
 * An ACME client names a file by a link into a directory where it puts the
 * next one, too.
 */
static void
name_directories_of(const char *file)
{
	char *real = realpath(file, NULL);

	name_directory_of(file);
	if (real != NULL)
		name_directory_of(real);
	free(real);
}

void
hold_prepare(struct master *m)
{
	const struct conf *conf = &m->conf;

	m->unsandboxed = !sandbox_exists();
	if (m->unsandboxed && !conf->sandbox_optional)
		fatal("this system has no sandbox (%s), so who breaks into a "
		    "process could do all that its user may: %s starts "
		    "without", sandbox_describe(), conf->catcher ?
		    "--no-sandbox" : "\"sandbox optional\" in the "
		    "configuration");
	for (size_t i = 0; i < conf->pair_count; i++) {
		name_directories_of(conf->pairs[i].certificate);
		name_directories_of(conf->pairs[i].key);
	}
}

/*
 * What this user cannot read anyway is of no use to him, and where no
 * descriptor names it, nothing can be said of it.
 */
static void
add_named(struct paths *p)
{
	for (size_t i = 0; i < named_count; i++)
		if (named[i].fd != -1 || access(named[i].path, X_OK) == 0)
			p->list[p->n++] = named[i];
}

static void
forget_named(void)
{
	while (named_count > 0) {
		struct sandbox_path *path = &named[--named_count];

		if (path->fd != -1)
			close(path->fd);
		free((char *)(uintptr_t)path->path);
	}
}

static void
warn_of(const char *what, const char *dir)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_WARNING, "warning");
	log_str(&l, "what", what);
	if (dir != NULL)
		log_str(&l, "path", dir);
	log_end(&l);
}

static bool
is_unlocked(const struct helper *h)
{
	return h->pid != 0 && strstr(h->sandbox, ", locked") == NULL;
}

/* The catcher's secrets are none. */
static void
warn_of_swap(const struct master *m)
{
	if (!m->unsandboxed && !m->conf.catcher &&
	    (is_unlocked(&m->helpers[HELPER_SIGN]) ||
	    is_unlocked(&m->helpers[HELPER_AUTH])))
		warn_of("keys and passwords may get into the swap area, for "
		    "RLIMIT_MEMLOCK is too small to lock the memory of who "
		    "holds them: LimitMEMLOCK=640M in systemd", NULL);
}

/*
 * What this user cannot search was read by root.  That is no reason to start
 * with less of a sandbox, or not at all.
 */
static void
warn_unreachable(const char *dir)
{
	char what[800], inside[PATH_MAX + 2];

	snprintf(inside, sizeof(inside), "%s/", dir);
	snprintf(what, sizeof(what), "nothing in this directory is read again "
	    "upon SIGHUP: %s", privdrop_denial(inside));
	warn_of(what, dir);
}

/*
 * The directory of a file that is read again: an editor puts another file
 * into its place.
 */
static bool
add_directory_of(struct paths *p, const char *file)
{
	char *dir = directory_of(file);
	bool done = false;

	for (size_t i = 0; dir != NULL && i < p->n; i++)
		done |= p->list[i].write == SANDBOX_READ_ONLY &&
		    strcmp(p->list[i].path, dir) == 0;
	if (dir != NULL && !done && access(dir, X_OK) == -1 &&
	    errno == EACCES) {
		warn_unreachable(dir);
		done = true;
	}
	if (done || dir == NULL || os_keep_directory(dir) == -1) {
		free(dir);
		return done;
	}
	p->list[p->n++] = (struct sandbox_path){ dir, -1, SANDBOX_READ_ONLY,
	    false };
	return true;
}

/* The configuration and its tables; false and errno. */
static bool
add_files(struct paths *p, const struct master *m)
{
	const struct conf *conf = &m->conf;

	if (conf->path != NULL && !add_directory_of(p, conf->path))
		return false;
	for (size_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		if (d->users_path != NULL &&
		    !add_directory_of(p, d->users_path))
			return false;
		if (d->aliases_path != NULL &&
		    !add_directory_of(p, d->aliases_path))
			return false;
	}
	return true;
}

void
hold_master(struct master *m, int root)
{
	size_t files_max = 1 + 2 * m->conf.domain_count, first;
	struct paths p = { .list = calloc(paths_beside + named_count +
	    files_max, sizeof(*p.list)) };
	const char *what = sandbox_lacks(), *log_path;
	int log_dir = log_file_dir(&log_path);

	if (p.list == NULL) {
		fatal("no memory to start with");
		return;
	}
	p.list[p.n++] = (struct sandbox_path){ m->conf.root, root,
	    SANDBOX_CHANGE, false };
	if (log_dir != -1)
		p.list[p.n++] = (struct sandbox_path){ log_path, log_dir,
		    SANDBOX_ADD, false };
	add_named(&p);
	first = p.n;
	if (!add_files(&p, m))
		fatal("the directories of the configuration and its tables: "
		    "%s", strerror(errno));
	if (what != NULL)
		warn_of(what, NULL);
	warn_of_swap(m);
	privdrop_settle(&m->users.master);
	/* Held, it could not ask any more. */
	snprintf(m->sandbox, sizeof(m->sandbox), "%s",
	    m->unsandboxed ? "none" : sandbox_describe());
	if (!m->unsandboxed && (sandbox_prepare(SANDBOX_MASTER, &what) == -1 ||
	    sandbox_enter(SANDBOX_MASTER, p.list, p.n, &what) == -1))
		fatal("the master's sandbox: %s: %s", what, strerror(errno));
	while (p.n > first)
		free((char *)(uintptr_t)p.list[--p.n].path);
	free(p.list);
	forget_named();
}
