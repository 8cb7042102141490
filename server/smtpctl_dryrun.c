/*
 * The dry run: addresses are read here as a worker reads them, and travel as
 * what they mean.  Decided is it by the running smtpd or, where none runs and
 * a configuration is named, by the same code on that.
 */
#include "server/smtpctl_dryrun.h"

#include <arpa/inet.h>
#include <err.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/counters.h"
#include "server/dryrun.h"
#include "server/smtpctl_await.h"
#include "server/smtpctl_control.h"
#include "server/smtpctl_report.h"

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
	struct ipc_ask_mail	 ask;
	struct smtpctl_control	 control;
	struct smtpctl_report	 report;
};

/* An answer, whole. */
struct gathered {
	struct ipc_record	*records;
	size_t			 count;
	size_t			 room;
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
	struct ipc_tell_reply r;

	dryrun_reply(&none, reply, &r);
	smtpctl_report_reply(&q->report, &r);
}

/* ---- by the running smtpd ----------------------------------------------- */

static void
gather(void *arg, const struct ipc_record *r)
{
	struct gathered *g = arg;

	if (r == NULL) {
		g->count = 0;
		return;
	}
	if (g->count == g->room) {
		g->room = g->room == 0 ? 64 : g->room * 2;
		g->records = reallocarray(g->records, g->room,
		    sizeof(*g->records));
		if (g->records == NULL)
			err(smtpctl_exit_error, NULL);
	}
	g->records[g->count++] = *r;
}

/* A step, whose place is in the file that was told last. */
static void
take_step(struct question *q, const struct ipc_tell_step *t,
    const char *path)
{
	bool has_file = t->place == PLACE_FILE || t->place == PLACE_LINE;

	smtpctl_report_add(&q->report, t, has_file ? path : NULL);
}

static bool
take_about(struct question *q, const struct ipc_tell_about *t)
{
	snprintf(q->report.version, sizeof(q->report.version), "%s",
	    t->version);
	if (strcmp(t->version, SMTPD_VERSION) == 0 &&
	    t->counters == COUNTER_COUNT)
		return true;
	snprintf(q->control.problem, sizeof(q->control.problem), "smtpd is of "
	    "version %s, and this smtpctl of another (%s): restart smtpd",
	    t->version, SMTPD_VERSION);
	return false;
}

/* Shows the records; a reply to the client is followed by that to MAIL. */
static bool
take_all(struct question *q, const struct gathered *g)
{
	const char *path = "";

	for (size_t i = 0; i < g->count; i++) {
		const struct ipc_record *r = &g->records[i];
		const struct smtpctl_report_section *last =
		    &q->report.sections[q->report.count - 1];

		if (r->type == IPC_TELL_ABOUT &&
		    !take_about(q, &r->u.tell_about))
			return false;
		else if (r->type == IPC_TELL_PATH &&
		    r->u.tell_path.of == PATH_ROOT)
			memcpy(q->report.root, r->u.tell_path.path,
			    sizeof(q->report.root));
		else if (r->type == IPC_TELL_PATH)
			path = r->u.tell_path.path;
		else if (r->type == IPC_TELL_STEP)
			take_step(q, &r->u.tell_step, path);
		else if (r->type == IPC_TELL_REPLY) {
			bool next = last->kind == SECTION_CLIENT;

			smtpctl_report_reply(&q->report, &r->u.tell_reply);
			if (next)
				begin(q, SECTION_MAIL, "MAIL FROM:", q->from);
		}
	}
	q->report.cut = q->report.cut || q->control.cut;
	return true;
}

static bool
ask(struct question *q, const struct ipc_record *r)
{
	struct gathered g = { 0 };
	bool fine = smtpctl_control_ask(&q->control, r, gather, &g) &&
	    take_all(q, &g);

	free(g.records);
	return fine;
}

static bool
ask_mail(struct question *q)
{
	struct ipc_record r = { .type = IPC_ASK_MAIL,
	    .u.ask_mail = q->ask };

	if (q->client != NULL)
		begin(q, SECTION_CLIENT, "client ", q->client);
	else
		begin(q, SECTION_MAIL, "MAIL FROM:", q->from);
	return ask(q, &r);
}

static bool
ask_rcpts(struct question *q)
{
	uint32_t before = 0;

	for (size_t i = 0; i < q->to_count; i++) {
		struct ipc_record r = { .type = IPC_ASK_RCPT };

		begin_rcpt(q, i);
		if (!read_address(q->to[i], false, &r.u.ask_rcpt.to)) {
			refuse(q, REPLY_BAD_RCPT);
			continue;
		}
		r.u.ask_rcpt.before = before;
		if (!ask(q, &r))
			return false;
		before += q->report.sections[q->report.count - 1]
		    .reply.accepted;
	}
	return true;
}

