/*
 * Commands of POP3 (RFC 1939, 2449, 5034, 6856).  DELE only marks a message;
 * QUIT, in the TRANSACTION state, has the master remove it.
 */
#include "worker/pop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/deadline.h"

enum { block_bytes = 32 * 1024 };

static struct pop_box box = { .list = -1 };

/* ---- questions to the master -------------------------------------------- */

/* REPLY_OK and *fd; or why there is none.  *n: what FILE has for a number. */
static enum smtp_reply
ask_file(struct smtp_session *s, uint32_t row, bool counts, int *fd,
    uint64_t *n)
{
	struct ipc_record r = { .type = IPC_FETCH,
	    .u.fetch = { .row = row, .counts = counts } };

	tell_record(s->master, &r);
	*fd = ask_answer(s->master, &r, IPC_FILE);
	if (r.type != IPC_FILE)
		return (enum smtp_reply)r.u.verdict.reply;
	*n = r.u.number.n;
	return REPLY_OK;
}

/* Gets the list of the mailbox, again if it is there; messages stay. */
static enum smtp_reply
ask_list(struct smtp_session *s)
{
	struct pop_box new;
	enum smtp_reply reply;
	uint64_t rows;
	int list;

	reply = ask_file(s, 0, false, &list, &rows);
	if (reply != REPLY_OK)
		return reply;
	if (!pop_box_load(&new, list, (size_t)rows))
		return REPLY_TROUBLE_CLOSE;
	if (box.list == -1)
		box = new;
	else
		pop_box_renew(&box, &new);
	return REPLY_OK;
}

/* Where a file has another name meanwhile, another list has it. */
static enum smtp_reply
open_message(struct smtp_session *s, struct pop_message *m, bool counts,
    int *fd)
{
	enum smtp_reply reply = REPLY_POP_GONE;
	uint64_t n;

	if ((m->marks & POP_GONE) == 0)
		reply = ask_file(s, m->row, counts, fd, &n);
	if (reply == REPLY_POP_GONE && (m->marks & POP_GONE) == 0) {
		reply = ask_list(s);
		if (reply == REPLY_OK)
			reply = m->marks & POP_GONE ? REPLY_POP_GONE :
			    ask_file(s, m->row, counts, fd, &n);
		if (reply == REPLY_POP_GONE)
			m->marks |= POP_GONE;
	}
	if (reply == REPLY_OK && counts)
		m->marks |= POP_FETCHED;
	return reply;
}

enum smtp_reply
pop_begin(struct smtp_session *s)
{
	enum smtp_reply reply = ask_list(s);

	if (reply != REPLY_OK)
		return reply;
	s->state = SMTP_READY;
	s->pop_end_ms = deadline_now_ms() + (int64_t)pop_session_s * 1000;
	if (s->master->stress < STRESS_EVICT &&
	    s->master->idle_ms < pop_idle_s * 1000)
		s->master->idle_ms = pop_idle_s * 1000;
	return REPLY_AUTH_OK;
}

void
pop_end(void)
{
	pop_box_clear(&box);
}

/* ---- login -------------------------------------------------------------- */

static enum smtp_reply
cmd_user(struct smtp_session *s, struct span arg)
{
	s->may_be_secret = true;
	if (!sasl_is_safe(arg, sasl_name_max_bytes))
		return REPLY_ARGUMENT;
	s->login = (struct ipc_login){ .mechanism = SASL_LOGIN };
	span_copy(arg, s->login.name);
	return REPLY_OK;
}

static enum smtp_reply
cmd_pass(struct smtp_session *s, struct span arg)
{
	s->may_be_secret = true;
	if (s->login.name[0] == '\0')
		return REPLY_POP_USER_FIRST;
	if (!sasl_is_safe(arg, sasl_password_max_bytes)) {
		s->login.name[0] = '\0';
		return REPLY_ARGUMENT;
	}
	span_copy(arg, s->login.password);
	return smtp_auth_ask(s);
}

