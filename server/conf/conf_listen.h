/*
 * The value of "listen ADDRESS port NUMBER", and the words behind it.
 */
#ifndef SERVER_CONF_LISTEN_H
#define SERVER_CONF_LISTEN_H

#include "server/conf/conf_keyword.h"

/* Adds a listener to conf.  False: *fault says why. */
bool	conf_listen_set(const struct conf_cut *cut, unsigned line,
	    struct conf *conf, struct conf_fault *fault);

#endif
