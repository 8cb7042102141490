/*
 * A worker that is linked static neither asks for names nor loads code, and
 * does not contain what would: OpenSSL and libtls, which could do both, are
 * linked with these (GNUmakefile, --wrap) in place of libc's, which need
 * shared libraries at run time, and of which the linker warns.
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
