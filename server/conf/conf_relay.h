/*
 * Who may relay is judged even where nobody can: what is prepared for the
 * version that does must not open a relay to the world then.
 */
#ifndef SERVER_CONF_RELAY_H
#define SERVER_CONF_RELAY_H

#include "server/conf/conf.h"
#include "server/conf/conf_text.h"

/*
 * Judges a line of a relay block: "from" a range that cannot be one is
 * reported, any other kept in conf, to be warned of.  0, or -1 and errno.
 */
int	conf_relay_judge(const struct conf_cut *cut,
	    const struct conf_place *place, struct conf *conf,
	    struct conf_report *report);

#endif
