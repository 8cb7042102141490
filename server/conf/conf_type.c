/* The table of keywords, and the types of their values. */

#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_keyword.h"
#include "shared/os/os.h"

bool
conf_bad(struct conf_setting *s, size_t at, const char *noun,
    const char *want)
{
	return conf_report_bad(s->report, &s->cut->words[at], noun, want);
}

bool
conf_twin(struct conf_setting *s, const char *what, unsigned line)
{
	return conf_report_at(s->report, s->cut->words[1].at,
	    "this %s was given in line %u already", what, line);
}

bool
conf_add(struct conf_setting *s, void *list, size_t *count,
    const void *element, size_t size)
{
	return array_add(list, count, element, size) != NULL ||
	    conf_bad(s, 0, "line", "out of memory");
}

bool
conf_set_string(struct conf_setting *s, struct span word, char **out)
{
	char *copy = strndup((const char *)word.p, word.n);

	if (copy == NULL)
		return conf_bad(s, 0, "line", "out of memory");
	free(*out);
	*out = copy;
	return true;
}

static bool
read_host(struct conf_setting *s, struct span word, void *slot)
{
	return conf_domain_valid(word, false) && conf_set_string(s, word, slot);
}

/* Word number at is an absolute path: smtpd leaves where it was started. */
static bool
take_path(struct conf_setting *s, size_t at, char **out)
{
	struct span word = s->cut->words[at].text;

	if (word.n == 0 || word.p[0] != '/')
		return conf_bad(s, at, "path",
		    "an absolute path begins with \"/\"");
	if (word.n > conf_path_max_bytes)
		return conf_bad(s, at, "path", "longer than 1023 octets");
	return conf_set_string(s, word, out);
}

static bool
read_path(struct conf_setting *s, struct span word, void *slot)
{
	return take_path(s, 1, slot);
}

static bool
read_socket(struct conf_setting *s, struct span word, void *slot)
{
	return word.n > conf_socket_max_bytes && word.p[0] == '/' ?
	    conf_bad(s, 1, "path", "longer than 103 octets, the most that the "
	    "path of a socket can have") : take_path(s, 1, slot);
}

static bool
read_account(struct conf_setting *s, struct span word, void *slot)
{
	if (span_equal(word, span_of("root")))
		return conf_bad(s, 1, "user",
		    "no process of smtpd runs as root");
	return conf_account_valid(word) && conf_set_string(s, word, slot);
}

/* One of the words in the form; its number, into a bool or an octet. */
static bool
read_choice(struct conf_setting *s, struct span word, void *slot)
{
	struct span form = span_of(s->k->form), one;
	uint8_t *chosen = slot;

	span_cut(&form, ' ');
	for (*chosen = 0; form.n > 0; (*chosen)++) {
		one = span_cut(&form, '|');
		if (span_equal(one, word))
			return true;
	}
	return conf_bad(s, 1, "value", s->k->form);
}

static bool
read_separator(struct conf_setting *s, struct span word, void *slot)
{
	if (word.n != 1 || memchr("+-=_~", word.p[0], 5) == NULL)
		return false;
	*(char *)slot = (char)word.p[0];
	return true;
}

static bool
read_mailbox(struct conf_setting *s, struct span word, void *slot)
{
	struct mailbox m;

	if (!smtp_mailbox_from_text(word, &m))
		return false;
	*(struct mailbox *)slot = m;
	s->domain->has_catch_all = true;
	return true;
}

static bool
read_number(struct conf_setting *s, struct span word, void *slot)
{
	const struct conf_unit *units = s->k->type->units;
	uint64_t number = 0, least = 0, most = 0;

	if (!conf_parse_number(word, units, &number))
		return false;
	(void)conf_parse_number(span_of(s->k->least), units, &least);
	(void)conf_parse_number(span_of(s->k->most), units, &most);
	if (number < least || number > most)
		return conf_report_at(s->report, s->cut->words[1].at,
		    "out of range: %s is %s to %s", s->k->name, s->k->least,
		    s->k->most);
	*(uint64_t *)slot = number;
	return true;
}

