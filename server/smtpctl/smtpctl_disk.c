/* The queue as its files tell it.  One that cannot be read ends nothing. */
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

#include "server/log/queue_show.h"
#include "shared/file.h"
#include "shared/queue_file.h"

enum { held_bit = 1 << 2 };	/* QUEUED_HELD, as the journal has it */

/* What the journal says of a message. */
struct known {
	struct queue_record	last;		/* id first: compare() */
	uint8_t			done[];		/* a bit a recipient */
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
	struct queue_out	 out;
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
		k = calloc(1, sizeof(*k) + r->rcpts / 8 + 1);
		if (k == NULL)
			err(smtpctl_exit_error, NULL);
		k->last = *r;
		if (tsearch(k, &f->known, compare) == NULL)
			err(smtpctl_exit_error, NULL);
	}
	/* The number of recipients of a message does not change. */
	if (r->rcpts != k->last.rcpts)
		return;
	k->last = *r;
	if (r->done > 0)
		k->done[(r->done - 1) / 8] |= (uint8_t)(1 << (r->done - 1) % 8);
}

/* Where it cannot be read, only envelopes tell. */
static void
read_journal(struct folder *f)
{
	int fd = openat(f->fd, "journal", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t raw[queue_record_bytes];
	struct queue_record r;
	uint64_t at = 0;
	ssize_t n = -1;

	while (fd != -1 && (n = file_read(fd, raw, sizeof(raw))) ==
	    (ssize_t)sizeof(raw)) {
		if (queue_record_read(raw, at, f->key, &r))
			note(f, &r);
		at += sizeof(raw);
	}
	if (n == -1)
		warn("%s/journal", f->path);
	if (fd != -1)
		close(fd);
}

/* The block of message id, to be freed, with its envelope; or NULL. */
static uint8_t *
read_envelope(const struct folder *f, const char *name, const char *id,
    struct envelope *out)
{
	int fd = openat(f->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	uint8_t *block = NULL;
	size_t n;

	if (fd != -1 && f->has_key)
		block = queue_block_read(fd, f->key, id, &n, out);
	if (fd != -1)
		close(fd);
	return block;
}

static void
look(struct reading *r, struct folder *f, const char *file,
    const struct queue_name *name)
{
	const struct known *k = find(f, name->id);
	const int64_t now = time(NULL);
	struct queue_row row = { .size_kib = 0 };
	struct envelope e;
	struct stat st;
	uint8_t *block = read_envelope(f, file, name->id, &e);

	memcpy(row.id, name->id, sizeof(row.id));
	if (block != NULL) {
		row.envelope = &e;
		row.age_s = now - e.queued_s;
		row.left = e.count;
		if (k != NULL && k->last.rcpts == e.count)
			row.done = k->done;
	}
	for (uint32_t i = 0; row.done != NULL && i < e.count; i++)
		row.left -= row.done[i / 8] >> i % 8 & 1;
	if (fstatat(f->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		row.size_kib = (uint32_t)((st.st_size + 1023) / 1024);
	if (k != NULL) {
		row.size_kib = k->last.size_kib;
		row.tries = k->last.tries;
		row.wait_s = k->last.next_s - now;
		row.held = (k->last.state & held_bit) != 0;
	}
	if (queue_show_may(r->ask, &row) && queue_show_fits(r->ask, &row))
		queue_show_row(&row, r->ask->act == QUEUE_SHOW,
		    r->found++ == 0, &r->out);
	free(block);
}

static void
read_folder(struct reading *r, const char *path)
{
	struct folder f = { .path = path };
	DIR *dir = opendir(path);
	struct queue_name name;
	struct dirent *e;

	if (dir == NULL)
		err(smtpctl_exit_error, "%s", path);
	f.fd = dirfd(dir);
	f.has_key = queue_key_read(f.fd, "key", f.key);
	if (f.has_key)
		read_journal(&f);
	else
		warnx("%s: without its key, of %d octets, nothing in it can be "
		    "read", path, queue_key_bytes);
	while ((e = readdir(dir)) != NULL)
		if (queue_name_read(e->d_name, &name))
			look(r, &f, e->d_name, &name);
	closedir(dir);
	tdestroy(f.known, free);
}

uint64_t
smtpctl_disk_queue(const char *root, const struct ipc_ask *ask)
{
	const bool is_text = ask->form == FORM_TEXT;
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct json_out j = { .f = is_text ? NULL : f };
	struct reading r = { .ask = ask, .out = { is_text ? f : NULL, &j } };
	char dir[PATH_MAX];
	glob_t g;
	int error;

	if (f == NULL)
		err(smtpctl_exit_error, NULL);
	snprintf(dir, sizeof(dir), "%.4000s/spool/queue", root);
	if (access(dir, R_OK | X_OK) == -1 && errno != ENOENT)
		err(smtpctl_exit_error, "%s", dir);
	error = smtpctl_glob(dir, "????????????????", &g);
	if (error != 0)
		errc(smtpctl_exit_error, error, "%s", dir);
	json_out_object(&j, NULL);
	json_out_array(&j, "queue");
	for (size_t i = 0; i < g.gl_pathc; i++)
		read_folder(&r, g.gl_pathv[i]);
	globfree(&g);
	json_out_end(&j);
	json_out_u64(&j, "count", r.found);
	json_out_end(&j);
	if (is_text && r.found == 0)
		fputs("no message in the queue\n", f);
	if (fclose(f) == EOF)
		err(smtpctl_exit_error, NULL);
	smtpctl_print(span_from(text, n));
	free(text);
	return r.found;
}
