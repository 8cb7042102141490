/*
 * Why a value was refused, and where in its line to point at.
 */
#ifndef SERVER_CONF_FAULT_H
#define SERVER_CONF_FAULT_H

#include "server/conf/conf_parse.h"

struct conf_fault {
	size_t	at;		/* offset in the line */
	char	text[512];
};

/* All three are false, so that a check ends with them. */
bool	conf_fault_at(struct conf_fault *fault, size_t at,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The fault "bad WHAT "WORD": WANT" of a word. */
bool	conf_fault_bad(struct conf_fault *fault, const struct conf_word *word,
	    const char *what, const char *want);
bool	conf_fault_memory(struct conf_fault *fault);

#endif
