/*
 * smtpd-worker: never run by hand.  smtpd starts it, as the worker's user,
 * with one end of a channel as descriptor 3; it is the nursery from then on,
 * or as the master's user, with -s the sign process, with -a the auth one,
 * with -k who starts these two again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/os.h"
#include "worker/auth.h"
#include "worker/nursery.h"
#include "worker/sign.h"

/* Executed by a nursery or the keeper it may not ask, and is held. */
static bool
channel_is_there(void)
{
	int type;
	socklen_t n = sizeof(type);

	if (getsockopt(nursery_channel, SOL_SOCKET, SO_TYPE, &type, &n) == -1)
		return errno == ENOSYS;
	return type == SOCK_SEQPACKET;
}

int
main(int argc, char *argv[])
{
	bool held = argc == 2 && strcmp(argv[1], "-r") == 0;
	bool sign = argc == 2 && strcmp(argv[1], "-s") == 0;
	bool auth = argc == 2 && strcmp(argv[1], "-a") == 0;
	bool keeper = argc == 2 && strcmp(argv[1], "-k") == 0;

	if (argc < 1 || argv[0][0] != '/' || !channel_is_there()) {
		fputs("smtpd-worker: started by smtpd(8), not by hand\n",
		    stderr);
		return 1;
	}
	os_name_process("smtpd-worker");
	if (sign)
		sign_run(nursery_channel);
	if (auth)
		auth_run(nursery_channel);
	nursery_run(argv[0], keeper ? SANDBOX_KEEPER : SANDBOX_NURSERY, held);
}
