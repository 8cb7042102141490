/*
 * smtpctl_match: criteria as words, and messages they hold for or do not.
 */
#include "t/unit/unit.h"

#include "server/smtpctl/smtpctl.h"

static const char letter[] =
    "Return-Path: <shop@Example.org>\n"
    "Received: from h ([192.0.2.1])\n"
    "\tby mail.example.org with ESMTP id 0123456789abcdef\n"
    "\tfor <alice@example.org>; Mon, 23 Nov 2026 20:45:00 +0000\n"
    "From: Someone Else <else@example.net>\n"
    "subject: Your order\n"
    " 4711 has\n"
    "\tleft us\n"
    "X-Subject: not this one\n"
    "X-Empty:\n"
    "\n"
    "Subject: in the body\n"
    "Thank you.\n"
    "\0Caf\xc3\xa9\n";

static bool
holds_for(const char *word, struct span maildir, struct span message)
{
	struct smtpctl_criterion c;

	ck_assert_msg(smtpctl_match_parse(span_of(word), &c), "%s", word);
	return smtpctl_match(&c, 1, maildir, message);
}

static bool
holds(const char *word)
{
	return holds_for(word, span_of("alice@example.org"),
	    span_from(letter, sizeof(letter) - 1));
}

TEST(words)
{
	static const struct {
		const char		*word;
		bool			 right;
		enum smtpctl_field	 field;
		const char		*text;
	} t[] = {
		{ "to=alice@example.org", true, SMTPCTL_TO,
		    "alice@example.org" },
		{ "to=<alice@example.org>", true, SMTPCTL_TO,
		    "alice@example.org" },
		{ "from=<>", true, SMTPCTL_FROM, "" },
		{ "from=", true, SMTPCTL_FROM, "" },
		{ "from=<", true, SMTPCTL_FROM, "<" },
		{ "from=>", true, SMTPCTL_FROM, ">" },
		{ "from=a=b@c", true, SMTPCTL_FROM, "a=b@c" },
		{ "subject=<x>", true, SMTPCTL_SUBJECT, "<x>" },
		{ "subject=", true, SMTPCTL_SUBJECT, "" },
		{ "body= two words ", true, SMTPCTL_BODY, " two words " },
		{ "", false, SMTPCTL_TO, "" },
		{ "to", false, SMTPCTL_TO, "" },
		{ "=x", false, SMTPCTL_TO, "" },
		{ "To=x", false, SMTPCTL_TO, "" },
		{ " to=x", false, SMTPCTL_TO, "" },
		{ "tox", false, SMTPCTL_TO, "" },
		{ "cc=x", false, SMTPCTL_TO, "" },
		{ "alice@example.org", false, SMTPCTL_TO, "" },
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		struct smtpctl_criterion c;

		ck_assert_msg(smtpctl_match_parse(span_of(t[i].word), &c) ==
		    t[i].right, "%s", t[i].word);
		if (!t[i].right)
			continue;
		ck_assert_msg(c.field == t[i].field, "%s", t[i].word);
		ck_assert_msg(span_equal(c.text, span_of(t[i].text)), "%s",
		    t[i].word);
	}
}

