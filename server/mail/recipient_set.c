/*
 * The set of Maildirs that a message goes to, and the file names that
 * recipients have in a catcher.
 */
#include "server/mail/recipient_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/array.h"
#include "shared/utf8.h"

static enum verdict
push(struct recipient_set *set, const struct recipient_mailbox *box)
{
	void *grown;

	if (set->count == recipient_mailboxes_max)
		return VERDICT_TOO_MANY;
	grown = array_grow(set->boxes, set->count, sizeof(*set->boxes));
	if (grown == NULL)
		return VERDICT_TROUBLE;
	set->boxes = grown;
	set->boxes[set->count++] = *box;
	return VERDICT_OK;
}

enum verdict
recipient_set_note(struct recipient_set *set, const struct conf *conf,
    uint32_t mark, bool *is_new)
{
	const uint64_t bit = (uint64_t)1 << mark % 64;
	void *grown;

	*is_new = false;
	if (set->met == NULL)
		set->met = calloc(conf->mark_count / 64 + 1,
		    sizeof(*set->met));
	if (set->met == NULL)
		return VERDICT_TROUBLE;
	if ((set->met[mark / 64] & bit) != 0)
		return VERDICT_OK;
	grown = array_grow(set->marks, set->mark_count, sizeof(*set->marks));
	if (grown == NULL)
		return VERDICT_TROUBLE;
	set->marks = grown;
	set->marks[set->mark_count++] = mark;
	set->met[mark / 64] |= bit;
	*is_new = true;
	return VERDICT_OK;
}

enum verdict
recipient_set_add(struct recipient_set *set, const struct conf *conf,
    uint32_t mark, const char *domain, const char *user)
{
	bool is_new;
	enum verdict v = recipient_set_note(set, conf, mark, &is_new);

	return !is_new ? v : push(set, &(struct recipient_mailbox){
	    .domain = domain, .user = user });
}

/* Only as many as a client names: no faster search is needed. */
enum verdict
recipient_set_add_name(struct recipient_set *set, const char *name)
{
	struct recipient_mailbox box = { .domain = "" };
	enum verdict v;

	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->boxes[i].user, name) == 0)
			return VERDICT_OK;
	box.user = box.own = strdup(name);
	v = box.own == NULL ? VERDICT_TROUBLE : push(set, &box);
	if (v != VERDICT_OK)
		free(box.own);
	return v;
}

void
recipient_set_cut(struct recipient_set *set, size_t count, size_t mark_count)
{
	while (set->mark_count > mark_count) {
		uint32_t mark = set->marks[--set->mark_count];

		set->met[mark / 64] &= ~((uint64_t)1 << mark % 64);
	}
	while (set->count > count)
		free(set->boxes[--set->count].own);
}

void
recipient_set_clear(struct recipient_set *set)
{
	recipient_set_cut(set, 0, 0);
	free(set->boxes);
	free(set->marks);
	free(set->met);
	memset(set, 0, sizeof(*set));
}

void
recipient_file_name(struct span in,
    char out[recipient_file_name_max_bytes + 1])
{
	enum { hash_digits = 16 };
	char whole[3 * smtp_mailbox_text_max_bytes];
	uint64_t hash = 0xcbf29ce484222325U;	/* FNV-1a, 64 bits */
	size_t n = 0, kept = 0;

	while (in.n > 0 && n + 4 < sizeof(whole)) {
		uint32_t c = 0;
		size_t taken = utf8_next(in, &c), made = taken;
		const uint8_t small = ascii_lower(in.p[0]);

		if (taken > 1 && utf8_is_plain(c)) {
			memcpy(whole + n, in.p, taken);
		} else if (taken == 1 && (small != '.' || n > 0) &&
		    memchr("0123456789abcdefghijklmnopqrstuvwxyz.-_+=~@",
		    small, 43) != NULL) {
			whole[n] = (char)small;
		} else {
			snprintf(whole + n, 4, "%%%02X", in.p[0]);
			taken = 1;
			made = 3;
		}
		in = span_skip(in, taken);
		n += made;
		/* A character is kept whole or not at all. */
		if (n <= recipient_file_name_max_bytes - 1 - hash_digits)
			kept = n;
	}
	if (n == 0)
		whole[n++] = '%';
	if (n <= recipient_file_name_max_bytes) {
		memcpy(out, whole, n);
		out[n] = '\0';
		return;
	}
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (uint8_t)whole[i]) * 0x100000001b3U;
	snprintf(out, recipient_file_name_max_bytes + 1, "%.*s~%016llx",
	    (int)kept, whole, (unsigned long long)hash);
}
