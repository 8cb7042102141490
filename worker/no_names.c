/*
 * A statically linked worker neither resolves names nor loads code.  OpenSSL
 * and libtls, which could do both, are linked with these functions (--wrap in
 * GNUmakefile) in place of libc's, which need shared libraries at run time and
 * make the linker warn.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>

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
