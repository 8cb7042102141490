/*
 * recipient: the order of the rules, aliases followed, each Maildir once,
 * file names in the catcher.
 */
#include "server/mail/recipient.h"

#include <time.h>

#include "t/unit/conf_case.h"

static const char two_domains[] = LISTEN
    "domain example.org {\nusers @/users\naliases @/aliases\n"
    "subaddress +\n}\n"
    "domain example.net {\nusers @/users2\naliases @/aliases2\n"
    "catch-all carol\n}\n";

static void
load(struct conf *conf, const char *text)
{
	conf_case_file("c", text);
	conf_case_file("users", "alice\nbob\nwith+plus\n\xc3\x84nne\n");
	conf_case_file("aliases",
	    "alice: alice, bob\n"
	    "info: alice, dave@example.net\n"
	    "team: info, bob, info\n"
	    "news+x: bob\n"
	    "abuse: postmaster, bob+abuse\n");
	conf_case_file("users2", "carol\ndave\nbob\n");
	conf_case_file("aliases2",
	    "postmaster: dave\n"
	    "back: info@example.org\n");
	ck_assert_msg(recipient_load("c", conf, stderr) == 0, "not loaded");
}

/* An address as a worker hands it over. */
static struct mailbox
address(const char *text)
{
	const char *at = strrchr(text, '@');
	struct mailbox m = { 0 };

	m.local_len = (uint8_t)(at == NULL ? strlen(text) :
	    (size_t)(at - text));
	memcpy(m.local, text, m.local_len);
	if (at != NULL) {
		m.domain_len = (uint8_t)strlen(at + 1);
		memcpy(m.domain, at + 1, m.domain_len);
	}
	return m;
}

static enum verdict
expand(const struct conf *conf, const char *text, struct recipient_set *set,
    struct recipient_reason *reason)
{
	struct mailbox m = address(text);

	return recipient_expand(conf, &m, set, reason, NULL);
}

/* The set as "user@domain user@domain". */
static const char *
set_text(const struct recipient_set *set)
{
	static char out[4096];
	int n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < set->count; i++)
		n += snprintf(out + n, sizeof(out) - (size_t)n, "%s%s@%s",
		    i == 0 ? "" : " ", set->boxes[i].user,
		    set->boxes[i].domain);
	return out;
}

