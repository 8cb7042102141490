/* The text of one answer, in records. */
#include "server/control/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "shared/ipc.h"

FILE *
control_answer_open(struct control_answer *a)
{
	control_answer_clear(a);
	return open_memstream(&a->text, &a->n);
}

bool
control_answer_close(struct control_answer *a, FILE *f, uint8_t status,
    bool more)
{
	bool fine = ferror(f) == 0;

	a->due = fclose(f) == 0 && fine;
	a->status = status;
	a->more = more;
	return a->due;
}

enum control_sent
control_answer_send(struct control_answer *a, int fd, unsigned max)
{
	for (; a->due; max--) {
		struct ipc_record r = { .type = IPC_TELL_END };
		struct ipc_tell_text *t = &r.u.tell_text;
		size_t n = a->n - a->at;

		if (n == 0 && a->more)
			break;
		if (n > 0) {
			r.type = IPC_TELL_TEXT;
			t->n = (uint16_t)(n < sizeof(t->text) ? n :
			    sizeof(t->text));
			/* A character is not cut: each piece is shown. */
			while (t->n < n && t->n > 1 &&
			    (a->text[a->at + t->n] & 0xc0) == 0x80)
				t->n--;
			memcpy(t->text, a->text + a->at, t->n);
		} else {
			r.u.number.n = a->status;
		}
		if (max == 0)
			return CONTROL_SENT_SOME;
		if (ipc_send(fd, &r, -1, false) == -1)
			return errno == EAGAIN || errno == EWOULDBLOCK ||
			    errno == ENOBUFS ? CONTROL_SENT_SOME :
			    CONTROL_SENT_FAILED;
		if (n == 0)
			break;
		a->at += t->n;
	}
	control_answer_clear(a);
	return CONTROL_SENT_ALL;
}

void
control_answer_clear(struct control_answer *a)
{
	free(a->text);
	memset(a, 0, sizeof(*a));
}
