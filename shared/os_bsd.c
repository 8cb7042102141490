/*
 * OpenBSD and FreeBSD.
 */
#include "shared/os.h"

void
os_drop_capabilities(void)
{
}
