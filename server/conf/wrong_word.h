/*
 * A command line that makes no sense: which word of it, why, and the nearest
 * one that would.  What there is, a usage text says.
 */
#ifndef SERVER_WRONG_WORD_H
#define SERVER_WRONG_WORD_H

#include <stddef.h>

enum { wrong_word_bytes = 400 };

/*
 * Behind getopt_long(3) with opterr 0 that has given up, or has left a word
 * too many (argv[optind]) or too few; optopt was 0 before.  Writes into out
 * what is wrong, nothing raw in it.  An option with a value stands in usage
 * with a blank behind it, "-f file".
 */
void	wrong_word(const char *usage, int argc, char *argv[],
	    char out[wrong_word_bytes]);
/* The same of a word that is none of those in list. */
void	wrong_word_of(const char *list, const char *word, const char *what,
	    char out[wrong_word_bytes]);

#endif
