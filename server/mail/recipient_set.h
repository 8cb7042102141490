/*
 * The set of Maildirs a message goes to, with the aliases that led there, so
 * that neither is taken twice.  Each is a bit by its number in the
 * configuration: ten thousand of them are a few microseconds.
 */
#ifndef SERVER_RECIPIENT_SET_H
#define SERVER_RECIPIENT_SET_H

#include "server/mail/recipient.h"

/*
 * Adds a Maildir of conf with its number there, unless the set has it; the
 * names are borrowed.
 */
enum verdict recipient_set_add(struct recipient_set *set,
	    const struct conf *conf, uint32_t mark, const char *domain,
	    const char *user);
/* Notes an alias; *is_new is false when it was noted before, or on failure. */
enum verdict recipient_set_note(struct recipient_set *set,
	    const struct conf *conf, uint32_t mark, bool *is_new);
/* Adds the Maildir name of the catcher, unless it is there. */
enum verdict recipient_set_add_name(struct recipient_set *set,
	    const char *name);
/* Takes back all but the first count boxes and mark_count marks. */
void	recipient_set_cut(struct recipient_set *set, size_t count,
	    size_t mark_count);

#endif
