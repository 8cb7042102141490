/*
 * The table of keywords, finding one in it, the defaults, and printing the
 * values.  What a value may be is in conf_type.c and conf_list.c.
 */
#include "server/conf/conf_keyword.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K ((uint64_t)1024)
#define M (K * K)
#define G (K * K * K)
#define DAY ((uint64_t)24 * 60 * 60)

/* A row: the name, the rest of the form, and the columns its block needs. */
#define TOP(name, takes, type, field, fallback, max, meaning)		\
	{ name, name " " takes, CONF_TOP, &conf_type_##type,		\
	    offsetof(struct conf, field), 0, fallback, 0, max, meaning }
#define OF_DOMAIN(name, takes, type, field, line, meaning)		\
	{ name, name " " takes, CONF_DOMAIN, &conf_type_##type,		\
	    offsetof(struct conf_domain, field),			\
	    offsetof(struct conf_domain, line), NULL, 0, 0, meaning }
#define LIMIT(name, takes, type, field, fallback, min, max, meaning)	\
	{ name, name " " takes, CONF_LIMITS, &conf_type_##type,		\
	    offsetof(struct conf, limits) +				\
	    offsetof(struct conf_limits, field), 0, fallback, min, max,	\
	    meaning }

const struct conf_keyword conf_keywords[] = {
	TOP("hostname", "NAME", host, hostname, NULL, 0,
	    "this server, in its greeting and in Received"),
	TOP("root", "DIRECTORY", path, root, "/var/smtpd", 0,
	    "spool, mailboxes and log, on one file system"),
	TOP("control", "PATH", path, control, NULL, conf_socket_max_bytes,
	    "the socket smtpctl asks at"),
	TOP("user", "NAME", account, user, "_smtpd", 0,
	    "owner of the mail, when root starts smtpd"),
	TOP("worker-user", "NAME", account, worker_user, "_smtpw", 0,
	    "user of the processes that read strangers' octets"),
	TOP("sandbox", "required|optional", sandbox, sandbox_optional,
	    "required", 0,
	    "optional: start on a system without a sandbox, too"),
	TOP("keep-refused", "TIME", time, keep_refused_s, "24h", 30 * DAY,
	    "how long to keep sessions with a refusal"),
	TOP("log", "to|format VALUE", log, log, NULL, 0,
	    "where the log goes"),
	TOP("listen", "ADDRESS port NUMBER", listen, listens, NULL, 0,
	    "where mail arrives"),
	TOP("tls", "certificate FILE key FILE", pair, pairs, NULL, 0,
	    "offers TLS; of several, by name"),
	TOP("proxy-from", "ADDRESS[/BITS]", proxy, proxies, NULL, 0,
	    "proxies, which send a PROXY header"),
	TOP("domain", "NAME {", domain, domains, NULL, 0,
	    "mail for it is ours"),
	OF_DOMAIN("users", "FILE", table, users_path, users_line,
	    "one name a line, a Maildir each"),
	OF_DOMAIN("aliases", "FILE", table, aliases_path, aliases_line,
	    "one name: target, target a line"),
	OF_DOMAIN("subaddress", "CHARACTER", separator, subaddress,
	    subaddress_line, "it and what follows in a name are ignored"),
	OF_DOMAIN("catch-all", "NAME", mailbox, catch_all, catch_all_line,
	    "gets all other mail of the domain"),
	TOP("limits", "{", limits, limits, NULL, 0,
	    "what one client may take"),
	LIMIT("message-size", "SIZE", size, message_size_bytes, "35M", K,
	    2 * G, "largest message"),
	LIMIT("recipients", "NUMBER", number, recipients, "1000", 1, 10000,
	    "of one message"),
	LIMIT("workers", "NUMBER", number, workers, "200", 1, 20000,
	    "sessions at once"),
	LIMIT("per-address", "NUMBER", number, per_address, NULL, 1, 20000,
	    "sessions at once from one address"),
	LIMIT("per-network", "NUMBER", number, per_network, NULL, 1, 20000,
	    "sessions at once from one IPv4 /24 or IPv6 /48"),
	LIMIT("greeting-wait", "TIME", time, greeting_wait_s, "0s", 0, 60,
	    "delay of the greeting; a client that speaks first is refused"),
	LIMIT("login-failures", "NUMBER", number, login_failures, "10", 1,
	    1000, "failed logins of one address before it has to wait"),
	LIMIT("worker-sessions", "NUMBER", number, worker_sessions, "1", 1,
	    1000000, "sessions before a worker ends"),
	LIMIT("received", "NUMBER", number, received, "100", 1, 1000,
	    "Received lines of a message; more is a loop"),
	LIMIT("errors", "NUMBER", number, errors, "10", 1, 1000,
	    "mistakes of a client that end its session"),
	LIMIT("idle-timeout", "TIME", time, idle_timeout_s, "300s", 1, DAY,
	    "longest silence of a client"),
	LIMIT("session-time", "TIME", time, session_time_s, "20m", 1, DAY,
	    "longest session, beside time for its messages"),
	LIMIT("disk-reserve", "SIZE", size, disk_reserve_bytes, "64M", 0,
	    K * K * G, "free space below which no mail is taken"),
	LIMIT("inode-reserve", "NUMBER", number, inode_reserve, "1000", 0,
	    1000000000000, "free inodes below which no mail is taken"),
	LIMIT("inetd-wait", "TIME", time, inetd_wait_s, "1m", 1, DAY,
	    "how long to stay without a client, under inetd")
};

