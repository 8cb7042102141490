/* The root, and the sandbox of the master. */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/log_file.h"
#include "server/process/helper.h"
#include "shared/deadline.h"
#include "shared/file.h"
#include "shared/log.h"
#include "shared/os/os.h"
#include "shared/os/sandbox_table.h"

static void
warn_of(const char *what, const char *path)
{
	log_put(LOG_LEVEL_WARNING, "warning", "what=%s path=%s", what, path);
}

/* ---- root --------------------------------------------------------------- */

static bool
is_empty(int dir)
{
	DIR *d = file_list(dir, ".");
	struct dirent *e = NULL;

	while (d != NULL && (e = readdir(d)) != NULL &&
	    (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0))
		continue;
	if (d != NULL)
		closedir(d);
	return d != NULL && e == NULL;
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
	/* A directory that is ours keeps its mode and group. */
	if (u->drop && st.st_uid != want &&
	    (fchown(fd, u->master.uid, u->master.gid) == -1 ||
	    fchmod(fd, 0700) == -1))
		fatal("%s: cannot be given to uid %u: %s", path,
		    (unsigned)want, strerror(errno));
	return fd;
}

/* ---- the sandbox -------------------------------------------------------- */

/* From hold_prepare to hold_master; first those of the tables. */
static struct sandbox_path *paths;
static size_t path_count, table_count;

static void
add_path(const char *dir, int fd, enum sandbox_write write)
{
	paths[path_count++] = (struct sandbox_path){ dir, fd, write, false };
}

/* Adds the directory of a file that SIGHUP reads: editors replace the file. */
static void
add_directory_of(const char *file)
{
	char *copy = file == NULL ? NULL : strdup(file);
	const char *dir = copy == NULL ? NULL : dirname(copy);
	size_t i = 0;

	fatal_unless_memory(file == NULL || copy != NULL);
	while (dir != NULL && i < path_count && (paths[i].path == NULL ||
	    strcmp(paths[i].path, dir) != 0))
		i++;
	/* A catcher has no such file. */
	if (dir != NULL && i == path_count && os_keep_directory(dir) == 0)
		add_path(dir, os_name_directory(dir), SANDBOX_READ_ONLY);
	else
		free(copy);
}

/* An ACME client makes file a link into the directory of the next one, too. */
static void
add_directories_of(const char *file)
{
	char *real = realpath(file, NULL);

	add_directory_of(file);
	add_directory_of(real);
	free(real);
}

void
hold_prepare(struct master *m)
{
	const struct conf *conf = &m->conf;

	m->unsandboxed = !sandbox_facts()->exists;
	if (m->unsandboxed && !conf->sandbox_optional)
		fatal("this system has no sandbox (%s): an attacker in a "
		    "process could do all that its user may; to start without "
		    "a sandbox, %s", sandbox_facts()->parts, conf->catcher ?
		    "give --no-sandbox" : "write \"sandbox optional\" in "
		    "the configuration");
	/* Root, log, configuration; 2 tables a domain; 2 names a file. */
	paths = calloc(3 + 2 * conf->domain_count + 4 * conf->pair_count,
	    sizeof(*paths));
	fatal_unless_memory(paths != NULL);
	add_directory_of(conf->path);
	for (size_t i = 0; i < conf->domain_count; i++) {
		add_directory_of(conf->domains[i].users.path);
		add_directory_of(conf->domains[i].aliases.path);
	}
	table_count = path_count;
	for (size_t i = 0; i < conf->pair_count; i++) {
		add_directories_of(conf->pairs[i].certificate);
		add_directories_of(conf->pairs[i].key);
	}
}

/* A directory without descriptor that is out of reach cannot be named. */
static void
look_at_directories(void)
{
	char what[800], inside[PATH_MAX + 2];

	for (size_t i = path_count; i-- > 0;) {
		if (access(paths[i].path, X_OK) == 0)
			continue;
		if (i < table_count && errno == EACCES) {
			snprintf(inside, sizeof(inside), "%s/", paths[i].path);
			snprintf(what, sizeof(what), "nothing in this "
			    "directory is read again upon SIGHUP: %s",
			    privdrop_denial(inside));
			warn_of(what, paths[i].path);
		}
		if (paths[i].fd == -1)
			paths[i] = paths[--path_count];
	}
}

static bool
is_unlocked(const struct helper *h)
{
	return h->pid != 0 && strstr(h->sandbox, ", locked") == NULL;
}

void
hold_master(struct master *m, int root)
{
	const struct sandbox_facts *facts = sandbox_facts();
	const char *what, *log_path;
	int log_dir = log_file_dir(&log_path);
	struct stat st;

	look_at_directories();
	add_path(m->conf.root, root, SANDBOX_CHANGE);
	if (log_dir != -1)
		add_path(log_path, log_dir, SANDBOX_ADD);
	if (fstat(root, &st) == 0 && (st.st_mode & 077) != 0)
		warn_of(st.st_mode & 022 ? "users other than its owner can "
		    "write to the root and replace its directories: chmod "
		    "go-w" : "users other than its owner can enter the root; "
		    "what is below stays closed to them", m->conf.root);
	if (facts->lacks != NULL)
		warn_of(facts->lacks, "");
	/* A catcher has no secrets. */
	if (!m->unsandboxed && !m->conf.catcher &&
	    (is_unlocked(&m->helpers[HELPER_SIGN]) ||
	    is_unlocked(&m->helpers[HELPER_AUTH])))
		warn_of("keys and passwords may reach the swap area: "
		    "RLIMIT_MEMLOCK is too small to lock the memory of the "
		    "processes that hold them (systemd: LimitMEMLOCK=640M)",
		    "");
	privdrop_settle(&m->users.master);
	snprintf(m->sandbox, sizeof(m->sandbox), "%s",
	    m->unsandboxed ? "none" : facts->parts);
	if (!m->unsandboxed && (sandbox_prepare(SANDBOX_MASTER, &what) == -1 ||
	    sandbox_enter(SANDBOX_MASTER, paths, path_count, &what) == -1))
		fatal("the master's sandbox: %s: %s", what, strerror(errno));
	for (size_t i = 0; i < path_count; i++)
		if (paths[i].write == SANDBOX_READ_ONLY && paths[i].fd != -1)
			close(paths[i].fd);
	free(paths);
}

/* ---- the proof that a sandbox holds ------------------------------------- */

/*
 * The time of log/sandbox counts.  The file belongs to the user of the master:
 * a process that could forge it has all the mail.
 */
bool
hold_is_proved(int root, const char *worker)
{
	struct stat proof, program;
	int64_t age_s;

	if (fstatat(root, "log/sandbox", &proof, AT_SYMLINK_NOFOLLOW) == -1 ||
	    stat(worker, &program) == -1)
		return false;
	age_s = time(NULL) - proof.st_mtime;
	return proof.st_mtime > program.st_ctime && age_s >= 0 &&
	    age_s < deadline_now_ms() / 1000;
}

void
hold_prove(int log)
{
	int fd;

	(void)unlinkat(log, "sandbox", 0);
	fd = openat(log, "sandbox", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (fd == -1)
		log_error("create (the next start tries the sandbox again)",
		    "log/sandbox", errno);
	else
		close(fd);
}
