/*
 * The dry run, by the code that resolves recipients of mail, and its replies.
 * Decisions of admit.c and worker/smtp_cmd.c (the size) are repeated here, and
 * a test compares them with the replies that a client reads.
 */
#include "server/smtpctl/smtpctl.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_warn.h"
#include "server/log/figure.h"
#include "server/mail/recipient.h"

enum {
	path_max_bytes = 700,
	domains_max = 16,
	route_patience_s = 30		/* name servers may be slow */
};

struct question {
	const struct smtpctl_line *l;
	char			 user[2 * smtp_mailbox_text_max_bytes];
	unsigned		 relay_line;	/* lets the client send out */
	uint64_t		 leaving;	/* recipients elsewhere */
	/* Domains of the first of them, each once. */
	char			 domains[domains_max][ipc_match_bytes];
	size_t			 domain_count;
	struct ipc_ask		 ask;		/* about the client */
	struct ipc_mail		 mail;
	struct smtpctl_control	 control;
	struct conf		 conf;
	struct recipient_set	 set;		/* mailboxes reached */
	uint64_t		 taken;		/* accepted recipients */
	struct story		 story;
	/* What the running smtpd knows about the client. */
	bool			 is_live;
	uint64_t		 refused_ms;	/* until it may return; or 0 */
	uint64_t		 here;		/* sessions of the client */
	uint64_t		 near;		/* sessions of its network */
	uint64_t		 all;		/* sessions */
};

static void
begin(const struct question *q, const char *what, const char *verb,
    const char *text)
{
	bool bare = strchr(verb, ':') != NULL && text[0] != '<';

	story_begin(&q->story, what, bare ? "%s<%s>" : "%s%s", verb, text);
}

static bool
end(const struct question *q, enum smtp_reply reply)
{
	return story_end_reply(&q->story, q->conf.hostname, reply);
}

static void
tell(const struct question *q, enum decision_kind kind, uint64_t a)
{
	story_step(&q->story, &(struct decision_step){ .kind = kind, .a = a });
}

/* A step that a keyword of the limits block decided; returns fine. */
static bool
tell_limit(const struct question *q, const char *limit, bool fine,
    enum decision_kind kind, uint64_t a, uint64_t b)
{
	unsigned line = conf_line_of(&q->conf.sets, limit);

	story_step(&q->story, &(struct decision_step){ .kind = kind,
	    .path = line == 0 ? NULL : q->conf.path, .line = line,
	    .is_default = line == 0, .refuses = !fine, .a = a, .b = b });
	return fine;
}

/* Would the client be let in?  Sessions are counted as by admit.c. */
static bool
play_client(const struct question *q)
{
	const struct conf_limits *l = &q->conf.limits;
	bool here, near;

	begin(q, "client", "client ", q->story.client);
	if (q->refused_ms > 0) {
		tell(q, STEP_REFUSED, q->refused_ms);
		return end(q, REPLY_A_WHILE);
	}
	tell(q, q->is_live ? STEP_NOT_REFUSED : STEP_ONLY_LIVE, 0);
	if (q->is_live) {
		here = tell_limit(q, "per-address", q->here < l->per_address,
		    STEP_SESSIONS_HERE, q->here, l->per_address);
		near = tell_limit(q, "per-network", q->near < l->per_network,
		    STEP_SESSIONS_NEAR, q->near, l->per_network);
		tell_limit(q, "workers", true, q->all < l->workers ?
		    STEP_SESSIONS_ALL : STEP_ALL_BUSY, q->all, l->workers);
		if (!here || !near)
			return end(q, here ? REPLY_NETWORK_FULL :
			    REPLY_HOST_FULL);
	}
	if (l->greeting_wait_s > 0)
		tell_limit(q, "greeting-wait", true, STEP_GREETING_WAIT,
		    l->greeting_wait_s, 0);
	return end(q, REPLY_GREETING);
}