const size_t conf_keyword_count =
    sizeof(conf_keywords) / sizeof(conf_keywords[0]);

_Static_assert(sizeof(conf_keywords) / sizeof(conf_keywords[0]) <=
    conf_lines_max, "conf_lines_max is too small");

/* The keyword of that name inside of block, or outside of it; or NULL. */
static const struct conf_keyword *
find(enum conf_block block, bool inside, struct span name)
{
	for (size_t i = 0; i < conf_keyword_count; i++)
		if ((conf_keywords[i].block == block) == inside &&
		    span_equal(span_of(conf_keywords[i].name), name))
			return &conf_keywords[i];
	return NULL;
}

const struct conf_keyword *
conf_keyword_find(enum conf_block block, struct span name)
{
	return find(block, true, name);
}

const struct conf_keyword *
conf_keyword_elsewhere(enum conf_block block, struct span name)
{
	return find(block, false, name);
}

const struct conf_keyword *
conf_keyword_near(enum conf_block block, struct span name)
{
	const struct conf_keyword *best = NULL;
	/* A more distant guess helps nobody. */
	size_t distance, best_distance = 1 + name.n / 4;

	for (size_t i = 0; i < conf_keyword_count; i++) {
		if (conf_keywords[i].block != block)
			continue;
		distance = conf_distance(span_of(conf_keywords[i].name), name);
		if (distance < best_distance ||
		    (distance == best_distance && best == NULL)) {
			best = &conf_keywords[i];
			best_distance = distance;
		}
	}
	return best;
}

bool
conf_keyword_is_later(struct span name)
{
	return span_equal(span_of("relay"), name) ||
	    span_equal(span_of("lmtp"), name);
}

const char *
conf_block_place(enum conf_block block)
{
	static const char *const places[] = {
		[CONF_TOP] = "belongs outside of any block",
		[CONF_DOMAIN] = "belongs into a domain block",
		[CONF_LIMITS] = "belongs into the limits block"
	};

	return places[block];
}

static size_t
form_words(const struct conf_keyword *k)
{
	size_t count = 1;

	for (const char *p = k->form; *p != '\0'; p++)
		count += *p == ' ';
	return count;
}

static bool
refuse_word(const struct conf_keyword *k, const struct conf_word *word,
    struct conf_report *report)
{
	char shown[conf_shown_max_bytes];

	conf_show(word->text, shown, sizeof(shown));
	return conf_report_at(report, word->at,
	    "unexpected \"%s\": the form is \"%s\"", shown, k->form);
}

/* Checks a word behind the form of k: only the "}" of "{ }" may stand there. */
static bool
check_extra(const struct conf_keyword *k, const struct conf_cut *cut,
    struct conf_report *report)
{
	const struct conf_word *word = &cut->words[form_words(k)];

	if (conf_word_is_brace(word - 1, '{')) {
		if (!conf_word_is_brace(word, '}'))
			return conf_report_at(report, word->at,
			    "each line of a block stands on its own");
		if (cut->count == form_words(k) + 1)
			return true;
		word++;
	}
	if (!word->quoted && conf_keyword_is_later(word->text))
		return conf_report_at(report, word->at,
		    "\"%.*s\" is not in this version yet",
		    (int)word->text.n, (const char *)word->text.p);
	return refuse_word(k, word, report);
}

bool
conf_keyword_check_form(const struct conf_keyword *k,
    const struct conf_cut *cut, struct conf_report *report)
{
	const bool block = k->type->opens != CONF_TOP;
	const size_t want = form_words(k);

	for (size_t i = 1; i < cut->count && i < want; i++) {
		const struct conf_word *word = &cut->words[i];
		const bool open = conf_word_is_brace(word, '{');

		if (open == (block && i == want - 1) &&
		    !conf_word_is_brace(word, '}'))
			continue;
		if (!open || !block)
			return refuse_word(k, word, report);
		return conf_report_at(report, word->at,
		    "missing value: the form is \"%s\"", k->form);
	}
	if (cut->count < want)
		return conf_report_at(report, cut->end,
		    "missing %s: the form is \"%s\"",
		    block && cut->count == want - 1 ? "\"{\"" : "value",
		    k->form);
	return cut->count == want || k->type->options ||
	    check_extra(k, cut, report);
}