static bool
read_log(struct conf_setting *s, struct span word, void *slot)
{
	struct span value = s->cut->words[2].text;
	enum conf_log *log = slot;

	*log = span_equal(value, span_of("syslog")) ? CONF_LOG_SYSLOG :
	    span_equal(value, span_of("stderr")) ? CONF_LOG_STDERR :
	    CONF_LOG_FILE;
	if (*log == CONF_LOG_FILE && (value.n < 2 || value.p[0] != '/' ||
	    value.p[value.n - 1] == '/'))
		return conf_bad(s, 2, "value", "the target is syslog, stderr, "
		    "or the absolute path of a file");
	return *log != CONF_LOG_FILE || take_path(s, 2, &s->conf->log_path);
}

static bool
read_options(struct conf_setting *s, struct conf_listen *l)
{
	/* In the order of enum listen_words. */
	static const char *const words[] = { "submission", "implicit-tls",
	    "hide-client" };
	size_t at = 4;

	for (; at < s->cut->count; at++) {
		size_t k = 0;

		while (k < 3 && !span_equal(s->cut->words[at].text,
		    span_of(words[k])))
			k++;
		if (k == 3)
			return conf_bad(s, at, "word", "the options are "
			    "submission, implicit-tls and hide-client");
		if ((l->words & 1U << k) != 0)
			return conf_bad(s, at, "word", "the option was given "
			    "already");
		l->words |= 1U << k;
	}
	/* Received has to say where a stranger came from. */
	return (l->words & LISTEN_HIDE_CLIENT) == 0 ||
	    (l->words & LISTEN_SUBMISSION) != 0 || conf_report_at(s->report,
	    s->cut->words[at - 1].at,
	    "\"hide-client\" needs \"submission\": it is for our own users");
}

static bool
read_listen(struct conf_setting *s, struct span word, void *slot)
{
	const struct conf_word *words = s->cut->words;
	struct conf *conf = s->conf;
	struct conf_listen l = { .line = s->report->place.number };
	struct ip ip;
	uint64_t port;

	if (!conf_parse_number(words[3].text, conf_units_number, &port) ||
	    port > UINT16_MAX)
		return conf_bad(s, 3, "port",
		    "a number from 0 to 65535, 0 for any free port");
	if (!ip_parse(word, &ip))
		return false;
	l.addr_len = ip_sockaddr(&ip, (uint16_t)port, &l.addr);
	/* Lines with port 0 never collide: each gets a port of its own. */
	for (size_t i = 0; port != 0 && i < conf->listen_count; i++)
		if (conf->listens[i].addr_len == l.addr_len &&
		    memcmp(&conf->listens[i].addr, &l.addr, l.addr_len) == 0)
			return conf_twin(s, "address and port",
			    conf->listens[i].line);
	return read_options(s, &l) &&
	    conf_add(s, slot, &conf->listen_count, &l, sizeof(l));
}

static bool
read_pair(struct conf_setting *s, struct span word, void *slot)
{
	struct conf_pair pair = { .line = s->report->place.number };

	if (s->conf->pair_count == ipc_tls_pairs_max)
		return conf_report_at(s->report, 0,
		    "more than %d certificates", ipc_tls_pairs_max);
	if (take_path(s, 2, &pair.certificate) &&
	    take_path(s, 4, &pair.key) &&
	    conf_add(s, slot, &s->conf->pair_count, &pair, sizeof(pair)))
		return true;
	free(pair.certificate);
	free(pair.key);
	return false;
}

static bool
read_proxy(struct conf_setting *s, struct span word, void *slot)
{
	return conf_range_read(s, slot, &s->conf->proxy_count,
	    conf_proxies_max, "proxies", "the range is too wide: every client "
	    "in it could claim to be any other");
}

/* ---- the table ---------------------------------------------------------- */

/* A type of a word that read takes, a noun, unless it is not as want says. */
#define WORD(name, noun_, want_)					\
    name##_type = { .read = read_##name, .noun = noun_, .want = want_ }
#define NUMBER(name, noun_, want_)					\
    name##_type = { .read = read_number, .noun = noun_,		\
	.want = want_, .units = conf_units_##name }

