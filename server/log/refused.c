/*
 * Sessions that were refused something.  The transcript of a session gathers
 * as escaped text and is written in one piece when the session ends.  The
 * master reads back only the first line of each file, once.
 */
#include "server/log/refused.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log/figure.h"
#include "server/log/ident.h"
#include "shared/ip.h"
#include "shared/log.h"

enum {
	text_max_bytes = 40 * 1024,	/* of one session */
	kept_max = 1000,
	kept_of_network_max = 50,
	network_bytes = 9,	/* family, and an address or its /64 */
	prune_s = 60
};

struct kept {
	char	id[ipc_id_bytes + 1];
	uint8_t	network[network_bytes];
};

static struct {
	int		dir;
	const struct conf *conf;
	bool		late;			/* read dir at session end */
	size_t		count;
	struct kept	kept[kept_max];		/* oldest first */
} r = { .dir = -1 };

/* The transcript of one session so far. */
struct refused_text {
	uint32_t	 lines;
	FILE		*f;		/* open_memstream(3) of text, n */
	char		*text;
	size_t		 n;
};

/* Zeros, if client is not an address. */
static void
network_of(struct span client, uint8_t out[network_bytes])
{
	uint8_t ip[16];
	bool ipv6;

	memset(out, 0, network_bytes);
	if (!ip_parse(client, &ipv6, ip))
		return;
	out[0] = ipv6;
	memcpy(out + 1, ip, ipv6 ? 8 : 4);
}

static void
forget(size_t i)
{
	(void)unlinkat(r.dir, r.kept[i].id, 0);
	r.count--;
	memmove(&r.kept[i], &r.kept[i + 1],
	    (r.count - i) * sizeof(r.kept[0]));
}

/*
 * Frees a slot for one more file if need be: removes the oldest one of network
 * when that has many already, or the oldest of all.
 */
static void
make_room(const uint8_t network[network_bytes])
{
	size_t of_network = 0, oldest = 0;

	for (size_t i = r.count; i > 0; i--)
		if (memcmp(r.kept[i - 1].network, network,
		    network_bytes) == 0) {
			of_network++;
			oldest = i - 1;
		}
	if (of_network >= kept_of_network_max)
		forget(oldest);
	else if (r.count == kept_max)
		forget(0);
}

static void
add_kept(const char *id, const uint8_t network[network_bytes])
{
	struct kept *k = &r.kept[r.count++];

	memcpy(k->id, id, ipc_id_bytes);
	k->id[ipc_id_bytes] = '\0';
	memcpy(k->network, network, network_bytes);
}

static void
prune(void)
{
	int64_t keep_s = (int64_t)r.conf->keep_refused_s;
	int64_t oldest = ((int64_t)time(NULL) - keep_s) * 1000;

	for (size_t i = r.count; i > 0; i--)
		if (keep_s == 0 || ident_ms(r.kept[i - 1].id) < oldest)
			forget(i - 1);
}

static void
on_prune(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	prune();
}

/* The network of a file that an earlier start kept; zeros: unknown. */
static void
read_network(const char *name, uint8_t out[network_bytes])
{
	char text[1024];
	struct log_refused head;
	const char *lf;
	ssize_t n;
	int fd;

	memset(out, 0, network_bytes);
	fd = openat(r.dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	n = fd == -1 ? -1 : read(fd, text, sizeof(text));
	if (fd != -1)
		close(fd);
	lf = n <= 0 ? NULL : memchr(text, '\n', (size_t)n);
	if (lf == NULL || !json_read(span_from(text, (size_t)(lf - text)),
	    log_refused_head, &head))
		return;
	network_of(head.client, out);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct kept *)a)->id,
	    ((const struct kept *)b)->id);
}

/*
 * Finds the files of earlier starts; removes those over kept_max or too old.
 * networks: opens each to learn its network; else the names suffice.
 */
static int
read_directory(bool networks)
{
	int copy = openat(r.dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy == -1 ? NULL : fdopendir(copy);
	uint8_t network[network_bytes] = { 0 };
	struct dirent *e;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL) {
		if (!ident_is(e->d_name))
			continue;
		if (r.count == kept_max) {
			(void)unlinkat(r.dir, e->d_name, 0);
			continue;
		}
		if (networks)
			read_network(e->d_name, network);
		add_kept(e->d_name, network);
	}
	closedir(d);
	qsort(r.kept, r.count, sizeof(r.kept[0]), compare);
	prune();
	return 0;
}

