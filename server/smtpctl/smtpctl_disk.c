/*
 * The queue as its files tell it, where no smtpd runs: list and show.  A file
 * that cannot be read is named, and ends nothing.
 */
#include "server/smtpctl/smtpctl.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/ident.h"
#include "server/log/queue_show.h"
#include "shared/file.h"
#include "shared/queue_file.h"

enum {
	journal_max_bytes = 1 << 28,
	held_bit = 1 << 2	/* QUEUED_HELD, as the journal has it */
};

/* What the journal says of a message. */
struct known {
	char			 id[ipc_id_bytes];	/* first: compare() */
	struct queue_record	 last;
	uint8_t			*done;		/* a bit a recipient */
};

struct folder {
	int		 fd;
	const char	*path;
	bool		 has_key;
	uint8_t		 key[queue_key_bytes];
	void		*known;			/* tree of struct known */
};

/* The answer under way. */
struct reading {
	const struct ipc_ask	*ask;
	struct json_out		 j;
	uint64_t		 found;
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, ipc_id_bytes);
}

static struct known *
find(struct folder *f, const char *id)
{
	struct known **at = tfind(id, &f->known, compare);

	return at == NULL ? NULL : *at;
}

static void
note(struct folder *f, const struct queue_record *r)
{
	struct known *k = find(f, r->id);

	if (k == NULL) {
		k = calloc(1, sizeof(*k));
		if (k == NULL || (k->done = calloc(r->rcpts / 8 + 1, 1)) ==
		    NULL)
			err(smtpctl_exit_error, NULL);
		memcpy(k->id, r->id, sizeof(k->id));
		k->last = *r;
		if (tsearch(k, &f->known, compare) == NULL)
			err(smtpctl_exit_error, NULL);
	}
	/* The number of recipients of a message does not change. */
	if (r->rcpts != k->last.rcpts)
		return;
	k->last = *r;
	if (r->type == QUEUE_DONE)
		k->done[r->index / 8] |= (uint8_t)(1 << r->index % 8);
}

/* Where it cannot be read, only envelopes tell. */
static void
read_journal(struct folder *f)
{
	uint8_t *journal = NULL;
	int fd = openat(f->fd, "journal", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct queue_record r;
	struct stat st;
	struct span rest;
	size_t used, damaged;
	ssize_t n = -1;

	if (fd != -1 && fstat(fd, &st) == 0 &&
	    st.st_size <= journal_max_bytes) {
		journal = malloc((size_t)st.st_size + 1);
		if (journal == NULL)
			err(smtpctl_exit_error, NULL);
		n = file_read(fd, journal, (size_t)st.st_size);
	}
	if (n == -1)
		warn("%s/journal", f->path);
	rest = span_from(journal, n == -1 ? 0 : (size_t)n);
	while (rest.n > 0) {
		if (queue_record_read(rest, true, (uint64_t)(rest.p -
		    journal), f->key, &r, &used, &damaged))
			note(f, &r);
		rest = span_skip(rest, used);
	}
	free(journal);
	if (fd != -1)
		close(fd);
}

static bool
is_done(const void *arg, uint32_t index)
{
	const struct known *k = arg;

	return k != NULL && index < k->last.rcpts &&
	    (k->done[index / 8] >> index % 8 & 1) != 0;
}

/* The envelope of message id; *block, to be freed, has its octets. */
static bool
read_envelope(const struct folder *f, const char *name, const char *id,
    uint8_t **block, struct envelope *out)
{
	uint8_t begin[queue_block_begin_bytes];
	struct span text;
	size_t n = 0;
	int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	*block = NULL;
	if (fd != -1 && file_read(fd, begin, sizeof(begin)) ==
	    (ssize_t)sizeof(begin))
		n = queue_block_length(begin);
	if (n > 0)
		*block = malloc(n);
	if (*block != NULL)
		memcpy(*block, begin, sizeof(begin));
	if (*block == NULL || !f->has_key ||
	    file_read(fd, *block + sizeof(begin), n - sizeof(begin)) !=
	    (ssize_t)(n - sizeof(begin)) ||
	    !queue_block_open(*block, n, f->key, &text) ||
	    !envelope_read(text, out) || !span_equal(out->id, span_of(id)))
		n = 0;
	if (fd != -1)
		close(fd);
	return n > 0;
}

static void
show(struct reading *r, const struct queue_row *row)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	const struct queue_out o = { r->ask->form == FORM_TEXT ? f : NULL,
	    &r->j };

	if (f == NULL)
		err(smtpctl_exit_error, NULL);
	r->j.f = r->ask->form == FORM_TEXT ? NULL : f;
	if (r->found++ == 0) {
		json_out_object(&r->j, NULL);
		json_out_array(&r->j, "queue");
		if (row != NULL)
			queue_show_head(&o);
	}
	if (row != NULL)
		queue_show_row(row, r->ask->act == QUEUE_SHOW, &o);
	if (fclose(f) == EOF)
		err(smtpctl_exit_error, NULL);
	smtpctl_print(span_from(text, n));
	free(text);
}