TEST(order)
{
	enum { OK = VERDICT_OK, UNKNOWN = VERDICT_UNKNOWN,
	    FOREIGN = VERDICT_FOREIGN };
	static const struct {
		const char	*rcpt;
		int		 verdict;
		const char	*boxes, *file;
		unsigned	 line;
	} t[] = {
		/* alias before user; its own name is the user */
		{ "alice@example.org", OK,
		    "alice@example.org bob@example.org", "aliases", 1 },
		{ "ALICE@Example.ORG", OK,
		    "alice@example.org bob@example.org", "aliases", 1 },
		{ "bob@example.org", OK, "bob@example.org", "users", 2 },
		{ "Bob@example.org", OK, "bob@example.org", "users", 2 },
		/* with a subaddress: exact first, then without */
		{ "bob+news@example.org", OK, "bob@example.org", "users", 2 },
		{ "alice+a+b@example.org", OK,
		    "alice@example.org bob@example.org", "aliases", 1 },
		{ "with+plus@example.org", OK, "with+plus@example.org",
		    "users", 3 },
		{ "news+x@example.org", OK, "bob@example.org", "aliases", 4 },
		{ "news+y@example.org", UNKNOWN, "", "c", 2 },
		{ "+bob@example.org", UNKNOWN, "", "c", 2 },
		{ "bob-news@example.org", UNKNOWN, "", "c", 2 },
		{ "\xc3\x84nne@example.org", OK, "\xc3\x84nne@example.org",
		    "users", 4 },
		{ "\xc3\xa4nne@example.org", UNKNOWN, "", "c", 2 },
		/* nested, over domains, a target named twice */
		{ "team@example.org", OK,
		    "alice@example.org bob@example.org dave@example.net",
		    "aliases", 3 },
		{ "back@example.net", OK,
		    "alice@example.org bob@example.org dave@example.net",
		    "aliases2", 2 },
		/* always deliverable */
		{ "postmaster@example.org", OK, "postmaster@example.org",
		    NULL, 0 },
		{ "PostMaster@example.org", OK, "postmaster@example.org",
		    NULL, 0 },
		{ "postmaster+x@example.org", OK, "postmaster@example.org",
		    NULL, 0 },
		{ "postmaster", OK, "postmaster@example.org", NULL, 0 },
		{ "POSTMASTER", OK, "postmaster@example.org", NULL, 0 },
		{ "abuse@example.org", OK,
		    "postmaster@example.org bob@example.org", "aliases", 5 },
		{ "postmaster@example.net", OK, "dave@example.net",
		    "aliases2", 1 },
		/* the catch-all is the last; no subaddress here */
		{ "nobody@example.net", OK, "carol@example.net", "c", 10 },
		{ "bob+x@example.net", OK, "carol@example.net", "c", 10 },
		{ "bob@example.net", OK, "bob@example.net", "users2", 3 },
		{ "eve@example.org", UNKNOWN, "", "c", 2 },
		/* no way round */
		{ "bob@foreign.example", FOREIGN, "", NULL, 0 },
		{ "postmaster@foreign.example", FOREIGN, "", NULL, 0 },
		{ "bob@[127.0.0.1]", FOREIGN, "", NULL, 0 },
		{ "bob@sub.example.org", FOREIGN, "", NULL, 0 },
		{ "bob@example.orgx", FOREIGN, "", NULL, 0 },
		{ "bob@example.or", FOREIGN, "", NULL, 0 },
		{ "bob", UNKNOWN, "", NULL, 0 },
		{ "", UNKNOWN, "", NULL, 0 },
		{ "eve%foreign.example@example.org", UNKNOWN, "", "c", 2 },
		{ "foreign.example!eve@example.org", UNKNOWN, "", "c", 2 },
		{ "eve@foreign.example@example.org", UNKNOWN, "", "c", 2 },
		{ "../bob@example.org", UNKNOWN, "", "c", 2 },
	};
	struct recipient_reason reason;
	struct conf conf;

	load(&conf, two_domains);
	for (size_t i = 0; i < COUNT(t); i++) {
		struct recipient_set set = { 0 };
		const char *base;

		ck_assert_msg((int)expand(&conf, t[i].rcpt, &set, &reason) ==
		    t[i].verdict, "%s", t[i].rcpt);
		ck_assert_str_eq(set_text(&set), t[i].boxes);
		ck_assert_msg(reason.line == t[i].line, "%s: line %u",
		    t[i].rcpt, reason.line);
		ck_assert_msg((reason.path == NULL) == (t[i].file == NULL),
		    "%s", t[i].rcpt);
		if (reason.path != NULL) {
			base = strrchr(reason.path, '/');
			ck_assert_str_eq(base == NULL ? reason.path :
			    base + 1, t[i].file);
		}
		recipient_set_clear(&set);
	}
	conf_free(&conf);
}

/* "domain:c:2:example.org alias:aliases:2:info@example.org ..." */
static const char *
steps_text(const struct recipient_reason *r)
{
	static const char *const words[] = {
#define STEP_WORD(name, word, refuses, text) [STEP_##name] = word,
		STEPS(STEP_WORD)
#undef STEP_WORD
	};
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < r->step_count; i++) {
		const struct decision_step *s = &r->steps[i];
		const char *base = s->path == NULL ? NULL :
		    strrchr(s->path, '/');

		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s%s:%s:%u:%.*s%s%s", i == 0 ? "" : " ", words[s->kind],
		    base != NULL ? base + 1 : s->path != NULL ? s->path : "",
		    s->line, (int)s->local.n, s->local.p,
		    s->local.n == 0 ? "" : "@", s->domain->name);
	}
	return text;
}

