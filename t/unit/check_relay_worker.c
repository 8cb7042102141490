/*
 * relay worker: the dialogue with hosts that are polite, strict, broken or
 * hostile.  Whatever a host does, each recipient has one outcome, and it is
 * "delivered" only if the host has the message.
 */
#include "t/unit/unit.h"
#include "t/unit/relay_case.h"

static const char text[] = "Subject: x\n\n.\n..dots\na.b\n\xc3\xa9\n";
static const struct letter three = { .from = "a@example.net",
    .to = { "x@example.org", "y@example.org", "z@example.org" }, .count = 3,
    .text = text, .text_n = sizeof(text) - 1, .flags = CONTENT_8BIT };
static const char on_the_wire[] = "\r\nSubject: x\r\n\r\n..\r\n...dots\r\n"
    "a.b\r\n\xc3\xa9\r\n.\r\n";

static void
lines_are(const char *lines)
{
	ck_assert_msg(strcmp(seen->lines, lines) == 0, "%s", seen->lines);
}

static void
text_is(const void *p, size_t n)
{
	ck_assert_uint_eq(seen->text_n, n);
	ck_assert_mem_eq(seen->text, p, n);
}

static void
outcome_is(size_t i, enum relay_stage stage, enum relay_end end, uint16_t code)
{
	const struct ipc_outcome *o = &told.outcomes[i];

	ck_assert_msg(o->stage == stage && o->end == end && o->code == code,
	    "recipient %zu: stage %u end %u code %u", i, o->stage, o->end,
	    o->code);
}

static void
ended_by(enum relay_stage stage, enum relay_end end, uint16_t code)
{
	ck_assert(told.has_why);
	ck_assert_msg(told.why.stage == stage && told.why.end == end &&
	    told.why.code == code, "stage %u end %u code %u", told.why.stage,
	    told.why.end, told.why.code);
}

/* ---- a polite host -------------------------------------------------------- */

TEST(delivers)
{
	case_run(&polite, &three);
	lines_are("EHLO mail.example.net\n"
	    "MAIL FROM:<a@example.net> SIZE=34 BODY=8BITMIME\n"
	    "RCPT TO:<x@example.org>\nRCPT TO:<y@example.org>\n"
	    "RCPT TO:<z@example.org>\nDATA\nQUIT\n");
	text_is(on_the_wire, sizeof(on_the_wire) - 1);
	for (size_t i = 0; i < 3; i++) {
		outcome_is(i, RELAY_DOT, RELAY_END_REPLY, 250);
		ck_assert_uint_eq(told.outcomes[i].enhanced[0], 2);
		ck_assert_mem_eq(told.outcomes[i].text, "2.0.0 stored", 12);
	}
	ck_assert_uint_eq(told.how, RELAY_DONE_REUSABLE);
	ck_assert(!told.has_why);
	ck_assert_uint_eq(told.g.offers, RELAY_OFFERS_ALL &
	    ~(unsigned)RELAY_OFFERS_TLS);
}

TEST(delivers_octet_by_octet)
{
	struct host h = polite;

	h.by_one = true;
	case_run(&h, &three);
	text_is(on_the_wire, sizeof(on_the_wire) - 1);
	outcome_is(2, RELAY_DOT, RELAY_END_REPLY, 250);
}

/* Without EHLO nothing is offered, and the message has to be plain. */
TEST(says_helo)
{
	static const char *const refusals[] = { "500 what\r\n",
	    "502 no\r\n", "504 no\r\n", "550 no\r\n" };
	struct letter l = three;
	struct host h = polite;

	for (size_t i = 0; i < COUNT(refusals); i++) {
		h.ehlo = refusals[i];
		l.flags = 0;
		l.text = "a\n";
		l.text_n = 2;
		case_run(&h, &l);
		lines_are("EHLO mail.example.net\nHELO mail.example.net\n"
		    "MAIL FROM:<a@example.net>\nRCPT TO:<x@example.org>\n"
		    "RCPT TO:<y@example.org>\nRCPT TO:<z@example.org>\n"
		    "DATA\nQUIT\n");
		ck_assert_uint_eq(told.g.offers, 0);
	}
}

