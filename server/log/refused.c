/* Kept sessions.  Of each file only the first line is read back, once. */
#include "server/log/refused.h"

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
#include "shared/file.h"

enum {
	text_max_bytes = 40 * 1024,	/* of one session */
	kept_max = 1000,
	kept_of_network_max = 50,
	network_bytes = 9,	/* family, and an address or its /64 */
	prune_s = 60
};

struct kept {
	char	id[ipc_id_bytes + 1];
	uint8_t	network[network_bytes];		/* zeros: unknown */
};

static struct {
	int		dir;
	const struct conf *conf;
	bool		late;			/* read dir at session end */
	size_t		count;
	struct kept	kept[kept_max];		/* oldest first */
} r = { .dir = -1 };

struct refused_text {
	uint32_t	lines;
	struct buf	text;
	uint8_t		octets[text_max_bytes];
};

static void
set_network(struct kept *k, struct span client)
{
	struct ip ip;

	if (!ip_parse(client, &ip))
		return;
	k->network[0] = ip.ipv6;
	memcpy(k->network + 1, ip.ip, ip.ipv6 ? 8 : 4);
}

static void
forget(size_t i)
{
	(void)unlinkat(r.dir, r.kept[i].id, 0);
	r.count--;
	memmove(&r.kept[i], &r.kept[i + 1],
	    (r.count - i) * sizeof(r.kept[0]));
}

static void
on_prune(evutil_socket_t fd, short what, void *arg)
{
	int64_t keep_s = (int64_t)r.conf->keep_refused_s;
	int64_t oldest = ((int64_t)time(NULL) - keep_s) * 1000;

	for (size_t i = r.count; i > 0; i--)
		if (keep_s == 0 || ident_ms(r.kept[i - 1].id) < oldest)
			forget(i - 1);
}

/* Reads the network of a file that an earlier start kept. */
static void
read_network(struct kept *k)
{
	int fd = openat(r.dir, k->id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	char text[1024];
	ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text));
	struct span rest = span_from(text, n == -1 ? 0 : (size_t)n);
	struct log_refused head;

	if (fd != -1)
		close(fd);
	if (json_take(&rest, log_refused_head, &head))
		set_network(k, head.client);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct kept *)a)->id,
	    ((const struct kept *)b)->id);
}

/* Finds the files of earlier starts, with networks opens each; removes some. */
static int
read_directory(bool networks)
{
	DIR *d = file_list(r.dir, ".");
	struct dirent *e;

	if (d == NULL)
		return -1;
	while ((e = readdir(d)) != NULL)
		if (ident_is(e->d_name) && r.count == kept_max)
			(void)unlinkat(r.dir, e->d_name, 0);
		else if (ident_is(e->d_name))
			memcpy(r.kept[r.count++].id, e->d_name,
			    sizeof(r.kept[0].id));
	closedir(d);
	qsort(r.kept, r.count, sizeof(r.kept[0]), compare);
	on_prune(-1, 0, NULL);
	for (size_t i = 0; networks && i < r.count; i++)
		read_network(&r.kept[i]);
	return 0;
}

int
refused_init(struct event_base *base, const struct conf *conf, int log,
    bool late)
{
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
	return e == NULL || event_add(e,
	    &(struct timeval){ prune_s, 0 }) == -1 ? -1 : 0;
}

bool
refused_said(struct refused_text **of, const struct ipc_trace *t)
{
	static const char *const who[IPC_TRACE_KIND_COUNT] = { "server",
	    "client", "remark" };
	static uint8_t shown[4 * ipc_trace_bytes];
	struct buf b = buf_over(shown, sizeof(shown)), before;
	struct log_said said = { .ms = t->ms, .who = span_of(who[t->kind]) };
	struct refused_text *x = *of;

	if (x == NULL) {
		x = *of = malloc(sizeof(*x));
		if (x == NULL)
			return true;
		x->lines = 0;
		x->text = buf_over(x->octets, sizeof(x->octets));
	}
	if (x->lines++ >= ipc_traces_max)
		return false;
	/* A reload switched it off while the worker ran. */
	if (r.conf->keep_refused_s == 0)
		return true;
	/* Escaped before it is kept: the file is safe to display. */
	buf_add_escaped(&b, span_from(t->octets, t->n), "");
	said.text = buf_span(&b);
	before = x->text;
	json_write(log_refused_said, &said, &x->text);
	buf_add_str(&x->text, "\n");
	if (x->text.cut)
		x->text = before;
	return true;
}

/* Writes all or nothing; then removes the oldest of a network with many. */
static void
write_file(const struct log_refused *h, struct span text)
{
	struct kept new = { .id = "" };
	size_t of_network = 0, oldest = 0;
	int fd;

	snprintf(new.id, sizeof(new.id), "%.*s", (int)h->session.n,
	    (const char *)h->session.p);
	fd = openat(r.dir, new.id, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	if (write(fd, text.p, text.n) != (ssize_t)text.n) {
		close(fd);
		(void)unlinkat(r.dir, new.id, 0);
		return;
	}
	close(fd);
	set_network(&new, h->client);
	for (size_t i = r.count; i > 0; i--)
		if (memcmp(r.kept[i - 1].network, new.network,
		    network_bytes) == 0) {
			of_network++;
			oldest = i - 1;
		}
	if (of_network >= kept_of_network_max)
		forget(oldest);
	else if (r.count == kept_max)
		forget(0);
	r.kept[r.count++] = new;
}

void
refused_end(struct refused_text **of, const struct log_refused *facts,
    struct span rcpts, uint64_t rcpt_count)
{
	static uint8_t text[refused_file_max_bytes];
	struct buf b = buf_over(text, sizeof(text));
	struct refused_text *x = *of;
	struct log_refused head;

	*of = NULL;
	if (r.late && r.dir != -1) {
		r.late = false;
		(void)read_directory(x != NULL);
	}
	if (x != NULL && facts != NULL && r.dir != -1 && x->text.n > 0) {
		head = *facts;
		head.began = span_of(figure_utc((int64_t)time(NULL) -
		    (int64_t)(head.ms / 1000)));
		json_write(log_refused_head, &head, &b);
		buf_add_str(&b, "\n");
		json_write(log_refused_rcpts, &(struct log_refused_rcpts){
		    rcpt_count, rcpts }, &b);
		buf_add_str(&b, "\n");
		buf_add(&b, buf_span(&x->text));
		if (!b.cut)
			write_file(&head, buf_span(&b));
	}
	free(x);
}
