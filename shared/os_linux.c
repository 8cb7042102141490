/*
 * Linux.
 */
#include "shared/os.h"

#include <sys/prctl.h>

void
os_drop_capabilities(void)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return;		/* the last one, or not allowed to */
}
