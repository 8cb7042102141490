/*
 * The addresses of a From or Sender field (RFC 5322 3.4, 3.6.2), UTF-8 in
 * them allowed (RFC 6532).  Pure.  Display names and comments are skipped;
 * smtp_syntax parses the addresses.
 */
#ifndef WORKER_MAILBOX_LIST_H
#define WORKER_MAILBOX_LIST_H

#include "shared/smtp_syntax.h"

enum { mailbox_list_nested_max = 8 };	/* comments within a comment */

enum mailbox_list {
	MAILBOX_LIST_NEXT,	/* a mailbox */
	MAILBOX_LIST_END,	/* there are no more */
	MAILBOX_LIST_BAD	/* not the grammar, or ambiguous */
};

/*
 * Takes the next mailbox off *rest, at first the whole body of a field,
 * unfolded.  END comes only after a mailbox, and the list is valid only then.
 * On BAD *rest and *out do not change.
 *
 * Many programs write an address as its own display name, without quotes: "a@b
 * <a@b>" is accepted, and nothing else of that kind.  Outside addresses, octets
 * beyond ASCII are text, in whatever charset; encoded words are not decoded.
 *
 * Of the obsolete forms (RFC 5322 4.4) only the dots of a display name are
 * accepted; and no groups (RFC 6854), which have no author.  BAD is also what
 * the grammar permits but some readers take for other addresses:
 *   "<" or ">" in a quoted string or a comment: readers that search for these;
 *   "@" or a quote in a comment: readers that know no comments;
 *   "@" and a backslash in one quoted string: readers that know no escapes;
 *   "=?" in a local part: readers that decode it (RFC 2047 5 forbids it).
 */
enum mailbox_list	mailbox_list_next(struct span *rest,
			    struct mailbox *out);

#endif