/* Every line on the way from a recipient to its Maildirs. */
TEST(steps)
{
	static const struct {
		const char	*rcpt;
		const char	*steps;
	} t[] = {
		{ "bob@example.org", "domain:c:2:example.org "
		    "user:users:2:bob@example.org" },
		{ "BOB+x@example.org", "domain:c:2:example.org "
		    "subaddress:c:5:bob@example.org "
		    "user:users:2:bob@example.org" },
		{ "with+plus@example.org", "domain:c:2:example.org "
		    "user:users:3:with+plus@example.org" },
		{ "eve@example.org", "domain:c:2:example.org" },
		{ "eve@foreign.example", "" },
		{ "postmaster", "first-domain:c:2:example.org "
		    "postmaster::0:postmaster@example.org" },
		{ "team@example.org", "domain:c:2:example.org "
		    "alias:aliases:3:team@example.org "
		    "alias:aliases:2:info@example.org "
		    "alias:aliases:1:alice@example.org "
		    "user:users:1:alice@example.org "
		    "user:users:2:bob@example.org "
		    "user:users2:2:dave@example.net "
		    "user:users:2:bob@example.org "
		    "again:aliases:2:info@example.org" },
		{ "abuse@example.org", "domain:c:2:example.org "
		    "alias:aliases:5:abuse@example.org "
		    "postmaster::0:postmaster@example.org "
		    "subaddress:c:5:bob@example.org "
		    "user:users:2:bob@example.org" },
		{ "x@example.net", "domain:c:7:example.net "
		    "catch-all:c:10:example.net "
		    "user:users2:1:carol@example.net" },
	};
	struct recipient_reason reason;
	struct conf conf;

	load(&conf, two_domains);
	for (size_t i = 0; i < COUNT(t); i++) {
		struct recipient_set set = { 0 };

		expand(&conf, t[i].rcpt, &set, &reason);
		ck_assert_str_eq(steps_text(&reason), t[i].steps);
		ck_assert_uint_eq(reason.more, 0);
		recipient_set_clear(&set);
	}
	conf_free(&conf);
}

/* An alias of many: the first steps, and how many more there are. */
TEST(many_steps)
{
	char users[4096], aliases[4096];
	size_t n = 0, m = (size_t)sprintf(aliases, "all: ");
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	for (unsigned i = 0; i < 100; i++) {
		n += (size_t)sprintf(users + n, "u%u\n", i);
		m += (size_t)sprintf(aliases + m, "%su%u", i == 0 ? "" : ", ",
		    i);
	}
	load(&conf, two_domains);
	conf_free(&conf);
	conf_case_file("c", ALIASES);
	conf_case_file("users", users);
	conf_case_file("aliases", aliases);
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	ck_assert_int_eq(expand(&conf, "all@example.org", &set, &reason),
	    VERDICT_OK);
	ck_assert_uint_eq(set.count, 100);
	ck_assert_uint_eq(reason.step_count, recipient_steps_max);
	ck_assert_uint_eq(reason.step_count + reason.more, 102);
	recipient_set_clear(&set);
	conf_free(&conf);
}

/* It costs the alias, those that lead there, and what the catch-all takes. */
TEST(broken)
{
	static const struct {
		const char		*to;
		enum verdict	 verdict;
		unsigned		 line;
	} rows[] = {
		{ "x@example.org", VERDICT_BROKEN, 2 },
		{ "y@example.org", VERDICT_BROKEN, 2 },
		{ "a@example.org", VERDICT_BROKEN, 5 },
		{ "nobody@example.org", VERDICT_BROKEN, 5 },
		{ "bob@example.org", VERDICT_OK, 1 },
		{ "info@example.org", VERDICT_OK, 1 }
	};
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	conf_case_file("c", LISTEN "domain example.org {\nusers @/users\n"
	    "aliases @/aliases\ncatch-all eve\n}\n");
	conf_case_file("users", "bob:$1$a$b\n");
	conf_case_file("aliases", "info: bob\nx: bob, eve\ny: info, x\n"
	    "a: b\nb: a\n");
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_msg(expand(&conf, rows[i].to, &set, &reason) ==
		    rows[i].verdict, "%s", rows[i].to);
		ck_assert_msg(reason.line == rows[i].line, "%s: %u",
		    rows[i].to, reason.line);
	}
	ck_assert_str_eq(set_text(&set), "bob@example.org");
	recipient_set_clear(&set);
	conf_free(&conf);
}

