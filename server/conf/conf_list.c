/*
 * Keywords that may be given more than once, each line one element of a list:
 * listen, tls and proxy-from.  tls_files.h checks the files of a certificate.
 */
#include <netinet/in.h>

#include <arpa/inet.h>
#include <netdb.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"
#include "shared/array.h"
#include "shared/ip.h"
#include "shared/ipc_process.h"

/* array_grow that reports a lack of memory. */
static void *
grow(void *list, size_t count, size_t size, struct conf_report *report)
{
	void *grown = array_grow(list, count, size);

	if (grown == NULL)
		conf_report_at(report, 0, "out of memory");
	return grown;
}

/* ---- listen ------------------------------------------------------------- */

/* Lines with port 0, any free port, never collide: each gets its own port. */
static const struct conf_listen *
find_listen(const struct conf *conf, const struct conf_listen *l,
    uint16_t port)
{
	for (size_t i = 0; port != 0 && i < conf->listen_count; i++)
		if (conf->listens[i].addr_len == l->addr_len &&
		    memcmp(&conf->listens[i].addr, &l->addr,
		    l->addr_len) == 0)
			return &conf->listens[i];
	return NULL;
}

/* The words behind "port NUMBER". */
static bool
read_words(const struct conf_cut *cut, struct conf_listen *l,
    struct conf_report *report)
{
	const struct {
		const char	*word;
		bool		*given;
	} table[] = { { "submission", &l->submission },
	    { "implicit-tls", &l->tls_first },
	    { "hide-client", &l->hide_client } };
	const struct conf_word *word = &cut->words[4];

	for (; word < cut->words + cut->count; word++) {
		size_t k = 0;

		while (k < 3 && !span_equal(word->text,
		    span_of(table[k].word)))
			k++;
		if (k == 3)
			return conf_report_bad(report, word, "word",
			    "submission, implicit-tls and hide-client may "
			    "stand here");
		if (*table[k].given)
			return conf_report_bad(report, word, "word",
			    "it stands here twice");
		*table[k].given = true;
	}
	/* Received has to say where a stranger came from. */
	return !l->hide_client || l->submission || conf_report_at(report,
	    word[-1].at, "hide-client is for our own users: it needs "
	    "\"submission\"");
}

static bool
read_listen(const struct conf_setting *s)
{
	const struct conf_word *words = s->cut->words;
	const struct conf_listen *twin;
	struct conf_listen l = { .line = s->line }, *grown;
	uint8_t ip[16];
	uint64_t port;
	bool ipv6;

	if (!span_equal(words[2].text, span_of("port")))
		return conf_report_bad(s->report, &words[2], "word",
		    "the form is \"listen ADDRESS port NUMBER\"");
	if (conf_parse_number(words[3].text, conf_units_none, &port) !=
	    CONF_VALUE_OK || port > UINT16_MAX)
		return conf_report_bad(s->report, &words[3], "port",
		    "a number from 0 to 65535, 0 for any free port");
	if (!ip_parse(words[1].text, &ipv6, ip))
		return conf_report_bad(s->report, &words[1], "address",
		    "an IPv4 or IPv6 address such as 0.0.0.0 or ::");
	l.addr_len = ip_sockaddr(ipv6, ip, (uint16_t)port, &l.addr);
	twin = find_listen(s->conf, &l, (uint16_t)port);
	if (twin != NULL)
		return conf_report_at(s->report, words[1].at,
		    "listened there already in line %u", twin->line);
	if (!read_words(s->cut, &l, s->report))
		return false;
	grown = grow(s->conf->listens, s->conf->listen_count, sizeof(*grown),
	    s->report);
	if (grown == NULL)
		return false;
	s->conf->listens = grown;
	grown[s->conf->listen_count++] = l;
	return true;
}

static bool
write_listen(struct conf_line *l)
{
	char address[INET6_ADDRSTRLEN] = "", port[8] = "";
	const struct conf_listen *at;

	if (l->i >= l->conf->listen_count)
		return false;
	at = &l->conf->listens[l->i];
	(void)getnameinfo((const struct sockaddr *)&at->addr, at->addr_len,
	    address, sizeof(address), port, sizeof(port), NI_NUMERICHOST |
	    NI_NUMERICSERV);
	snprintf(l->value, sizeof(l->value), "%s port %s%s%s%s", address,
	    port, at->submission ? " submission" : "",
	    at->tls_first ? " implicit-tls" : "",
	    at->hide_client ? " hide-client" : "");
	return true;
}

