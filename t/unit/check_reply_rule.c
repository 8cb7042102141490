/*
 * reply_rule: the table of replies.
 */
#include "t/unit/unit.h"

#include "server/process/reply_rule.h"

static const struct reply_rule *
rule_of(enum relay_stage stage, enum relay_end end, uint16_t code, uint16_t e1)
{
	struct ipc_outcome o = { .stage = (uint8_t)stage, .end = (uint8_t)end,
	    .code = code };

	if (e1 != 0) {
		o.enhanced[0] = code / 100;
		o.enhanced[1] = e1;
	}
	return reply_rule(&o);
}

static const struct reply_rule *
reply(enum relay_stage stage, uint16_t code)
{
	return rule_of(stage, RELAY_END_REPLY, code, 0);
}

static void
expect(const struct reply_rule *r, enum reply_rcpts rcpts,
    enum reply_host host, bool slower)
{
	ck_assert_uint_eq(r->rcpts, rcpts);
	ck_assert_uint_eq(r->host, host);
	ck_assert_uint_eq(r->slower, slower);
}

/* Before EHLO's reply a failure is the host's, whatever its words. */
TEST(greeting)
{
	static const enum relay_stage stages[] = { RELAY_CONNECT,
	    RELAY_GREETING, RELAY_EHLO };
	static const enum relay_end ends[] = { RELAY_END_REFUSED,
	    RELAY_END_TIMEOUT, RELAY_END_LOST, RELAY_END_SYNTAX };
	static const uint16_t codes[] = { 400, 421, 450, 452, 499 };

	for (size_t i = 0; i < 3; i++) {
		for (size_t j = 0; j < 4; j++)
			expect(rule_of(stages[i], ends[j], 0, 0),
			    REPLY_DEFERRED, REPLY_NEXT, false);
		for (size_t j = 0; j < 5 && i > 0; j++)
			expect(reply(stages[i], codes[j]), REPLY_DEFERRED,
			    REPLY_NEXT, false);
	}
	for (uint16_t code = 500; code < 600; code++)
		if (code != 521)
			for (size_t i = 1; i < 3; i++)
				expect(reply(stages[i], code), REPLY_REFUSED,
				    REPLY_NEXT, false);
	expect(reply(RELAY_GREETING, 521), REPLY_FAILED, REPLY_NEXT,
	    false);
}

TEST(tls)
{
	expect(rule_of(RELAY_STARTTLS, RELAY_END_TLS, 0, 0), REPLY_DEFERRED,
	    REPLY_PLAIN, false);
	expect(reply(RELAY_STARTTLS, 454), REPLY_DEFERRED, REPLY_PLAIN,
	    false);
	expect(reply(RELAY_STARTTLS, 554), REPLY_DEFERRED, REPLY_PLAIN,
	    false);
	expect(rule_of(RELAY_STARTTLS, RELAY_END_LOST, 0, 0), REPLY_DEFERRED,
	    REPLY_PLAIN, false);
}

TEST(transaction)
{
	static const enum relay_stage stages[] = { RELAY_MAIL, RELAY_RCPT,
	    RELAY_DATA, RELAY_DOT };

	for (size_t i = 0; i < 4; i++) {
		expect(reply(stages[i], 421), REPLY_DEFERRED, REPLY_CLOSES,
		    true);
		expect(reply(stages[i], 450), REPLY_DEFERRED, REPLY_STAYS,
		    false);
		expect(rule_of(stages[i], RELAY_END_REPLY, 450, 7),
		    REPLY_DEFERRED, REPLY_STAYS, true);
		expect(reply(stages[i], 550), REPLY_FAILED, REPLY_STAYS,
		    false);
		/* A right that we lack is no fault of the message. */
		expect(reply(stages[i], 530), REPLY_DEFERRED, REPLY_STAYS,
		    true);
		expect(reply(stages[i], 535), REPLY_DEFERRED, REPLY_STAYS,
		    true);
		expect(rule_of(stages[i], RELAY_END_NO_8BIT, 0, 0),
		    REPLY_FAILED, REPLY_NEXT, false);
		expect(rule_of(stages[i], RELAY_END_LOCAL, 0, 0),
		    REPLY_DEFERRED, REPLY_CLOSES, false);
		expect(rule_of(stages[i], RELAY_END_DAMAGED, 0, 0),
		    REPLY_FAILED, REPLY_CLOSES, false);
	}
	expect(reply(RELAY_DOT, 250), REPLY_TAKEN, REPLY_STAYS, false);
	expect(reply(RELAY_RCPT, 452), REPLY_DEFERRED, REPLY_MORE, false);
	expect(reply(RELAY_RCPT, 552), REPLY_FAILED, REPLY_MORE, false);
	expect(reply(RELAY_DOT, 452), REPLY_DEFERRED, REPLY_STAYS, false);
	expect(reply(RELAY_DOT, 552), REPLY_FAILED, REPLY_STAYS, false);
}

