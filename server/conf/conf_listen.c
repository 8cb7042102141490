/*
 * The value of "listen": an address, a port, and what is to be there.
 */
#include "server/conf/conf_listen.h"

#include <netinet/in.h>

#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

static bool
parse_address(struct span text, uint16_t port, struct conf_listen *out)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char name[INET6_ADDRSTRLEN];

	memset(out, 0, sizeof(*out));
	if (text.n >= sizeof(name))
		return false;
	memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	in4.sin_port = in6.sin6_port = htons(port);
	if (inet_pton(AF_INET, name, &in4.sin_addr) == 1) {
		memcpy(&out->addr, &in4, sizeof(in4));
		out->addr_len = sizeof(in4);
		return true;
	}
	if (inet_pton(AF_INET6, name, &in6.sin6_addr) == 1) {
		memcpy(&out->addr, &in6, sizeof(in6));
		out->addr_len = sizeof(in6);
		return true;
	}
	return false;
}

/* Port 0 is any free one, so two of them are two ports. */
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

static bool
add_listen(struct conf *conf, const struct conf_listen *l,
    struct conf_fault *fault)
{
	struct conf_listen *grown;

	grown = reallocarray(conf->listens, conf->listen_count + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return conf_fault_memory(fault);
	conf->listens = grown;
	grown[conf->listen_count++] = *l;
	return true;
}

/* The words behind "port NUMBER". */
static bool
read_words(const struct conf_cut *cut, struct conf_listen *l,
    struct conf_fault *fault)
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
			return conf_fault_bad(fault, word, "word",
			    "submission, implicit-tls and hide-client may "
			    "stand here");
		if (*table[k].given)
			return conf_fault_bad(fault, word, "word",
			    "it stands here twice");
		*table[k].given = true;
	}
	/* Of strangers it has to be known where they came from. */
	return !l->hide_client || l->submission || conf_fault_at(fault,
	    word[-1].at, "hide-client is for our own users: it needs "
	    "\"submission\"");
}

bool
conf_listen_set(const struct conf_cut *cut, unsigned line, struct conf *conf,
    struct conf_fault *fault)
{
	const struct conf_word *words = cut->words;
	const struct conf_listen *twin;
	struct conf_listen l;
	uint16_t port;

	if (!span_equal(words[2].text, span_of("port")))
		return conf_fault_bad(fault, &words[2], "word",
		    "the form is \"listen ADDRESS port NUMBER\"");
	if (conf_parse_port(words[3].text, &port) != CONF_VALUE_OK)
		return conf_fault_bad(fault, &words[3], "port",
		    "a number from 0 to 65535, 0 for any free port");
	if (!parse_address(words[1].text, port, &l))
		return conf_fault_bad(fault, &words[1], "address",
		    "an IPv4 or IPv6 address such as 0.0.0.0 or ::");
	twin = find_listen(conf, &l, port);
	if (twin != NULL)
		return conf_fault_at(fault, words[1].at,
		    "listened there already in line %u", twin->line);
	l.line = line;
	return read_words(cut, &l, fault) && add_listen(conf, &l, fault);
}