/* Is there space for the message?  Yes, where the disk cannot be asked. */
static bool
has_room(const struct question *q)
{
	const struct conf_limits *l = &q->conf.limits;
	struct statvfs root, mail;
	struct conf_room room;
	bool fine;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/mail", q->conf.root);
	if (statvfs(q->conf.root, &root) == -1) {
		tell(q, STEP_NO_DISK, 0);
		return true;
	}
	if (statvfs(path, &mail) == -1)
		mail = root;
	conf_room_of(&root, &mail, &room);
	fine = tell_limit(q, "disk-reserve", conf_has_octets(&room, l,
	    q->mail.size), STEP_ROOM, room.free_bytes, l->disk_reserve_bytes);
	if (room.total_inodes != 0)
		fine &= tell_limit(q, "inode-reserve", conf_has_inodes(&room,
		    l), STEP_INODES, room.free_inodes, l->inode_reserve);
	return fine;
}

static bool
play_mail(const struct question *q)
{
	uint64_t size = q->mail.size, max = q->conf.limits.message_size_bytes;
	bool room, own;

	begin(q, "mail", "MAIL FROM:", q->l->set[OPTION_FROM]);
	if (q->user[0] == '\0' || smtp_mailbox_is_null(&q->mail.from)) {
		tell(q, STEP_ANY_SENDER, 0);
	} else {
		own = recipient_is_of(&q->conf, q->user, &q->mail.from);
		story_step(&q->story, &(struct decision_step){ .kind = own ?
		    STEP_OWN_SENDER : STEP_NOT_OWN_SENDER,
		    .local = span_of(q->user) });
		if (!own)
			return end(q, REPLY_NOT_YOURS);
	}
	if (q->mail.smtputf8)
		tell(q, STEP_UTF8, 0);
	tell_limit(q, "message-size", size <= max, size == 0 ? STEP_NO_SIZE :
	    STEP_SIZE, size, max);
	/* Of strangers RCPT says it. */
	room = q->user[0] == '\0' || has_room(q);
	return end(q, size > max ? REPLY_TOO_BIG : smtp_reply_of(room ?
	    VERDICT_OK : VERDICT_DISK_FULL, REPLY_SENDER_OK));
}

/* ---- the dialogue ------------------------------------------------------- */

static bool
read_address(const char *text, bool is_sender, struct mailbox *out)
{
	char path[path_max_bytes];
	struct span rest;
	int n = snprintf(path, sizeof(path), "%s%s%s",
	    text[0] == '<' ? "" : "<", text, text[0] == '<' ? "" : ">");

	return n > 0 && n < (int)sizeof(path) &&
	    smtp_parse_path(span_of(path), is_sender, !is_sender, out,
	    &rest) == SYNTAX_OK && rest.n == 0;
}

static void
on_step(void *arg, const struct decision_step *step)
{
	story_step(arg, step);
}

static void
note_domain(struct question *q, const struct mailbox *to)
{
	struct span domain = span_from(to->domain, to->domain_len);
	size_t i = 0;

	while (i < q->domain_count &&
	    !span_equal(domain, span_of(q->domains[i])))
		i++;
	if (i < q->domain_count || i == domains_max)
		return;
	memcpy(q->domains[i], domain.p, domain.n);
	q->domain_count++;
}

static void
play_rcpt(struct question *q, const char *text)
{
	const struct recipient_watch watch = { on_step, &q->story };
	uint64_t max = q->conf.limits.recipients;
	enum smtp_reply reply = REPLY_BAD_RCPT;
	struct recipient_reason reason = { .path = NULL };
	struct mailbox to;

	begin(q, "rcpt", "RCPT TO:", text);
	if (read_address(text, false, &to)) {
		reply = REPLY_TOO_MANY_RCPTS;
		if (q->user[0] == '\0' && q->taken == 0 && !has_room(q))
			reply = smtp_reply_of(VERDICT_DISK_FULL, REPLY_TROUBLE);
		else if (q->taken >= max)
			tell_limit(q, "recipients", false, STEP_RCPTS_FULL,
			    q->taken, max);
		else if (recipient_leaves(&q->conf, &to, q->relay_line,
		    &reason, &watch)) {
			reply = REPLY_RCPT_OK;
			q->leaving++;
			note_domain(q, &to);
		} else
			reply = smtp_reply_of(recipient_expand(&q->conf, &to,
			    &q->set, &reason, &watch), REPLY_RCPT_OK);
	}
	q->taken += end(q, reply);
}

