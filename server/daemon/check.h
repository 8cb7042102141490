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
 * The next mistake in *text, which a loader has written; *text becomes the
 * rest.  NULL: no more.  Lines that show the column are skipped: a log has no
 * columns.
 */
char	*check_next_mistake(char **text);
/* Logs a warning of conf_warn. */
void	check_log_warning(const char *path, unsigned line, const char *text);
/*
 * Tries the files and directories that conf names as the user of conf (a
 * process that may not become that user tries as its own, and says so), and its
 * addresses.  Prints failures and warnings on standard error and, when nothing
 * fails, what conf means on standard output.  Changes nothing.  The exit
 * status: 0, or 1 when smtpd or the systemd unit of this host would not start.
 */
int	check_conf(const struct conf *conf, const struct tls_files *tls);
/*
 * Says on standard error when this process could not try as the user of conf;
 * for a configuration with mistakes, too.
 */
void	check_note_user(const struct conf *conf);

#endif