/* The other family first, where the address may be what is refused. */
TEST(policy)
{
	expect(rule_of(RELAY_MAIL, RELAY_END_REPLY, 550, 7), REPLY_FAILED,
	    REPLY_FAMILY, false);
	expect(rule_of(RELAY_DOT, RELAY_END_REPLY, 550, 7), REPLY_FAILED,
	    REPLY_FAMILY, false);
	expect(rule_of(RELAY_RCPT, RELAY_END_REPLY, 550, 7), REPLY_FAILED,
	    REPLY_STAYS, false);
}

/* Lost behind the dot, the message may have arrived. */
TEST(lost)
{
	static const enum relay_end ends[] = { RELAY_END_TIMEOUT,
	    RELAY_END_LOST };

	for (size_t i = 0; i < 2; i++) {
		for (unsigned s = RELAY_MAIL; s < RELAY_DOT; s++)
			expect(rule_of(s, ends[i], 0, 0), REPLY_DEFERRED,
			    REPLY_NEXT, false);
		expect(rule_of(RELAY_DOT, ends[i], 0, 0), REPLY_DEFERRED,
		    REPLY_CLOSES, false);
	}
	expect(rule_of(RELAY_DOT, RELAY_END_SYNTAX, 0, 0), REPLY_DEFERRED,
	    REPLY_CLOSES, false);
	expect(rule_of(RELAY_RCPT, RELAY_END_SYNTAX, 0, 0), REPLY_DEFERRED,
	    REPLY_CLOSES, false);
}

TEST(dns)
{
	static const enum relay_end never[] = { RELAY_END_NO_DOMAIN,
	    RELAY_END_NO_MAIL, RELAY_END_NO_HOST };

	for (size_t i = 0; i < 3; i++)
		expect(rule_of(RELAY_DNS, never[i], 0, 0), REPLY_FAILED,
		    REPLY_STAYS, false);
	/* Found before a connection, or by dial: another host may do. */
	expect(rule_of(RELAY_DNS, RELAY_END_OURSELVES, 0, 0), REPLY_FAILED,
	    REPLY_NEXT, false);
	expect(rule_of(RELAY_CONNECT, RELAY_END_OURSELVES, 0, 0), REPLY_FAILED,
	    REPLY_NEXT, false);
	expect(rule_of(RELAY_DNS, RELAY_END_NO_DNS, 0, 0), REPLY_DEFERRED,
	    REPLY_STAYS, false);
}

/* Every outcome has a rule; nothing but 2yz to the dot is a delivery. */
TEST(all)
{
	for (unsigned stage = 0; stage < RELAY_STAGE_COUNT; stage++) {
		for (unsigned end = 0; end < RELAY_END_COUNT; end++)
			ck_assert(rule_of(stage, end, 0, 0)->rcpts !=
			    REPLY_TAKEN);
		for (uint16_t code = 200; code < 600; code++)
			ck_assert((reply(stage, code)->rcpts == REPLY_TAKEN) ==
			    (stage == RELAY_DOT && code < 300));
	}
}
