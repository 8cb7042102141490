/*
 * smtpd-worker: never run by hand.  smtpd starts it with one end of a channel
 * as descriptor 3.  As the worker's user it becomes the nursery.  As the
 * master's user it becomes, by its option, a helper of shared/helpers.h, or
 * with -k the keeper, which starts lost helpers again.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/os/os.h"
#include "worker/helper.h"
#include "worker/nursery.h"

/* ENOSYS: a nursery or the keeper executed this, and its sandbox is on. */
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
	char option = argc != 2 || argv[1][0] != '-' ? '\0' : argv[1][1];

	if (argc < 1 || argv[0][0] != '/' || !channel_is_there()) {
		fputs("smtpd-worker: started by smtpd(8), not by hand\n",
		    stderr);
		return 1;
	}
	os_name_process("smtpd-worker");
#define RUN_HELPER(X, NAME, name, letter, Name)				\
	if (option == (letter))						\
		name##_run(nursery_channel);
	HELPERS(RUN_HELPER, )
#undef RUN_HELPER
	nursery_run(argv[0], option == helper_keeper_option ?
	    SANDBOX_KEEPER : SANDBOX_NURSERY, option == 'r');
}