/* Plays the dialogue.  False: the client would get no further than to MAIL. */
static bool
play_dialogue(struct question *q)
{
	const char *helo = q->l->set[OPTION_HELO];
	const char *from = q->l->set[OPTION_FROM];
	struct ipc_mail *mail = &q->mail;
	bool let_in, taken;
	struct mailbox to;

	if (helo != NULL && !smtp_helo_valid(span_of(helo))) {
		begin(q, "mail", "EHLO ", helo);
		return end(q, REPLY_ARGUMENT);
	}
	if (!read_address(from, true, &mail->from)) {
		begin(q, "mail", "MAIL FROM:", from);
		return end(q, REPLY_BAD_SENDER);
	}
	mail->smtputf8 = smtp_mailbox_is_utf8(&mail->from);
	for (size_t i = 0; i < q->l->to_count; i++)
		if (read_address(q->l->to[i], false, &to) &&
		    smtp_mailbox_is_utf8(&to))
			mail->smtputf8 = 1;
	let_in = q->story.client == NULL || play_client(q);
	taken = play_mail(q);
	for (size_t i = 0; i < q->l->to_count; i++)
		play_rcpt(q, q->l->to[i]);
	return let_in && taken;
}

/* The way that mail would take now, as the running server sees it. */
static void
tell_routes(struct question *q)
{
	struct json_out *j = q->story.json;

	q->control.quiet = true;
	q->control.patience_s = route_patience_s;
	json_out_array(j, "routes");
	for (size_t i = 0; i < q->domain_count; i++) {
		struct ipc_ask ask = { .what = QUESTION_ROUTE };
		char *text;

		memcpy(ask.site, q->domains[i], sizeof(ask.site));
		fprintf(q->story.f, "\nThe way to %s now:\n",
		    story_shown(span_of(q->domains[i])));
		text = smtpctl_control_ask(&q->control, &ask);
		json_out_object(j, NULL);
		json_out_string(j, "domain", q->domains[i]);
		json_out_string(j, "text", text == NULL ? "" : text);
		json_out_end(j);
		if (text == NULL)
			fputs("only a running smtpd knows it\n", q->story.f);
		else if (j->f == NULL)
			smtpctl_print(span_of(text));
		free(text);
	}
	json_out_end(j);
}

static bool
play(struct question *q)
{
	struct json_out *j = q->story.json;
	const char *conf = q->conf.path, *es;
	size_t all = q->l->to_count, mailboxes;
	FILE *f = q->story.f;
	bool got_there, delivered;
	char leaving[64];

	fprintf(f, "What smtpd would do with it%s, by %s%s:\n\n",
	    q->is_live ? " now" : "", conf, q->is_live ? "" : " alone");
	json_out_object(j, NULL);
	json_out_string(j, "asked", q->is_live ? "smtpd" : "configuration");
	json_out_string(j, "configuration", conf);
	json_out_array(j, "dialogue");
	got_there = play_dialogue(q);
	delivered = got_there && q->taken == all;
	mailboxes = q->set.count;
	es = mailboxes == 1 ? "" : "es";
	snprintf(leaving, sizeof(leaving), "; %zu of the recipients elsewhere",
	    (size_t)q->leaving);
	if (q->leaving == 0)
		leaving[0] = '\0';
	if (!got_there)
		fputs("Not delivered: the client does not get as far as its "
		    "recipients.\n", f);
	else if (q->taken == 0)
		fputs("Not delivered: no recipient is taken.\n", f);
	else if (delivered)
		fprintf(f, "Delivered: %zu recipient%s, %zu mailbox%s%s.\n",
		    all, figure_plural(all), mailboxes, es, leaving);
	else
		fprintf(f, "Delivered in part: %zu of %zu recipients, %zu "
		    "mailbox%s%s.\n", (size_t)q->taken, all, mailboxes, es,
		    leaving);
	story_apart(&q->story);
	json_out_end(j);
	tell_routes(q);
	json_out_bool(j, "delivered", delivered);
	json_out_u64(j, "recipients", all);
	json_out_u64(j, "recipients_accepted", q->taken);
	json_out_u64(j, "recipients_elsewhere", q->leaving);
	json_out_u64(j, "mailboxes", mailboxes);
	json_out_end(j);
	return delivered;
}

