/*
 * smtpctl passwd: sets, checks or takes away the password of a user.
 */
#ifndef SERVER_SMTPCTL_PASSWD_H
#define SERVER_SMTPCTL_PASSWD_H

#define SMTPCTL_PASSWD_USAGE						\
	"passwd [-a | -c | -D] [-f file | -u users] name"

/*
 * argv[0] is "passwd".  0; 1 when it could not be done, or the password is
 * not the one; -1 when the arguments make no sense.
 */
int	smtpctl_passwd(int argc, char *argv[]);

#endif
