/*
 * The set of Maildirs that a message goes to, and the file names that
 * recipients have in a catcher.
 */
#include "server/mail/recipient_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_parse.h"
#include "shared/array.h"
#include "shared/utf8.h"

enum { hash_digits = 16 };	/* of a file name's hash, in hex */

/* FNV-1a, 64 bits. */
static uint64_t
hash_more(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)p[i]) * 0x100000001b3U;
	return hash;
}

static const uint64_t hash_start = 0xcbf29ce484222325U;

static bool
reserve_box(struct recipient_set *set)
{
	void *grown = array_grow(set->boxes, set->count, sizeof(*set->boxes));

	if (grown != NULL)
		set->boxes = grown;
	return grown != NULL;
}

static bool
reserve_mark(struct recipient_set *set, const struct conf *conf)
{
	void *grown;

	if (set->met == NULL)
		set->met = calloc(conf->mark_count / 64 + 1,
		    sizeof(*set->met));
	if (set->met == NULL)
		return false;
	grown = array_grow(set->marks, set->mark_count, sizeof(*set->marks));
	if (grown != NULL)
		set->marks = grown;
	return grown != NULL;
}

static bool
has_met(const struct recipient_set *set, uint32_t mark)
{
	return (set->met[mark / 64] >> mark % 64 & 1) != 0;
}

static void
meet(struct recipient_set *set, uint32_t mark)
{
	set->met[mark / 64] |= (uint64_t)1 << mark % 64;
	set->marks[set->mark_count++] = mark;
}

enum verdict
recipient_set_add(struct recipient_set *set, const struct conf *conf,
    uint32_t mark, const char *domain, const char *user)
{
	if (!reserve_mark(set, conf))
		return VERDICT_TROUBLE;
	if (has_met(set, mark))
		return VERDICT_OK;
	if (set->count == recipient_mailboxes_max)
		return VERDICT_TOO_MANY;
	if (!reserve_box(set))
		return VERDICT_TROUBLE;
	set->boxes[set->count++] = (struct recipient_mailbox){ domain, user,
	    false };
	meet(set, mark);
	return VERDICT_OK;
}

enum verdict
recipient_set_note(struct recipient_set *set, const struct conf *conf,
    uint32_t mark, bool *is_new)
{
	*is_new = false;
	if (!reserve_mark(set, conf))
		return VERDICT_TROUBLE;
	*is_new = !has_met(set, mark);
	if (*is_new)
		meet(set, mark);
	return VERDICT_OK;
}

/* Only as many as a client names: no faster search is needed. */
enum verdict
recipient_set_add_name(struct recipient_set *set, const char *name)
{
	char **names, *copy;

	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->names[i], name) == 0)
			return VERDICT_OK;
	if (set->count == recipient_mailboxes_max)
		return VERDICT_TOO_MANY;
	if (!reserve_box(set))
		return VERDICT_TROUBLE;
	names = array_grow(set->names, set->count, sizeof(*names));
	if (names == NULL)
		return VERDICT_TROUBLE;
	set->names = names;
	copy = strdup(name);
	if (copy == NULL)
		return VERDICT_TROUBLE;
	names[set->count] = copy;
	set->boxes[set->count++] =
	    (struct recipient_mailbox){ "", copy, false };
	return VERDICT_OK;
}

void
recipient_set_cut(struct recipient_set *set, size_t count, size_t mark_count)
{
	while (set->mark_count > mark_count) {
		uint32_t mark = set->marks[--set->mark_count];

		set->met[mark / 64] &= ~((uint64_t)1 << mark % 64);
	}
	for (size_t i = count; set->names != NULL && i < set->count; i++)
		free(set->names[i]);
	set->count = count;
}

void
recipient_set_clear(struct recipient_set *set)
{
	recipient_set_cut(set, 0, 0);
	free(set->names);
	free(set->boxes);
	free(set->marks);
	free(set->met);
	memset(set, 0, sizeof(*set));
}

/* A file name being written; hash is that of the whole name. */
struct file_name {
	char		*out;
	size_t		 n;
	size_t		 kept;	/* octets before a hash */
	bool		 long_one;
	uint64_t	 hash;
};

/* Adds one character whole or not at all. */
static void
add_char(struct file_name *name, const char *p, size_t n)
{
	name->hash = hash_more(name->hash, p, n);
	if (name->long_one || name->n + n > recipient_file_name_max_bytes) {
		name->long_one = true;
		return;
	}
	memcpy(name->out + name->n, p, n);
	name->n += n;
	if (name->n <= recipient_file_name_max_bytes - 1 - hash_digits)
		name->kept = name->n;
}

static bool
is_file_char(uint32_t c)
{
	if (c >= 0x80)
		return utf8_is_plain(c);
	return c > 0 && strchr("0123456789abcdefghijklmnopqrstuvwxyz"
	    ".-_+=~@", (int)c) != NULL;
}

/* Adds the character that in begins with; returns the octets taken. */
static size_t
add_next(struct file_name *name, struct span in)
{
	uint32_t c = 0;
	size_t taken = utf8_next(in, &c);
	char small, coded[4];

	if (taken == 1)
		c = ascii_lower((uint8_t)c);
	if (taken > 1 && is_file_char(c)) {
		add_char(name, (const char *)in.p, taken);
		return taken;
	}
	small = (char)c;
	if (taken == 1 && is_file_char(c) && !(c == '.' && name->n == 0)) {
		add_char(name, &small, 1);
		return 1;
	}
	snprintf(coded, sizeof(coded), "%%%02X", in.p[0]);
	add_char(name, coded, 3);
	return 1;
}

void
recipient_file_name(struct span in,
    char out[recipient_file_name_max_bytes + 1])
{
	struct file_name name = { .out = out, .hash = hash_start };

	while (in.n > 0)
		in = span_skip(in, add_next(&name, in));
	if (name.long_one) {
		snprintf(out + name.kept, hash_digits + 2, "~%016llx",
		    (unsigned long long)name.hash);
		name.n = name.kept + 1 + hash_digits;
	}
	if (name.n == 0)
		out[name.n++] = '%';
	out[name.n] = '\0';
}
