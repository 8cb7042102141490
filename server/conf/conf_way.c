/* Values of the "relay" block and of "resolver", and questions to them. */
#include "server/conf/conf_keyword.h"

#include <stdlib.h>
#include <string.h>

enum { dns_port = 53 };

/* Fills *out; NULL, or what is wanted. */
static const char *
parse_range(struct span in, struct conf_range *out)
{
	const uint8_t *slash = memchr(in.p, '/', in.n);
	struct span ip = span_from(in.p, slash == NULL ? in.n :
	    (size_t)(slash - in.p)), length = span_skip(in, ip.n + 1);
	uint8_t rest[16] = { 0 };
	uint64_t bits;

	if (!ip_parse(ip, &out->ip))
		return "an IPv4 or IPv6 address, and \"/\" and a number of "
		    "bits for a network";
	if (out->ip.ipv6 && ip_is_mapped(out->ip.ip))
		return "an IPv4-mapped address: write the IPv4 address";
	out->bits = out->ip.ipv6 ? 128 : 32;
	if (slash != NULL) {
		if ((length.n > 1 && length.p[0] == '0') ||
		    !conf_parse_number(length, conf_units_number, &bits) ||
		    bits > out->bits)
			return "the prefix length is at most 32, or 128 for "
			    "IPv6";
		out->bits = (uint8_t)bits;
	}
	memcpy(rest, out->ip.ip, (out->bits + 7U) / 8);
	if (out->bits % 8 != 0)
		rest[out->bits / 8] &= (uint8_t)(0xff00U >> out->bits % 8);
	return memcmp(rest, out->ip.ip, sizeof(rest)) == 0 ? NULL :
	    "bits are set behind the prefix: write the first address of the "
	    "network";
}

bool
conf_range_read(struct conf_setting *s, struct conf_range **list,
    size_t *count, size_t max, const char *what, const char *wide)
{
	struct conf_range r = { .line = s->report->place.number };
	const char *why = parse_range(s->cut->words[1].text, &r);

	if (why == NULL && r.bits < (r.ip.ipv6 ? 16 : 8))
		why = wide;
	if (why != NULL)
		return conf_bad(s, 1, "range", why);
	for (size_t i = 0; i < *count; i++) {
		const struct conf_range *old = &(*list)[i];

		if (old->bits == r.bits &&
		    memcmp(&old->ip, &r.ip, sizeof(r.ip)) == 0)
			return conf_twin(s, "range", old->line);
	}
	if (*count == max)
		return conf_report_at(s->report, s->cut->words[1].at,
		    "more than %zu ranges of %s", max, what);
	return conf_add(s, list, count, &r, sizeof(r));
}

bool
conf_relay_from(struct conf_setting *s, struct span word, void *slot)
{
	struct conf_relay *relay = &s->conf->relay;

	if (span_equal(word, span_of("authenticated"))) {
		relay->authenticated = s->report->place.number;
		return true;
	}
	if (memchr(word.p, '.', word.n) == NULL &&
	    memchr(word.p, ':', word.n) == NULL)
		return conf_bad(s, 1, "sender", "authenticated, or the address "
		    "of a host or a network; local programs come from "
		    "127.0.0.1 and ::1");
	return conf_range_read(s, slot, &relay->from_count, conf_from_max,
	    "senders", "the range is so wide that strangers could send mail "
	    "through this server to anybody");
}

/* Parses an address that a host can have. */
static bool
parse_ip(struct span word, struct ip *out)
{
	static const uint8_t zero[16];
	const uint8_t *ip = out->ip;

	if (!ip_parse(word, out) ||
	    memcmp(ip, zero, sizeof(zero)) == 0)
		return false;
	return out->ipv6 ? ip[0] != 0xff && !ip_is_mapped(ip) :
	    ip[0] != 0 && ip[0] < 0xe0;
}

/* Reads "port NUMBER", beginning at word number at. */
static bool
take_port(struct conf_setting *s, size_t at, uint16_t *out)
{
	const struct conf_word *words = s->cut->words;
	uint64_t port;

	if (!span_equal(words[at].text, span_of("port")) ||
	    !conf_parse_number(words[at + 1].text, conf_units_number, &port) ||
	    port == 0 || port > UINT16_MAX)
		return conf_report_at(s->report, words[at < s->cut->count ?
		    at : at - 1].at, "a port is missing, or bad: \"port "
		    "NUMBER\", from 1 to 65535");
	*out = (uint16_t)port;
	return true;
}

