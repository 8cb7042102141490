/*
 * The catcher's own directory.
 */
#include "server/catcher_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void
catcher_default_dir(char *out, size_t n)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(out, n, "%s/smtpd-catcher-%u",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp", (unsigned)getuid());
}
