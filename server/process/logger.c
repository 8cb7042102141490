/*
 * The logger process writes "log to FILE", so that a disk that hangs stops no
 * mail.  Lines wait in shared/outlet.c until they are written, not only sent:
 * if it ends, the master writes them, and a few may stand in the file twice.
 */
#include "server/process/helper.h"

#include <poll.h>
#include <string.h>

#include "server/log/log_file.h"
#include "server/master.h"
#include "shared/deadline.h"
#include "shared/log.h"

enum { last_words_ms = 1000 };

/* hand_on() has no argument: there is one log. */
static struct {
	struct helper	*helper;
	unsigned	 under_way;	/* records without an answer */
	bool		 file_due;	/* a new file is to be sent */
	bool		 again;		/* the last write failed */
} logger;

static bool
send_file(void)
{
	struct ipc_record r = { .type = IPC_LOG_FILE };

	if (logger.file_due && feed_send(&logger.helper->feed, &r,
	    log_file()) == -1)
		return false;
	logger.file_due = false;
	return true;
}

/* After a failure one record is sent, and the rest once that is written. */
static size_t
hand_on(struct span lines)
{
	struct ipc_record r = { .type = IPC_LOG_LINES };
	const bool again = logger.again;
	size_t n = 0, part;

	if ((again && logger.under_way > 0) || !send_file())
		return 0;
	while (n < lines.n && (n == 0 || !again)) {
		part = lines.n - n < ipc_lines_bytes ? lines.n - n :
		    ipc_lines_bytes;
		r.u.lines.n = (uint16_t)part;
		r.u.lines.again = again;
		memcpy(r.u.lines.octets, lines.p + n, part);
		if (feed_send(&logger.helper->feed, &r, -1) == -1)
			break;
		n += part;
		logger.again = false;
		logger.under_way++;
	}
	return n;
}

static bool
take(struct master *m, const struct ipc_record *r)
{
	if (r->type != IPC_LOG_WRITTEN || logger.under_way == 0)
		return false;
	logger.under_way--;
	if (r->u.done.error != 0)
		logger.again = true;
	log_written(r->u.done.n, r->u.done.error != 0);
	return true;
}

void
logger_reopen(struct master *m)
{
	log_reopen();
	logger.file_due = true;
	if (m->helpers[HELPER_LOGGER].state == HELPER_SERVING)
		(void)send_file();
}

static void
feed(struct master *m, bool first)
{
	logger.helper = &m->helpers[HELPER_LOGGER];
	logger.under_way = 0;
	logger.again = false;
	logger.file_due = true;
	log_hand(hand_on);
	helper_fed(m, HELPER_LOGGER);
}

/*
 * Waits a little for the last answers.  Lines without an answer are written
 * here; but not if the logger hangs, for it could still write them, too.
 */
static void
lost(struct master *m, bool again)
{
	struct pollfd fd = { .fd = m->helpers[HELPER_LOGGER].channel,
	    .events = POLLIN };
	const int64_t until = deadline_now_ms() + last_words_ms;
	enum ipc_got got = IPC_GOT_RECORD;
	struct ipc_record r;
	const char *why;
	int passed;

	/* One deadline for all: a hostile logger may send each of them late. */
	while (logger.under_way > 0 && got == IPC_GOT_RECORD &&
	    poll(&fd, 1, deadline_left_ms(until)) == 1) {
		got = ipc_recv(fd.fd, IPC_FROM_LOGGER, IPC_AT_ANY, false, &r,
		    &passed, &why);
		if (got == IPC_GOT_RECORD)
			(void)take(m, &r);
	}
	if (logger.under_way > 0 && got == IPC_GOT_RECORD) {
		logger.again = true;
		log_written(SIZE_MAX, false);
	}
	logger.under_way = 0;
	log_hand(NULL);
	log_flush();
}

const struct helper_role logger_role = {
	.then = "the server writes the log itself, and waits for its disk",
	.spare = true,
	.feed = feed,
	.take = take,
	.lost = lost
};