/* Nothing may stand behind the first count words. */
static bool
take_end(struct conf_setting *s, size_t count)
{
	return s->cut->count <= count || conf_bad(s, count, "word", "nothing "
	    "else stands here: a login at the host of \"via\", and a check "
	    "of its certificate, are not in this version");
}

/* Is word a name with a dot that cannot be mistaken for an address? */
static bool
is_host_name(struct span word)
{
	return conf_domain_valid(word, false) &&
	    memchr(word.p, '.', word.n) != NULL &&
	    !ascii_is_digit(word.p[word.n - 1]);
}

/* Reads "mx", or "HOST port NUMBER", from word number at to the end. */
static bool
take_via(struct conf_setting *s, size_t at, struct conf_via *out)
{
	struct span word = s->cut->words[at].text;

	*out = (struct conf_via){ .line = s->report->place.number };
	if (span_equal(word, span_of("mx")))
		return take_end(s, at + 1);
	out->is_ip = parse_ip(word, &out->ip);
	if (!out->is_ip && !is_host_name(word))
		return conf_bad(s, at, "host", "mx, the address of a "
		    "host, or its name, which has a dot");
	if (!take_port(s, at + 1, &out->port) || !take_end(s, at + 3))
		return false;
	return conf_set_string(s, word, &out->host);
}

bool
conf_relay_host(struct conf_setting *s, struct span word, void *slot)
{
	struct conf_via *via = slot;

	free(via->host);
	return take_via(s, 1, via);
}

bool
conf_relay_for(struct conf_setting *s, struct span word, void *slot)
{
	struct conf_relay *relay = &s->conf->relay;
	const bool below = word.n > 0 && word.p[0] == '.';
	struct conf_route route = { .domain = NULL };
	char name[1 + punycode_domain_bytes] = ".";
	struct span domain = span_skip(word, below);

	if (!conf_domain_valid(domain, true) ||
	    !punycode_domain(domain, name + below))
		return conf_bad(s, 1, "domain", "a domain; with \".\" "
		    "in front, those below it, too");
	for (size_t i = 0; i < relay->route_count; i++)
		if (strcmp(relay->routes[i].domain, name) == 0)
			return conf_twin(s, "domain",
			    relay->routes[i].via.line);
	if (relay->route_count == conf_routes_max)
		return conf_report_at(s->report, s->cut->words[1].at,
		    "more than %d domains", conf_routes_max);
	if (take_via(s, 3, &route.via) &&
	    conf_set_string(s, span_of(name), &route.domain) &&
	    conf_add(s, slot, &relay->route_count, &route, sizeof(route)))
		return true;
	free(route.domain);
	free(route.via.host);
	return false;
}

bool
conf_relay_source(struct conf_setting *s, struct span word, void *slot)
{
	const struct conf_word *words = s->cut->words;
	struct conf_source new = { .line = s->report->place.number }, *old;
	struct span name = words[3].text;

	if (!parse_ip(word, &new.ip))
		return conf_bad(s, 1, "address",
		    "an IPv4 or IPv6 address of this host");
	old = &((struct conf_source *)slot)[new.ip.ipv6];
	if (old->line != 0)
		return conf_twin(s, new.ip.ipv6 ? "source for IPv6" :
		    "source for IPv4", old->line);
	if (s->cut->count > 2 && (s->cut->count != 4 || !is_host_name(name) ||
	    !span_equal(words[2].text, span_of("as"))))
		return conf_bad(s, s->cut->count == 3 ? 2 : 3, "name", "the "
		    "form is \"source ADDRESS as NAME\", and the name has a "
		    "dot");
	if (s->cut->count > 2 && !conf_set_string(s, name, &new.name))
		return false;
	*old = new;
	return true;
}

/*
 * Adds a name server; NULL: bad, or one too many.  A server of this host is
 * believed, for who can forge its AD bit can forge the MX; but Docker's
 * 127.0.0.11 only passes it on.
 */
