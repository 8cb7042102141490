/*
 * Ranges of proxies.
 */
#include "server/conf/conf_proxy.h"

#include <stdlib.h>

#include "server/conf/conf_text.h"

static bool
refuse(struct conf_fault *fault, const struct conf_word *word,
    const char *want)
{
	char shown[conf_shown_max_bytes];

	conf_show(word->text, shown, sizeof(shown));
	snprintf(fault->text, sizeof(fault->text), "bad range \"%s\": %s",
	    shown, want);
	return false;
}

/* In line, or 0. */
static unsigned
find_twin(const struct conf *conf, const struct conf_range *r)
{
	for (size_t i = 0; i < conf->proxy_count; i++)
		if (conf_range_equal(&conf->proxies[i].range, r))
			return conf->proxies[i].line;
	return 0;
}

static bool
add(const struct conf_range *r, unsigned line, struct conf *conf)
{
	struct conf_proxy *grown;

	grown = reallocarray(conf->proxies, conf->proxy_count + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return false;
	conf->proxies = grown;
	grown[conf->proxy_count].range = *r;
	grown[conf->proxy_count++].line = line;
	return true;
}

bool
conf_proxy_set(const struct conf_word *word, unsigned line,
    struct conf *conf, struct conf_fault *fault)
{
	enum conf_range_verdict verdict;
	struct conf_range r;
	unsigned twin;

	fault->at = word->at;
	verdict = conf_range_parse(word->text, &r);
	if (verdict != CONF_RANGE_OK)
		return refuse(fault, word, conf_range_want(verdict));
	if (conf_range_is_world(&r))
		return refuse(fault, word, "it takes in half the world, and "
		    "whoever is in it can say that he is somebody else");
	twin = find_twin(conf, &r);
	if (twin != 0) {
		snprintf(fault->text, sizeof(fault->text),
		    "this range was given in line %u already", twin);
		return false;
	}
	if (conf->proxy_count == conf_proxies_max) {
		snprintf(fault->text, sizeof(fault->text),
		    "more than %d ranges of proxies", conf_proxies_max);
		return false;
	}
	snprintf(fault->text, sizeof(fault->text), "out of memory");
	return add(&r, line, conf);
}

bool
conf_proxy_is(const struct conf *conf, bool ipv6, const uint8_t *ip)
{
	for (size_t i = 0; i < conf->proxy_count; i++)
		if (conf_range_contains(&conf->proxies[i].range, ipv6, ip))
			return true;
	return false;
}