/* Without an argument it lists the mechanisms (RFC 5034 4). */
static enum smtp_reply
cmd_auth(struct smtp_session *s, struct span arg)
{
	s->may_be_secret = true;
	s->login.name[0] = '\0';
	if (arg.n > 0)
		return smtp_cmd_auth(s, arg);
	if (smtp_write(s, REPLY_OK) == LINE_OK)
		(void)lineio_put(s->io, span_of("PLAIN\r\n"));
	return REPLY_POP_END;
}

/* RFC 2449 5: after a login the same as before it. */
static enum smtp_reply
cmd_capa(struct smtp_session *s, struct span arg)
{
	const bool logins = s->tls && !s->start.no_auth;

	if (smtp_write(s, REPLY_OK) != LINE_OK)
		return REPLY_POP_END;
	if (logins)
		(void)lineio_put(s->io, span_of("USER\r\nSASL PLAIN\r\n"));
	if (!s->tls && tls_context() != NULL && !s->start.no_tls)
		(void)lineio_put(s->io, span_of("STLS\r\n"));
	(void)lineio_put(s->io, span_of("TOP\r\nUIDL\r\nRESP-CODES\r\n"
	    "AUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\nUTF8\r\n"
	    "IMPLEMENTATION smtpd\r\n"));
	return REPLY_POP_END;
}

/* ---- messages ----------------------------------------------------------- */

/* The message of that number, from 1; or NULL, and *reply. */
static struct pop_message *
find(struct span number, enum smtp_reply *reply)
{
	struct pop_message *m;
	uint64_t n;

	*reply = REPLY_POP_NUMBER;
	if (!span_number(number, &n) || n == 0 || n > box.count)
		return NULL;
	m = &box.one[n - 1];
	if (m->marks == 0 || m->marks == POP_FETCHED)
		return m;
	if ((m->marks & POP_DELETED) == 0)
		*reply = REPLY_POP_GONE;
	return NULL;
}

/* Counts a file, where its name does not say the size. */
static enum smtp_reply
measure(struct smtp_session *s, struct pop_message *m)
{
	static uint8_t block[block_bytes];
	enum smtp_reply reply;
	uint8_t last = '\n';
	uint64_t size = 0;
	ssize_t n = 1;
	int fd;

	if (m->size != pop_size_unknown)
		return REPLY_OK;
	/* Many files take long: whoever needs the slot does not wait. */
	if (s->master->stress >= STRESS_EVICT)
		return smtp_read_failed(s, LINE_TIMEOUT);
	reply = open_message(s, m, false, &fd);
	if (reply != REPLY_OK)
		return reply;
	while ((n = read(fd, block, sizeof(block))) > 0)
		size += pop_text_size(span_from(block, (size_t)n), &last);
	close(fd);
	/* The last line gets its end when it is sent. */
	m->size = size + (last == '\n' ? 0 : 2);
	return n == 0 ? REPLY_OK : REPLY_TROUBLE;
}

/* Measures all that are there; *count: how many, *size: octets. */
static enum smtp_reply
measure_all(struct smtp_session *s, size_t *count, uint64_t *size)
{
	enum smtp_reply reply;

	*count = 0;
	*size = 0;
	for (size_t i = 0; i < box.count; i++) {
		struct pop_message *m = &box.one[i];

		if (m->marks & (POP_DELETED | POP_GONE))
			continue;
		reply = measure(s, m);
		if (reply == REPLY_POP_GONE)
			continue;
		if (reply != REPLY_OK)
			return reply;
		*size += m->size;
		++*count;
	}
	return REPLY_OK;
}

static enum smtp_reply
cmd_stat(struct smtp_session *s, struct span arg)
{
	enum smtp_reply reply;
	uint64_t size;
	size_t count;

	reply = measure_all(s, &count, &size);
	snprintf(s->text, sizeof(s->text), "%zu %" PRIu64, count, size);
	return reply == REPLY_OK ? REPLY_POP_TEXT : reply;
}