static void
ask_live(struct question *q)
{
	uint64_t *const facts[] = { &q->refused_ms, &q->here, &q->near,
	    &q->all };
	char *text = smtpctl_control_ask(&q->control, &q->ask), *rest = text;

	q->is_live = text != NULL;
	for (size_t i = 0; q->is_live && i < 4; i++) {
		const char *from = rest;

		errno = 0;
		*facts[i] = strtoull(from, &rest, 10);
		q->is_live = rest != from && errno == 0;
	}
	if (text != NULL && !q->is_live)
		warnx("smtpd and smtpctl are of two versions: restart smtpd");
	free(text);
}

static void
read_client(struct question *q)
{
	if (!ip_parse(span_of(q->story.client), &q->ask.ip))
		errx(smtpctl_exit_error, "--client %s: no IPv4 or IPv6 "
		    "address", q->story.client);
	/* A mapped address is an IPv4 client of a listener for both. */
	q->ask.ip = ip_from(q->ask.ip.ipv6, q->ask.ip.ip);
}

/* Who has logged in, and may send mail out, by the configuration. */
static void
settle_who(struct question *q)
{
	const char *login = q->l->set[OPTION_USER];
	struct destination to = { .domain = NULL };
	struct mailbox m;

	if (login != NULL && q->conf.domain_count > 0 &&
	    smtp_mailbox_from_text(span_of(login), &m))
		to = recipient_find_target(&q->conf, &q->conf.domains[0], &m,
		    NULL);
	if (login != NULL && to.kind != RECIPIENT_USER)
		errx(smtpctl_exit_error, "--user %s: no such user", login);
	if (login != NULL)
		snprintf(q->user, sizeof(q->user), "%s@%s", to.entry->name,
		    to.domain->name);
	q->relay_line = conf_relay_permits(&q->conf, q->user, &q->ask.ip);
}

static void
read_arguments(struct question *q, const struct smtpctl_line *l)
{
	q->l = l;
	q->story.client = l->set[OPTION_CLIENT];
	q->control.conf = l->set['f'];
	q->control.socket = l->set['s'];
	if (l->set[OPTION_FROM] == NULL || l->to_count == 0)
		errx(smtpctl_exit_error, "explain: --%s ADDRESS is missing",
		    l->set[OPTION_FROM] == NULL ? "from" : "to");
	if (l->set[OPTION_SIZE] != NULL)
		q->mail.size = (uint64_t)smtpctl_number("--size",
		    l->set[OPTION_SIZE], 0, INT64_MAX);
	if (q->story.client != NULL)
		read_client(q);
}

int
smtpctl_dryrun(const struct smtpctl_line *l)
{
	static struct question q = { .ask.what = QUESTION_CLIENT };
	bool delivered;

	read_arguments(&q, l);
	if (recipient_load(q.control.conf == NULL ? SMTPD_CONF :
	    q.control.conf, &q.conf, stderr) != 0)
		return smtpctl_exit_error;
	settle_who(&q);
	if (q.story.client != NULL)
		ask_live(&q);
	story_start(&q.story, l->set['j'] != NULL);
	q.story.root = q.conf.root;
	delivered = play(&q);
	recipient_set_clear(&q.set);
	conf_free(&q.conf);
	return delivered ? 0 : 1;
}
