/*
 * A configuration is read, and its mistakes and doubts are reported; smtpd -n:
 * one without a mistake is tried.
 */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "server/conf/conf.h"
#include "server/process/tls_files.h"

/*
 * Reads the configuration and its certificates, and tells of mistakes on
 * standard error; with quiet they go to the log, a line each.  0, or -1.
 */
int	check_load(const char *path, struct conf *out, struct tls_files *tls,
	    bool quiet);
/*
 * The next mistake of those that a loader has written, and *text is what
 * follows; NULL: no more.  Lines that show the place are left out: a log has
 * no columns.
 */
char	*check_next_mistake(char **text);
/* Logs what conf_warn tells of. */
void	check_log_warning(const char *path, unsigned line, const char *text);
/*
 * Tries as the user of conf what conf names (a process that may not become that
 * user tries as its own, and says so), and its addresses; prints on standard
 * error what fails and what is warned of, and where nothing fails what conf
 * means on standard output.  Changes nothing.  The exit status: 0, or 1 when
 * smtpd would not start, or the systemd unit of this host would not.
 */
int	check_conf(const struct conf *conf, const struct tls_files *tls);
/*
 * Says on standard error that this process could not try as the user of conf,
 * if that is so; of a configuration with mistakes, too.
 */
void	check_note_user(const struct conf *conf);

#endif
