/*
 * Printing what a configuration means, in its own language, so that what is
 * printed can be loaded again.  Declared in conf.h.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <arpa/inet.h>

#include <string.h>

#include "server/conf/conf_keyword.h"

enum {
	column_of_meaning = 32,
	value_max_bytes = 1100		/* a path in quotes */
};

/* The largest unit that divides value; "0" has none. */
static const char *
number_unit(enum conf_kind kind, uint64_t *value)
{
	static const struct {
		enum conf_kind	 kind;
		uint64_t	 worth;
		const char	*name;
	} units[] = {
		{ CONF_KIND_SIZE, 1024 * 1024 * 1024, "G" },
		{ CONF_KIND_SIZE, 1024 * 1024, "M" },
		{ CONF_KIND_SIZE, 1024, "K" },
		{ CONF_KIND_TIME, 24 * 60 * 60, "d" },
		{ CONF_KIND_TIME, 60 * 60, "h" },
		{ CONF_KIND_TIME, 60, "m" },
		{ CONF_KIND_TIME, 1, "s" }
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].kind == kind && *value != 0 &&
		    *value % units[i].worth == 0) {
			*value /= units[i].worth;
			return units[i].name;
		}
	return "";
}

void
conf_number_text(enum conf_kind kind, uint64_t value, char out[32])
{
	const char *unit = number_unit(kind, &value);

	snprintf(out, 32, "%llu%s", (unsigned long long)value, unit);
}

/* Quotes go around what would not be one word without them. */
static void
word_text(const char *word, char out[value_max_bytes])
{
	bool quote = word[0] == '#' || word[strcspn(word, " \t{}")] != '\0';

	snprintf(out, value_max_bytes, quote ? "\"%s\"" : "%s", word);
}

static void
mailbox_text(const struct mailbox *m, char out[value_max_bytes])
{
	char text[sizeof(m->local) + sizeof(m->domain) + 2] = "";

	memcpy(text, m->local, m->local_len);
	if (m->domain_len > 0) {
		text[m->local_len] = '@';
		memcpy(text + m->local_len + 1, m->domain, m->domain_len);
	}
	word_text(text, out);
}

/* The value of a keyword that has one; false when none was given. */
static bool
value_text(const struct conf_keyword *k, const struct conf *conf,
    const struct conf_domain *d, char out[value_max_bytes])
{
	const void *value = conf_keyword_value(k, conf, d);
	const char *string;

	switch (k->kind) {
	case CONF_KIND_HOST:
	case CONF_KIND_PATH:
	case CONF_KIND_ACCOUNT:
		string = *(const char *const *)value;
		if (string != NULL)
			word_text(string, out);
		return string != NULL;
	case CONF_KIND_SANDBOX:
		word_text(*(const bool *)value ? "optional" : "required",
		    out);
		return true;
	case CONF_KIND_SEPARATOR:
		out[0] = *(const char *)value;
		out[1] = '\0';
		return out[0] != '\0';
	case CONF_KIND_MAILBOX:
		if (d == NULL || !d->has_catch_all)
			return false;
		mailbox_text(value, out);
		return true;
	case CONF_KIND_NUMBER:
	case CONF_KIND_SIZE:
	case CONF_KIND_TIME:
		conf_number_text(k->kind, *(const uint64_t *)value, out);
		return true;
	case CONF_KIND_LOG:
	case CONF_KIND_LISTEN:
	case CONF_KIND_PAIR:
	case CONF_KIND_PROXY:
	case CONF_KIND_DOMAIN:
	case CONF_KIND_LIMITS:
		break;
	}
	return false;
}

static void
put_line(FILE *f, const char *indent, const char *name, const char *value,
    const char *meaning)
{
	int n = fprintf(f, "%s%s %s", indent, name, value);

	if (indent[0] == '\t')
		n += 7;
	if (n < column_of_meaning)
		fprintf(f, "%*s", column_of_meaning - n, "");
	fprintf(f, " # %s\n", meaning);
}

static void
put_listen(const struct conf_listen *l, const char *meaning, FILE *f)
{
	char address[INET6_ADDRSTRLEN] = "", value[INET6_ADDRSTRLEN + 64];
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;
	unsigned port;

	if (l->addr.ss_family == AF_INET) {
		memcpy(&in4, &l->addr, sizeof(in4));
		inet_ntop(AF_INET, &in4.sin_addr, address, sizeof(address));
		port = ntohs(in4.sin_port);
	} else {
		memcpy(&in6, &l->addr, sizeof(in6));
		inet_ntop(AF_INET6, &in6.sin6_addr, address, sizeof(address));
		port = ntohs(in6.sin6_port);
	}
	snprintf(value, sizeof(value), "%s port %u%s%s%s", address, port,
	    l->submission ? " submission" : "",
	    l->tls_first ? " implicit-tls" : "",
	    l->hide_client ? " hide-client" : "");
	put_line(f, "", "listen", value, meaning);
}

