/*
 * smtpd-worker: never run by hand.  smtpd starts it with one end of a channel
 * as descriptor 3.  As the worker's user it becomes the nursery.  As the
 * master's user it becomes, by its option, a helper of shared/ipc.h, or
 * with -k the keeper, which starts lost helpers again.  All of them are given
 * the words for dial behind it, so that the keeper can hand them on.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/os/os.h"
#include "worker/helper.h"

/*
 * A static worker neither resolves names nor loads code.  OpenSSL, which could,
 * is linked with these (--wrap in GNUmakefile) in place of libc's, which need
 * shared libraries at run time.
 */
void	*__wrap_dlopen(const char *file, int mode);
int	 __wrap_getaddrinfo(const char *host, const char *service,
	    const struct addrinfo *hints, struct addrinfo **out);
struct hostent *__wrap_gethostbyname(const char *name);

void *
__wrap_dlopen(const char *file, int mode)
{
	return NULL;
}

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	return EAI_FAIL;
}

struct hostent *
__wrap_gethostbyname(const char *name)
{
	return NULL;
}

int
main(int argc, char *argv[])
{
	char option = argc < 2 || argv[1][0] != '-' ? '\0' : argv[1][1];
	struct stat channel;
	bool asked = fstat(nursery_channel, &channel) == 0;

	/* ENOSYS: a nursery or the keeper executed this in its sandbox. */
	if (argc < 1 || argv[0][0] != '/' || (asked ?
	    !S_ISSOCK(channel.st_mode) : errno != ENOSYS)) {
		fputs("smtpd-worker: started by smtpd(8), not by hand\n",
		    stderr);
		return 1;
	}
	os_name_process("smtpd-worker");
	if (argc > 1 && !dial_take_words(argv + 2))
		return 1;
#define RUN_HELPER(X, NAME, name, letter, Name)				\
	if (option == (letter))						\
		name##_run(nursery_channel);
	HELPERS(RUN_HELPER, )
#undef RUN_HELPER
	nursery_run(argv, option == helper_keeper_option ?
	    SANDBOX_KEEPER : SANDBOX_NURSERY, option == 'r');
}
