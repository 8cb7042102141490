/* An outbox of one record: next() is called again only once that was sent. */
#include "server/process/feed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { turn_max = 32 };		/* records in one turn of the event loop */

/* The record was sent, or never will be. */
static void
forget_record(struct feed *f)
{
	explicit_bzero(&f->record, sizeof(f->record));
	if (f->pass != -1)
		close(f->pass);
	f->pass = -1;
	f->sent = 0;
	f->waits = false;
}

static void
end(struct feed *f, int error)
{
	feed_stop(f);
	f->error = error;
	if (f->done != NULL)
		f->done(f->arg);
}

bool
feed_may_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ||
	    error == ENOMEM || error == ETOOMANYREFS ||
	    error == EMFILE;	/* OpenBSD's ETOOMANYREFS */
}

static void
send_some(evutil_socket_t fd, short what, void *arg)
{
	struct feed *f = arg;

	for (int i = 0; i < turn_max; i++) {
		ssize_t n;

		if (!f->waits && !f->under_way)
			return;
		if (!f->waits && !f->next(f->arg, &f->record)) {
			end(f, 0);
			return;
		}
		n = ipc_send_part(f->channel, &f->record, f->sent,
		    f->sent == 0 ? f->pass : -1, false);
		if (n == -1 && !feed_may_later(errno)) {
			end(f, errno);
			return;
		}
		f->waits = true;
		f->sent += n == -1 ? 0 : (size_t)n;
		if (f->sent < ipc_size((enum ipc_type)f->record.type))
			break;
		forget_record(f);
	}
	event_add(&f->writable, NULL);
}

int
feed_send(struct feed *f, struct ipc_record *r, int pass)
{
	ssize_t n;

	errno = EAGAIN;
	n = f->waits ? -1 : ipc_send_part(f->channel, r, 0, pass, false);
	if (n == -1 || (size_t)n == ipc_size((enum ipc_type)r->type))
		return n == -1 ? -1 : 0;
	f->record = *r;
	f->sent = (size_t)n;
	f->waits = true;
	event_add(&f->writable, NULL);
	return 0;
}

void
feed_init(struct feed *f, struct event_base *base, int channel,
    bool (*next)(void *arg, struct ipc_record *out), void (*done)(void *arg),
    void *arg)
{
	memset(f, 0, sizeof(*f));
	f->channel = channel;
	f->pass = -1;
	f->next = next;
	f->done = done;
	f->arg = arg;
	event_assign(&f->writable, base, channel, EV_WRITE, send_some, f);
}

void
feed_start(struct feed *f)
{
	if (f->under_way)
		return;
	f->under_way = true;
	f->error = 0;
	send_some(f->channel, EV_WRITE, f);
}

void
feed_stop(struct feed *f)
{
	if (!f->under_way && !f->waits)
		return;
	event_del(&f->writable);
	forget_record(f);
	f->under_way = false;
}