/* Wherever in a chain that is too long mail comes in, it waits. */
TEST(long_chain)
{
	char aliases[2048] = "", rcpt[32];
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	for (int i = 0; i < 60; i++)
		snprintf(aliases + strlen(aliases), sizeof(aliases) -
		    strlen(aliases), "a%d: a%d\n", i, i + 1);
	conf_case_file("c", ALIASES);
	conf_case_file("users", "a60\n");
	conf_case_file("aliases", aliases);
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	for (int i = 0; i < 60; i++) {
		snprintf(rcpt, sizeof(rcpt), "a%d@example.org", i);
		ck_assert_msg(expand(&conf, rcpt, &set, &reason) == (i < 40 ?
		    VERDICT_BROKEN : VERDICT_OK), "%s", rcpt);
	}
	ck_assert_uint_eq(set.count, 1);
	recipient_set_clear(&set);
	conf_free(&conf);
}

TEST(found)
{
	const struct conf_domain *d;
	const struct conf_entry *alice;
	struct conf conf;

	load(&conf, two_domains);
	d = conf_find_domain(&conf, span_of("EXAMPLE.org"));
	ck_assert_ptr_nonnull(d);
	alice = conf_find_entry(&d->aliases, span_of("Alice"));
	ck_assert_ptr_nonnull(alice);
	ck_assert_int_eq(recipient_find(d, span_of("alice"), NULL).kind,
	    RECIPIENT_ALIAS);
	ck_assert_int_eq(recipient_find(d, span_of("alice"), alice).kind,
	    RECIPIENT_USER);
	ck_assert_int_eq(recipient_find(d, span_of("alice+x"), alice).kind,
	    RECIPIENT_USER);
	ck_assert_int_eq(recipient_find(d, span_of("postmaster"), NULL).kind,
	    RECIPIENT_POSTMASTER);
	ck_assert_int_eq(recipient_find(d, span_of("eve"), NULL).kind,
	    RECIPIENT_NOBODY);
	ck_assert_ptr_null(conf_find_entry(&d->users, span_of("alic")));
	ck_assert_ptr_null(conf_find_entry(&d->users, span_of("alicee")));
	ck_assert_ptr_null(conf_find_entry(&d->users, span_of("")));
	conf_free(&conf);
}

TEST(once)
{
	static const char *const rcpts[] = { "bob@example.org",
	    "team@example.org", "BOB@example.org", "info@example.org",
	    "alice+x@example.org", "bob@example.net" };
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	load(&conf, two_domains);
	for (size_t i = 0; i < COUNT(rcpts); i++)
		ck_assert_int_eq(expand(&conf, rcpts[i], &set, &reason),
		    VERDICT_OK);
	ck_assert_str_eq(set_text(&set), "bob@example.org alice@example.org "
	    "dave@example.net bob@example.net");
	ck_assert_int_eq(expand(&conf, "eve@example.org", &set, &reason),
	    VERDICT_UNKNOWN);
	ck_assert_uint_eq(set.count, 4);
	recipient_set_clear(&set);
	ck_assert_uint_eq(set.count, 0);
	ck_assert_ptr_null(set.boxes);
	conf_free(&conf);
}

/* A domain of count users, aliases of 100 each, and "all" of those. */
static void
write_many(unsigned count)
{
	FILE *users = fopen("users", "w"), *aliases = fopen("aliases", "w");

	ck_assert_ptr_nonnull(users);
	ck_assert_ptr_nonnull(aliases);
	for (unsigned i = 0; i < count; i++) {
		fprintf(users, "u%u\n", i);
		if (i % 100 == 0)
			fprintf(aliases, "%sg%u: u%u", i == 0 ? "" : "\n",
			    i / 100, i);
		else
			fprintf(aliases, ",u%u", i);
	}
	fprintf(aliases, "\nall: g0");
	for (unsigned i = 1; i * 100 < count; i++)
		fprintf(aliases, ", g%u", i);
	fprintf(aliases, "\n");
	ck_assert_int_eq(fclose(users), 0);
	ck_assert_int_eq(fclose(aliases), 0);
}

