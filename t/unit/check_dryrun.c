/*
 * Dry runs: every step on the way to a decision with the line that is behind
 * it, the reply, and the words of each step.
 */
#include "server/mail/recipient_set.h"
#include "server/smtpctl/dryrun.h"
#include "server/smtpctl/story.h"
#include "t/unit/conf_case.h"

static const char two_domains[] = LISTEN
    "domain example.org {\nusers @/users\naliases @/aliases\n"
    "subaddress +\n}\n"
    "domain example.net {\nusers @/users2\ncatch-all carol\n}\n"
    "limits {\nrecipients 3\nmessage-size 1M\nper-address 5\n}\n";

static void
load(struct conf *conf)
{
	conf_case_file("c", two_domains);
	conf_case_file("users", "alice\nbob\n");
	conf_case_file("aliases", "info: alice, press+x\n\n"
	    "press: bob, carol@example.net\nall: info, alice, info\n");
	conf_case_file("users2", "# none\ncarol\n");
	ck_assert_msg(recipient_load("c", conf, stderr) == 0, "not loaded");
}

/* Steps as text: one a line, "DEPTH word who place a/b". */
struct seen {
	char	text[8000];
	size_t	n;
};

static const char *const words[STEP_COUNT] = {
#define STEP_WORD(name, word, refuses, text) [STEP_##name] = word,
	STEPS(STEP_WORD)
#undef STEP_WORD
};

static void
see(void *arg, const struct decision_step *t)
{
	struct seen *s = arg;
	FILE *f = fmemopen(s->text + s->n, sizeof(s->text) - s->n, "w");

	ck_assert_uint_lt(t->kind, STEP_COUNT);
	ck_assert(t->line == 0 || t->path != NULL);
	ck_assert(!t->is_default || t->path == NULL);
	fprintf(f, "%u %s", t->depth, words[t->kind]);
	if (t->domain != NULL)
		fprintf(f, " %.*s%s%s", (int)t->local.n, t->local.p,
		    t->local.n > 0 ? "@" : "", t->domain->name);
	if (t->path != NULL)
		fprintf(f, " %s", t->path);
	if (t->line != 0)
		fprintf(f, ":%u", t->line);
	if (t->is_default)
		fprintf(f, " default");
	if (t->a != 0 || t->b != 0)
		fprintf(f, " %llu/%llu", (unsigned long long)t->a,
		    (unsigned long long)t->b);
	fprintf(f, "\n");
	fclose(f);
	conf_case_normal(s->text);
	s->n = strlen(s->text);
}

static struct mailbox
address(const char *path)
{
	struct mailbox m;
	struct span rest;

	ck_assert_msg(smtp_parse_path(span_of(path), true, true, &m, &rest) ==
	    SYNTAX_OK, "%s", path);
	return m;
}

/* What a worker would be told must be what is explained. */
static void
expect_rcpt(const struct conf *conf, const char *path, const char *steps,
    const char *reply)
{
	struct seen seen = { .n = 0 };
	struct dryrun e = { .conf = conf, .watch = { see, &seen } };
	struct mailbox to = address(path);
	struct recipient_reason reason;
	struct recipient_set set = { 0 };
	char r[dryrun_reply_bytes];
	bool taken = dryrun_rcpt(&e, &to, r);

	ck_assert_str_eq(seen.text, steps);
	ck_assert_str_eq(r, reply);
	ck_assert_int_eq(taken, reply[0] == '2');
	ck_assert_int_eq(taken, recipient_expand(conf, &to, &set, &reason) ==
	    VERDICT_OK);
	ck_assert_uint_eq(e.set.count, set.count);
	recipient_set_clear(&e.set);
	recipient_set_clear(&set);
}

START_TEST(recipients)
{
	static const char ok[] = "250 2.1.5 recipient ok";
	struct conf conf;

	load(&conf);
	expect_rcpt(&conf, "<Alice@Example.ORG>",
	    "0 domain example.org c:2\n"
	    "0 user alice@example.org @/users:1\n"
	    "1 mailbox alice@example.org\n", ok);
	expect_rcpt(&conf, "<alice+x+y@example.org>",
	    "0 domain example.org c:2\n"
	    "0 subaddress alice@example.org c:5\n"
	    "0 user alice@example.org @/users:1\n"
	    "1 mailbox alice@example.org\n", ok);
	expect_rcpt(&conf, "<info@example.org>",
	    "0 domain example.org c:2\n"
	    "0 alias info@example.org @/aliases:1\n"
	    "1 user alice@example.org @/users:1\n"
	    "2 mailbox alice@example.org\n"
	    "1 subaddress press@example.org c:5\n"
	    "1 alias press@example.org @/aliases:3\n"
	    "2 user bob@example.org @/users:2\n"
	    "3 mailbox bob@example.org\n"
	    "2 domain example.net c:7\n"
	    "2 user carol@example.net @/users2:2\n"
	    "3 mailbox carol@example.net\n", ok);
	expect_rcpt(&conf, "<nobody@example.org>",
	    "0 domain example.org c:2\n"
	    "0 no-alias nobody@example.org @/aliases\n"
	    "0 no-user nobody@example.org @/users\n"
	    "0 no-catch-all example.org c:2\n",
	    "550 5.1.1 no such recipient here");
	expect_rcpt(&conf, "<nobody@example.net>",
	    "0 domain example.net c:7\n"
	    "0 no-alias nobody@example.net\n"
	    "0 no-user nobody@example.net @/users2\n"
	    "0 catch-all example.net c:9\n"
	    "0 user carol@example.net @/users2:2\n"
	    "1 mailbox carol@example.net\n", ok);
	expect_rcpt(&conf, "<x@example.com>", "0 foreign c\n",
	    "550 5.7.1 relaying denied");
	expect_rcpt(&conf, "<Postmaster>",
	    "0 first-domain example.org c:2\n"
	    "0 postmaster postmaster@example.org\n"
	    "1 mailbox postmaster@example.org\n", ok);
	conf_free(&conf);
}
END_TEST

