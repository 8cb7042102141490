/*
 * Prints every keyword of the configuration, for t/lint/keywords.sh.
 */
#include "server/conf/conf.h"

int
main(void)
{
	conf_print_keywords(stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}
