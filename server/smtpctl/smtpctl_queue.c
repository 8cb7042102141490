/* smtpctl queue: asks the server; without one, shows what the files tell. */
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

#include "server/conf/conf_parse.h"
#include "server/log/queue_show.h"
#include "shared/file.h"
#include "shared/queue_file.h"

/* ---- the files ----------------------------------------------------------- */

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
	file_close(fd);
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
	file_close(fd);
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
	struct known *k;

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
	while (f.known != NULL) {
		k = *(struct known **)f.known;
		(void)tdelete(k, &f.known, compare);
		free(k);
	}
}

/* Lists or shows the files below root; counts messages. */
static uint64_t
ask_disk(const char *root, const struct ipc_ask *ask)
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

/* ---- the question -------------------------------------------------------- */

static const char *const acts[QUEUE_ACT_COUNT] = {
	[QUEUE_LIST] = "list", [QUEUE_SHOW] = "show",
	[QUEUE_RETRY] = "retry", [QUEUE_REMOVE] = "remove"
};

/* Copies value, in what may be brackets, with mark in front. */
static void
put(char out[ipc_match_bytes], const char *mark, const char *word,
    const char *value)
{
	size_t n = strlen(value);
	bool bare = n > 2 && value[0] == '<' && value[n - 1] == '>';

	/* "<>" and nothing are the null sender. */
	if (n == 0)
		value = "<>";
	if (snprintf(out, ipc_match_bytes, "%s%.*s", mark, (int)(bare ? n - 2 :
	    strlen(value)), value + bare) >= ipc_match_bytes)
		errx(smtpctl_exit_error, "%s: too long", word);
}

/* "key=value"; false: an id. */
static bool
read_criterion(const char *word, struct ipc_ask *ask)
{
	const char *value = strchr(word, '=');

	if (value == NULL)
		return false;
	value++;
	if (strncmp(word, "from=", 5) == 0)
		put(ask->from, "", word, value);
	else if (strncmp(word, "to=", 3) == 0)
		put(ask->to, "", word, value);
	else if (strncmp(word, "domain=", 7) == 0)
		put(ask->to, "@", word, value);
	else if (strncmp(word, "age=", 4) == 0) {
		if (!conf_parse_number(span_of(value), conf_units_time,
		    &ask->age_s))
			errx(smtpctl_exit_error, "%s: no time such as 90s, 5m, "
			    "2h, 3d", word);
	} else if (strncmp(word, "id=", 3) == 0)
		smtpctl_id(value, ask->id);
	else
		errx(smtpctl_exit_error, "%s: no criterion: those are from=, "
		    "to=, domain=, age= and id=", word);
	return true;
}

/* Asks the server; or, where none runs, the disk. */
static int
ask(const struct smtpctl_line *l, struct smtpctl_control *c,
    const struct ipc_ask *question)
{
	char *text = NULL;

	if (l->set['d'] == NULL)
		text = smtpctl_control_ask(c, question);
	free(text);
	if (text != NULL)
		return c->status;
	if (l->set['d'] == NULL && !c->down)
		return smtpctl_exit_error;
	if (question->act != QUEUE_LIST && question->act != QUEUE_SHOW)
		errx(smtpctl_exit_error, "no smtpd runs: queue %s is done by "
		    "the server alone; start it first", acts[question->act]);
	if (c->down)
		warnx("no smtpd answers: this is what its files have");
	return ask_disk(smtpctl_conf_root(l->set['d'], l->set['f']),
	    question) == 0 && question->act == QUEUE_SHOW ? 1 : 0;
}

int
smtpctl_queue(const struct smtpctl_line *l)
{
	struct smtpctl_control c = { .conf = l->set['f'],
	    .socket = l->set['s'], .print = true, .quiet = true };
	struct ipc_ask question = { .what = QUESTION_QUEUE };
	size_t ids = 0, i;
	int status = 0;
	bool all = false;

	while (question.act < QUEUE_ACT_COUNT &&
	    strcmp(l->words[0], acts[question.act]) != 0)
		question.act++;
	if (question.act == QUEUE_ACT_COUNT)
		return -1;
	question.form = l->set['j'] != NULL ? FORM_JSON : FORM_TEXT;
	for (i = 1; i < l->count; i++) {
		all = all || strcmp(l->words[i], "all") == 0;
		if (strcmp(l->words[i], "all") != 0)
			ids += !read_criterion(l->words[i], &question);
	}
	if (question.act != QUEUE_LIST && l->count == 1)
		errx(smtpctl_exit_error, "queue %s: which messages?  Name "
		    "ids or criteria, or \"all\"", acts[question.act]);
	if ((all || ids > 0) && l->count - 1 != (all ? 1 : ids))
		errx(smtpctl_exit_error, "queue %s: ids, criteria and \"all\" "
		    "exclude each other", acts[question.act]);
	if (ids == 0)
		return ask(l, &c, &question);
	for (i = 1; i < l->count; i++) {
		int got;

		smtpctl_id(l->words[i], question.id);
		got = ask(l, &c, &question);
		status = got > status ? got : status;
	}
	return status;
}