TEST(is_not_greeted)
{
	static const struct {
		const char	*greeting, *ehlo, *helo;
		enum relay_stage stage;
		enum relay_end	 end;
		uint16_t	 code;
	} rows[] = {
		{ "554 no\r\n", "", "", RELAY_GREETING, RELAY_END_REPLY, 554 },
		{ "521 no\r\n", "", "", RELAY_GREETING, RELAY_END_REPLY, 521 },
		{ "421 no\r\n", "", "", RELAY_GREETING, RELAY_END_REPLY, 421 },
		{ "354 go\r\n", "", "", RELAY_GREETING, RELAY_END_SYNTAX, 0 },
		{ "SSH-2.0\r\n", "", "", RELAY_GREETING, RELAY_END_SYNTAX, 0 },
		{ "220 a\r\n", "450 no\r\n", "", RELAY_EHLO,
		    RELAY_END_REPLY, 450 },
		{ "220 a\r\n", "521 no\r\n", "", RELAY_EHLO,
		    RELAY_END_REPLY, 521 },
		{ "220 a\r\n", "354 no\r\n", "", RELAY_EHLO,
		    RELAY_END_SYNTAX, 0 },
		{ "220 a\r\n", "500 no\r\n", "550 no\r\n", RELAY_EHLO,
		    RELAY_END_REPLY, 550 },
		{ "220 a\r\n220 b\r\n", "", "", RELAY_EHLO,
		    RELAY_END_SYNTAX, 0 }
	};
	struct host h = polite;

	for (size_t i = 0; i < COUNT(rows); i++) {
		h.greeting = rows[i].greeting;
		h.ehlo = rows[i].ehlo;
		h.helo = rows[i].helo;
		case_run(&h, &three);
		ck_assert(!told.greeted);
		ended_by(rows[i].stage, rows[i].end, rows[i].code);
	}
}

/* ---- outcomes: T1 --------------------------------------------------------- */

static const char *const by_class[] = { "250 2.1.5 ok\r\n",
    "450 4.2.1 later\r\n", "550 5.1.1 never\r\n" };
static const uint16_t code_of[] = { 250, 450, 550 };

/* One of 27 sets of replies to RCPT, under one to DATA and one to the dot. */
static void
run_matrix(bool pipelining, size_t set, size_t data, size_t dot)
{
	const size_t of[] = { set % 3, set / 3 % 3, set / 9 };
	bool any = of[0] == 0 || of[1] == 0 || of[2] == 0;
	struct host h = polite;

	if (!pipelining)
		h.ehlo = "250-mx\r\n250-SIZE\r\n250 8BITMIME\r\n";
	h.rcpts = 3;
	for (size_t i = 0; i < 3; i++)
		h.rcpt[i] = by_class[of[i]];
	h.data = data == 0 ? "354 go\r\n" : by_class[data];
	h.dot = by_class[dot];
	case_run(&h, &three);
	for (size_t i = 0; i < 3; i++)
		if (of[i] != 0)
			outcome_is(i, RELAY_RCPT, RELAY_END_REPLY,
			    code_of[of[i]]);
		else
			outcome_is(i, data != 0 ? RELAY_DATA : RELAY_DOT,
			    RELAY_END_REPLY, code_of[data != 0 ? data : dot]);
	ck_assert_uint_eq(told.how, RELAY_DONE_REUSABLE);
	ck_assert_uint_eq(seen->messages, data == 0 && (any || pipelining));
	if (!any && data == 0 && pipelining)
		text_is("\r\n.\r\n", 5);
	else if (data == 0 && any)
		text_is(on_the_wire, sizeof(on_the_wire) - 1);
	ck_assert_uint_eq(strstr(seen->lines, "DATA\n") != NULL,
	    any || pipelining);
}

TEST(matrix_of_outcomes)
{
	for (size_t set = 0; set < 27; set++)
		for (int pipelining = 0; pipelining < 2; pipelining++) {
			run_matrix(pipelining, set, 1, 0);
			run_matrix(pipelining, set, 2, 0);
			for (size_t dot = 0; dot < 3; dot++)
				run_matrix(pipelining, set, 0, dot);
		}
}