static void
put_log(const struct conf *conf, const char *meaning, FILE *f)
{
	char value[value_max_bytes];

	/* Of these nobody can say now which it will be. */
	if (conf->log == CONF_LOG_DEFAULT)
		put_line(f, "#", "log", "to syslog", "and with -d to stderr");
	else if (conf->log == CONF_LOG_FILE) {
		word_text(conf->log_path, value);
		put_line(f, "", "log to", value, meaning);
	} else
		put_line(f, "", "log to", conf->log == CONF_LOG_SYSLOG ?
		    "syslog" : "stderr", meaning);
}

static void
put_pair(const struct conf_pair *pair, const char *meaning, FILE *f)
{
	char certificate[value_max_bytes], key[value_max_bytes];
	char value[2 * value_max_bytes + 32];

	word_text(pair->certificate, certificate);
	word_text(pair->key, key);
	snprintf(value, sizeof(value), "certificate %s key %s", certificate,
	    key);
	put_line(f, "", "tls", value, meaning);
}

static void
put_proxy(const struct conf_range *r, const char *meaning, FILE *f)
{
	char address[INET6_ADDRSTRLEN] = "", value[INET6_ADDRSTRLEN + 8];

	inet_ntop(r->ipv6 ? AF_INET6 : AF_INET, r->ip, address,
	    sizeof(address));
	if (r->bits == (r->ipv6 ? 128 : 32))
		snprintf(value, sizeof(value), "%s", address);
	else
		snprintf(value, sizeof(value), "%s/%u", address, r->bits);
	put_line(f, "", "proxy-from", value, meaning);
}

/* Every keyword of a block that has a value of its own. */
static void
put_values(const struct conf *conf, const struct conf_domain *d,
    enum conf_block block, FILE *f)
{
	char value[value_max_bytes], meaning[160];

	for (size_t i = 0; i < conf_keyword_count; i++) {
		const struct conf_keyword *k = &conf_keywords[i];

		if (k->block != block || !value_text(k, conf, d, value))
			continue;
		snprintf(meaning, sizeof(meaning), "%s", k->meaning);
		if (d != NULL && strcmp(k->name, "users") == 0)
			snprintf(meaning, sizeof(meaning), "%s: %zu",
			    k->meaning, d->user_count);
		if (d != NULL && strcmp(k->name, "aliases") == 0)
			snprintf(meaning, sizeof(meaning), "%s: %zu",
			    k->meaning, d->alias_count);
		put_line(f, block == CONF_TOP ? "" : "\t", k->name, value,
		    meaning);
	}
}

void
conf_print(const struct conf *conf, FILE *f)
{
	const struct conf_keyword *listen, *log, *proxy, *tls;

	put_values(conf, NULL, CONF_TOP, f);
	log = conf_keyword_find(CONF_TOP, span_of("log"));
	if (log != NULL)
		put_log(conf, log->meaning, f);
	listen = conf_keyword_find(CONF_TOP, span_of("listen"));
	for (size_t i = 0; listen != NULL && i < conf->listen_count; i++)
		put_listen(&conf->listens[i], listen->meaning, f);
	tls = conf_keyword_find(CONF_TOP, span_of("tls"));
	for (size_t i = 0; tls != NULL && i < conf->pair_count; i++)
		put_pair(&conf->pairs[i], tls->meaning, f);
	proxy = conf_keyword_find(CONF_TOP, span_of("proxy-from"));
	for (size_t i = 0; proxy != NULL && i < conf->proxy_count; i++)
		put_proxy(&conf->proxies[i].range, proxy->meaning, f);
	for (size_t i = 0; i < conf->domain_count; i++) {
		fprintf(f, "domain %s {", conf->domains[i].name);
		if (strcmp(conf->domains[i].ascii, conf->domains[i].name) != 0)
			fprintf(f, "\t# %s", conf->domains[i].ascii);
		fputs("\n", f);
		put_values(conf, &conf->domains[i], CONF_DOMAIN, f);
		fputs("}\n", f);
	}
	fputs("limits {\n", f);
	put_values(conf, NULL, CONF_LIMITS, f);
	fputs("}\n", f);
}

void
conf_print_keywords(FILE *f)
{
	static const char *const prefix[] = {
		[CONF_TOP] = "",
		[CONF_DOMAIN] = "domain.",
		[CONF_LIMITS] = "limits."
	};

	for (size_t i = 0; i < conf_keyword_count; i++)
		fprintf(f, "%s%s\n", prefix[conf_keywords[i].block],
		    conf_keywords[i].name);
}
