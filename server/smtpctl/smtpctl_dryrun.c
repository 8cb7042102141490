/*
 * The dry run: addresses are read here as a worker reads them, and decided is
 * by smtpd.conf and the code that decides for mail.  What only a running smtpd
 * knows of a client, that is asked.
 */
#include "server/smtpctl/explain.h"
#include "server/smtpctl/smtpctl_dryrun.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/mail/recipient_load.h"
#include "server/smtpctl/dryrun.h"
#include "server/smtpctl/smtpctl_await.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "server/smtpctl/smtpctl_control.h"
#include "server/smtpctl/smtpctl_report.h"

enum { command_max_bytes = 700, digits_max = 18 };

/* What is asked. */
struct question {
	const char		*from;
	const char		**to;
	size_t			 to_count;
	const char		*client;	/* NULL: not told */
	const char		*helo;		/* NULL: by its address */
	const char		*size;		/* NULL: not told */
	bool			 json;
	struct ipc_ask		 ask;		/* for the client */
	struct ipc_mail		 mail;
	struct smtpctl_control	 control;
	struct dryrun_live	 live;
	struct spool_room	 room;
	struct smtpctl_report	 report;
};

/* Of the text of an address, with its brackets or without. */
static bool
read_address(const char *text, bool is_sender, struct mailbox *out)
{
	char path[command_max_bytes];
	struct span rest;
	int n = snprintf(path, sizeof(path), "%s%s%s",
	    text[0] == '<' ? "" : "<", text, text[0] == '<' ? "" : ">");

	return n > 0 && n < (int)sizeof(path) &&
	    smtp_parse_path(span_of(path), is_sender, !is_sender, out,
	    &rest) == SYNTAX_OK && rest.n == 0;
}

static void
begin(struct question *q, enum smtpctl_section kind, const char *verb,
    const char *text)
{
	char title[command_max_bytes];
	bool bare = strchr(verb, ':') != NULL && text[0] != '<';

	snprintf(title, sizeof(title), "%s%s%s%s", verb, bare ? "<" : "",
	    text, bare ? ">" : "");
	smtpctl_report_begin(&q->report, kind, span_of(title));
}

static void
begin_rcpt(struct question *q, size_t i)
{
	begin(q, SECTION_RCPT, "RCPT TO:", q->to[i]);
}

/* What a worker answers itself: it is no address, no name. */
static void
refuse(struct question *q, enum smtp_reply reply)
{
	static char nobody[] = "";
	const struct conf none = { .hostname = nobody };
	struct dryrun_reply r;

	dryrun_reply(&none, reply, &r);
	smtpctl_report_reply(&q->report, &r);
}

/* Moves *rest behind the number that it begins with. */
static bool
take_number(char **rest, uint64_t *out)
{
	char *begin = *rest;

	errno = 0;
	*out = strtoull(begin, rest, 10);
	return *rest != begin && errno == 0;
}

/* Of the running smtpd.  False: there is none, which is said. */
static bool
ask_live(struct question *q)
{
	char *text = smtpctl_control_ask(&q->control, &q->ask), *rest = text;
	bool fine = text != NULL &&
	    take_number(&rest, &q->live.here.refused_ms) &&
	    take_number(&rest, &q->live.here.sessions) &&
	    take_number(&rest, &q->live.near) &&
	    take_number(&rest, &q->live.sessions);

	if (!fine)
		warnx("%s", text == NULL ? q->control.problem :
		    "smtpd and smtpctl are of two versions: restart smtpd");
	free(text);
	return fine;
}

/* What is free on the disk of root. */
static bool
look_at_disk(const char *root, struct spool_room *out)
{
	struct spool s = { .incoming = open(root, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC) };
	bool fine = s.incoming != -1 && spool_room(&s, out);

	if (s.incoming != -1)
		close(s.incoming);
	return fine;
}

static void
on_step(void *arg, const struct decision_step *t, const char *path)
{
	struct question *q = arg;

	smtpctl_report_add(&q->report, t, path);
}

static void
judge_rcpts(struct question *q, const struct dryrun *e)
{
	struct dryrun_reply reply;
	uint64_t before = 0;
	struct mailbox to;

	for (size_t i = 0; i < q->to_count; i++) {
		begin_rcpt(q, i);
		if (!read_address(q->to[i], false, &to)) {
			refuse(q, REPLY_BAD_RCPT);
			continue;
		}
		dryrun_rcpt(e, &to, before, &reply);
		smtpctl_report_reply(&q->report, &reply);
		before += reply.accepted;
	}
}

static void
judge(struct question *q, const struct conf *conf)
{
	const struct dryrun e = { conf, q->report.live ? &q->live : NULL,
	    look_at_disk(conf->root, &q->room) ? &q->room : NULL, on_step, q };
	struct dryrun_reply reply;

	if (q->client != NULL) {
		begin(q, SECTION_CLIENT, "client ", q->client);
		dryrun_client(&e, &reply);
		smtpctl_report_reply(&q->report, &reply);
	}
	begin(q, SECTION_MAIL, "MAIL FROM:", q->from);
	dryrun_mail(&e, &q->mail, &reply);
	smtpctl_report_reply(&q->report, &reply);
	judge_rcpts(q, &e);
}

/* ---- the question ------------------------------------------------------- */

