/*
 * What the master may reach: its root, which is the one tree it may write, and
 * its own sandbox around that.
 */
#include "server/daemon/hold.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/log/log_file.h"
#include "server/process/helper.h"
#include "shared/log.h"
#include "shared/os.h"
#include "shared/sandbox_table.h"

/* ---- root --------------------------------------------------------------- */

static bool
is_empty(int dir)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *e;
	bool empty = true;
	DIR *d;

	d = copy == -1 ? NULL : fdopendir(copy);
	if (d == NULL)
		return false;
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			empty = false;
	closedir(d);
	return empty;
}

bool
hold_may_give(int dir, const struct stat *st)
{
	return st->st_uid == 0 && is_empty(dir);
}

int
hold_open_root(const char *path, const struct users *u)
{
	uid_t want = u->master.uid;
	struct stat st;
	int fd;

	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		fatal("%s: cannot be created: %s", path, errno == EACCES ?
		    privdrop_denial(path) : strerror(errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &st) == -1)
		fatal("%s: %s", path, errno == EACCES ?
		    privdrop_denial(path) : strerror(errno));
	if (st.st_uid != want && (!u->drop || !hold_may_give(fd, &st)))
		fatal("%s: belongs to uid %u, not to %s (uid %u)%s: name "
		    "another directory, or give it to that user", path,
		    (unsigned)st.st_uid, u->master.name, (unsigned)want,
		    is_empty(fd) ? "" : ", and is not empty");
	/* What a person set on a directory that is ours stays as it is. */
	if (u->drop && st.st_uid != want &&
	    (fchown(fd, u->master.uid, u->master.gid) == -1 ||
	    fchmod(fd, 0700) == -1))
		fatal("%s: cannot be given to uid %u: %s", path,
		    (unsigned)want, strerror(errno));
	return fd;
}

void
hold_warn_of_root(const char *path, int root)
{
	struct log_line l;
	struct stat st;

	if (fstat(root, &st) == -1 || (st.st_mode & 077) == 0)
		return;
	log_begin(&l, LOG_LEVEL_WARNING, "warning");
	log_str(&l, "what", st.st_mode & 022 ? "others than its owner can "
	    "write to the root, and so put other directories in the place of "
	    "its own: chmod go-w" : "others than its owner can enter the "
	    "root; what is below stays closed to them");
	log_str(&l, "path", path);
	log_end(&l);
}

/* ---- the sandbox -------------------------------------------------------- */

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

/* ---- the proof that a sandbox holds ------------------------------------- */

/*
 * log/sandbox.  A start under inetd has no time for a self-test before each
 * greeting, and nothing that a self-test tries changes between two of them:
 * so it is done once for each boot and each worker program, whoever comes
 * first.  The file is the master's; who could forge it has all the mail.
 */
void
hold_proof_read(struct hold_proof *p, int root, const char *worker)
{
	char boot[os_boot_id_bytes], was[sizeof(p->text)];
	struct stat st;
	ssize_t n;
	int fd;

	memset(p, 0, sizeof(*p));
	if (!os_boot_id(boot) || stat(worker, &st) == -1)
		return;
	snprintf(p->text, sizeof(p->text), "version=%s boot=%s "
	    "worker=%llu.%llu size=%lld changed=%lld.%09ld\n",
	    SMTPD_VERSION, boot, (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, (long long)st.st_size,
	    (long long)st.st_ctim.tv_sec, (long)st.st_ctim.tv_nsec);
	fd = openat(root, "log/sandbox", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	n = read(fd, was, sizeof(was));
	close(fd);
	p->held = n == (ssize_t)strlen(p->text) &&
	    memcmp(was, p->text, (size_t)n) == 0;
}

void
hold_proof_write(const struct hold_proof *p, int log)
{
	size_t n = strlen(p->text);
	int fd;

	if (p->held || n == 0)
		return;
	fd = openat(log, "sandbox", O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, p->text, n) != (ssize_t)n)
		log_error("write (the next start tries the sandbox again)",
		    "log/sandbox", errno);
	if (fd != -1)
		close(fd);
}