bool
conf_keyword_set(const struct conf_setting *s)
{
	if (!conf_keyword_check_form(s->k, s->cut, s->report) ||
	    !s->k->type->read(s))
		return false;
	if (s->k->block != CONF_DOMAIN)
		s->conf->lines[s->k - conf_keywords] = s->line;
	else
		*(unsigned *)(void *)((char *)s->domain +
		    s->k->line_offset) = s->line;
	return true;
}

unsigned
conf_line_of(const struct conf *conf, const char *keyword)
{
	const struct conf_keyword *k = find(CONF_DOMAIN, false,
	    span_of(keyword));

	return k == NULL ? 0 : conf->lines[k - conf_keywords];
}

void
conf_settle_limits(struct conf *conf)
{
	struct conf_limits *l = &conf->limits;

	if (conf_line_of(conf, "per-address") == 0)
		l->per_address = l->workers < 20 ? 2 : l->workers / 10;
	if (conf_line_of(conf, "per-network") == 0)
		l->per_network = l->workers / 4 > l->per_address ?
		    l->workers / 4 : l->per_address;
}

/* The name of this host; "localhost" if that is not fit for a greeting. */
static char *
own_hostname(void)
{
	char name[conf_domain_max_bytes + 1] = "";

	if (gethostname(name, sizeof(name)) == -1)
		name[0] = '\0';
	name[sizeof(name) - 1] = '\0';
	if (!conf_domain_valid(span_of(name), false))
		return strdup("localhost");
	return strdup(name);
}

int
conf_init(struct conf *out)
{
	struct conf_cut cut = { .count = 2 };
	struct conf_report nobody = { .muted = true };
	struct conf_setting setting = { .cut = &cut, .conf = out,
	    .report = &nobody };

	memset(out, 0, sizeof(*out));
	out->hostname = own_hostname();
	if (out->hostname == NULL)
		return -1;
	for (size_t i = 0; i < conf_keyword_count; i++) {
		setting.k = &conf_keywords[i];
		if (setting.k->fallback == NULL)
			continue;
		cut.words[0].text = span_of(setting.k->name);
		cut.words[1].text = span_of(setting.k->fallback);
		if (!conf_keyword_set(&setting)) {
			errno = ENOMEM;
			return -1;
		}
	}
	conf_settle_limits(out);
	return 0;
}

static void
put_line(FILE *f, const struct conf_line *line)
{
	enum { column_of_meaning = 32 };
	const struct conf_keyword *k = line->k;
	int n = fprintf(f, "%s%s%s %s", k->block == CONF_TOP ? "" : "\t",
	    line->off ? "#" : "", k->name, line->value);

	if (k->block != CONF_TOP)
		n += 7;
	if (n < column_of_meaning)
		fprintf(f, "%*s", column_of_meaning - n, "");
	fprintf(f, " # %s\n", line->meaning);
}

/* Prints every keyword of a block that has a value, and the blocks in it. */
static void
put_block(const struct conf *conf, const struct conf_domain *d,
    enum conf_block block, FILE *f)
{
	for (size_t i = 0; i < conf_keyword_count; i++) {
		const struct conf_keyword *k = &conf_keywords[i];
		struct conf_line line = { .k = k, .conf = conf, .domain = d };

		if (k->block != block)
			continue;
		snprintf(line.meaning, sizeof(line.meaning), "%s", k->meaning);
		for (; k->type->write != NULL && k->type->write(&line);
		    line.i++)
			put_line(f, &line);
		if (k->type->opens == CONF_LIMITS) {
			fputs("limits {\n", f);
			put_block(conf, NULL, CONF_LIMITS, f);
			fputs("}\n", f);
		}
		for (size_t n = 0; k->type->opens == CONF_DOMAIN &&
		    n < conf->domain_count; n++) {
			d = &conf->domains[n];
			fprintf(f, "domain %s {", d->name);
			if (strcmp(d->ascii, d->name) != 0)
				fprintf(f, "\t# %s", d->ascii);
			fputs("\n", f);
			put_block(conf, d, CONF_DOMAIN, f);
			fputs("}\n", f);
		}
	}
}

void
conf_print(const struct conf *conf, FILE *f)
{
	put_block(conf, NULL, CONF_TOP, f);
}