static struct conf_resolver *
add_resolver(struct conf_relay *relay, struct span word, unsigned line)
{
	static const uint8_t own6[16] = { [15] = 1 };
	static const uint8_t docker[4] = { 127, 0, 0, 11 };
	struct conf_resolver *r = &relay->resolvers[relay->resolver_count];

	if (relay->resolver_count == resolve_servers_max ||
	    !parse_ip(word, &r->ip))
		return NULL;
	r->port = dns_port;
	r->line = line;
	r->believed = r->ip.ipv6 ? memcmp(r->ip.ip, own6, 16) == 0 :
	    r->ip.ip[0] == 127 && memcmp(r->ip.ip, docker, 4) != 0;
	relay->resolver_count++;
	return r;
}

bool
conf_relay_resolver(struct conf_setting *s, struct span word, void *slot)
{
	struct conf_resolver *r = add_resolver(slot, word,
	    s->report->place.number);
	const struct conf_word *words = s->cut->words;
	size_t at = 2;

	if (r == NULL)
		return conf_bad(s, 1, "address", "the IPv4 or IPv6 address of "
		    "a name server, of 3 at most");
	if (span_equal(words[at].text, span_of("port"))) {
		if (!take_port(s, at, &r->port))
			return false;
		at += 2;
	}
	if (span_equal(words[at].text, span_of("trusted"))) {
		r->believed = true;
		at++;
	}
	return at == s->cut->count || conf_bad(s, at, "word",
	    "the options are \"port NUMBER\", and then trusted");
}

void
conf_relay_find_resolvers(struct conf *conf, const struct conf *before)
{
	struct conf_relay *relay = &conf->relay;
	struct conf_place place = { .number = 0 };
	struct conf_text text;
	struct conf_cut cut;
	struct span rest;

	if (relay->resolver_count > 0)
		return;
	if (before != NULL) {
		memcpy(relay->resolvers, before->relay.resolvers,
		    sizeof(relay->resolvers));
		relay->resolver_count = before->relay.resolver_count;
		return;
	}
	(void)conf_text_read("/etc/resolv.conf", &text);
	rest = span_from(text.bytes, text.n);
	while (relay->resolver_count < resolve_servers_max &&
	    conf_text_next(&text, &rest, &place)) {
		(void)conf_cut_line(place.line, &cut);
		if (span_equal(cut.words[0].text, span_of("nameserver")))
			(void)add_resolver(relay, cut.words[1].text, 0);
	}
	conf_text_free(&text);
	if (relay->resolver_count == 0)
		(void)add_resolver(relay, span_of("127.0.0.1"), 0);
}

/* ---- questions ---------------------------------------------------------- */

bool
conf_range_has(const struct conf_range *range, const struct ip *ip)
{
	return range->ip.ipv6 == ip->ipv6 &&
	    ip_within(ip->ip, range->ip.ip, range->bits);
}

unsigned
conf_relay_permits(const struct conf *conf, const char *user,
    const struct ip *ip)
{
	const struct conf_relay *relay = &conf->relay;

	if (user[0] != '\0' && relay->authenticated != 0)
		return relay->authenticated;
	for (size_t i = 0; i < relay->from_count; i++)
		if (conf_range_has(&relay->from[i], ip))
			return relay->from[i].line;
	return 0;
}

/* Is name domain, or with a "." in front of domain below it? */
static bool
route_has(const char *domain, const char *name)
{
	size_t n = strlen(name), end = strlen(domain);

	if (domain[0] != '.' || n < end)
		return strcmp(domain + (domain[0] == '.'), name) == 0;
	return strcmp(name + n - end, domain) == 0;
}

const struct conf_via *
conf_relay_via(const struct conf *conf, struct span domain)
{
	const struct conf_relay *relay = &conf->relay;
	const struct conf_via *via = &relay->via;
	char name[punycode_domain_bytes];
	size_t longest = 0;

	if (!punycode_domain(domain, name))
		return via;
	for (size_t i = 0; i < relay->route_count; i++) {
		const char *of = relay->routes[i].domain;
		/* A name itself beats the same with its subdomains. */
		size_t n = 2 * strlen(of) - (of[0] == '.' ? 3 : 0);

		if (n > longest && route_has(of, name)) {
			longest = n;
			via = &relay->routes[i].via;
		}
	}
	return via;
}
