/*
 * A set of names: a hash table with open addressing, at most half full.
 */
#include "server/smtpctl/smtpctl_seen.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { slots_min = 256 };

/* FNV-1a, 64 bits. */
static uint64_t
hash_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3U;
	return hash;
}

/* Where name is, or would be. */
static size_t
slot_of(const struct smtpctl_seen *s, const char *name)
{
	size_t i = (size_t)hash_of(name) & (s->slot_count - 1);

	while (s->slots[i] != NULL && strcmp(s->slots[i], name) != 0)
		i = (i + 1) & (s->slot_count - 1);
	return i;
}

static int
grow(struct smtpctl_seen *s)
{
	struct smtpctl_seen larger = { .count = s->count };

	larger.slot_count = s->slot_count == 0 ? slots_min : s->slot_count * 2;
	larger.slots = calloc(larger.slot_count, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return -1;
	for (size_t i = 0; i < s->slot_count; i++)
		if (s->slots[i] != NULL)
			larger.slots[slot_of(&larger, s->slots[i])] =
			    s->slots[i];
	free(s->slots);
	*s = larger;
	return 0;
}

bool
smtpctl_seen_has(const struct smtpctl_seen *s, const char *name)
{
	return s->slot_count > 0 && s->slots[slot_of(s, name)] != NULL;
}

int
smtpctl_seen_add(struct smtpctl_seen *s, const char *name)
{
	char *copy;

	if (s->count * 2 >= s->slot_count && grow(s) == -1)
		return -1;
	copy = strdup(name);
	if (copy == NULL)
		return -1;
	s->slots[slot_of(s, name)] = copy;
	s->count++;
	return 0;
}