/* ---- tls ---------------------------------------------------------------- */

static bool
read_pair(const struct conf_setting *s)
{
	static const char *const names[] = { "certificate", "key" };
	struct conf *conf = s->conf;
	struct conf_pair *grown;
	char *files[2] = { NULL, NULL };

	for (size_t i = 0; i < 2; i++) {
		const struct conf_word *word = &s->cut->words[1 + 2 * i];

		if (!span_equal(word->text, span_of(names[i])))
			conf_report_bad(s->report, word, "word",
			    "the form is \"tls certificate FILE key FILE\"");
		else
			files[i] = conf_path_copy(word + 1, 0, s->report);
		if (files[i] == NULL)
			goto out;
	}
	if (conf->pair_count == ipc_tls_pairs_max) {
		conf_report_at(s->report, s->cut->words[0].at,
		    "more than %d certificates", ipc_tls_pairs_max);
		goto out;
	}
	grown = grow(conf->pairs, conf->pair_count, sizeof(*grown), s->report);
	if (grown == NULL)
		goto out;
	conf->pairs = grown;
	grown[conf->pair_count++] = (struct conf_pair){ files[0], files[1],
	    s->line };
	return true;
out:
	free(files[0]);
	free(files[1]);
	return false;
}

static bool
write_pair(struct conf_line *l)
{
	char certificate[conf_word_max_bytes], key[conf_word_max_bytes];

	if (l->i >= l->conf->pair_count)
		return false;
	conf_word_text(l->conf->pairs[l->i].certificate, certificate);
	conf_word_text(l->conf->pairs[l->i].key, key);
	snprintf(l->value, sizeof(l->value), "certificate %s key %s",
	    certificate, key);
	return true;
}

/* ---- proxy-from --------------------------------------------------------- */

static bool
read_proxy(const struct conf_setting *s)
{
	const struct conf_word *word = &s->cut->words[1];
	struct conf *conf = s->conf;
	struct conf_proxy *grown;
	const char *why;
	struct conf_range r;

	why = conf_range_parse(word->text, &r);
	if (why == NULL && conf_range_is_world(&r))
		why = "it takes in half the world, and every client in it "
		    "could claim to be any other";
	if (why != NULL)
		return conf_report_bad(s->report, word, "range", why);
	for (size_t i = 0; i < conf->proxy_count; i++)
		if (memcmp(&conf->proxies[i].range, &r, sizeof(r)) == 0)
			return conf_report_at(s->report, word->at, "this range "
			    "was given in line %u already",
			    conf->proxies[i].line);
	if (conf->proxy_count == conf_proxies_max)
		return conf_report_at(s->report, word->at,
		    "more than %d ranges of proxies", conf_proxies_max);
	grown = grow(conf->proxies, conf->proxy_count, sizeof(*grown),
	    s->report);
	if (grown == NULL)
		return false;
	conf->proxies = grown;
	grown[conf->proxy_count++] = (struct conf_proxy){ r, s->line };
	return true;
}

static bool
write_proxy(struct conf_line *l)
{
	const struct conf_range *r;
	char address[INET6_ADDRSTRLEN] = "", bits[8];

	if (l->i >= l->conf->proxy_count)
		return false;
	r = &l->conf->proxies[l->i].range;
	inet_ntop(r->ipv6 ? AF_INET6 : AF_INET, r->ip, address,
	    sizeof(address));
	snprintf(bits, sizeof(bits), "/%u", r->bits);
	snprintf(l->value, sizeof(l->value), "%s%s", address,
	    r->bits == (r->ipv6 ? 128 : 32) ? "" : bits);
	return true;
}

bool
conf_is_proxy(const struct conf *conf, bool ipv6, const uint8_t *ip)
{
	for (size_t i = 0; i < conf->proxy_count; i++)
		if (conf_range_contains(&conf->proxies[i].range, ipv6, ip))
			return true;
	return false;
}

const struct conf_type
    conf_type_listen = { .read = read_listen, .write = write_listen,
	.many = true, .options = true },
    conf_type_pair = { .read = read_pair, .write = write_pair,
	.many = true },
    conf_type_proxy = { .read = read_proxy, .write = write_proxy,
	.many = true };
