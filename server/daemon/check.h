/*
 * Reading a configuration, and trying what it names.
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
/* The next mistake of a loader in *text, which becomes the rest; or NULL. */
char	*check_next_mistake(char **text);
/* Logs a warning of conf_warn. */
void	check_log_warning(const char *path, unsigned line, const char *text);
/*
 * smtpd -n: reads them, and tries the files, directories and addresses that
 * they name as the user of the configuration, or says that this process may
 * not.  Failures and warnings go to standard error and, when nothing fails,
 * what the configuration means to standard output.  The exit status: 0, or 1
 * when smtpd or the systemd unit of this host would not start.
 */
int	check_conf(const char *path, struct conf *conf, struct tls_files *tls);

#endif