START_TEST(reached_again)
{
	struct conf conf;

	load(&conf);
	expect_rcpt(&conf, "<all@example.org>",
	    "0 domain example.org c:2\n"
	    "0 alias all@example.org @/aliases:4\n"
	    "1 alias info@example.org @/aliases:1\n"
	    "2 user alice@example.org @/users:1\n"
	    "3 mailbox alice@example.org\n"
	    "2 subaddress press@example.org c:5\n"
	    "2 alias press@example.org @/aliases:3\n"
	    "3 user bob@example.org @/users:2\n"
	    "4 mailbox bob@example.org\n"
	    "3 domain example.net c:7\n"
	    "3 user carol@example.net @/users2:2\n"
	    "4 mailbox carol@example.net\n"
	    "1 user alice@example.org @/users:1\n"
	    "2 mailbox-again alice@example.org\n"
	    "1 again info@example.org @/aliases:1\n",
	    "250 2.1.5 recipient ok");
	conf_free(&conf);
}
END_TEST

/* As many as the message may have; a Maildir reached twice is one. */
START_TEST(too_many_recipients)
{
	struct mailbox to = address("<alice@example.org>");
	struct seen seen = { .n = 0 };
	char r[dryrun_reply_bytes];
	struct conf conf;
	struct dryrun e = { .conf = &conf, .watch = { see, &seen } };

	load(&conf);
	for (int i = 0; i < 3; i++)
		ck_assert(dryrun_rcpt(&e, &to, r));
	ck_assert_uint_eq(e.taken, 3);
	ck_assert_uint_eq(e.set.count, 1);
	seen = (struct seen){ .n = 0 };
	ck_assert(!dryrun_rcpt(&e, &to, r));
	ck_assert_str_eq(r, "452 4.5.3 too many recipients");
	ck_assert_str_eq(seen.text, "0 recipients-full c:12 3/3\n");
	recipient_set_clear(&e.set);
	conf_free(&conf);
}
END_TEST

static void
expect_mail(const struct conf *conf, const struct dryrun_live *live,
    const struct dryrun_room *room, uint64_t size, const char *steps,
    const char *reply)
{
	struct seen seen = { .n = 0 };
	const struct dryrun e = { .conf = conf, .live = live, .room = room,
	    .watch = { see, &seen } };
	struct ipc_mail mail = { .size = size };
	char r[dryrun_reply_bytes];

	ck_assert_int_eq(dryrun_mail(&e, &mail, r), reply[0] == '2');
	ck_assert_str_eq(seen.text, steps);
	ck_assert_str_eq(r, reply);
}

START_TEST(senders)
{
	static const char ok[] = "250 2.1.0 sender ok";
	static const char full[] =
	    "452 4.3.1 not enough disk space, try later";
	const struct dryrun_live live = { .near = 0 };
	struct dryrun_room room = { 1500, 100, 10 };
	struct conf conf;

	load(&conf);
	conf.limits.disk_reserve_bytes = 1000;
	conf.limits.inode_reserve = 10;
	expect_mail(&conf, NULL, NULL, 0, "0 any-sender\n"
	    "0 no-size c:13 0/1048576\n0 only-live-disk\n", ok);
	expect_mail(&conf, NULL, NULL, 1048576, "0 any-sender\n"
	    "0 size c:13 1048576/1048576\n0 only-live-disk\n", ok);
	expect_mail(&conf, NULL, NULL, 1048577, "0 any-sender\n"
	    "0 too-big c:13 1048577/1048576\n0 only-live-disk\n",
	    "552 5.3.4 message larger than this server takes");
	expect_mail(&conf, &live, &room, 500, "0 any-sender\n"
	    "0 size c:13 500/1048576\n0 room default 1500/1000\n"
	    "0 inodes default 10/10\n", ok);
	expect_mail(&conf, &live, &room, 501, "0 any-sender\n"
	    "0 size c:13 501/1048576\n0 no-room default 1500/1000\n"
	    "0 inodes default 10/10\n", full);
	room.free_inodes = 9;
	expect_mail(&conf, &live, &room, 500, "0 any-sender\n"
	    "0 size c:13 500/1048576\n0 room default 1500/1000\n"
	    "0 no-inodes default 9/10\n", full);
	room.total_inodes = 0;
	expect_mail(&conf, &live, &room, 500, "0 any-sender\n"
	    "0 size c:13 500/1048576\n0 room default 1500/1000\n", ok);
	expect_mail(&conf, &live, NULL, 0, "0 any-sender\n"
	    "0 no-size c:13 0/1048576\n0 no-disk\n", full);
	conf_free(&conf);
}
END_TEST