/* "NUMBER SIZE", or "NUMBER ID". */
static void
write_row(struct smtp_session *s, const struct pop_message *m, bool uidl)
{
	char id[pop_uidl_max_bytes + 1];

	if (uidl)
		pop_box_uidl(&box, m, id);
	else
		snprintf(id, sizeof(id), "%" PRIu64, m->size);
	snprintf(s->text, sizeof(s->text), "%zu %s", (size_t)(m - box.one) + 1,
	    id);
}

static enum smtp_reply
list(struct smtp_session *s, struct span arg, bool uidl)
{
	enum smtp_reply reply = REPLY_OK;
	struct pop_message *m;
	uint64_t size;
	size_t count;

	if (arg.n > 0) {
		m = find(arg, &reply);
		if (m == NULL)
			return reply;
		reply = uidl ? REPLY_OK : measure(s, m);
		if (reply != REPLY_OK)
			return reply;
		write_row(s, m, uidl);
		return REPLY_POP_TEXT;
	}
	if (!uidl)
		reply = measure_all(s, &count, &size);
	if (reply != REPLY_OK)
		return reply;
	if (smtp_write(s, REPLY_OK) != LINE_OK)
		return REPLY_POP_END;
	for (size_t i = 0; i < box.count; i++) {
		if (box.one[i].marks & (POP_DELETED | POP_GONE))
			continue;
		write_row(s, &box.one[i], uidl);
		if (lineio_put(s->io, span_of(s->text)) != LINE_OK ||
		    lineio_put(s->io, span_of("\r\n")) != LINE_OK)
			break;
	}
	return REPLY_POP_END;
}

static enum smtp_reply
cmd_list(struct smtp_session *s, struct span arg)
{
	return list(s, arg, false);
}

static enum smtp_reply
cmd_uidl(struct smtp_session *s, struct span arg)
{
	return list(s, arg, true);
}

/* Sends a file, of its body so many lines, in the time its octets may take. */
static enum smtp_reply
put_message(struct smtp_session *s, int fd, uint64_t lines)
{
	static uint8_t block[block_bytes];
	struct pop_text text = { .last = '\n' };
	enum line_result r = smtp_write(s, REPLY_OK);
	uint64_t sent = 0;
	uint8_t last = '\n';
	size_t want;
	ssize_t n;

	do {
		n = read(fd, block, sizeof(block));
		if (n <= 0)
			break;
		want = lines == UINT64_MAX ? (size_t)n : pop_text_cut(&text,
		    span_from(block, (size_t)n), lines);
		if (r == LINE_OK)
			r = lineio_put_text(s->io, span_from(block, want),
			    &last, &sent);
		s->message_octets += want;
		smtp_extend(s);
	} while (r == LINE_OK && want == (size_t)n);
	if (r == LINE_OK && last != '\n')
		r = lineio_put(s->io, span_of("\r\n"));
	snprintf(s->text, sizeof(s->text), "a message, %" PRIu64
	    " octets of it, left out", s->message_octets);
	transcript_remark(IPC_TRACE_KEEP, s->text);
	if (r != LINE_OK)
		return smtp_read_failed(s, r);
	/* Half a message must not look like a whole one. */
	if (n == -1) {
		s->end.end = END_TROUBLE;
		return REPLY_NONE;
	}
	return REPLY_POP_END;
}

static enum smtp_reply
send_message(struct smtp_session *s, struct span number, bool counts,
    uint64_t lines)
{
	enum smtp_reply reply;
	struct pop_message *m = find(number, &reply);
	int fd;

	if (m == NULL)
		return reply;
	reply = open_message(s, m, counts && (m->marks & POP_FETCHED) == 0,
	    &fd);
	if (reply != REPLY_OK)
		return reply;
	reply = put_message(s, fd, lines);
	close(fd);
	return reply;
}

static enum smtp_reply
cmd_retr(struct smtp_session *s, struct span arg)
{
	return send_message(s, arg, true, UINT64_MAX);
}