TEST(mail_is_refused)
{
	struct host h = polite;

	for (int pipelining = 0; pipelining < 2; pipelining++)
		for (size_t class = 1; class < 3; class++) {
			h.ehlo = pipelining ? polite.ehlo :
			    "250-mx\r\n250 8BITMIME\r\n";
			h.mail = by_class[class];
			h.rcpt[0] = h.data = "503 no\r\n";
			case_run(&h, &three);
			for (size_t i = 0; i < 3; i++)
				outcome_is(i, RELAY_MAIL, RELAY_END_REPLY,
				    code_of[class]);
			ck_assert_uint_eq(told.how, RELAY_DONE_REUSABLE);
		}
	/* And yet it wants a text: not even an empty one. */
	h.data = "354 go\r\n";
	case_run(&h, &three);
	ck_assert_uint_eq(told.how, 0);
	ck_assert_uint_eq(seen->messages, 0);
}

/* A reply of another class ends it: nobody knows what was meant. */
TEST(replies_of_a_wrong_class)
{
	struct host h;

	for (size_t i = 0; i < 4; i++) {
		h = polite;
		h.rcpts = 2;
		h.rcpt[1] = h.rcpt[0];
		if (i == 0)
			h.mail = "354 go\r\n";
		else if (i == 1)
			h.rcpt[1] = "354 go\r\n";
		else if (i == 2)
			h.data = "250 ok\r\n";
		else
			h.dot = "354 go\r\n";
		case_run(&h, &three);
		outcome_is(0, i == 0 ? RELAY_MAIL : i == 1 ? RELAY_RCPT :
		    i == 2 ? RELAY_DATA : RELAY_DOT, RELAY_END_SYNTAX, 0);
		ck_assert_uint_eq(told.how, i == 3 ? RELAY_DONE_UNCERTAIN : 0);
	}
	ck_assert_mem_eq(told.outcomes[0].text, "354 go", 6);
}

/* ---- hosts that fail, anywhere: T2 ----------------------------------------- */

/*
 * Is what was told true?  The host has the message for certain where it said
 * so and that was read; where it has it but that was not read, the worker does
 * not know; else it has not, or said so.
 */
static void
must_be_true(const struct host *h)
{
	bool uncertain = (told.how & RELAY_DONE_UNCERTAIN) != 0;

	if (!told.greeted) {
		ck_assert(told.has_why);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		bool delivered = told.outcomes[i].code == 250;

		ck_assert(!delivered || (seen->messages == 1 &&
		    told.outcomes[i].stage == RELAY_DOT));
		if (delivered)
			text_is(on_the_wire, sizeof(on_the_wire) - 1);
		if (seen->messages == 1 && !delivered)
			ck_assert_msg(uncertain || told.outcomes[i].code == 421,
			    "octet %zu, fault %d", h->at, h->fault);
		if (told.done == 0)
			ck_assert_uint_eq(told.outcomes[i].stage, RELAY_QUIT);
		if (uncertain)
			ck_assert_uint_eq(told.outcomes[i].stage, RELAY_DOT);
	}
}

static void
fail_at_each_octet(const struct host *base, enum host_fault fault,
    size_t step)
{
	struct host h = *base;
	size_t total;

	case_run(&h, &three);
	total = seen->written;
	ck_assert_uint_gt(total, 100);
	h.fault = fault;
	for (h.at = 0; h.at < total; h.at += step) {
		case_run(&h, &three);
		must_be_true(&h);
		ck_assert_int_lt(told.ms, 20000);
	}
}

/* With PIPELINING, and without. */
static void
fail_everywhere(enum host_fault fault, size_t step)
{
	struct host slow = polite;

	slow.ehlo = "250-mx\r\n250 8BITMIME\r\n";
	fail_at_each_octet(&polite, fault, step);
	fail_at_each_octet(&slow, fault, step);
}

TEST(host_closes)
{
	fail_everywhere(HOST_CLOSES, 1);
}

TEST(host_resets)
{
	fail_everywhere(HOST_RESETS, 1);
}

TEST(host_stalls)
{
	client.patience_ms = 100;
	fail_everywhere(HOST_STALLS, 7);
}

TEST(host_says_421)
{
	fail_everywhere(HOST_421, 1);
}

TEST(host_says_garbage)
{
	fail_everywhere(HOST_GARBAGE, 1);
}

TEST(host_floods_lines)
{
	fail_everywhere(HOST_FLOODS_LINES, 5);
}

TEST(host_floods_a_line)
{
	fail_everywhere(HOST_FLOODS_LINE, 5);
}
