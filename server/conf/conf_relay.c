/*
 * "from ADDRESS/BITS" of a relay block.
 */
#include "server/conf/conf_relay.h"

#include <stdlib.h>

static int
note(const struct conf_range *r, unsigned line, struct conf *conf)
{
	struct conf_proxy *grown = reallocarray(conf->relays,
	    conf->relay_count + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	conf->relays = grown;
	grown[conf->relay_count++] = (struct conf_proxy){ *r, line };
	return 0;
}

int
conf_relay_judge(const struct conf_cut *cut, const struct conf_place *place,
    struct conf *conf, struct conf_report *report)
{
	const struct conf_word *words = cut->words;
	enum conf_range_verdict verdict;
	struct conf_range r;
	char shown[conf_shown_max_bytes];

	if (cut->count < 2 || !span_equal(words[0].text, span_of("from")) ||
	    span_equal(words[1].text, span_of("authenticated")))
		return 0;
	conf_show(words[1].text, shown, sizeof(shown));
	verdict = conf_range_parse(words[1].text, &r);
	if (verdict == CONF_RANGE_OK && !conf_range_is_world(&r))
		return note(&r, place->number, conf);
	conf_report_at(report, place, words[1].at, NULL,
	    "bad range \"%s\": %s", shown, verdict != CONF_RANGE_OK ?
	    conf_range_want(verdict) : "it takes in half the world, which "
	    "would send its spam through here");
	return 0;
}
