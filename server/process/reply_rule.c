/* The table of replies, and of what there is in place of one. */
#include "server/process/reply_rule.h"

/*
 * Kinds of outcomes, as bits: of the relay_end where there is no reply, and of
 * a reply what it means.
 */
#define NO(end)		(1 << RELAY_END_##end)
enum {
	OK = 1 << RELAY_END_COUNT,
	SHUTS = OK << 1,	/* 421 */
	TOO_MANY = OK << 2,	/* 452 to RCPT */
	FULL = OK << 3,		/* 552 to RCPT */
	POLICY_4 = OK << 4,	/* 4yz 4.7.x: our rate, or our address */
	LATER = OK << 5,	/* another 4yz */
	LOGIN = OK << 6,	/* 530 to 538: we lack a right, not the mail */
	NO_SMTP = OK << 7,	/* 521 (RFC 7504) */
	POLICY_5 = OK << 8,	/* 5yz 5.7.x */
	NEVER = OK << 9,	/* another 5yz */
	SILENT = NO(REFUSED) | NO(TIMEOUT) | NO(LOST),
	NO_TLS = NO(TLS),
	UNABLE = NO(NO_8BIT) | NO(NO_UTF8) | NO(TOO_BIG) | NO(OURSELVES),
	OURS = NO(LOCAL) | NO(STOPPED),
	NOWHERE = NO(NO_DOMAIN) | NO(NO_MAIL) | NO(NO_HOST) | NO(TOO_OLD),
	LATERS = SHUTS | TOO_MANY | POLICY_4 | LATER,
	NEVERS = FULL | LOGIN | NO_SMTP | POLICY_5 | NEVER,
	ANY = (OK << 10) - 1
};

#define AT(stage)	(1 << RELAY_##stage)
enum {
	GREETS = AT(CONNECT) | AT(GREETING) | AT(EHLO),
	BEFORE_DOT = AT(MAIL) | AT(RCPT) | AT(DATA),
	ALL = (1 << RELAY_STAGE_COUNT) - 1
};

/*
 * The first that fits, the last for a reply that is not one, or none: after the
 * final dot that leaves open whether the host has the message.  To send it
 * elsewhere at once would make two of it, so it waits.
 */
static const struct reply_rule rules[] = {
#define RULE(stages, kinds, rcpts, host, slower)			\
	{ stages, kinds, REPLY_##rcpts, REPLY_##host, slower }
RULE(ALL,			OURS,		DEFERRED,	CLOSES,	false),
RULE(ALL,			NO(DAMAGED),	FAILED,		CLOSES,	false),
RULE(ALL,			NOWHERE,	FAILED,		STAYS,	false),
RULE(ALL,			UNABLE,		FAILED,		NEXT,	false),
RULE(AT(DNS),			ANY,		DEFERRED,	STAYS,	false),
RULE(AT(GREETING),		NO_SMTP,	FAILED,		NEXT,	false),
RULE(AT(GREETING) | AT(EHLO),	NEVERS,		REFUSED,	NEXT,	false),
RULE(GREETS,			ANY & ~NO_TLS,	DEFERRED,	NEXT,	false),
RULE(AT(STARTTLS),		ANY,		DEFERRED,	PLAIN,	false),
RULE(ALL,			NO_TLS,		DEFERRED,	PLAIN,	false),
RULE(AT(DOT),			OK,		TAKEN,		STAYS,	false),
RULE(ALL,			SHUTS,		DEFERRED,	CLOSES,	true),
RULE(BEFORE_DOT,		SILENT,		DEFERRED,	NEXT,	false),
RULE(AT(RCPT),			TOO_MANY,	DEFERRED,	MORE,	false),
RULE(AT(RCPT),			FULL,		FAILED,		MORE,	false),
RULE(ALL,			LOGIN | POLICY_4, DEFERRED,	STAYS,	true),
RULE(ALL,			LATERS,		DEFERRED,	STAYS,	false),
RULE(AT(MAIL) | AT(DOT),	POLICY_5,	FAILED,		FAMILY,	false),
RULE(ALL,			NEVERS,		FAILED,		STAYS,	false),
RULE(ALL,			ANY,		DEFERRED,	CLOSES,	false),
#undef RULE
};

static unsigned
kind_of_reply(const struct ipc_outcome *o)
{
	bool is_rcpt = o->stage == RELAY_RCPT;

	if (o->code / 100 == 2)
		return OK;
	if (o->code / 100 == 4)
		return o->code == 421 ? SHUTS :
		    o->code == 452 && is_rcpt ? TOO_MANY :
		    o->enhanced[0] == 4 && o->enhanced[1] == 7 ? POLICY_4 :
		    LATER;
	if (o->code / 100 == 5)
		return o->code == 521 ? NO_SMTP :
		    o->code >= 530 && o->code <= 538 ? LOGIN :
		    o->code == 552 && is_rcpt ? FULL :
		    o->enhanced[0] == 5 && o->enhanced[1] == 7 ? POLICY_5 :
		    NEVER;
	return NO(SYNTAX);
}

const struct reply_rule *
reply_rule(const struct ipc_outcome *o)
{
	const struct reply_rule *r = rules;
	unsigned kind = o->end == RELAY_END_REPLY ? kind_of_reply(o) :
	    1U << o->end;

	while (!(r->stages >> o->stage & 1) || !(r->kinds & kind))
		r++;
	return r;
}
