/*
 * The text of an answer: sent whole and in order however slowly it is read.
 */
#include "t/unit/unit.h"

#include <unistd.h>

#include "server/control/control.h"
#include "shared/ipc.h"

enum { lines = 5000, line_bytes = 11 };

static enum ipc_got
receive(int fd, struct ipc_record *r)
{
	const char *why;
	int passed;

	return ipc_recv(fd, IPC_TO_CONTROL, IPC_AT_ASK, false, r, &passed,
	    &why);
}

/* An answer of so many lines, each with its number. */
static void
write_lines(struct control_answer *a)
{
	FILE *f = control_answer_open(a);

	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < lines; i++)
		fprintf(f, "%010d\n", i);
	ck_assert(control_answer_close(a, f, 1, false));
	ck_assert_uint_eq(a->n, (size_t)lines * line_bytes);
}

/* r goes on where at lines were read. */
static void
take_text(const struct ipc_record *r, size_t *at)
{
	char want[line_bytes + 1];

	ck_assert_uint_eq(r->type, IPC_TELL_TEXT);
	for (size_t i = 0; i < r->u.tell_text.n; i++, (*at)++) {
		snprintf(want, sizeof(want), "%010d\n",
		    (int)(*at / line_bytes));
		ck_assert_int_eq(r->u.tell_text.text[i],
		    want[*at % line_bytes]);
	}
}

TEST(in_order)
{
	struct control_answer a = { 0 };
	enum control_sent sent;
	struct ipc_record r;
	size_t at = 0;
	int ends[2];

	ck_assert_int_eq(ipc_pair(ends), 0);
	write_lines(&a);
	do {
		sent = control_answer_send(&a, ends[0], 7);
		ck_assert_int_ne(sent, CONTROL_SENT_FAILED);
		/* Read less than is sent: the channel fills. */
		for (int i = 0; i < 3 && sent == CONTROL_SENT_SOME &&
		    receive(ends[1], &r) == IPC_GOT_RECORD; i++)
			take_text(&r, &at);
	} while (sent == CONTROL_SENT_SOME);
	ck_assert_ptr_null(a.text);
	ck_assert(!a.due);
	while (receive(ends[1], &r) == IPC_GOT_RECORD &&
	    r.type != IPC_TELL_END)
		take_text(&r, &at);
	ck_assert_uint_eq(at, (size_t)lines * line_bytes);
	ck_assert_uint_eq(r.type, IPC_TELL_END);
	ck_assert_uint_eq(r.u.number.n, 1);
}

TEST(nobody_reads)
{
	struct control_answer a = { 0 };
	int ends[2];

	ck_assert_int_eq(ipc_pair(ends), 0);
	for (int i = 0; i < 40; i++) {
		write_lines(&a);
		if (control_answer_send(&a, ends[0], 1000) ==
		    CONTROL_SENT_SOME)
			break;
	}
	ck_assert(a.due);
	ck_assert_int_eq(control_answer_send(&a, ends[0], 1000),
	    CONTROL_SENT_SOME);
	close(ends[1]);
	ck_assert_int_eq(control_answer_send(&a, ends[0], 1000),
	    CONTROL_SENT_FAILED);
	control_answer_clear(&a);
	ck_assert_uint_eq(a.n, 0);
}

TEST(empty)
{
	struct control_answer a = { 0 };
	struct ipc_record r;
	int ends[2];
	FILE *f = control_answer_open(&a);

	ck_assert_int_eq(ipc_pair(ends), 0);
	ck_assert(control_answer_close(&a, f, 0, false));
	ck_assert_int_eq(control_answer_send(&a, ends[0], 1),
	    CONTROL_SENT_ALL);
	ck_assert_int_eq(receive(ends[1], &r), IPC_GOT_RECORD);
	ck_assert_uint_eq(r.type, IPC_TELL_END);
}
