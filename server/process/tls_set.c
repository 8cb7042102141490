/*
 * Generations of certificates, counted by who uses them.
 */
#include "server/process/tls_set.h"

#include <stdlib.h>

#include "server/process/signer.h"

struct tls_files *
tls_set_new(void)
{
	struct tls_files *set = calloc(1, sizeof(*set));

	if (set != NULL)
		set->users = 1;
	return set;
}

/* Number of a slot that nobody uses; or ipc_sign_slots_max. */
static uint16_t
find_free(const struct signer *s)
{
	uint16_t i = 0;

	while (i < ipc_sign_slots_max && (s->slots[i].users > 0 ||
	    s->slots[i].forget_due || s->slots[i].verdicts_due > 0))
		i++;
	return i;
}

bool
tls_set_take_slots(struct master *m, struct tls_files *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct tls_pair *pair = &set->pairs[i];
		size_t all = set->count;

		if (!pair->shared)
			pair->facts.slot = find_free(&m->signer);
		if (pair->facts.slot == ipc_sign_slots_max) {
			set->count = i;
			tls_set_drop_slots(m, set);
			set->count = all;
			return false;
		}
		m->signer.slots[pair->facts.slot].users++;
	}
	return true;
}

void
tls_set_drop_slots(struct master *m, struct tls_files *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct sign_slot *slot =
		    &m->signer.slots[set->pairs[i].facts.slot];

		if (--slot->users == 0)
			slot->forget_due = true;
	}
	signer_tell(m);
}

void
tls_set_drop(struct master *m, struct tls_files *set)
{
	if (--set->users > 0)
		return;
	tls_set_drop_slots(m, set);
	tls_files_free(set);
	free(set);
}