static const struct conf_type
    WORD(host, "host name", "labels of letters, digits, \"_\" and inner "
	"hyphens, separated by dots"),
    WORD(path, NULL, NULL),
    WORD(socket, NULL, NULL),
    WORD(account, "user",
	"at most 32 letters, digits, \"-\", \"_\" and \".\""),
    WORD(choice, NULL, NULL),
    WORD(separator, "separator", "the separator is one of + - = _ ~"),
    WORD(mailbox, "name", "a user, an alias or an address"),
    NUMBER(number, "number", "digits alone"),
    NUMBER(size, "size", "digits and K, M or G, such as 35M"),
    NUMBER(time, "time", "digits and s, m, h or d, such as 20m"),
    log_type = { .read = read_log },
    listen_type = { .read = read_listen, .noun = "address",
	.want = "an IPv4 or IPv6 address such as 0.0.0.0 or ::",
	.many = true, .options = true },
    pair_type = { .read = read_pair, .many = true },
    proxy_type = { .read = read_proxy, .many = true },
    domain_type = { .opens = CONF_DOMAIN, .many = true },
    limits_type = { .opens = CONF_LIMITS },
    relay_type = { .opens = CONF_RELAY },
    from_type = { .read = conf_relay_from, .many = true },
    via_type = { .read = conf_relay_host, .options = true },
    for_type = { .read = conf_relay_for, .many = true, .options = true },
    source_type = { .read = conf_relay_source, .many = true,
	.options = true },
    resolver_type = { .read = conf_relay_resolver, .many = true,
	.options = true };

/* A row: the name, the rest of the form, and the columns its block needs. */
#define TOP(name, takes, type, field, fallback, meaning)		\
	{ name, name " " takes, CONF_TOP, &type##_type,		\
	    offsetof(struct conf, field), fallback, "0", "30d", meaning }
#define OF_DOMAIN(name, takes, type, field, meaning)			\
	{ name, name " " takes, CONF_DOMAIN, &type##_type,		\
	    offsetof(struct conf_domain, field), NULL, NULL, NULL, meaning }
#define OUT(name, takes, type, field, fallback, least, most, meaning)	\
	{ name, name " " takes, CONF_RELAY, &type##_type,		\
	    offsetof(struct conf, relay.field), fallback, least, most,	\
	    meaning }
#define LIMIT(name, takes, type, field, fallback, least, most, meaning)	\
	{ name, name " " takes, CONF_LIMITS, &type##_type,		\
	    offsetof(struct conf, limits.field), fallback, least, most,	\
	    meaning }