static enum smtp_reply
cmd_top(struct smtp_session *s, struct span arg)
{
	struct span number = span_cut(&arg, ' ');
	uint64_t lines;

	if (!span_number(arg, &lines))
		return REPLY_ARGUMENT;
	return send_message(s, number, false, lines);
}

static enum smtp_reply
cmd_dele(struct smtp_session *s, struct span arg)
{
	enum smtp_reply reply;
	struct pop_message *m = find(arg, &reply);

	if (m == NULL)
		return reply;
	m->marks |= POP_DELETED;
	return REPLY_OK;
}

static enum smtp_reply
cmd_rset(struct smtp_session *s, struct span arg)
{
	for (size_t i = 0; i < box.count; i++)
		box.one[i].marks &= ~(uint32_t)POP_DELETED;
	return REPLY_OK;
}

/* Has all marked messages removed; OK, POP_LEFT, or TROUBLE. */
static enum smtp_reply
expunge(struct smtp_session *s)
{
	struct ipc_record r = { .type = IPC_DELETE };
	struct ipc_delete *d = &r.u.delete;
	enum smtp_reply reply;

	for (size_t i = 0; i < box.count; i++) {
		if ((box.one[i].marks & (POP_DELETED | POP_GONE)) ==
		    POP_DELETED)
			d->row[d->count++] = box.one[i].row;
		if (d->count == ipc_deletes_max || (d->count > 0 &&
		    i + 1 == box.count)) {
			tell_record(s->master, &r);
			d->count = 0;
		}
	}
	r = (struct ipc_record){ .type = IPC_EXPUNGE };
	reply = ask_reply(s->master, &r);
	memcpy(s->text, r.u.verdict.id, sizeof(r.u.verdict.id));
	return reply;
}

/* What was not there may have another name by now, or be removed already. */
static enum smtp_reply
cmd_quit(struct smtp_session *s, struct span arg)
{
	enum smtp_reply reply = REPLY_OK;
	bool any = false;

	for (size_t i = 0; i < box.count; i++)
		any |= (box.one[i].marks & POP_DELETED) != 0;
	if (any)
		reply = expunge(s);
	if (reply == REPLY_POP_LEFT && ask_list(s) == REPLY_OK)
		reply = expunge(s);
	return reply == REPLY_OK ? REPLY_BYE : reply == REPLY_POP_LEFT ?
	    reply : REPLY_TROUBLE_CLOSE;
}

#define ROW(verb, in, argument, wants, run, reply)			\
	{ verb, SMTP_##in, ARG_##argument, WANTS_##wants, 0, run,	\
	    REPLY_##reply }
const struct smtp_command pop_commands[] = {
	ROW("CAPA", ANY, NONE, NOTHING, cmd_capa, NONE),
	ROW("QUIT", ANY, NONE, NOTHING, cmd_quit, NONE),
	ROW("STLS", START, NONE, NOTHING, smtp_cmd_starttls, NONE),
	ROW("USER", START, RAW, TLS, cmd_user, NONE),
	ROW("PASS", START, RAW, TLS, cmd_pass, NONE),
	{ "AUTH", SMTP_START, ARG_ANY, WANTS_TLS, sasl_line_max_bytes,
	    cmd_auth, 0 },
	ROW("UTF8", START, NONE, NOTHING, NULL, OK),
	ROW("STAT", READY, NONE, NOTHING, cmd_stat, NONE),
	ROW("LIST", READY, ANY, NOTHING, cmd_list, NONE),
	ROW("UIDL", READY, ANY, NOTHING, cmd_uidl, NONE),
	ROW("RETR", READY, NEEDED, NOTHING, cmd_retr, NONE),
	ROW("TOP", READY, NEEDED, NOTHING, cmd_top, NONE),
	ROW("DELE", READY, NEEDED, NOTHING, cmd_dele, NONE),
	ROW("RSET", READY, NONE, NOTHING, cmd_rset, NONE),
	ROW("NOOP", READY, NONE, NOTHING, NULL, OK),
	{ NULL, 0, 0, 0, 0, NULL, 0 }
};
