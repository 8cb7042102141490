/*
 * The value of "tls certificate FILE key FILE": two paths.  What is in the
 * files is looked at in tls_files.h, by who serves.
 */
#ifndef SERVER_CONF_PAIR_H
#define SERVER_CONF_PAIR_H

#include "server/conf/conf_keyword.h"

/* Adds a pair to conf.  False: *fault says why. */
bool	conf_pair_set(const struct conf_cut *cut, unsigned line,
	    struct conf *conf, struct conf_fault *fault);

#endif