TEST(too_many)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	write_many(recipient_mailboxes_max + 1);
	conf_case_file("c", ALIASES);
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	ck_assert_int_eq(expand(&conf, "all@example.org", &set, &reason),
	    VERDICT_TOO_MANY);
	ck_assert_uint_eq(set.count, 0);
	ck_assert_int_eq(expand(&conf, "u10000@example.org", &set, &reason),
	    VERDICT_OK);
	ck_assert_int_eq(expand(&conf, "all@example.org", &set, &reason),
	    VERDICT_TOO_MANY);
	ck_assert_str_eq(set_text(&set), "u10000@example.org");
	/* What was taken back is added again. */
	for (unsigned i = 0; i < 100; i++) {
		char rcpt[64];

		snprintf(rcpt, sizeof(rcpt), "g%u@example.org", i);
		ck_assert_int_eq(expand(&conf, rcpt, &set, &reason),
		    i == 99 ? VERDICT_TOO_MANY : VERDICT_OK);
	}
	ck_assert_uint_eq(set.count, 1 + 9900);
	for (unsigned i = 9900; i < 9999; i++) {
		char rcpt[64];

		snprintf(rcpt, sizeof(rcpt), "u%u@example.org", i);
		ck_assert_int_eq(expand(&conf, rcpt, &set, &reason),
		    VERDICT_OK);
	}
	ck_assert_uint_eq(set.count, recipient_mailboxes_max);
	ck_assert_int_eq(expand(&conf, "g5@example.org", &set, &reason),
	    VERDICT_OK);
	ck_assert_int_eq(expand(&conf, "u9999@example.org", &set, &reason),
	    VERDICT_TOO_MANY);
	ck_assert_uint_eq(set.count, recipient_mailboxes_max);
	recipient_set_clear(&set);
	conf_free(&conf);
}

/*
 * Two million steps if aliases were followed anew each time, and a thousand
 * times ten thousand for the recipients after it; either would be noticed by
 * the time a test may take.
 */
TEST(no_blow_up)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;
	FILE *f = fopen("aliases", "w");

	ck_assert_ptr_nonnull(f);
	for (unsigned i = 0; i < 19; i++)
		fprintf(f, "a%u: a%u, b%u\nb%u: a%u, b%u\n", i, i + 1, i + 1,
		    i, i + 1, i + 1);
	fprintf(f, "a19: bob\nb19: bob\n");
	ck_assert_int_eq(fclose(f), 0);
	conf_case_file("users", "bob\n");
	conf_case_file("c", ALIASES);
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	for (unsigned i = 0; i < 1000; i++)
		ck_assert_int_eq(expand(&conf, "a0@example.org", &set,
		    &reason), VERDICT_OK);
	ck_assert_str_eq(set_text(&set), "bob@example.org");
	/* Twenty levels of two, and the one Maildir. */
	ck_assert_uint_eq(set.mark_count, 39 + 1);
	recipient_set_clear(&set);
	conf_free(&conf);
}

/*
 * Names behind an alias are looked up when the configuration is read: a
 * client that names the alias of ten thousand again and again has the master
 * do far less than one that names each of them.
 */
TEST(looked_up_once)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;
	clock_t start, one_by_one, by_alias;
	char rcpt[64];

	write_many(recipient_mailboxes_max);
	conf_case_file("c", ALIASES);
	ck_assert_int_eq(recipient_load("c", &conf, stderr), 0);
	start = clock();
	for (unsigned i = 0; i < 10 * recipient_mailboxes_max; i++) {
		snprintf(rcpt, sizeof(rcpt), "u%u@example.org",
		    i % recipient_mailboxes_max);
		ck_assert_int_eq(expand(&conf, rcpt, &set, &reason),
		    VERDICT_OK);
	}
	recipient_set_clear(&set);
	one_by_one = clock() - start;
	start = clock();
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_int_eq(expand(&conf, "all@example.org", &set,
		    &reason), VERDICT_OK);
		ck_assert_uint_eq(set.count, recipient_mailboxes_max);
		recipient_set_clear(&set);
	}
	by_alias = clock() - start;
	ck_assert_msg(by_alias * 3 < one_by_one, "%ld us by the alias, %ld us "
	    "one by one", (long)by_alias, (long)one_by_one);
	conf_free(&conf);
}

