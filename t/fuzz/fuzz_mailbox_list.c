/*
 * mailbox_list: the input as the body of a From field.  What is taken is
 * valid, is taken again as it is written, and stands where those who only
 * look for "<" would find it; comments and blanks change nothing.
 */
#include "t/fuzz/fuzz.h"

#include "worker/header.h"

enum { text_max_bytes = 1 << 14, list_max = 1 << 12 };

struct list {
	bool		right;
	size_t		n;
	struct mailbox	m[list_max];
};

/* The octet c in s, how often. */
static size_t
count(struct span s, uint8_t c)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

static void
read_all(struct span in, struct list *l)
{
	enum mailbox_list result;
	struct span rest = in;

	l->n = 0;
	for (;;) {
		struct span was = rest;
		struct mailbox m, before;

		memset(&m, 0xa5, sizeof(m));
		before = m;
		result = mailbox_list_next(&rest, &m);
		if (result != MAILBOX_LIST_NEXT) {
			MUST(memcmp(&m, &before, sizeof(m)) == 0);
			MUST(rest.p == was.p && rest.n == was.n);
			break;
		}
		MUST(smtp_mailbox_valid(&m) && m.domain_len > 0);
		MUST(rest.n < was.n && l->n < list_max);
		/* Either the end, or behind a comma. */
		MUST(rest.p == NULL ? rest.n == 0 : rest.p[-1] == ',' &&
		    rest.p + rest.n == in.p + in.n);
		l->m[l->n++] = m;
	}
	l->right = result == MAILBOX_LIST_END;
	MUST(!l->right || l->n > 0);
}

static void
must_be_same(const struct list *a, const struct list *b)
{
	MUST(a->right && b->right && a->n == b->n);
	MUST(memcmp(a->m, b->m, a->n * sizeof(a->m[0])) == 0);
}

static size_t
put(uint8_t *out, size_t n, const char *s)
{
	memcpy(out + n, s, strlen(s));
	return n + strlen(s);
}

/* Written alone, and behind a name with everything that may stand there. */
static void
must_read_back(const struct list *l)
{
	static uint8_t text[list_max * (smtp_mailbox_text_max_bytes + 40)];
	static struct list again;

	for (int form = 0; form < 2; form++) {
		size_t n = 0;

		for (size_t i = 0; i < l->n; i++) {
			if (i > 0)
				n = put(text, n, form == 0 ? "," : " , ");
			if (form == 1)
				n = put(text, n, "(a(b)) J. \"c,d@e\" <\t");
			n += smtp_mailbox_text(&l->m[i], (char *)text + n);
			if (form == 1)
				n = put(text, n, " (,)>");
		}
		read_all(span_from(text, n), &again);
		must_be_same(l, &again);
	}
}

/* The same, with blanks and comments about it, and then once more. */
static void
must_bear_more(struct span in, const struct list *l)
{
	static uint8_t text[2 * text_max_bytes + 40];
	static struct list more;
	size_t n = put(text, 0, " (x) ");

	memcpy(text + n, in.p, in.n);
	n = put(text, n + in.n, "\t(y)");
	read_all(span_from(text, n), &more);
	must_be_same(l, &more);
	if (2 * l->n > list_max)
		return;
	text[n++] = ',';
	memcpy(text + n, in.p, in.n);
	read_all(span_from(text, n + in.n), &more);
	MUST(more.right && more.n == 2 * l->n);
	MUST(memcmp(more.m, l->m, l->n * sizeof(l->m[0])) == 0 &&
	    memcmp(more.m + l->n, l->m, l->n * sizeof(l->m[0])) == 0);
}

/* What stands between "<" and ">" is all of it address, blank or comment. */
static void
must_stand_in_angles(struct span in, const struct list *l)
{
	static struct list alone;
	size_t found = 0;

	MUST(count(in, '<') == count(in, '>') && count(in, '<') <= l->n);
	while (in.n > 0) {
		const uint8_t *open = memchr(in.p, '<', in.n), *close;

		if (open == NULL)
			return;
		in = span_skip(in, (size_t)(open - in.p) + 1);
		close = memchr(in.p, '>', in.n);
		MUST(close != NULL);
		read_all(span_from(in.p, (size_t)(close - in.p)), &alone);
		MUST(alone.right && alone.n == 1);
		while (found < l->n && memcmp(&l->m[found], &alone.m[0],
		    sizeof(alone.m[0])) != 0)
			found++;
		MUST(found++ < l->n);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list l;
	struct span in = span_from(data, size);

	if (size > text_max_bytes)
		return 0;
	read_all(in, &l);
	MUST(l.n <= count(in, ',') + 1);
	if (!l.right)
		return 0;
	for (size_t i = 0; i < size; i++)
		MUST(data[i] == '\t' || (data[i] >= ' ' && data[i] != 0x7f));
	must_read_back(&l);
	must_bear_more(in, &l);
	must_stand_in_angles(in, &l);
	return 0;
}
