/*
 * The dry run.  Addresses are parsed here as a worker parses them, and judged
 * by smtpd.conf and the code that judges mail.  A running smtpd is asked what
 * only it knows about a client.
 */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "server/log/figure.h"
#include "server/mail/recipient_load.h"
#include "server/smtpctl/dryrun.h"
#include "server/smtpctl/smtpctl_conf.h"
#include "server/smtpctl/smtpctl_control.h"
#include "server/smtpctl/story.h"
#include "shared/ip.h"
#include "shared/ip.h"

enum { command_max_bytes = 700, digits_max = 18 };

/* The arguments, and the state of the dry run. */
struct question {
	const char		*from;
	const char		**to;
	size_t			 to_count;
	const char		*client;	/* NULL: not given */
	const char		*helo;		/* NULL: made from client */
	const char		*size;		/* NULL: not given */
	struct ipc_ask		 ask;		/* about the client */
	struct ipc_mail		 mail;
	struct smtpctl_control	 control;
	struct dryrun_live	 live;
	struct dryrun_room	 room;
	struct dryrun		 run;
	struct json_out		 json;		/* with --json */
	struct story		 story;
};

/* Reads an address with or without brackets. */
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
begin(struct question *q, const char *what, const char *verb,
    const char *text)
{
	char title[command_max_bytes];
	bool bare = strchr(verb, ':') != NULL && text[0] != '<';

	snprintf(title, sizeof(title), "%s%s%s%s", verb, bare ? "<" : "",
	    text, bare ? ">" : "");
	story_begin(&q->story, what, span_of(title));
}

/* An error that a worker finds without the master: no address, no name. */
static bool
refuse(struct question *q, enum smtp_reply answer)
{
	char reply[dryrun_reply_bytes];

	story_end(&q->story, dryrun_reply("", answer, reply), reply);
	return false;
}

/* Takes the number at the start of *rest. */
static bool
take_number(char **rest, uint64_t *out)
{
	char *begin = *rest;

	errno = 0;
	*out = strtoull(begin, rest, 10);
	return *rest != begin && errno == 0;
}

/* Asks the running smtpd.  False, after a warning: none answers. */
static bool
ask_live(struct question *q)
{
	char *text = smtpctl_control_ask(&q->control, &q->ask), *rest = text;
	bool fine = text != NULL &&
	    take_number(&rest, &q->live.refused_ms) &&
	    take_number(&rest, &q->live.here) &&
	    take_number(&rest, &q->live.near) &&
	    take_number(&rest, &q->live.all);

	if (!fine)
		warnx("%s", text == NULL ? q->control.problem :
		    "smtpd and smtpctl are of two versions: restart smtpd");
	free(text);
	return fine;
}

/* Free space of root or of mail, a file system of its own: the lesser. */
static bool
look_at_disk(const char *root, struct dryrun_room *out)
{
	struct statvfs v, mail;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/mail", root);
	if (statvfs(root, &v) == -1)
		return false;
	if (statvfs(path, &mail) == 0 && (uint64_t)mail.f_bavail *
	    mail.f_frsize < (uint64_t)v.f_bavail * v.f_frsize)
		v = mail;
	out->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	out->total_inodes = v.f_files;
	out->free_inodes = v.f_favail;
	return true;
}

static void
on_step(void *arg, const struct decision_step *step)
{
	const struct question *q = arg;

	story_step(&q->story, step);
}

/*
 * Parses what a worker would parse.  False, after printing the reply: the
 * client would get no further.
 */
static bool
parse(struct question *q)
{
	struct ipc_mail *mail = &q->mail;
	struct mailbox to;

	if (!smtp_helo_valid(span_of(q->helo))) {
		begin(q, "mail", "EHLO ", q->helo);
		return refuse(q, REPLY_ARGUMENT);
	}
	if (!read_address(q->from, true, &mail->from)) {
		begin(q, "mail", "MAIL FROM:", q->from);
		return refuse(q, REPLY_BAD_SENDER);
	}
	mail->smtputf8 = smtp_mailbox_is_utf8(&mail->from);
	for (size_t i = 0; i < q->to_count; i++)
		if (read_address(q->to[i], false, &to) &&
		    smtp_mailbox_is_utf8(&to))
			mail->smtputf8 = 1;
	return true;
}

/* Would the client get as far as its recipients? */
static bool
play_session(struct question *q)
{
	char reply[dryrun_reply_bytes];
	bool let_in = true, taken;

	if (q->client != NULL) {
		begin(q, "client", "client ", q->client);
		let_in = dryrun_client(&q->run, reply);
		story_end(&q->story, let_in, reply);
	}
	begin(q, "mail", "MAIL FROM:", q->from);
	taken = dryrun_mail(&q->run, &q->mail, reply);
	story_end(&q->story, taken, reply);
	return let_in && taken;
}

