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
	    error == ENOMEM || error == ETOOMANYREFS;
}

static void
send_some(evutil_socket_t fd, short what, void *arg)
{
	struct feed *f = arg;

	for (int i = 0; i < turn_max; i++) {
		if (!f->waits && !f->next(f->arg, &f->record)) {
			end(f, 0);
			return;
		}
		f->waits = ipc_send(f->channel, &f->record, f->pass,
		    false) == -1;
		if (f->waits && !feed_may_later(errno)) {
			end(f, errno);
			return;
		}
		if (f->waits)
			break;
		forget_record(f);
	}
	event_add(&f->writable, NULL);
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
	if (!f->under_way)
		return;
	event_del(&f->writable);
	forget_record(f);
	f->under_way = false;
}