const struct conf_keyword conf_keywords[] = {
	TOP("hostname", "NAME", host, hostname, NULL,
	    "this server, in its greeting and in Received"),
	TOP("root", "DIRECTORY", path, root, "/var/smtpd",
	    "spool, mailboxes and log, on one file system"),
	TOP("control", "PATH", socket, control, NULL,
	    "the socket smtpctl asks at"),
	TOP("user", "NAME", account, user, os_user_prefix "smtpd",
	    "owner of the mail, when root starts smtpd"),
	TOP("worker-user", "NAME", account, worker_user,
	    os_user_prefix "smtpw",
	    "user of the processes that read strangers' octets"),
	TOP("sandbox", "required|optional", choice, sandbox_optional,
	    "required", "optional: start on a system without a sandbox, too"),
	TOP("keep-refused", "TIME", time, keep_refused_s, "1d",
	    "how long to keep sessions with a refusal"),
	TOP("log", "to TARGET", log, log, "#to syslog",
	    "where the log goes; by default with -d to stderr"),
	TOP("listen", "ADDRESS port NUMBER", listen, listens, NULL,
	    "where mail arrives"),
	TOP("tls", "certificate FILE key FILE", pair, pairs, NULL,
	    "offers TLS; of several, by name"),
	TOP("proxy-from", "ADDRESS[/BITS]", proxy, proxies, NULL,
	    "proxies, which send a PROXY header"),
	TOP("resolver", "ADDRESS [port NUMBER] [trusted]", resolver, relay,
	    "#127.0.0.1", "name servers; by default of /etc/resolv.conf"),
	TOP("domain", "NAME {", domain, domains, NULL,
	    "mail for it is ours"),
	OF_DOMAIN("users", "FILE", path, users.path,
	    "one name per line, a Maildir each"),
	OF_DOMAIN("aliases", "FILE", path, aliases.path,
	    "one name: target, target a line"),
	OF_DOMAIN("subaddress", "CHARACTER", separator, subaddress,
	    "it and what follows in a name are ignored"),
	OF_DOMAIN("catch-all", "NAME", mailbox, catch_all,
	    "gets all other mail of the domain"),
	TOP("relay", "{", relay, relay, NULL,
	    "mail for other domains leaves"),
	OUT("from", "authenticated|ADDRESS[/BITS]", from, from, NULL, NULL,
	    NULL, "who may send mail out"),
	OUT("via", "mx|HOST [port NUMBER]", via, via, "mx", NULL, NULL,
	    "the way out: MX records, or one host"),
	OUT("for", "DOMAIN via mx|HOST [port NUMBER]", for, routes, NULL,
	    NULL, NULL, "the way to that domain"),
	OUT("source", "ADDRESS [as NAME]", source, sources, NULL, NULL, NULL,
	    "our address, and the name said from there"),
	OUT("ipv6", "no|yes", choice, ipv6, "yes", NULL, NULL,
	    "no: connect over IPv4 only"),
	OUT("private-mx", "no|yes", choice, private_mx, "no", NULL, NULL,
	    "yes: connect into private networks, too"),
	OUT("tls", "never|opportunistic|required", choice, tls,
	    "opportunistic", NULL, NULL, "when mail leaves in plain text"),
	OUT("give-up-after", "TIME", time, give_up_after_s, "5d", "1s",
	    "100d", "a message is returned then"),
	OUT("tell-delay-after", "TIME", time, tell_delay_after_s, "4h", "0",
	    "100d", "its sender is told that it waits; 0: never"),
	TOP("limits", "{", limits, limits, NULL,
	    "what one client may take"),
	LIMIT("message-size", "SIZE", size, message_size_bytes, "35M", "1K",
	    "2G", "largest message"),
	LIMIT("recipients", "NUMBER", number, recipients, "1000", "1",
	    "10000", "of one message"),
	LIMIT("workers", "NUMBER", number, workers, "200", "1", "20000",
	    "sessions at once"),
	LIMIT("per-address", "NUMBER", number, per_address, NULL, "1",
	    "20000", "sessions at once from one address"),
	LIMIT("per-network", "NUMBER", number, per_network, NULL, "1",
	    "20000", "sessions at once from one IPv4 /24 or IPv6 /48"),
	LIMIT("greeting-wait", "TIME", time, greeting_wait_s, "0", "0", "1m",
	    "delay of the greeting; a client that speaks first is refused"),
	LIMIT("login-failures", "NUMBER", number, login_failures, "10", "1",
	    "1000", "failed logins of one address before it has to wait"),
	LIMIT("worker-sessions", "NUMBER", number, worker_sessions, "1", "1",
	    "1000000", "sessions before a worker ends"),
	LIMIT("received", "NUMBER", number, received, "100", "1", "1000",
	    "Received lines of a message; more is a loop"),
	LIMIT("errors", "NUMBER", number, errors, "10", "1", "1000",
	    "mistakes of a client that end its session"),
	LIMIT("idle-timeout", "TIME", time, idle_timeout_s, "5m", "1s", "1d",
	    "longest silence of a client"),
	LIMIT("session-time", "TIME", time, session_time_s, "20m", "1s", "1d",
	    "longest session, beside time for its messages"),
	LIMIT("disk-reserve", "SIZE", size, disk_reserve_bytes, "64M", "0",
	    "1048576G", "free space below which no mail is taken"),
	LIMIT("inode-reserve", "NUMBER", number, inode_reserve, "1000", "0",
	    "1000000000000", "free inodes below which no mail is taken"),
	LIMIT("inetd-wait", "TIME", time, inetd_wait_s, "1m", "1s", "1d",
	    "how long to stay without a client, under inetd"),
	LIMIT("deliveries", "NUMBER", number, deliveries, "100", "1", "10000",
	    "connections to other servers at once"),
	LIMIT("per-destination", "NUMBER", number, per_destination, "10", "1",
	    "1000", "of them to the servers of one destination"),
	LIMIT("queue-messages", "NUMBER", size, queue_messages, "1M", "1",
	    "16M", "messages that wait to leave"),
	LIMIT("mails-per-hour", "NUMBER", number, mails_per_hour, "200", "0",
	    "1000000", "that one user may send out; 0: no limit"),
	LIMIT("recipients-per-day", "NUMBER", number, recipients_per_day,
	    "2000", "0", "10000000", "the same, of other domains")
};

const size_t conf_keyword_count =
    sizeof(conf_keywords) / sizeof(conf_keywords[0]);
