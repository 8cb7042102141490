/*
 * Prints every keyword of the configuration, one a line ("listen",
 * "domain.users"), for t/lint/keywords.sh.
 */
#include "server/conf/conf_keyword.h"

int
main(void)
{
	static const char *const prefix[] = {
		[CONF_TOP] = "",
		[CONF_DOMAIN] = "domain.",
		[CONF_LIMITS] = "limits.",
		[CONF_RELAY] = "relay."
	};

	for (size_t i = 0; i < conf_keyword_count; i++)
		printf("%s%s\n", prefix[conf_keywords[i].block],
		    conf_keywords[i].name);
	return fflush(stdout) == 0 ? 0 : 1;
}