TEST(caught)
{
	struct recipient_set set = { 0 };
	struct recipient_reason reason;
	struct conf conf;

	ck_assert_int_eq(conf_init(&conf), 0);
	ck_assert_int_eq(expand(&conf, "x@example.org", &set, &reason),
	    VERDICT_FOREIGN);
	ck_assert_int_eq(expand(&conf, "postmaster", &set, &reason),
	    VERDICT_FOREIGN);
	conf.catcher = true;
	ck_assert_int_eq(expand(&conf, "Bob@example.org", &set, &reason),
	    VERDICT_OK);
	ck_assert_int_eq(expand(&conf, "bob@example.org", &set, &reason),
	    VERDICT_OK);
	ck_assert_int_eq(expand(&conf, "postmaster", &set, &reason),
	    VERDICT_OK);
	ck_assert_int_eq(expand(&conf, "../a b@[::1]", &set, &reason),
	    VERDICT_OK);
	ck_assert_ptr_null(reason.path);
	ck_assert_str_eq(set_text(&set), "bob@example.org@ postmaster@ "
	    "%22..%2Fa%20b%22@%5B%3A%3A1%5D@");
	recipient_set_clear(&set);
	conf_free(&conf);
}

TEST(file_names)
{
	static const struct {
		struct span	 in;
		const char	*out;
	} t[] = {
		{ OCTETS(""), "%" },
		{ OCTETS("."), "%2E" },
		{ OCTETS(".."), "%2E." },
		{ OCTETS("a.b-_+=~@"), "a.b-_+=~@" },
		{ OCTETS("ABCxyz09"), "abcxyz09" },
		{ OCTETS("a/b\\c%"), "a%2Fb%5Cc%25" },
		{ OCTETS("a\0b\n\x7f"), "a%00b%0A%7F" },
		{ OCTETS("\xc3\xa4\xf0\x9f\x93\xac"),
		    "\xc3\xa4\xf0\x9f\x93\xac" },
		{ OCTETS("\xc3"), "%C3" },
		{ OCTETS("\xc2\x85"), "%C2%85" },
		{ OCTETS("\xe2\x80\xae"), "%E2%80%AE" },
	};
	char out[recipient_file_name_max_bytes + 1];

	for (size_t i = 0; i < COUNT(t); i++) {
		recipient_file_name(t[i].in, out);
		ck_assert_str_eq(out, t[i].out);
	}
}

TEST(long_file_names)
{
	char in[400], a[recipient_file_name_max_bytes + 1];
	char b[recipient_file_name_max_bytes + 1];

	memset(in, 'A', sizeof(in));
	recipient_file_name(span_from(in, 200), a);
	ck_assert_uint_eq(strlen(a), 200);
	ck_assert_uint_eq(strspn(a, "a"), 200);
	recipient_file_name(span_from(in, 201), a);
	ck_assert_uint_eq(strlen(a), 200);
	ck_assert_uint_eq(strspn(a, "a"), 183);
	ck_assert_int_eq(a[183], '~');
	ck_assert_uint_eq(strspn(a + 184, "0123456789abcdef"), 16);
	/* Another end, another name; other case, the same. */
	in[200] = 'b';
	recipient_file_name(span_from(in, 201), b);
	ck_assert_str_ne(a, b);
	memset(in, 'a', 201);
	recipient_file_name(span_from(in, 201), b);
	ck_assert_str_eq(a, b);
	/* A character is cut nowhere. */
	for (size_t i = 0; i + 1 < sizeof(in); i += 2)
		memcpy(in + i, "\xc3\xa4", 2);
	recipient_file_name(span_from(in, sizeof(in)), a);
	ck_assert_uint_eq(strlen(a), 199);
	ck_assert_int_eq(a[182], '~');
	memset(in, '/', sizeof(in));
	recipient_file_name(span_from(in, sizeof(in)), a);
	ck_assert_uint_eq(strlen(a), 200);
	ck_assert_uint_eq(strspn(a, "%2F"), 183);
}
