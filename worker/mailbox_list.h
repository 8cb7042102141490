/*
 * The addresses of a From or Sender field (RFC 5322 3.4, 3.6.2), UTF-8 in
 * them allowed (RFC 6532).  Pure.  Display names and comments are read over;
 * an address is what smtp_syntax makes of it.
 */
#ifndef WORKER_MAILBOX_LIST_H
#define WORKER_MAILBOX_LIST_H

#include "shared/smtp_syntax.h"

enum { mailbox_list_nested_max = 8 };	/* comments within a comment */

enum mailbox_list {
	MAILBOX_LIST_NEXT,	/* a mailbox */
	MAILBOX_LIST_END,	/* there are no more */
	MAILBOX_LIST_BAD	/* not the grammar, or to be read in two ways */
};

/*
 * Takes the next mailbox off *rest, which at first is the whole of a field's
 * body, unfolded, its line end left out.  The list is right only when END
 * comes, which it does behind a mailbox only: a body without any is BAD.  On
 * BAD *rest and *out are as they were.
 *
 * Many programs write an address as its own display name, without quotes: "a@b
 * <a@b>" is taken, and nothing else of that kind.  Octets beyond ASCII are text
 * wherever no address is, whatever charset they are of.
 *
 * Of the obsolete forms (RFC 5322 4.4) only the dots of a display name are
 * taken: no routes, no empty elements, no blanks or comments about the dots
 * of an address; and no groups (RFC 6854), which have no author.  BAD is also
 * what the grammar permits, but known readers take for other addresses:
 *   "<" or ">" in a quoted string or a comment, for those who look for them;
 *   "@" or a quote in a comment, for those who know no comments;
 *   "@" and a backslash in one quoted string, for those who know no escapes;
 *   "=?" in a local part, for those who decode it (RFC 2047 5 forbids it).
 * What a display name says in encoded words is not looked at.
 */
enum mailbox_list	mailbox_list_next(struct span *rest,
			    struct mailbox *out);

#endif
