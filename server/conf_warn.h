/*
 * What a configuration may say, but most likely should not.
 */
#ifndef SERVER_CONF_WARN_H
#define SERVER_CONF_WARN_H

#include "server/conf.h"
#include "shared/os_gateway.h"

/*
 * Calls tell for each line that is one: of a range that holds one of count
 * gateways, and of submission to which nobody can log in.  Before passwords
 * are forgotten.
 */
void	conf_warn(const struct conf *conf, const struct os_gateway *gateways,
	    size_t count, void (*tell)(const struct conf *conf, unsigned line,
	    const char *text));

#endif
