/* A mailbox: a list of names, which stays in its file, for memory is short. */
#include "worker/pop.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { rows_of_read = 64, sub_bits = 30 };

struct span
pop_base(struct span name)
{
	return span_cut(&name, ':');
}

/* Digits, capitals, small letters, in order, in six bits. */
static uint64_t
six_bits(uint8_t c)
{
	return ascii_is_digit(c) ? c - '0' + 0U : !ascii_is_alnum(c) ? 0 :
	    c <= 'Z' ? c - 'A' + 10U : c - 'a' + 36U;
}

/*
 * Seconds; then what tells the time within one: of our identifiers the last
 * digits of their milliseconds, of Dovecot's names the microseconds behind M.
 */
uint64_t
pop_key(struct span name)
{
	struct span rest = pop_base(name), part;
	uint64_t seconds = 0, micros, sub = 0;

	part = span_cut(&rest, '.');
	if (!span_number(part, &seconds) || seconds >> (63 - sub_bits) != 0)
		return 0;
	part = span_cut(&rest, '.');
	if (part.n == ipc_id_bytes)
		for (size_t i = 4; i < 9; i++)
			sub = sub << 6 | six_bits(part.p[i]);
	else if (span_take(&part, 'M')) {
		rest = part;
		part = span_cut(&rest, 'P');
		if (span_number(part, &micros) && micros < 1000000)
			sub = micros;
	}
	return seconds << sub_bits | sub;
}

uint64_t
pop_size(struct span name)
{
	struct span rest = pop_base(name), part;
	uint64_t size;

	while (rest.n > 0) {
		part = span_cut(&rest, ',');
		if (span_take(&part, 'W') && span_take(&part, '=') &&
		    part.n <= 15 && span_number(part, &size))
			return size;
	}
	return pop_size_unknown;
}

/* The list is the master's: a row that cannot be read is an empty name. */
static struct span
read_name(int list, uint32_t row, struct ipc_row *out)
{
	if (pread(list, out, sizeof(*out), (off_t)(row - 1) *
	    (off_t)sizeof(*out)) != sizeof(*out))
		memset(out, 0, sizeof(*out));
	return span_from(out->name, strnlen(out->name, sizeof(out->name)));
}

/* Most differ in their keys, so that no name is read. */
static int
order(int list_a, const struct pop_message *a, int list_b,
    const struct pop_message *b)
{
	struct ipc_row row_a, row_b;
	struct span name_a, name_b;
	int result;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	name_a = pop_base(read_name(list_a, a->row, &row_a));
	name_b = pop_base(read_name(list_b, b->row, &row_b));
	result = memcmp(name_a.p, name_b.p, name_a.n < name_b.n ? name_a.n :
	    name_b.n);
	return result != 0 ? result : (name_a.n > name_b.n) -
	    (name_a.n < name_b.n);
}

static int sorted_list;

/* Of one name the row of cur, which is behind that of new, comes last. */
static int
compare(const void *a, const void *b)
{
	const struct pop_message *x = a, *y = b;
	const int result = order(sorted_list, x, sorted_list, y);

	return result != 0 ? result : (x->row > y->row) - (x->row < y->row);
}

/* A message that moved while its directories were read is there twice. */
static void
drop_twins(struct pop_box *box)
{
	size_t n = 0;

	for (size_t i = 0; i < box->count; i++) {
		if (i + 1 < box->count && order(box->list, &box->one[i],
		    box->list, &box->one[i + 1]) == 0)
			continue;
		box->one[n++] = box->one[i];
	}
	box->count = n;
}

bool
pop_box_load(struct pop_box *box, int list, size_t rows)
{
	static struct ipc_row block[rows_of_read];
	struct span name;
	ssize_t n = 0;

	*box = (struct pop_box){ .list = list };
	if (rows > 0)
		box->one = reallocarray(NULL, rows, sizeof(*box->one));
	while (box->count < rows && box->one != NULL) {
		const size_t at = box->count % rows_of_read;

		if (at == 0)
			n = pread(list, block, sizeof(block),
			    (off_t)(box->count * sizeof(block[0])));
		if (n < (ssize_t)((at + 1) * sizeof(block[0])))
			break;
		name = span_from(block[at].name, strnlen(block[at].name,
		    sizeof(block[at].name)));
		box->one[box->count] = (struct pop_message){
		    .key = pop_key(name), .size = pop_size(name),
		    .row = (uint32_t)box->count + 1 };
		box->count++;
	}
	if (box->count < rows) {
		pop_box_clear(box);
		return false;
	}
	sorted_list = list;
	if (box->count > 0)
		qsort(box->one, box->count, sizeof(*box->one), compare);
	drop_twins(box);
	return true;
}

void
pop_box_clear(struct pop_box *box)
{
	if (box->list != -1)
		close(box->list);
	free(box->one);
	*box = (struct pop_box){ .list = -1 };
}

void
pop_box_renew(struct pop_box *box, struct pop_box *new)
{
	size_t k = 0;
	int result;

	for (size_t i = 0; i < box->count; i++) {
		struct pop_message *m = &box->one[i];

		result = 1;
		while (k < new->count && (result = order(new->list,
		    &new->one[k], box->list, m)) < 0)
			k++;
		if (k < new->count && result == 0) {
			m->row = new->one[k].row;
			m->marks &= ~(uint32_t)POP_GONE;
		} else
			m->marks |= POP_GONE;
	}
	close(box->list);
	box->list = new->list;
	new->list = -1;
	pop_box_clear(new);
}

void
pop_box_uidl(const struct pop_box *box, const struct pop_message *m,
    char out[pop_uidl_max_bytes + 1])
{
	struct ipc_row row;
	struct span base = pop_base(read_name(box->list, m->row, &row));
	uint8_t hash[32];
	size_t i = 0;

	while (i < base.n && base.p[i] >= 0x21 && base.p[i] <= 0x7e)
		i++;
	if (i == base.n && i > 0 && i <= pop_uidl_max_bytes) {
		span_copy(base, out);
		return;
	}
	crypto_generichash(hash, sizeof(hash), base.p, base.n, NULL, 0);
	sodium_bin2base64(out, pop_uidl_max_bytes + 1, hash, sizeof(hash),
	    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* ---- text --------------------------------------------------------------- */

size_t
pop_text_cut(struct pop_text *t, struct span s, uint64_t lines)
{
	size_t at = 0;

	while (at < s.n && !(t->in_body && t->column == 0 &&
	    t->last == '\n' && t->lines == lines)) {
		const uint8_t *lf = memchr(s.p + at, '\n', s.n - at);
		size_t n = lf == NULL ? s.n - at : (size_t)(lf - s.p) - at;

		if (n > 0)
			t->last = s.p[at + n - 1];
		t->column += n;
		at += n;
		if (lf == NULL)
			break;
		at++;
		t->lines += t->in_body;
		/* A header ends at its first blank line. */
		t->in_body |= t->column == (t->last == '\r');
		t->column = 0;
		t->last = '\n';
	}
	return at;
}

uint64_t
pop_text_size(struct span s, uint8_t *last)
{
	uint64_t size = s.n;
	struct span rest = s;
	const uint8_t *lf;

	while ((lf = memchr(rest.p, '\n', rest.n)) != NULL) {
		size += (lf > s.p ? lf[-1] : *last) != '\r';
		rest = span_skip(rest, (size_t)(lf - rest.p) + 1);
	}
	if (s.n > 0)
		*last = s.p[s.n - 1];
	return size;
}