TEST(single)
{
	static const struct {
		const char	*word;
		bool		 right;
	} t[] = {
		{ "to=alice@example.org", true },
		{ "to=ALICE@Example.ORG", true },
		{ "to=alice@example.or", false },
		{ "to=alice@example.orgx", false },
		{ "to=", false },
		{ "from=shop@example.org", true },
		{ "from=<SHOP@example.org>", true },
		{ "from=else@example.net", false },
		{ "from=shop", false },
		{ "from=", false },
		{ "subject=Your order", true },
		{ "subject=order 4711 has\tleft", true },
		{ "subject=Your order 4711 has\tleft us", true },
		{ "subject=order\n 4711", false },
		{ "subject=order4711", false },
		{ "subject=your order", false },
		{ "subject=not this one", false },
		{ "subject=in the body", false },
		{ "subject=left us ", false },
		{ "subject=", true },
		{ "body=Thank you.\n", true },
		{ "body=Subject: in the body\nThank", true },
		{ "body=Caf\xc3\xa9", true },
		{ "body=Your order", false },
		{ "body=X-Empty", false },
		{ "body=thank you", false },
		{ "body=\nSubject", false },
		{ "body=Caf\xc3\xa9\n\n", false },
		{ "body=", true },
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(holds(t[i].word) == t[i].right, "%s",
		    t[i].word);
}

TEST(octets_behind_nul)
{
	static const uint8_t text[] = { 0, 'C', 'a', 'f' };
	struct smtpctl_criterion c = { SMTPCTL_BODY,
	    { text, sizeof(text) } };
	struct span all = span_from(letter, sizeof(letter) - 1);

	ck_assert(smtpctl_match(&c, 1, span_of("a"), all));
	c.text = span_from("\0Cag", 4);
	ck_assert(!smtpctl_match(&c, 1, span_of("a"), all));
}

/* All have to hold; of none, every message is the one. */
TEST(several)
{
	struct span box = span_of("alice@example.org");
	struct span all = span_from(letter, sizeof(letter) - 1);
	struct smtpctl_criterion c[4];

	ck_assert(smtpctl_match(NULL, 0, box, all));
	ck_assert(smtpctl_match(NULL, 0, span_of(""), span_of("")));
	ck_assert(smtpctl_match_parse(span_of("to=alice@example.org"), &c[0]));
	ck_assert(smtpctl_match_parse(span_of("from=shop@example.org"),
	    &c[1]));
	ck_assert(smtpctl_match_parse(span_of("subject=4711"), &c[2]));
	ck_assert(smtpctl_match_parse(span_of("body=Thank"), &c[3]));
	ck_assert(smtpctl_match(c, 4, box, all));
	for (size_t i = 0; i < 4; i++) {
		struct smtpctl_criterion kept = c[i];

		c[i].text = span_of("nothing like it");
		ck_assert_msg(!smtpctl_match(c, 4, box, all), "row %zu", i);
		ck_assert_msg(smtpctl_match(c, i, box, all), "row %zu", i);
		c[i] = kept;
	}
	c[3].field = SMTPCTL_SUBJECT;
	c[3].text = span_of("order");
	ck_assert(smtpctl_match(c, 4, box, all));
}

TEST(return_path)
{
	struct span box = span_of("a");

	ck_assert(holds_for("from=", box, span_of("Return-Path: <>\n\n")));
	ck_assert(holds_for("from=<>", box, span_of("Return-Path: <>\n\n")));
	ck_assert(!holds_for("from=", box, span_of("Subject: x\n\n")));
	ck_assert(!holds_for("from=x@y", box, span_of("Return-Path: <>\n\n")));
	ck_assert(holds_for("from=\"a b\"@y", box,
	    span_of("Return-Path: <\"a b\"@y>\n\n")));
	/* The first one is the server's. */
	ck_assert(!holds_for("from=b@y", box,
	    span_of("Return-Path: <a@y>\nReturn-Path: <b@y>\n\n")));
	ck_assert(!holds_for("from=a@y", box,
	    span_of("Return-Path-Not: <a@y>\n\n")));
	ck_assert(!holds_for("from=a@y", box,
	    span_of("\nReturn-Path: <a@y>\n")));
}

TEST(odd_messages)
{
	static const struct {
		const char	*word;
		struct span	 message;
		bool		 right;
	} t[] = {
		{ "subject=", OCTETS(""), false },
		{ "body=", OCTETS(""), true },
		{ "body=x", OCTETS(""), false },
		{ "body=x", OCTETS("\nx"), true },
		{ "body=x", OCTETS("x"), false },
		{ "body=x", OCTETS("A: b\n\nx"), true },
		{ "body=x", OCTETS("A: b\n \n\nx"), true },
		{ "body=x", OCTETS("A: b\n x\n"), false },
		{ "subject=x", OCTETS("Subject: x"), true },
		{ "subject=x", OCTETS("Subject:x\n"), true },
		{ "subject=x", OCTETS("Subject :x\n"), true },
		{ "subject=x", OCTETS("SUBJECT: x\n"), true },
		{ "subject=x", OCTETS("Subject\n"), false },
		{ "subject=", OCTETS("Subject:"), true },
		{ "subject=x", OCTETS("Subject:\n x\n"), true },
		{ "subject=x", OCTETS("Subject:\nx\n"), false },
		{ "subject=x", OCTETS("Subject: a\nSubject: x\n"), true },
		{ "subject=aab", OCTETS("Subject: aa\n\tab\n"), false },
		{ "subject=aab", OCTETS("Subject: aaab\n"), true },
		{ "subject=a b", OCTETS("Subject: a\n b"), true },
		{ "subject=a ", OCTETS("Subject: a\n "), false },
		{ "subject=\tb", OCTETS("Subject: a\n\tb\n\n"), true },
		{ "subject=x", OCTETS("no field\nSubject: x\n"), true },
	};

	for (size_t i = 0; i < COUNT(t); i++)
		ck_assert_msg(holds_for(t[i].word, span_of("a"),
		    t[i].message) == t[i].right, "row %zu: %s", i, t[i].word);
}
