/*
 * The set of Maildirs a message goes to, and the file names recipients have
 * in the catcher.
 */
#include "server/recipient_set.h"

#include <stdlib.h>
#include <string.h>

#include "server/conf_parse.h"
#include "shared/utf8.h"

enum {
	slots_min = 16,		/* power of two */
	hash_digits = 16	/* of a file name's hash, in hex */
};

/*
 * FNV-1a, 64 bits.  Who chooses names to collide gains nothing: they come
 * from the tables, or number as few as a message may have recipients.
 */
static uint64_t
hash_more(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)p[i]) * 0x100000001b3U;
	return hash;
}

static const uint64_t hash_start = 0xcbf29ce484222325U;

static uint32_t
hash_mark(const char *domain, const char *name, bool is_alias)
{
	uint64_t hash;

	/* With their NULs, so that a name's end is part of it. */
	hash = hash_more(hash_start, domain, strlen(domain) + 1);
	hash = hash_more(hash, name, strlen(name) + 1);
	return (uint32_t)(hash ^ hash >> 32) ^ is_alias;
}

static bool
mark_equal(const struct recipient_mark *a, const struct recipient_mark *b)
{
	return a->hash == b->hash && a->is_alias == b->is_alias &&
	    strcmp(a->name, b->name) == 0 && strcmp(a->domain, b->domain) == 0;
}

/* The slot that holds mark, or the free one where it would be. */
static uint32_t *
find_slot(const struct recipient_set *set, const struct recipient_mark *mark)
{
	size_t i = mark->hash & (set->slot_count - 1);

	while (set->slots[i] != 0 &&
	    !mark_equal(&set->marks[set->slots[i] - 1], mark))
		i = (i + 1) & (set->slot_count - 1);
	return &set->slots[i];
}

static void
fill_slots(struct recipient_set *set)
{
	memset(set->slots, 0, set->slot_count * sizeof(*set->slots));
	for (size_t i = 0; i < set->mark_count; i++)
		*find_slot(set, &set->marks[i]) = (uint32_t)i + 1;
}

/* Room for one more mark; slots stay half empty. */
static bool
reserve_mark(struct recipient_set *set)
{
	size_t count = set->slot_count == 0 ? slots_min : set->slot_count * 2;
	struct recipient_mark *marks;
	uint32_t *slots;

	if (set->mark_count < set->slot_count / 2)
		return true;
	marks = reallocarray(set->marks, count / 2, sizeof(*marks));
	if (marks == NULL)
		return false;
	set->marks = marks;
	slots = calloc(count, sizeof(*slots));
	if (slots == NULL)
		return false;
	free(set->slots);
	set->slots = slots;
	set->slot_count = count;
	fill_slots(set);
	return true;
}

static bool
reserve_box(struct recipient_set *set)
{
	size_t room = set->room == 0 ? 1 : set->room * 2;
	struct recipient_mailbox *boxes;

	if (set->count < set->room)
		return true;
	boxes = reallocarray(set->boxes, room, sizeof(*boxes));
	if (boxes == NULL)
		return false;
	set->boxes = boxes;
	set->room = room;
	return true;
}

static void
add_mark(struct recipient_set *set, uint32_t *slot,
    const struct recipient_mark *mark)
{
	set->marks[set->mark_count++] = *mark;
	*slot = (uint32_t)set->mark_count;
}

enum recipient_verdict
recipient_set_add(struct recipient_set *set, const char *domain,
    const char *user)
{
	struct recipient_mark mark = { domain, user,
	    hash_mark(domain, user, false), false };
	uint32_t *slot;
	char *copy;

	if (!reserve_mark(set))
		return RECIPIENT_NO_MEMORY;
	slot = find_slot(set, &mark);
	if (*slot != 0)
		return RECIPIENT_OK;
	if (set->count == recipient_mailboxes_max)
		return RECIPIENT_TOO_MANY;
	copy = reserve_box(set) ? strdup(user) : NULL;
	if (copy == NULL)
		return RECIPIENT_NO_MEMORY;
	set->boxes[set->count++] = (struct recipient_mailbox){ domain, copy };
	mark.name = copy;
	add_mark(set, slot, &mark);
	return RECIPIENT_OK;
}

enum recipient_verdict
recipient_set_add_alias(struct recipient_set *set, const char *domain,
    const char *name, bool *is_new)
{
	const struct recipient_mark mark = { domain, name,
	    hash_mark(domain, name, true), true };
	uint32_t *slot;

	*is_new = false;
	if (!reserve_mark(set))
		return RECIPIENT_NO_MEMORY;
	slot = find_slot(set, &mark);
	if (*slot != 0)
		return RECIPIENT_OK;
	*is_new = true;
	add_mark(set, slot, &mark);
	return RECIPIENT_OK;
}

void
recipient_set_cut(struct recipient_set *set, size_t count, size_t mark_count)
{
	if (mark_count == set->mark_count)
		return;
	while (set->count > count)
		free(set->boxes[--set->count].user);
	set->mark_count = mark_count;
	fill_slots(set);
}

void
recipient_set_clear(struct recipient_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->boxes[i].user);
	free(set->boxes);
	free(set->marks);
	free(set->slots);
	memset(set, 0, sizeof(*set));
}

/* A name under way: what is written, what did not fit, the hash of all. */
struct file_name {
	char		*out;
	size_t		 n;
	size_t		 kept;	/* of it when a hash has to follow */
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

/* Adds the character in begins with; returns octets taken. */
static size_t
add_next(struct file_name *name, struct span in)
{
	static const char hex[] = "0123456789ABCDEF";
	uint32_t c = 0;
	size_t taken = utf8_next(in, &c);
	char small;

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
	add_char(name, (const char[]){ '%', hex[in.p[0] >> 4],
	    hex[in.p[0] & 15] }, 3);
	return 1;
}

void
recipient_file_name(struct span in,
    char out[recipient_file_name_max_bytes + 1])
{
	static const char hex[] = "0123456789abcdef";
	struct file_name name = { .out = out, .hash = hash_start };

	while (in.n > 0)
		in = span_skip(in, add_next(&name, in));
	if (name.long_one) {
		name.n = name.kept;
		out[name.n++] = '~';
		for (int shift = 60; shift >= 0; shift -= 4)
			out[name.n++] = hex[name.hash >> shift & 15];
	}
	if (name.n == 0)
		out[name.n++] = '%';
	out[name.n] = '\0';
}
