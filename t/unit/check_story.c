/*
 * Every step on the way to a decision with the line that is behind it, and the
 * words of each step.
 */
#include "server/mail/recipient.h"
#include "server/smtpctl/smtpctl.h"
#include "shared/smtp_reply.h"
#include "t/unit/conf_case.h"

static const char two_domains[] = LISTEN
    "domain example.org {\nusers @/users\naliases @/aliases\n"
    "subaddress +\n}\n"
    "domain example.net {\nusers @/users2\ncatch-all carol\n}\n";

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

/* What is explained is what a worker would be told. */
static void
expect_rcpt(const struct conf *conf, const char *path, const char *steps,
    enum verdict verdict)
{
	struct seen seen = { .n = 0 };
	const struct recipient_watch watch = { see, &seen };
	struct recipient_set explained = { 0 }, set = { 0 };
	struct recipient_reason reason;
	struct mailbox to;
	struct span rest;

	ck_assert_msg(smtp_parse_path(span_of(path), true, true, &to, &rest) ==
	    SYNTAX_OK, "%s", path);
	ck_assert_int_eq(recipient_expand(conf, &to, &explained, &reason,
	    &watch), verdict);
	ck_assert_int_eq(recipient_expand(conf, &to, &set, &reason, NULL),
	    verdict);
	ck_assert_str_eq(seen.text, steps);
	ck_assert_uint_eq(explained.count, set.count);
	recipient_set_clear(&explained);
	recipient_set_clear(&set);
}

TEST(recipients)
{
	struct conf conf;

	load(&conf);
	expect_rcpt(&conf, "<Alice@Example.ORG>",
	    "0 domain example.org c:2\n"
	    "0 user alice@example.org @/users:1\n"
	    "1 mailbox alice@example.org\n", VERDICT_OK);
	expect_rcpt(&conf, "<alice+x+y@example.org>",
	    "0 domain example.org c:2\n"
	    "0 subaddress alice@example.org c:5\n"
	    "0 user alice@example.org @/users:1\n"
	    "1 mailbox alice@example.org\n", VERDICT_OK);
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
	    "3 mailbox carol@example.net\n", VERDICT_OK);
	expect_rcpt(&conf, "<nobody@example.org>",
	    "0 domain example.org c:2\n"
	    "0 no-alias nobody@example.org @/aliases\n"
	    "0 no-user nobody@example.org @/users\n"
	    "0 no-catch-all example.org c:2\n",
	    VERDICT_UNKNOWN);
	expect_rcpt(&conf, "<nobody@example.net>",
	    "0 domain example.net c:7\n"
	    "0 no-alias nobody@example.net\n"
	    "0 no-user nobody@example.net @/users2\n"
	    "0 catch-all example.net c:9\n"
	    "0 user carol@example.net @/users2:2\n"
	    "1 mailbox carol@example.net\n", VERDICT_OK);
	expect_rcpt(&conf, "<x@example.com>", "0 foreign c\n",
	    VERDICT_FOREIGN);
	expect_rcpt(&conf, "<Postmaster>",
	    "0 first-domain example.org c:2\n"
	    "0 postmaster postmaster@example.org\n"
	    "1 mailbox postmaster@example.org\n", VERDICT_OK);
	conf_free(&conf);
}

/* Who may send out, and which way: shown while it is decided, and kept. */
static void
expect_leaving(const struct conf *conf, const char *path, unsigned line,
    const char *steps)
{
	struct seen seen = { .n = 0 };
	const struct recipient_watch watch = { see, &seen };
	struct recipient_reason reason = { .path = NULL };
	struct mailbox to;
	struct span rest;

	ck_assert_int_eq(smtp_parse_path(span_of(path), true, true, &to,
	    &rest), SYNTAX_OK);
	ck_assert(recipient_leaves(conf, &to, line, &reason, &watch) ==
	    (steps[0] != '\0'));
	ck_assert_str_eq(seen.text, steps);
	ck_assert_uint_eq(reason.line, steps[0] == '\0' ? 0 : line);
	ck_assert_uint_eq(reason.step_count, steps[0] == '\0' ? 0 : 2);
}

TEST(leaving)
{
	struct recipient_reason reason = { .path = NULL };
	struct recipient_log log = { 0 };
	struct mailbox to = { .local_len = 1, .local = "x", .domain_len = 9,
	    .domain = "a.example" };
	struct conf conf;

	conf_case_file("c", BASE "hostname a.b\nrelay {\nfrom ::1\n"
	    "for .example via smart.example.net port 25\n"
	    "for x.example via mx\n}\n");
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	expect_leaving(&conf, "<x@example.com>", 6,
	    "0 may-send-out c:6\n0 by-mx default\n");
	expect_leaving(&conf, "<x@a.EXAMPLE>", 6,
	    "0 may-send-out c:6\n0 via c:7\n");
	expect_leaving(&conf, "<x@x.example>", 6,
	    "0 may-send-out c:6\n0 by-mx c:8\n");
	expect_leaving(&conf, "<x@example.com>", 0, "");
	expect_leaving(&conf, "<x@Example.org>", 6, "");
	expect_leaving(&conf, "<postmaster>", 6, "");
	expect_leaving(&conf, "<x@[192.0.2.1]>", 6,
	    "0 may-send-out c:6\n0 by-mx default\n");
	expect_leaving(&conf, "<x@\xc3\xbc" "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaa.example>", 6, "");
	ck_assert(recipient_leaves(&conf, &to, 6, &reason, NULL));
	recipient_log_add(&log, &to, "ok", &reason);
	ck_assert_msg(strstr((char *)log.text.p, "smart.example.net") != NULL,
	    "%.*s", (int)log.text.n, (char *)log.text.p);
	recipient_log_clear(&log);
	conf_free(&conf);
}

TEST(reached_again)
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
	    VERDICT_OK);
	conf_free(&conf);
}

/* Each has a text, other than another's, and none acts on a terminal. */
TEST(texts)
{
	static char told[STEP_COUNT][1000];
	static char name[] = "example.org";
	const struct conf_domain domain = { .name = name };
	struct decision_step t = { .local = span_of("a b\033"),
	    .domain = &domain, .path = "/c\n", .a = 2, .b = 3 };

	for (uint32_t i = 0; i < STEP_COUNT; i++) {
		FILE *f = fmemopen(told[i], sizeof(told[i]), "w");
		struct json_out nowhere = { .f = NULL };
		const struct story s = { .f = f, .json = &nowhere,
		    .root = "/r\033[2J", .client = "192.0.2.1" };

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

/* A log that somebody has changed has steps that smtpd never writes there. */
TEST(steps_of_a_stranger)
{
	char told[1000];

	for (uint32_t i = 0; i <= STEP_COUNT; i++) {
		FILE *f = fmemopen(told, sizeof(told), "w");
		struct json_out j = { .f = f };
		const struct story s = { .f = f, .root = "/r", .json = &j };
		const struct decision_step t = { .kind = i,
		    .local = span_of("x"), .path = "/nonexistent",
		    .line = 4000000000 };

		json_out_array(&j, NULL);
		story_step(&s, &t);
		json_out_end(&j);
		fclose(f);
		ck_assert(strlen(told) > 10);
	}
}
