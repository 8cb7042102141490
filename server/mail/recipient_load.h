/*
 * Loads a configuration and follows its aliases once, so that the broken ones
 * are known before mail comes.
 */
#ifndef SERVER_RECIPIENT_LOAD_H
#define SERVER_RECIPIENT_LOAD_H

#include "server/conf/conf.h"

/*
 * conf_load, and then every alias is expanded as a message expands it.  An
 * alias or a catch-all that reaches nobody, is in a loop or begins a chain that
 * is too long is noted as broken in *out, which is no mistake.  0; or -1 after
 * every mistake was written to err.  *out can be freed in either case.
 */
int	recipient_load(const char *path, struct conf *out, FILE *err);

#endif