int
refused_init(struct event_base *base, const struct conf *conf, int log,
    bool late)
{
	struct timeval every = { prune_s, 0 };
	struct event *e;

	r.conf = conf;
	if (conf->catcher)
		return 0;
	if (mkdirat(log, "refused", 0700) == -1 && errno != EEXIST)
		return -1;
	r.dir = openat(log, "refused", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	/* A master of one session does not delay it to read old files. */
	r.late = late;
	if (r.dir == -1 || (!r.late && read_directory(true) == -1))
		return -1;
	e = event_new(base, -1, EV_PERSIST, on_prune, NULL);
	return e == NULL || event_add(e, &every) == -1 ? -1 : 0;
}

bool
refused_said(struct refused_text **of, const struct ipc_trace *t)
{
	static const char *const who[IPC_TRACE_KIND_COUNT] = { "server",
	    "client", "remark" };
	static uint8_t shown[4 * ipc_trace_bytes];
	static uint8_t text[2 * sizeof(shown)];
	static uint8_t line_text[sizeof(text) + 128];
	struct buf b = buf_over(shown, sizeof(shown));
	struct buf escaped = buf_over(text, sizeof(text));
	struct buf line = buf_over(line_text, sizeof(line_text));
	struct log_said said = { .ms = t->ms,
	    .who = span_of(who[t->kind]) };
	struct refused_text *x = *of;

	if (x == NULL)
		x = *of = calloc(1, sizeof(*x));
	if (x == NULL)
		return true;
	if (x->lines++ >= ipc_traces_max)
		return false;
	/* A reload switched it off while the worker ran. */
	if (r.conf->keep_refused_s == 0)
		return true;
	/* Escaped before it is kept: the file is safe to display. */
	buf_add_escaped(&b, span_from(t->octets, t->n), "");
	json_add_text(&escaped, buf_span(&b));
	said.text = buf_span(&escaped);
	json_write(log_refused_said, &said, &line);
	buf_add_str(&line, "\n");
	if (x->f == NULL)
		x->f = open_memstream(&x->text, &x->n);
	if (x->f != NULL && !line.cut && x->n + line.n <= text_max_bytes) {
		fwrite(line.p, 1, line.n, x->f);
		fflush(x->f);
	}
	return true;
}

/* Writes all or nothing: a partial file would look like a short session. */
static void
write_file(const struct log_refused *h, struct span text)
{
	uint8_t network[network_bytes];
	char id[ipc_id_bytes + 1];
	int fd;

	snprintf(id, sizeof(id), "%.*s", (int)h->session.n,
	    (const char *)h->session.p);
	fd = openat(r.dir, id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	if (write(fd, text.p, text.n) != (ssize_t)text.n) {
		close(fd);
		(void)unlinkat(r.dir, id, 0);
		return;
	}
	close(fd);
	network_of(h->client, network);
	make_room(network);
	add_kept(id, network);
}

static void
keep(const struct refused_text *x, const struct log_refused *facts,
    struct span rcpts, uint64_t rcpt_count)
{
	static uint8_t text[refused_file_max_bytes];
	struct buf b = buf_over(text, sizeof(text));
	time_t began = time(NULL) - (time_t)(facts->ms / 1000);
	struct log_refused head = *facts;
	char when[figure_bytes];

	figure_utc(began, when);
	head.began = span_of(when);
	json_write(log_refused_head, &head, &b);
	buf_add_str(&b, "\n");
	json_write(log_refused_rcpts, &(struct log_refused_rcpts){ rcpt_count,
	    rcpts }, &b);
	buf_add_str(&b, "\n");
	buf_add(&b, span_from(x->text, x->n));
	if (!b.cut)
		write_file(&head, buf_span(&b));
}

void
refused_end(struct refused_text **of, const struct log_refused *facts,
    struct span rcpts, uint64_t rcpt_count)
{
	struct refused_text *x = *of;

	*of = NULL;
	if (r.late && r.dir != -1) {
		r.late = false;
		(void)read_directory(x != NULL);
	}
	if (x == NULL)
		return;
	if (facts != NULL && r.dir != -1 && x->n > 0 && !ferror(x->f))
		keep(x, facts, rcpts, rcpt_count);
	if (x->f != NULL)
		fclose(x->f);
	free(x->text);
	free(x);
}
