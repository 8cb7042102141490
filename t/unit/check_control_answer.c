/*
 * The queue of an answer: sent whole and in order however slowly it is read,
 * and never larger than its limit.
 */
#include "t/unit/unit.h"

#include <unistd.h>

#include "server/control_answer.h"
#include "shared/ipc.h"

static struct ipc_record
session(unsigned number)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = IPC_TELL_SESSION;
	r.u.tell_session.port = (uint16_t)number;
	snprintf(r.u.tell_session.client, sizeof(r.u.tell_session.client),
	    "192.0.2.%u", number % 256);
	return r;
}

static enum ipc_got
receive(int fd, struct ipc_record *r)
{
	const char *why;
	int passed;

	return ipc_recv(fd, IPC_TO_CONTROL, IPC_AT_ASK, false, r, &passed,
	    &why);
}

START_TEST(in_order)
{
	struct control_answer a = { 0 };
	enum control_sent sent;
	struct ipc_record r;
	unsigned next = 0;
	int ends[2];

	ck_assert_int_eq(ipc_pair(ends), 0);
	for (unsigned i = 0; i < 2000; i++) {
		r = session(i);
		control_answer_put(&a, &r);
	}
	ck_assert(!a.cut);
	ck_assert(control_answer_end(&a));
	do {
		sent = control_answer_send(&a, ends[0], 7);
		ck_assert_int_ne(sent, CONTROL_SENT_FAILED);
		/* Read less than is sent: the channel fills. */
		for (int i = 0; i < 3 && receive(ends[1], &r) ==
		    IPC_GOT_RECORD; i++)
			ck_assert_uint_eq(r.u.tell_session.port, next++);
	} while (sent == CONTROL_SENT_SOME);
	ck_assert_ptr_null(a.octets);
	while (receive(ends[1], &r) == IPC_GOT_RECORD &&
	    r.type == IPC_TELL_SESSION)
		ck_assert_uint_eq(r.u.tell_session.port, next++);
	ck_assert_uint_eq(next, 2000);
	ck_assert_uint_eq(r.type, IPC_TELL_END);
	ck_assert_uint_eq(r.u.tell_end.cut, 0);
}
END_TEST

START_TEST(nobody_reads)
{
	struct control_answer a = { 0 };
	struct ipc_record r;
	int ends[2];
	size_t at;

	ck_assert_int_eq(ipc_pair(ends), 0);
	for (unsigned i = 0; i < 3000; i++) {
		r = session(i);
		control_answer_put(&a, &r);
	}
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(control_answer_send(&a, ends[0], 1000),
		    CONTROL_SENT_SOME);
	at = a.at;
	ck_assert_uint_lt(at, a.n);
	close(ends[1]);
	ck_assert_int_eq(control_answer_send(&a, ends[0], 1000),
	    CONTROL_SENT_FAILED);
	control_answer_clear(&a);
	ck_assert_uint_eq(a.n, 0);
}
END_TEST

START_TEST(limit)
{
	struct control_answer a = { 0 };
	struct ipc_record r;
	size_t count = 0;

	for (unsigned i = 0; i < 100000; i++) {
		r = session(i);
		control_answer_put(&a, &r);
		count += !a.cut;
		ck_assert_uint_le(a.n, control_answer_max_bytes);
		ck_assert_uint_le(a.room, control_answer_max_bytes);
	}
	ck_assert(a.cut);
	ck_assert_uint_gt(count, 2 * ipc_sessions_max);
	ck_assert(control_answer_end(&a));
	ck_assert_uint_le(a.n, control_answer_max_bytes);
	control_answer_clear(&a);
}
END_TEST

/* Of what is sent nothing is left of what was in memory before. */
START_TEST(no_leftovers)
{
	struct control_answer a = { 0 };
	struct ipc_record r;

	memset(&r, 0xa5, sizeof(r));
	r.type = IPC_TELL_END;
	r.u.tell_end.cut = 0;
	control_answer_put(&a, &r);
	for (size_t i = ipc_size(IPC_TELL_END); i < a.n; i++)
		ck_assert_uint_eq(a.octets[i], 0);
	control_answer_clear(&a);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { in_order, nobody_reads, limit, no_leftovers };

	return UNIT_RUN("control_answer", tests);
}
