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

/* ---- a polite host ---------------------------------------------------- */

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
	ck_assert_uint_eq(told.how, 1);
	ended_by(RELAY_QUIT, RELAY_END_STOPPED, 0);
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
	    "502 no\r\n", "504 no\r\n", "550-no\r\n550 PIPELINING\r\n" };
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

/* ---- outcomes: T1 ----------------------------------------------------- */

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
	ck_assert_uint_eq(told.how, 1);
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
			ck_assert_uint_eq(told.how, 1);
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
		ck_assert_uint_eq(told.how, 0);
	}
	ck_assert_mem_eq(told.outcomes[0].text, "354 go", 6);
}

/* ---- hosts that fail, anywhere: T2 ------------------------------------ */

/*
 * Is what was told true?  The host has the message for certain where it said
 * so and that was read; where it has it but that was not read, the worker does
 * not know; else it has not, or said so.
 */
static void
must_be_true(const struct host *h)
{
	if (!told.greeted) {
		ck_assert(told.has_why);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		bool delivered = told.outcomes[i].code == 250;
		bool uncertain = told.outcomes[i].stage == RELAY_DOT &&
		    told.outcomes[i].end != RELAY_END_REPLY;

		ck_assert(!delivered || (seen->messages == 1 &&
		    told.outcomes[i].stage == RELAY_DOT));
		if (delivered)
			text_is(on_the_wire, sizeof(on_the_wire) - 1);
		if (seen->messages == 1 && !delivered)
			ck_assert_msg(uncertain || told.outcomes[i].code == 421,
			    "octet %zu, fault %d", h->at, h->fault);
		if (told.done == 0)
			ck_assert_uint_eq(told.outcomes[i].stage, RELAY_QUIT);
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

/* ---- what is offered, and what is needed ------------------------------ */

TEST(passes_dsn_on)
{
	struct letter l = three;
	struct host h = polite;

	l.ret = DSN_RET_HDRS;
	l.envid = "QQ+1 =x";
	l.orcpt = "rfc822;b+c@example.com";
	l.notify = DSN_SUCCESS | DSN_DELAY;
	l.count = 1;
	l.flags = 0;
	case_run(&h, &l);
	lines_are("EHLO mail.example.net\n"
	    "MAIL FROM:<a@example.net> SIZE=34 RET=HDRS "
	    "ENVID=QQ+2B1+20+3Dx\n"
	    "RCPT TO:<x@example.org> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;b+2Bc@example.com\nDATA\nQUIT\n");
	l.notify = DSN_NEVER;
	l.ret = DSN_RET_FULL;
	l.envid = l.orcpt = NULL;
	case_run(&h, &l);
	lines_are("EHLO mail.example.net\n"
	    "MAIL FROM:<a@example.net> SIZE=34 RET=FULL\n"
	    "RCPT TO:<x@example.org> NOTIFY=NEVER\nDATA\nQUIT\n");
	/* Not to a host that does not know it. */
	h.ehlo = "250 mx\r\n";
	l.envid = "Q";
	l.from = "";
	case_run(&h, &l);
	lines_are("EHLO mail.example.net\nMAIL FROM:<>\n"
	    "RCPT TO:<x@example.org>\nDATA\nQUIT\n");
}

TEST(needs_8bitmime)
{
	static const uint8_t flags[] = { CONTENT_8BIT, CONTENT_UTF8 };
	struct letter l = three;
	struct host h = polite;

	for (size_t i = 0; i < COUNT(flags); i++) {
		l.flags = flags[i];
		h.ehlo = "250-mx\r\n250 SMTPUTF8\r\n";
		case_run(&h, &l);
		outcome_is(2, RELAY_MAIL, RELAY_END_NO_8BIT, 0);
		ck_assert_uint_eq(told.how, 1);
		lines_are("EHLO mail.example.net\nQUIT\n");
	}
}

/* Only for whom it is needed, and in words that are known. */
TEST(needs_smtputf8)
{
	struct letter l = three;
	struct host h = polite;

	l.flags = 0;
	l.to[1] = "\xc3\xa4@example.org";
	case_run(&h, &l);
	lines_are("EHLO mail.example.net\n"
	    "MAIL FROM:<a@example.net> SIZE=34 SMTPUTF8\n"
	    "RCPT TO:<x@example.org>\nRCPT TO:<\xc3\xa4@example.org>\n"
	    "RCPT TO:<z@example.org>\nDATA\nQUIT\n");
	h.ehlo = "250-mx\r\n250 8BITMIME\r\n";
	case_run(&h, &l);
	outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
	outcome_is(1, RELAY_MAIL, RELAY_END_NO_UTF8, 0);
	outcome_is(2, RELAY_DOT, RELAY_END_REPLY, 250);
	lines_are("EHLO mail.example.net\nMAIL FROM:<a@example.net>\n"
	    "RCPT TO:<x@example.org>\nRCPT TO:<z@example.org>\nDATA\nQUIT\n");
	l.from = "\xc3\xa4@example.net";
	case_run(&h, &l);
	outcome_is(0, RELAY_MAIL, RELAY_END_NO_UTF8, 0);
	/* A header in UTF-8: only if its client said so. */
	l = three;
	l.flags = CONTENT_UTF8;
	case_run(&h, &l);
	outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
	l.smtputf8 = 1;
	case_run(&h, &l);
	outcome_is(0, RELAY_MAIL, RELAY_END_NO_UTF8, 0);
	case_run(&polite, &l);
	ck_assert_ptr_nonnull(strstr(seen->lines,
	    " BODY=8BITMIME SMTPUTF8\n"));
	/* Said by the client, and needed by nothing. */
	l.flags = 0;
	case_run(&polite, &l);
	ck_assert_ptr_null(strstr(seen->lines, "SMTPUTF8"));
}

TEST(needs_size)
{
	struct host h = polite;

	h.ehlo = "250-mx\r\n250-8BITMIME\r\n250 SIZE 33\r\n";
	case_run(&h, &three);
	outcome_is(0, RELAY_MAIL, RELAY_END_TOO_BIG, 0);
	h.ehlo = "250-mx\r\n250-8BITMIME\r\n250 SIZE 34\r\n";
	case_run(&h, &three);
	outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
}

/* ---- several messages ------------------------------------------------- */

TEST(sends_several)
{
	struct host h = polite;

	h.rcpts = 3;
	h.rcpt[0] = h.rcpt[1] = h.rcpt[2] = "450 4.2.1 later\r\n";
	h.data = "554 no\r\n";
	case_begin(&h);
	ck_assert(case_greet());
	for (int i = 0; i < 3; i++) {
		case_letter(&three);
		case_sent(&three);
		outcome_is(0, RELAY_RCPT, RELAY_END_REPLY, 450);
	}
	case_end();
	/* What MAIL began has to be ended, and nothing else has. */
	ck_assert_ptr_nonnull(strstr(seen->lines, "DATA\nRSET\nMAIL"));
	case_begin(&polite);
	ck_assert(case_greet());
	for (int i = 0; i < 3; i++) {
		case_letter(&three);
		case_sent(&three);
		outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
	}
	case_end();
	ck_assert_uint_eq(seen->messages, 3);
	ck_assert_ptr_null(strstr(seen->lines, "RSET"));
	h.rset = "550 no\r\n";
	case_begin(&h);
	ck_assert(case_greet());
	case_letter(&three);
	case_sent(&three);
	case_letter(&three);
	case_sent(&three);
	outcome_is(0, RELAY_MAIL, RELAY_END_SYNTAX, 0);
	ck_assert_uint_eq(told.how, 0);
	case_end();
}

/* One reply too many, or 421, before the next message or instead of it. */
TEST(host_speaks_unasked)
{
	static const struct {
		const char	*idle;
		enum relay_end	 end;
		uint16_t	 code;
	} rows[] = { { "250 2.0.0 again\r\n", RELAY_END_SYNTAX, 0 },
	    { "421 4.4.2 timeout\r\n", RELAY_END_REPLY, 421 },
	    { "garbage\r\n", RELAY_END_SYNTAX, 0 } };
	struct host h = polite;

	for (size_t i = 0; i < COUNT(rows); i++)
		for (int waits = 0; waits < 2; waits++) {
			h.idle = rows[i].idle;
			case_begin(&h);
			ck_assert(case_greet());
			case_letter(&three);
			case_sent(&three);
			outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
			if (waits)
				usleep(50000);
			case_letter(&three);
			case_sent(&three);
			/* Where it is noticed depends on who is faster. */
			outcome_is(0, (enum relay_stage)
			    told.outcomes[0].stage, rows[i].end, rows[i].code);
			ck_assert_uint_eq(seen->messages, 1);
			case_end();
		}
}

/* No message comes: the host is not kept for long. */
TEST(is_idle)
{
	int64_t begun_ms;

	case_begin(&polite);
	ck_assert(case_greet());
	begun_ms = deadline_now_ms();
	while (!told.ended && case_hear(IPC_AT_RELAY))
		continue;
	ck_assert_int_ge(deadline_now_ms() - begun_ms, 3900);
	ck_assert_int_lt(deadline_now_ms() - begun_ms, 20000);
	ended_by(RELAY_QUIT, RELAY_END_TIMEOUT, 0);
	ck_assert_ptr_nonnull(strstr(seen->lines, "QUIT\n"));
	case_end();
}

/* ---- the text --------------------------------------------------------- */

/* What a receiver makes of the octets on the wire (RFC 5321 4.5.2). */
static size_t
unstuff(uint8_t *out)
{
	const uint8_t *p = seen->text + 2, *end = seen->text + seen->text_n - 3;
	size_t n = 0;

	ck_assert_mem_eq(seen->text, "\r\n", 2);
	while (p < end) {
		const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)(lf - p) - 1;

		ck_assert_ptr_nonnull(lf);
		ck_assert_uint_eq(lf[-1], '\r');
		ck_assert_ptr_null(memchr(p, '\r', line));
		if (p[0] == '.') {
			ck_assert_uint_gt(line, 1);
			p++;
			line--;
		}
		memcpy(out + n, p, line);
		n += line;
		out[n++] = '\n';
		p = lf + 1;
	}
	return n;
}

static void
round_trip(const struct host *h, const char *in, size_t n)
{
	static uint8_t out[host_text_max];
	struct letter l = three;

	l.text = in;
	l.text_n = n;
	case_run(h, &l);
	outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
	if (n > 0 && in[n - 1] != '\n')
		ck_assert_uint_eq(unstuff(out), n + 1);
	else
		ck_assert_uint_eq(unstuff(out), n);
	ck_assert_mem_eq(out, in, n);
}

/* T11: dots and line ends everywhere, also where blocks of the file meet. */
TEST(text_comes_back)
{
	static char in[100000];
	struct host h = polite;

	round_trip(&polite, "", 0);
	round_trip(&polite, ".", 1);
	round_trip(&polite, "\n", 1);
	round_trip(&polite, "a", 1);
	round_trip(&polite, ".\n", 2);
	round_trip(&polite, "..\n.", 4);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = ".\n"[i % 2];
	round_trip(&polite, in, 70001);
	memset(in, '\n', sizeof(in));
	round_trip(&polite, in, 80000);
	memset(in, '.', sizeof(in));
	round_trip(&polite, in, sizeof(in));
	for (size_t at = 16380; at < 16390; at++) {
		memset(in, 'x', sizeof(in));
		memcpy(in + at, "\n.\n..\n\n.a", 9);
		round_trip(&polite, in, 40000);
	}
	srandom(7);
	for (int round = 0; round < 40; round++) {
		static const char octets[] = "\n\n..ab\x80\xff\x01 ";
		size_t n = (size_t)random() % sizeof(in);

		for (size_t i = 0; i < n; i++)
			in[i] = octets[(size_t)random() %
			    (sizeof(octets) - 1)];
		h.by_one = round == 0;
		round_trip(&h, in, n > 5000 && h.by_one ? 5000 : n);
	}
}

static void
no_dot_for(const struct letter *l)
{
	case_run(&polite, l);
	outcome_is(0, RELAY_DATA, RELAY_END_DAMAGED, 0);
	ck_assert_uint_eq(seen->messages, 0);
	ck_assert_uint_eq(told.how, 0);
}

/* A file that is not as LETTER says, cut at each octet: no final dot. */
TEST(file_is_damaged)
{
	static const char all[] = "Received: x\nSubject: y\n\n.\na\n.b\n\n";
	struct letter l = three;

	l.size_more = 1;
	no_dot_for(&l);
	l = three;
	l.lines_more = 1;
	no_dot_for(&l);
	for (size_t n = 0; n + 1 < sizeof(all); n++) {
		/* Before it was opened, and behind that. */
		l = three;
		l.text = all;
		l.text_n = n;
		l.lines_more = 7;
		for (size_t i = 0; i < n; i++)
			l.lines_more -= all[i] == '\n';
		if (n > 0)
			no_dot_for(&l);
		l.size_more = sizeof(all) - 1 - n;
		no_dot_for(&l);
	}
	/* T12: no reader may see the end of a line where another sees none. */
	l = three;
	l.text = "a\n\r.\r\nMAIL FROM:<x@y>\n";
	l.text_n = strlen(l.text);
	no_dot_for(&l);
}

/* It answers before the dot, reads no more, or both. */
TEST(host_refuses_while_the_text_comes)
{
	static char in[200000];
	struct letter l = three;
	struct host h = polite;

	memset(in, 'x', sizeof(in));
	l.text = in;
	l.text_n = sizeof(in);
	h.early = "552 5.3.4 too big\r\n";
	case_run(&h, &l);
	outcome_is(0, RELAY_DATA, RELAY_END_REPLY, 552);
	ck_assert_uint_eq(told.how, 0);
	ck_assert_uint_eq(seen->messages, 0);
	/* So late, and slowly, that the final dot is ready to be sent. */
	h.by_one = true;
	host_grace_us = 500000;
	l.text_n = 14000;
	case_run(&h, &l);
	outcome_is(0, RELAY_DATA, RELAY_END_REPLY, 552);
	ck_assert_uint_eq(seen->messages, 0);
	h.by_one = false;
	host_grace_us = 0;
	l.text_n = sizeof(in);
	h.early = "250 thanks\r\n";
	case_run(&h, &l);
	outcome_is(0, RELAY_DATA, RELAY_END_SYNTAX, 0);
	ck_assert_uint_eq(seen->messages, 0);
	h.early = NULL;
	h.deaf = true;
	client.patience_ms = 300;
	case_run(&h, &l);
	outcome_is(0, RELAY_DATA, RELAY_END_TIMEOUT, 0);
	ck_assert_uint_eq(told.how, 0);
}

/* A small message to a deaf host: it may have it, and nobody knows. */
TEST(nobody_answers_the_dot)
{
	struct host h = polite;

	h.dot = "";
	client.patience_ms = 300;
	case_run(&h, &three);
	outcome_is(0, RELAY_DOT, RELAY_END_TIMEOUT, 0);
	ck_assert_uint_eq(told.how, 0);
}

/* ---- many recipients -------------------------------------------------- */

/* No deadlock through small buffers, and no more unanswered than 4 KiB. */
TEST(sends_to_a_hundred)
{
	static char names[relay_rcpts_max][300];
	struct letter l = three;
	struct host h = polite;

	for (size_t i = 0; i < relay_rcpts_max; i++) {
		snprintf(names[i], sizeof(names[i]), "%0200zu@example.org", i);
		l.to[i] = names[i];
	}
	l.count = relay_rcpts_max;
	h.rcpt[0] = "250-2.1.5 a reply that is long, long, long, long, "
	    "long, long, long, long, long, long, long, long, long, long\r\n"
	    "250-2.1.5 and has lines, lines, lines, lines, lines, lines\r\n"
	    "250 2.1.5 more than one\r\n";
	h.rcpt[1] = "452 4.5.3 too many\r\n";
	h.rcpts = 2;
	for (int round = 0; round < 3; round++) {
		h.by_one = round == 1;
		if (round == 2)
			h.ehlo = "250-mx\r\n250 8BITMIME\r\n";
		case_run(&h, &l);
		for (size_t i = 0; i < relay_rcpts_max; i++)
			outcome_is(i, i % 2 ? RELAY_RCPT : RELAY_DOT,
			    RELAY_END_REPLY, i % 2 ? 452 : 250);
		ck_assert_uint_le(seen->most_unanswered, round < 2 ? 4096 :
		    300);
		ck_assert_uint_ge(seen->most_unanswered, round < 1 ? 2000 :
		    200);
	}
}

/* ---- shutdown --------------------------------------------------------- */

static void
stop_now(void)
{
	case_send((struct ipc_record){ .type = IPC_STRESS,
	    .u.stress.why = STRESS_END }, -1);
}

TEST(stops_while_idle)
{
	case_begin(&polite);
	ck_assert(case_greet());
	stop_now();
	case_end();
	ended_by(RELAY_QUIT, RELAY_END_STOPPED, 0);
	ck_assert_ptr_nonnull(strstr(seen->lines, "QUIT\n"));
}

/* In the envelope at once; behind DATA the final dot is waited for. */
TEST(stops_while_it_sends)
{
	struct host h = polite;

	h.fault = HOST_STALLS;
	h.at = strlen(h.greeting) + strlen(h.ehlo) + strlen(h.mail);
	case_begin(&h);
	ck_assert(case_greet());
	case_letter(&three);
	usleep(50000);
	stop_now();
	case_sent(&three);
	outcome_is(0, RELAY_RCPT, RELAY_END_STOPPED, 0);
	ck_assert_uint_eq(seen->messages, 0);
	case_end();
	h = polite;
	h.dot_ms = 200;
	case_begin(&h);
	ck_assert(case_greet());
	case_letter(&three);
	for (int i = 0; i < 1000 && *(volatile size_t *)&seen->messages == 0;
	    i++)
		usleep(5000);
	stop_now();
	case_sent(&three);
	outcome_is(0, RELAY_DOT, RELAY_END_REPLY, 250);
	case_end();
	ended_by(RELAY_QUIT, RELAY_END_STOPPED, 0);
}

TEST(is_dismissed_while_it_greets)
{
	struct host h = polite;

	h.greeting = "";
	case_begin(&h);
	case_send((struct ipc_record){ .type = IPC_DISMISS }, -1);
	while (!told.ended && case_hear(IPC_AT_RELAY))
		continue;
	ck_assert(!told.greeted);
	ended_by(RELAY_GREETING, RELAY_END_STOPPED, 0);
	case_end();
}

/* ---- TLS -------------------------------------------------------------- */

static struct host
tls_host(void)
{
	struct host h = polite;

	if (host_tls == NULL)
		case_use_tls();
	h.ehlo = "250-mx\r\n250-SIZE 10\r\n250 STARTTLS\r\n";
	h.tls_ehlo = polite.ehlo;
	return h;
}

/* What was offered in plain text is forgotten. */
TEST(delivers_under_tls)
{
	static const uint16_t versions[] = { 0, TLS1_2_VERSION };
	struct host h = tls_host();

	for (size_t i = 0; i < COUNT(versions); i++) {
		h.tls_max = versions[i];
		case_run(&h, &three);
		lines_are("EHLO mail.example.net\nSTARTTLS\n"
		    "(mx.example.org)\nEHLO mail.example.net\n"
		    "MAIL FROM:<a@example.net> SIZE=34 BODY=8BITMIME\n"
		    "RCPT TO:<x@example.org>\nRCPT TO:<y@example.org>\n"
		    "RCPT TO:<z@example.org>\nDATA\nQUIT\n");
		ck_assert_uint_eq(told.g.offers & RELAY_OFFERS_TLS, 0);
		ck_assert_str_eq(told.g.tls.version, i == 0 ? "TLSv1.3" :
		    "TLSv1.2");
		ck_assert_int_eq(strncmp(told.g.tls.suite, "TLS_", 4), 0);
		text_is(on_the_wire, sizeof(on_the_wire) - 1);
		outcome_is(2, RELAY_DOT, RELAY_END_REPLY, 250);
	}
}

TEST(text_comes_back_under_tls)
{
	static char in[100000];
	struct host h = tls_host();

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = ".\na\xe9"[i * i % 4];
	round_trip(&h, in, sizeof(in));
}

TEST(tls_fails)
{
	struct host h = tls_host();

	h.starttls = "454 4.7.0 not now\r\n";
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_REPLY, 454);
	/* Injected, to be read as if it had come under TLS. */
	h.starttls = "220 go\r\n250 mx\r\n";
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_TLS, 0);
	ck_assert_ptr_null(strstr(seen->lines, "("));
	h.starttls = "220 go\r\n";
	h.no_tls = true;
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_TLS, 0);
	ck_assert_uint_gt(told.why.n, 0);
	h.no_tls = false;
	h.tls_max = TLS1_1_VERSION;
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_TLS, 0);
	h = tls_host();
	h.fault = HOST_STALLS;
	h.at = strlen(h.greeting) + strlen(h.ehlo) + strlen(h.starttls);
	client.patience_ms = 200;
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_TIMEOUT, 0);
	h.fault = HOST_CLOSES;
	case_run(&h, &three);
	ended_by(RELAY_STARTTLS, RELAY_END_TLS, 0);
}

TEST(tls_as_wanted)
{
	struct host h = tls_host();

	client.tls = RELAY_TLS_MUST;
	case_run(&h, &three);
	outcome_is(2, RELAY_DOT, RELAY_END_REPLY, 250);
	case_run(&polite, &three);
	ck_assert(!told.greeted);
	ended_by(RELAY_STARTTLS, RELAY_END_TLS, 0);
	lines_are("EHLO mail.example.net\n");
	client.tls = RELAY_TLS_NONE;
	h.ehlo = "250-mx\r\n250-8BITMIME\r\n250 STARTTLS\r\n";
	case_run(&h, &three);
	outcome_is(2, RELAY_DOT, RELAY_END_REPLY, 250);
	ck_assert_ptr_null(strstr(seen->lines, "STARTTLS"));
	ck_assert_str_eq(told.g.tls.version, "");
}

TEST(host_fails_under_tls)
{
	static const enum host_fault faults[] = { HOST_CLOSES, HOST_RESETS,
	    HOST_421, HOST_GARBAGE };
	struct host h = tls_host();

	for (size_t i = 0; i < COUNT(faults); i++)
		fail_at_each_octet(&h, faults[i], 3);
}