static void
expect_client(const struct conf *conf, const struct dryrun_live *live,
    const char *steps, const char *code, const char *text)
{
	struct seen seen = { .n = 0 };
	const struct dryrun e = { .conf = conf, .live = live,
	    .watch = { see, &seen } };
	char want[400], r[dryrun_reply_bytes];

	ck_assert_int_eq(dryrun_client(&e, r), code[0] == '2');
	ck_assert_str_eq(seen.text, steps);
	snprintf(want, sizeof(want), "%s %s %s", code, conf->hostname, text);
	ck_assert_str_eq(r, want);
}

START_TEST(clients)
{
	struct dryrun_live live = { .all = 7 };
	struct conf conf;

	load(&conf);
	conf.limits.per_network = 60;
	expect_client(&conf, NULL, "0 only-live\n", "220", "ESMTP smtpd");
	conf.limits.greeting_wait_s = 3;
	expect_client(&conf, NULL, "0 only-live\n0 greeting-wait default 3/0\n",
	    "220", "ESMTP smtpd");
	conf.limits.greeting_wait_s = 0;
	live.here = 4;
	live.near = 59;
	expect_client(&conf, &live, "0 not-refused\n"
	    "0 sessions-here c:14 4/5\n0 sessions-near default 59/60\n"
	    "0 sessions-all default 7/200\n",
	    "220", "ESMTP smtpd");
	live.near = 60;
	expect_client(&conf, &live, "0 not-refused\n"
	    "0 sessions-here c:14 4/5\n0 too-many-near default 60/60\n"
	    "0 sessions-all default 7/200\n",
	    "421 4.7.0", "too many sessions from your network");
	live.here = 5;
	live.all = 200;
	expect_client(&conf, &live, "0 not-refused\n"
	    "0 too-many-sessions c:14 5/5\n0 too-many-near default 60/60\n"
	    "0 all-busy default 200/200\n",
	    "421 4.7.0", "too many sessions from you");
	live.refused_ms = 9000;
	expect_client(&conf, &live, "0 refused 9000/0\n",
	    "421 4.7.0", "refused for a while");
	conf_free(&conf);
}
END_TEST

/* Each has a text, other than another's, and none acts on a terminal. */
START_TEST(texts)
{
	static char told[STEP_COUNT][1000];
	static char name[] = "example.org";
	const struct conf_domain domain = { .name = name };
	struct decision_step t = { .local = span_of("a b\033"),
	    .domain = &domain, .path = "/c\n", .a = 2, .b = 3 };

	for (uint32_t i = 0; i < STEP_COUNT; i++) {
		FILE *f = fmemopen(told[i], sizeof(told[i]), "w");
		const struct story s = { .f = f, .root = "/r\033[2J",
		    .client = "192.0.2.1" };

		t.kind = i;
		story_step(&s, &t);
		fclose(f);
		ck_assert(strlen(told[i]) > 10);
		for (const char *p = told[i]; p[1] != '\0'; p++)
			ck_assert_int_ge(*p, ' ');
		for (uint32_t k = 0; k < i; k++) {
			ck_assert_str_ne(told[i], told[k]);
			ck_assert_str_ne(words[i], words[k]);
		}
		ck_assert_uint_eq(story_kind(span_of(words[i])), i);
	}
	ck_assert_uint_eq(story_kind(span_of("nonsense")), STEP_COUNT);
	ck_assert_str_eq(told[STEP_USER], "        a b\\x1b@example.org is a "
	    "user             /c\\x0a\n");
	ck_assert(strstr(told[STEP_MAILBOX],
	    "stored in /r\\x1b[2J/mail/example.org/a b") != NULL);
}
END_TEST

/* A log that somebody has changed has steps that smtpd never writes there. */
START_TEST(steps_of_a_stranger)
{
	char told[1000];

	for (uint32_t i = 0; i <= STEP_COUNT; i++) {
		FILE *f = fmemopen(told, sizeof(told), "w");
		struct json_out j = { .f = f };
		const struct story text = { .f = f, .root = "/r" };
		const struct story json = { .f = f, .root = "/r", .json = &j };
		const struct decision_step t = { .kind = i,
		    .local = span_of("x"), .path = "/nonexistent",
		    .line = 4000000000 };

		story_step(&text, &t);
		json_out_array(&j, NULL);
		story_step(&json, &t);
		json_out_end(&j);
		fclose(f);
		ck_assert(strlen(told) > 10);
	}
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { recipients, reached_again,
	    too_many_recipients, senders, clients, texts,
	    steps_of_a_stranger };

	return conf_case_main("dryrun", tests, COUNT(tests));
}
