/*
 * Reads a configuration and reports its mistakes and warnings; for smtpd -n,
 * also tries one that has no mistakes.
 */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "server/conf/conf.h"
#include "server/process/tls_files.h"

/*
 * Reads the configuration and its certificates.  Mistakes go to standard error
 * or, with quiet, to the log, a line each.  0, or -1.
 */
int	check_load(const char *path, struct conf *out, struct tls_files *tls,
	    bool quiet);
/*
 * The next mistake in *text, which a loader has written, without the lines that
 * show its column; *text becomes the rest.  NULL: no more.
 */
char	*check_next_mistake(char **text);
/* Logs a warning of conf_warn. */
void	check_log_warning(const char *path, unsigned line, const char *text);
/*
 * smtpd -n: reads them, and tries the files, directories and addresses that
 * they name, as the user of the configuration; a process that may not become
 * that user tries as its own, and says so.  Prints failures and warnings on
 * standard error and, when nothing fails, what the configuration means on
 * standard output.  Changes nothing.  The exit status: 0, or 1 when smtpd or
 * the systemd unit of this host would not start.
 */
int	check_conf(const char *path, struct conf *conf, struct tls_files *tls);

#endif
