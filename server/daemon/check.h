/*
 * smtpd -n: a configuration without a mistake is tried.
 */
#ifndef SERVER_CHECK_H
#define SERVER_CHECK_H

#include "server/conf/conf.h"
#include "server/process/tls_files.h"

/*
 * Tries as the user of conf what conf names (who may not become that user
 * tries as himself, and says so), and its addresses; prints on standard error
 * what fails and what is warned of, and where nothing fails what conf means
 * on standard output.  Changes nothing.  The exit status: 0, or 1 when smtpd
 * would not start, or the systemd unit of this host would not.
 */
int	check_conf(const struct conf *conf, const struct tls_files *tls);
/*
 * Says on standard error that this process could not try as the user of conf,
 * if that is so; of a configuration with mistakes, too.
 */
void	check_note_user(const struct conf *conf);

#endif