static void
look(struct reading *r, struct folder *f, const char *file,
    const struct queue_name *name)
{
	struct known *k = find(f, name->id);
	const int64_t now = time(NULL);
	struct queue_row row = { .is_done = is_done, .arg = k };
	struct envelope e;
	struct stat st;
	uint8_t *block;

	memcpy(row.id, name->id, sizeof(row.id));
	if (read_envelope(f, file, name->id, &block, &e)) {
		row.envelope = &e;
		row.age_s = now - e.queued_s;
		row.left = e.count;
	}
	for (uint32_t i = 0; row.envelope != NULL && i < e.count; i++)
		row.left -= is_done(k, i);
	if (fstatat(f->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		row.size_kib = (uint32_t)((st.st_size + 1023) / 1024);
	if (k != NULL) {
		row.size_kib = k->last.size_kib;
		row.tries = k->last.tries;
		row.wait_s = k->last.next_s - now;
		row.held = (k->last.state & held_bit) != 0;
	}
	if (queue_show_may(r->ask, &row) && queue_show_fits(r->ask, &row))
		show(r, &row);
	free(block);
}

static void
forget(void *node)
{
	free(((struct known *)node)->done);
	free(node);
}

static void
read_folder(struct reading *r, const char *path)
{
	struct folder f = { .path = path,
	    .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	DIR *dir = f.fd == -1 ? NULL : fdopendir(dup(f.fd));
	struct queue_name name;
	struct dirent *e;
	int key;

	if (dir == NULL)
		err(smtpctl_exit_error, "%s", path);
	key = openat(f.fd, "key", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	f.has_key = key != -1 && file_read(key, f.key, sizeof(f.key)) ==
	    (ssize_t)sizeof(f.key);
	if (f.has_key)
		read_journal(&f);
	else
		warnx("%s: without its key, of %d octets, nothing in it can be "
		    "read", path, queue_key_bytes);
	if (key != -1)
		close(key);
	while ((e = readdir(dir)) != NULL)
		if (queue_name_read(e->d_name, &name) && !name.content)
			look(r, &f, e->d_name, &name);
	closedir(dir);
	close(f.fd);
	tdestroy(f.known, forget);
}

uint64_t
smtpctl_disk_queue(const char *root, const struct ipc_ask *ask)
{
	struct reading r = { .ask = ask };
	uint64_t found;
	char dir[PATH_MAX];
	glob_t g;
	int error;

	snprintf(dir, sizeof(dir), "%.4000s/spool/queue", root);
	if (access(dir, R_OK | X_OK) == -1 && errno != ENOENT)
		err(smtpctl_exit_error, "%s", dir);
	error = smtpctl_glob(dir, "????????????????", &g);
	if (error != 0)
		errc(smtpctl_exit_error, error, "%s", dir);
	for (size_t i = 0; i < g.gl_pathc; i++)
		read_folder(&r, g.gl_pathv[i]);
	globfree(&g);
	found = r.found;
	if (ask->form == FORM_TEXT && found == 0)
		puts("no message in the queue");
	if (ask->form == FORM_TEXT)
		return found;
	/* An empty list is one, too; show() begins it. */
	if (found == 0)
		show(&r, NULL);
	r.j.f = stdout;
	json_out_end(&r.j);
	json_out_u64(&r.j, "count", found);
	json_out_end(&r.j);
	return found;
}
