/* The message for a wrong command line, with the nearest correct word. */
#ifndef SERVER_WRONG_WORD_H
#define SERVER_WRONG_WORD_H

#include "shared/span.h"

enum { wrong_word_bytes = 400 };

/*
 * Writes the message, escaped, after getopt_long(3), with opterr and optopt 0
 * before, has failed or left a word too many (argv[optind]) or too few.  usage
 * has a blank behind each option that takes a value, "-f file".
 */
void	wrong_word(const char *usage, int argc, char *argv[],
	    char out[wrong_word_bytes]);
/* The same for word, wrong for the reason what; list has the known words. */
void	wrong_word_of(const char *list, const char *word, const char *what,
	    char out[wrong_word_bytes]);
/* The word of list that word was meant to be, by at most two edits; or "". */
struct span wrong_word_near(const char *list, struct span word);

#endif
