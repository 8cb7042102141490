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
	(void)file;
	(void)mode;
	return NULL;
}

int
__wrap_getaddrinfo(const char *host, const char *service,
    const struct addrinfo *hints, struct addrinfo **out)
{
	(void)host;
	(void)service;
	(void)hints;
	(void)out;
	return EAI_FAIL;
}

struct hostent *
__wrap_gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}
