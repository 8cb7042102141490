/*
 * What started us, as far as descriptors tell, and what follows for them.
 */
#ifndef SERVER_MODE_H
#define SERVER_MODE_H

#include <stdbool.h>

#include "server/conf/conf.h"
#include "server/process/tls_files.h"

/*
 * The first thing of all: makes sure that descriptors 0 to 2 are open, so
 * that nothing we open gets their place, and that 2 is not a connection.
 * Under inetd all three are the client, or the listening socket; then 2
 * becomes /dev/null.  True when 2 is what it was, and may be written to.
 */
bool	mode_guard_descriptors(void);
/*
 * recipient_load, which tells of mistakes on standard error; with quiet they go
 * to the log, a line each.
 */
int	mode_load_conf(const char *path, struct conf *out, bool quiet);
/* The same for tls_files_load. */
int	mode_load_tls(struct conf *conf, struct tls_files *out, bool quiet);
/*
 * Tells of what conf says and most likely should not: on standard error, or
 * logged.  Before anything is held, and passwords are forgotten.
 */
void	mode_warn(const struct conf *conf, bool logged);
/* Logs one of them, for conf_warn.h. */
void	mode_log_warning(const char *path, unsigned line, const char *text);

#endif