static void
read_client(struct question *q)
{
	struct in6_addr ip6;
	struct in_addr ip4;

	if (q->client == NULL)
		return;
	if (inet_pton(AF_INET, q->client, &ip4) == 1) {
		memcpy(q->ask.ip, &ip4, sizeof(ip4));
	} else if (inet_pton(AF_INET6, q->client, &ip6) == 1) {
		/* As accept(2) tells an IPv4 client of a listener for both. */
		q->ask.ipv6 = !IN6_IS_ADDR_V4MAPPED(&ip6);
		memcpy(q->ask.ip, q->ask.ipv6 ? ip6.s6_addr :
		    ip6.s6_addr + 12, q->ask.ipv6 ? 16 : 4);
	} else
		errx(smtpctl_exit_error, "--client %s: no IPv4 or IPv6 "
		    "address", q->client);
	snprintf(q->report.client, sizeof(q->report.client), "%s",
	    q->client);
}

static void
read_size(struct question *q)
{
	if (q->size == NULL)
		return;
	if (q->size[0] == '\0' || strlen(q->size) > digits_max ||
	    strspn(q->size, "0123456789") != strlen(q->size))
		errx(smtpctl_exit_error, "--size %s: no number of octets",
		    q->size);
	q->mail.size = strtoull(q->size, NULL, 10);
}

/* An address literal says no more than where it comes from (RFC 5321 4.1.3). */
static void
settle_helo(struct question *q, char literal[80])
{
	if (q->helo != NULL)
		return;
	if (q->client == NULL)
		snprintf(literal, 80, "localhost");
	else
		snprintf(literal, 80, "[%s%.60s]", strchr(q->client, ':') ==
		    NULL ? "" : "IPv6:", q->client);
	q->helo = literal;
	/* The kernel's words for an address may not be RFC 5321's. */
	if (!smtp_helo_valid(span_of(literal)))
		q->helo = "localhost";
}

/*
 * Reads what a worker would read.  False: a client would get no further, and
 * that is in the report.
 */
static bool
parse(struct question *q)
{
	struct ipc_mail *mail = &q->mail;
	struct mailbox to;

	if (!smtp_helo_valid(span_of(q->helo))) {
		begin(q, SECTION_MAIL, "EHLO ", q->helo);
		refuse(q, REPLY_ARGUMENT);
		return false;
	}
	mail->esmtp = 1;
	mail->helo_len = (uint8_t)strlen(q->helo);
	memcpy(mail->helo, q->helo, mail->helo_len);
	if (!read_address(q->from, true, &mail->from)) {
		begin(q, SECTION_MAIL, "MAIL FROM:", q->from);
		refuse(q, REPLY_BAD_SENDER);
		return false;
	}
	mail->smtputf8 = smtp_mailbox_is_utf8(&mail->from);
	for (size_t i = 0; i < q->to_count; i++)
		if (read_address(q->to[i], false, &to) &&
		    smtp_mailbox_is_utf8(&to))
			mail->smtputf8 = 1;
	return true;
}

static bool
read_arguments(struct question *q, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "client", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, 'F' },
		{ "helo", required_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "size", required_argument, NULL, 'S' },
		{ "to", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	int opt;

	q->to = calloc((size_t)argc, sizeof(*q->to));
	if (q->to == NULL)
		err(smtpctl_exit_error, NULL);
	while ((opt = getopt_long(argc, argv, "f:js:", longs, NULL)) != -1)
		if (opt == 'c')
			q->client = optarg;
		else if (opt == 'F')
			q->from = optarg;
		else if (opt == 'h')
			q->helo = optarg;
		else if (opt == 'j')
			q->json = true;
		else if (opt == 'S')
			q->size = optarg;
		else if (opt == 't')
			q->to[q->to_count++] = optarg;
		else if (opt == 'f')
			q->control.place.conf = optarg;
		else if (opt == 's')
			q->control.place.socket = optarg;
		else
			return false;
	if (optind < argc)
		return false;
	if (q->from == NULL || q->to_count == 0)
		errx(smtpctl_exit_error, "explain: --%s ADDRESS is missing",
		    q->from == NULL ? "from" : "to");
	read_client(q);
	read_size(q);
	return true;
}

static void
show(struct question *q)
{
	if (q->json) {
		smtpctl_report_json(&q->report);
	} else {
		smtpctl_report_print(&q->report);
		explain_apart(q->report.root, stdout);
	}
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
}

int
smtpctl_dryrun(int argc, char *argv[])
{
	static struct question q = { .ask.what = QUESTION_CLIENT };
	struct conf conf;
	static char literal[80];
	int status;

	if (!read_arguments(&q, argc, argv))
		return -1;
	settle_helo(&q, literal);
	q.report.conf = q.control.place.conf != NULL ?
	    q.control.place.conf : SMTPD_CONF;
	if (recipient_load(q.report.conf, &conf, stderr) != 0)
		return smtpctl_exit_error;
	q.report.root = conf.root;
	q.report.live = q.client != NULL && ask_live(&q);
	if (parse(&q))
		judge(&q, &conf);
	show(&q);
	status = smtpctl_report_delivers(&q.report) ? 0 : 1;
	smtpctl_report_clear(&q.report);
	conf_free(&conf);
	free(q.to);
	return status;
}