/* ---- by the configuration alone ----------------------------------------- */

static void
on_step(void *arg, const struct ipc_tell_step *t, const char *path)
{
	struct question *q = arg;

	smtpctl_report_add(&q->report, t, path);
}

static void
judge_rcpts(struct question *q, const struct dryrun *e)
{
	struct ipc_tell_reply reply;
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

/* False when the configuration cannot be read, which is said. */
static bool
judge(struct question *q)
{
	struct conf conf;
	const struct dryrun e = { &conf, NULL, on_step, q };
	struct ipc_tell_reply reply;
	bool fine = conf_load(q->control.place.conf, &conf, stderr) == 0;

	if (fine) {
		snprintf(q->report.root, sizeof(q->report.root), "%s",
		    conf.root);
		if (q->client != NULL) {
			begin(q, SECTION_CLIENT, "client ", q->client);
			dryrun_client(&e, &reply);
			smtpctl_report_reply(&q->report, &reply);
		}
		begin(q, SECTION_MAIL, "MAIL FROM:", q->from);
		dryrun_mail(&e, &q->ask.mail, &reply);
		smtpctl_report_reply(&q->report, &reply);
		judge_rcpts(q, &e);
	}
	conf_free(&conf);
	return fine;
}

/* ---- the question ------------------------------------------------------- */

static bool
read_client(struct question *q)
{
	struct in6_addr ip6;
	struct in_addr ip4;

	if (q->client == NULL)
		return true;
	q->ask.has_client = 1;
	if (inet_pton(AF_INET, q->client, &ip4) == 1) {
		memcpy(q->ask.ip, &ip4, sizeof(ip4));
	} else if (inet_pton(AF_INET6, q->client, &ip6) == 1) {
		/* As accept(2) tells an IPv4 client of a listener for both. */
		q->ask.ipv6 = !IN6_IS_ADDR_V4MAPPED(&ip6);
		memcpy(q->ask.ip, q->ask.ipv6 ? ip6.s6_addr :
		    ip6.s6_addr + 12, q->ask.ipv6 ? 16 : 4);
	} else {
		warnx("--client %s: no IPv4 or IPv6 address", q->client);
		return false;
	}
	snprintf(q->report.client, sizeof(q->report.client), "%s",
	    q->client);
	return true;
}

static bool
read_size(struct question *q)
{
	if (q->size == NULL)
		return true;
	if (q->size[0] == '\0' || strlen(q->size) > digits_max ||
	    strspn(q->size, "0123456789") != strlen(q->size)) {
		warnx("--size %s: no number of octets", q->size);
		return false;
	}
	q->ask.mail.size = strtoull(q->size, NULL, 10);
	return true;
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
	struct ipc_mail *mail = &q->ask.mail;
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

	opterr = 0;
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
	return optind == argc && q->from != NULL && q->to_count > 0 &&
	    read_client(q) && read_size(q);
}

/* What smtpd says; where it says nothing, what its configuration does. */
static bool
answer(struct question *q)
{
	char client[sizeof(q->report.client)];

	q->report.asked = ASKED_SMTPD;
	if (ask_mail(q) && ask_rcpts(q))
		return true;
	smtpctl_control_close(&q->control);
	if (q->control.place.conf == NULL) {
		warnx("%s; with \"-f FILE\" that configuration alone is asked",
		    q->control.problem);
		return false;
	}
	warnx("%s", q->control.problem);
	memcpy(client, q->report.client, sizeof(client));
	smtpctl_report_clear(&q->report);
	memcpy(q->report.client, client, sizeof(client));
	q->report.asked = ASKED_CONF;
	return judge(q);
}

int
smtpctl_dryrun(int argc, char *argv[])
{
	static struct question q;
	char literal[80];
	int status;

	if (!read_arguments(&q, argc, argv))
		return -1;
	settle_helo(&q, literal);
	if (parse(&q) && !answer(&q))
		return smtpctl_exit_error;
	smtpctl_control_close(&q.control);
	if (q.json)
		smtpctl_report_json(&q.report);
	else
		smtpctl_report_print(&q.report);
	status = smtpctl_report_delivers(&q.report) ? 0 : 1;
	smtpctl_report_clear(&q.report);
	free(q.to);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return status;
}