static void
play_rcpts(struct question *q)
{
	char reply[dryrun_reply_bytes];
	struct mailbox to;
	bool taken;

	for (size_t i = 0; i < q->to_count; i++) {
		begin(q, "rcpt", "RCPT TO:", q->to[i]);
		if (!read_address(q->to[i], false, &to)) {
			refuse(q, REPLY_BAD_RCPT);
			continue;
		}
		taken = dryrun_rcpt(&q->run, &to, reply);
		story_end(&q->story, taken, reply);
	}
}

static void
print_verdict(const struct question *q, bool got_there)
{
	size_t all = q->to_count, mailboxes = q->run.set.count;

	if (!got_there)
		printf("Not delivered: the client does not get as far as its "
		    "recipients.\n");
	else if (q->run.taken == 0)
		printf("Not delivered: no recipient is taken.\n");
	else if (q->run.taken < all)
		printf("Delivered in part: %zu of %zu recipients, %zu "
		    "mailbox%s.\n", (size_t)q->run.taken, all, mailboxes,
		    mailboxes == 1 ? "" : "es");
	else
		printf("Delivered: %zu recipient%s, %zu mailbox%s.\n", all,
		    figure_plural(all), mailboxes,
		    mailboxes == 1 ? "" : "es");
}

/* Would the message be delivered to all recipients? */
static bool
play(struct question *q, const char *conf, bool live)
{
	struct json_out *j = q->story.json;
	bool got_there, delivered;

	if (j == NULL)
		printf(live ? "What smtpd would do with it now, by %s:\n\n" :
		    "What smtpd would do with it, by %s alone:\n\n", conf);
	else {
		json_out_object(j, NULL);
		json_out_string(j, "asked", live ? "smtpd" : "configuration");
		json_out_string(j, "configuration", conf);
		json_out_array(j, "dialogue");
	}
	got_there = parse(q);
	if (got_there) {
		got_there = play_session(q);
		play_rcpts(q);
	}
	delivered = got_there && q->run.taken == q->to_count;
	if (j == NULL) {
		print_verdict(q, got_there);
		story_apart(&q->story);
		return delivered;
	}
	json_out_end(j);
	json_out_bool(j, "delivered", delivered);
	json_out_u64(j, "recipients", q->to_count);
	json_out_u64(j, "recipients_accepted", q->run.taken);
	json_out_u64(j, "mailboxes", q->run.set.count);
	json_out_end(j);
	return delivered;
}

/* ---- the question ------------------------------------------------------- */

static void
read_client(struct question *q)
{
	bool ipv6;

	if (q->client == NULL)
		return;
	if (!ip_parse(span_of(q->client), &ipv6, q->ask.ip))
		errx(smtpctl_exit_error, "--client %s: no IPv4 or IPv6 "
		    "address", q->client);
	/* A mapped address is an IPv4 client of a listener for both. */
	if (ipv6 && ip_is_mapped(q->ask.ip)) {
		memmove(q->ask.ip, q->ask.ip + 12, 4);
		memset(q->ask.ip + 4, 0, 12);
		ipv6 = false;
	}
	q->ask.ipv6 = ipv6;
	q->story.client = q->client;
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

/* The default of --helo: the client's address literal (RFC 5321 4.1.3). */
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
	/* Not every spelling that ip_parse accepts is RFC 5321's. */
	if (!smtp_helo_valid(span_of(literal)))
		q->helo = "localhost";
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
			q->story.json = &q->json;
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

int
smtpctl_dryrun(int argc, char *argv[])
{
	static struct question q = { .ask.what = QUESTION_CLIENT };
	static char literal[80];
	struct conf conf;
	const char *path;
	bool live, delivered;

	q.story.f = q.json.f = stdout;
	if (!read_arguments(&q, argc, argv))
		return -1;
	settle_helo(&q, literal);
	path = q.control.place.conf != NULL ? q.control.place.conf :
	    SMTPD_CONF;
	if (recipient_load(path, &conf, stderr) != 0)
		return smtpctl_exit_error;
	live = q.client != NULL && ask_live(&q);
	q.story.root = conf.root;
	q.run = (struct dryrun){ .conf = &conf, .live = live ? &q.live : NULL,
	    .room = look_at_disk(conf.root, &q.room) ? &q.room : NULL,
	    .watch = { on_step, &q } };
	delivered = play(&q, path, live);
	recipient_set_clear(&q.run.set);
	conf_free(&conf);
	free(q.to);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	return delivered ? 0 : 1;
}
