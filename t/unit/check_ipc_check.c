/*
 * ipc_check: every record, by every way, in every state, of every size, with
 * and without a descriptor; then every value that has a range.
 */
#include "t/unit/ipc_name.h"
#include "t/unit/unit.h"

#include <ctype.h>
#include <stddef.h>

#include "shared/ipc.h"

enum { states = 12 };

static const struct {
	enum ipc_type	 type;
	const char	*name;
	enum ipc_way	 way;
	size_t		 size;
	bool		 fd;
	unsigned	 when;
} table[] = {
#define ROW(name, way, payload, fd, when, check)			\
	{ IPC_##name, #name, IPC_##way, offsetof(struct ipc_record, u) + \
	    sizeof(struct ipc_##payload), fd, IPC_##when },
	IPC_RECORDS(ROW)
#undef ROW
};

/* The longest of two records and what lies around them. */
static union {
	struct ipc_record	r;
	uint8_t			octets[2 * sizeof(struct ipc_record)];
} room;

static struct mailbox
address(const char *path)
{
	struct mailbox m;
	struct span rest;

	if (smtp_parse_path(span_of(path), true, true, &m, &rest) !=
	    SYNTAX_OK)
		ck_abort_msg("%s", path);
	return m;
}

/* A record of this type whose every value is right. */
static struct ipc_record
good(enum ipc_type type)
{
	struct ipc_record r;

	memset(&r, 0, sizeof(r));
	r.type = type;
	if (type == IPC_MAIL) {
		r.u.mail.from = address("<a@b>");
		r.u.mail.helo[0] = 'h';
	} else if (type == IPC_RCPT || type == IPC_ORIGINATOR ||
	    type == IPC_RCPT_TO) {
		r.u.rcpt.to = address("<a@b>");
	} else if (type == IPC_NEWBORN || type == IPC_KILL) {
		r.u.child.pid = 1234;
	} else if (type == IPC_BREED || type == IPC_SIBLING) {
		r.u.number.n = 'r';
	} else if (type == IPC_CHECKED) {
		r.u.checked.answer = REPLY_AUTH_OK;
	} else if (type == IPC_DIED) {
		r.u.child.pid = 1234;
	} else if (type == IPC_READY || type == IPC_UNSAFE) {
		memcpy(r.u.text.text, "text", 5);
	} else if (type == IPC_LOGIN) {
		r.u.login.name[0] = r.u.login.password[0] = 'x';
	} else if (type == IPC_SIGN || type == IPC_DIGEST) {
		r.u.digest.n = 32;
	} else if (type == IPC_TLS) {
		memcpy(r.u.tls.version, "TLSv1.3", 8);
		memcpy(r.u.tls.suite, "TLS_AES_128_GCM_SHA256", 23);
	} else if (type == IPC_LETTER) {
		r.u.letter.count = 1;
	} else if (type == IPC_REPORT) {
		r.u.report.count = 1;
	} else if (type == IPC_UNDIALED) {
		r.u.number.n = 1;
	} else if (type == IPC_OUTCOME) {
		r.u.outcome.code = 250;
	} else if (type == IPC_FACT) {
		r.u.fact.outcome.code = 250;
	} else if (type == IPC_HOST) {
		r.u.host.count = 1;
		r.u.host.name[0] = 'h';
	}
	return r;
}

/* A moment at which that row may come. */
static enum ipc_when
when_of(size_t row)
{
	return (enum ipc_when)(table[row].when & -table[row].when);
}

TEST(table_is_whole)
{
	bool seen[IPC_TYPE_COUNT] = { false };

	ck_assert_uint_eq(COUNT(table), IPC_TYPE_COUNT);
	for (size_t i = 0; i < COUNT(table); i++) {
		ck_assert(!seen[table[i].type]);
		seen[table[i].type] = true;
		ck_assert_str_eq(ipc_name(table[i].type), table[i].name);
		ck_assert_uint_eq(ipc_size(table[i].type), table[i].size);
		ck_assert_uint_le(table[i].size, sizeof(struct ipc_record));
	}
	ck_assert_str_eq(ipc_name(IPC_TYPE_COUNT), "?");
	ck_assert_str_eq(ipc_name(UINT32_MAX), "?");
}

TEST(everything)
{
	enum { ways = IPC_WAY_COUNT };

	for (size_t row = 0; row < COUNT(table); row++)
		for (unsigned k = 0; k < ways * 2 * states; k++) {
			enum ipc_way way = (enum ipc_way)(1u << k % ways);
			bool fd = k / ways % 2 == 1;
			unsigned when = 1u << k / (2 * ways);
			const char *why;

			room.r = good(table[row].type);
			why = ipc_check(&room.r, table[row].size, fd, way,
			    (enum ipc_when)when);
			if ((why == NULL) != ((way & table[row].way) != 0 &&
			    fd == table[row].fd &&
			    (when & table[row].when) != 0))
				ck_abort_msg("%s by %d, fd %d, at %x: %s",
				    table[row].name, way, fd, when,
				    why == NULL ? "taken" : why);
			ck_assert(why == NULL || why[0] != '\0');
		}
}

/* What a worker may say, and when: the promise, not the table. */
TEST(no_order_but_this)
{
	static const struct {
		enum ipc_type	type;
		unsigned	when;
	} t[] = { { IPC_MAIL, IPC_AT_SESSION },
	    { IPC_RCPT, IPC_AT_MAIL | IPC_AT_RCPT },
	    { IPC_BEGIN, IPC_AT_RCPT }, { IPC_COMMIT, IPC_AT_DATA },
	    { IPC_LOGIN, IPC_AT_SESSION }, { IPC_SIGN, IPC_AT_SESSION },
	    { IPC_PROXY, IPC_AT_PROXY } };

	for (size_t i = 0; i < COUNT(t); i++)
		for (unsigned k = 0; k < states; k++) {
			room.r = good(t[i].type);
			ck_assert_int_eq(ipc_check(&room.r,
			    ipc_size(t[i].type), false, IPC_FROM_WORKER,
			    (enum ipc_when)(1u << k)) == NULL,
			    (t[i].when & 1u << k) != 0);
		}
}

TEST(sizes)
{
	for (size_t row = 0; row < COUNT(table); row++)
		for (size_t size = 0; size <= sizeof(room); size++) {
			const char *why;

			room.r = good(table[row].type);
			why = ipc_check(&room.r, size, table[row].fd,
			    table[row].way, when_of(row));
			if ((why == NULL) != (size == table[row].size))
				ck_abort_msg("%s of %zu: %s", table[row].name,
				    size, why == NULL ? "taken" : why);
		}
}

/* Nothing of a record is read beyond the octets that came. */
TEST(no_further)
{
	for (size_t row = 0; row < COUNT(table); row++)
		for (size_t size = 0; size <= table[row].size; size++) {
			struct ipc_record whole = good(table[row].type);
			void *r = malloc(size > 0 ? size : 1);

			ck_assert_ptr_nonnull(r);
			memcpy(r, &whole, size);
			if ((ipc_check(r, size, table[row].fd, table[row].way,
			    when_of(row)) == NULL) !=
			    (size == table[row].size))
				ck_abort_msg("%s of %zu", table[row].name,
				    size);
			free(r);
		}
}

TEST(types_and_zero)
{
	static const uint32_t wrong[] = { IPC_TYPE_COUNT, IPC_TYPE_COUNT + 1,
	    0x7fffffff, 0x80000000, UINT32_MAX, 256, 65536 };

	for (size_t i = 0; i < COUNT(wrong); i++)
		for (size_t size = 0; size <= sizeof(room.r); size++) {
			memset(&room, 0, sizeof(room));
			room.r.type = wrong[i];
			ck_assert_ptr_nonnull(ipc_check(&room.r, size, false,
			    IPC_FROM_WORKER, IPC_AT_SESSION));
		}
	for (size_t row = 0; row < COUNT(table); row++)
		for (unsigned bit = 0; bit < 32; bit++) {
			room.r = good(table[row].type);
			room.r.zero = 1u << bit;
			ck_assert_ptr_nonnull(ipc_check(&room.r,
			    table[row].size, table[row].fd, table[row].way,
			    when_of(row)));
		}
}

/* The judgement of a record whose frame is right. */
static bool
passes(const struct ipc_record *r)
{
	for (size_t row = 0; row < COUNT(table); row++)
		if (table[row].type == r->type)
			return ipc_check(r, table[row].size, table[row].fd,
			    table[row].way, when_of(row)) ==
			    NULL;
	ck_abort_msg("no type %u", r->type);
	return false;
}

TEST(mail_addresses)
{
	static const char *const fine[] = { "<>", "<a@b>", "<\"a b\"@c>",
	    "<a@[192.0.2.1]>", "<\xc3\xb6@b\xc3\xbc>" };
	struct ipc_record r;

	for (size_t i = 0; i < COUNT(fine); i++) {
		r = good(IPC_MAIL);
		r.u.mail.from = address(fine[i]);
		ck_assert_msg(passes(&r), "%s", fine[i]);
	}
	/* From who writes to a catcher; the master knows whether it is one. */
	r.u.mail.from = address("<postmaster>");
	ck_assert(passes(&r));
	r = good(IPC_MAIL);
	r.u.mail.from.local[0] = '\n';
	ck_assert(!passes(&r));
	r = good(IPC_MAIL);
	r.u.mail.from.local_len = 65;
	ck_assert(!passes(&r));
	r = good(IPC_MAIL);
	r.u.mail.from.domain[0] = '/';
	ck_assert(!passes(&r));
	r = good(IPC_MAIL);
	r.u.mail.from.local_len = 0;	/* the octet stays behind the end */
	ck_assert(!passes(&r));
	r.u.mail.from.local[0] = '\0';
	ck_assert(passes(&r));		/* <""@b> */
	r = good(IPC_MAIL);
	r.u.mail.from.local[63] = 'x';
	ck_assert(!passes(&r));
}

TEST(mail_others)
{
	struct ipc_record r;

	for (unsigned c = 0; c < 256; c++) {
		bool fine = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "abcdefghijklmnopqrstuvwxyz0123456789-._", (int)c) != NULL;

		r = good(IPC_MAIL);
		r.u.mail.helo[0] = (char)c;
		ck_assert_msg(passes(&r) == fine, "HELO %02x", c);
	}
	r = good(IPC_MAIL);
	r.u.mail.helo[0] = '\0';
	ck_assert(!passes(&r));
	memset(r.u.mail.helo, 'h', sizeof(r.u.mail.helo));
	ck_assert(!passes(&r));
	r.u.mail.helo[255] = '\0';
	ck_assert(passes(&r));
	memset(r.u.mail.envid, 'e', sizeof(r.u.mail.envid));
	ck_assert(!passes(&r));
	r.u.mail.envid[100] = '\0';
	ck_assert(passes(&r));
	r = good(IPC_MAIL);
	r.u.mail.size = UINT64_MAX;
	ck_assert(passes(&r));
}

TEST(rcpt_addresses)
{
	struct ipc_record r = good(IPC_RCPT);

	r.u.rcpt.to = address("<Postmaster>");
	ck_assert(passes(&r));
	r.u.rcpt.to = address("<\"a b\"@[IPv6:::1]>");
	ck_assert(passes(&r));
	r.u.rcpt.to = address("<>");
	ck_assert(!passes(&r));
	r = good(IPC_RCPT);
	r.u.rcpt.to.domain_len = 0;
	ck_assert(!passes(&r));		/* the octet behind the end */
	r.u.rcpt.to.domain[0] = '\0';
	ck_assert(passes(&r));
	r = good(IPC_RCPT);
	r.u.rcpt.to.local[0] = '\0';
	ck_assert(!passes(&r));
	r.u.rcpt.to.local_len = 0;
	ck_assert(passes(&r));		/* <""@b> */
	r = good(IPC_RCPT);
	r.u.rcpt.to.domain[0] = 'B';
	ck_assert(!passes(&r));
	r = good(IPC_RCPT);
	r.u.rcpt.to.domain[1] = '.';
	r.u.rcpt.to.domain_len = 2;
	ck_assert(!passes(&r));
}

/* A number below its end, or one of the octets of a string. */
#define BELOW(type, member, end) { IPC_##type, #type " " #member,	\
	offsetof(struct ipc_record, u.member),				\
	sizeof(((struct ipc_record *)NULL)->u.member), (end), "" }
#define ONE_OF(type, member, set) { IPC_##type, #type " " #member,	\
	offsetof(struct ipc_record, u.member),				\
	sizeof(((struct ipc_record *)NULL)->u.member), 0, (set) }

static const struct field {
	enum ipc_type	 type;
	const char	*name;
	size_t		 at;
	size_t		 size;
	uint64_t	 end;
	const char	*set;
} fields[] = {
	BELOW(MAIL, mail.esmtp, 2), BELOW(MAIL, mail.smtputf8, 2),
	BELOW(MAIL, mail.body_8bit, 2),
	BELOW(VERDICT, verdict.reply, REPLY_COUNT),
	ONE_OF(BREED, number.n, "acdlrs"),
	BELOW(DIAL, dial.udp, 2), BELOW(DIAL, dial.has_source, 2),
	BELOW(DIAL, dial.to.ipv6, 2), BELOW(DIAL, dial.source.ipv6, 2),
	ONE_OF(SIBLING, number.n, "acdlrs"),
	BELOW(SESSION, session.auth, IPC_AUTH_COUNT),
	BELOW(NOTE, number.n, NOTE_COUNT),
	BELOW(END, end.end, END_COUNT),
	BELOW(TRACE, trace.kind, 3), BELOW(TRACE, trace.n, 1025),
	BELOW(ASK, ask.what, QUESTION_COUNT),
	BELOW(ASK, ask.form, FORM_COUNT),
	BELOW(ASK, ask.all, 2), BELOW(ASK, ask.ip.ipv6, 2),
	BELOW(ASK, ask.act, QUEUE_ACT_COUNT),
	BELOW(TELL_TEXT, tell_text.n, 1001), BELOW(TELL_END, number.n, 2),
	BELOW(CERTIFICATE, pem.pair, 16), BELOW(CERTIFICATE, pem.n, 1025),
	BELOW(CERTIFICATE, pem.at, 16385), BELOW(CERTIFICATE, pem.last, 2),
	BELOW(KEY, pem.pair, 64), BELOW(KEY, pem.n, 1025),
	BELOW(KEY, pem.last, 2),
	BELOW(KEY_CERTIFICATE, pem.pair, 64),
	BELOW(KEY_CERTIFICATE, pem.n, 1025),
	BELOW(KEY_CERTIFICATE, pem.last, 2),
	BELOW(SIGN, digest.pair, 16), BELOW(DIGEST, digest.pair, 64),
	/* A block has other lengths. */
	BELOW(SIGN, digest.scheme, SIGN_RSA_PSS_BLOCK),
	BELOW(DIGEST, digest.scheme, SIGN_RSA_PSS_BLOCK),
	BELOW(LETTER_DONE, number.n, 2),
	ONE_OF(SIGN, digest.n, "\x20\x30\x40"),
	ONE_OF(DIGEST, digest.n, "\x20\x30\x40"),
	BELOW(SIGNATURE, signature.n, 513), BELOW(SIGNED, signature.n, 513),
	BELOW(TLS_FAIL, number.n, TLS_FAIL_COUNT),
	BELOW(PROXY, proxy.given, 2), BELOW(PROXY, proxy.ip.ipv6, 2),
	BELOW(PROXY_FAIL, number.n, PROXY_FAIL_COUNT),
	ONE_OF(CHECKED, checked.answer, ((const char[]){ REPLY_AUTH_OK,
	    REPLY_AUTH_WRONG, REPLY_AUTH_TROUBLE, 0 })),
	BELOW(KEY_FORGET, number.n, 64),
	BELOW(JUDGED, judged.slot, 64),
	BELOW(JUDGED, judged.fault, TLS_FAULT_COUNT)
};

TEST(lengths_of_blocks)
{
	struct ipc_record r = good(IPC_DIGEST);

	r.u.digest.scheme = SIGN_RSA_PSS_BLOCK;
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		r.u.digest.n = (uint16_t)n;
		ck_assert_int_eq(passes(&r), n >= 256 && n <= 512);
	}
}

/* Numbers with an end: all to some way past it, and each power of two. */
TEST(ranges)
{
	for (uint64_t i = 0; i < COUNT(fields) * 66000; i++) {
		const struct field *f = &fields[i / 66000];
		uint64_t v = i % 66000 < 65936 ? i % 66000 :
		    1ULL << i % 66000 % 64;
		struct ipc_record r;
		bool fine;

		if (f->size < 8 && v >> 8 * f->size != 0)
			continue;
		r = good(f->type);
		/* The machine has the lowest octet first, or last. */
		memcpy((uint8_t *)&r + f->at, f->size == 1 ?
		    (const void *)&(uint8_t){ (uint8_t)v } : f->size == 2 ?
		    (const void *)&(uint16_t){ (uint16_t)v } : f->size == 4 ?
		    (const void *)&(uint32_t){ (uint32_t)v } : &v, f->size);
		fine = v < f->end || (v > 0 && v < 256 &&
		    strchr(f->set, (int)v) != NULL);
		if (passes(&r) != fine)
			ck_abort_msg("%s of %llu is %s", f->name,
			    (unsigned long long)v, fine ? "refused" : "taken");
	}
}

/* They stand in the log, and the suite in Received. */
TEST(tls_words)
{
	struct ipc_record r = good(IPC_TLS), relay = good(IPC_GREETED);

	ck_assert(passes(&r) && passes(&relay));
	relay.u.greeted.tls = r.u.tls;
	ck_assert(passes(&r) && passes(&relay));
	for (int c = 1; c < 256; c++) {
		r.u.tls.suite[3] = relay.u.greeted.tls.version[7] = (char)c;
		ck_assert(passes(&r) == (strchr("_.-", c) != NULL ||
		    (c < 128 && isalnum(c))));
		/* Without an end. */
		ck_assert(!passes(&relay));
	}
	r.u.tls.suite[3] = '\0';
	ck_assert(passes(&r));
	r.u.tls.suite[0] = '\0';
	ck_assert(!passes(&r));
	memcpy(&r.u.tls, &relay.u.greeted.tls, sizeof(r.u.tls));
	r.u.tls.version[0] = '\0';
	ck_assert(!passes(&r));
	memset(&r.u.tls, 'x', sizeof(r.u.tls));
	ck_assert(!passes(&r));
}

/* Nobody reads past a text of which the sender left the end out. */
TEST(texts_end)
{
#define TEXT(type, field) { IPC_##type, offsetof(struct ipc_record, u.field), \
	    sizeof(((struct ipc_record *)NULL)->u.field) }
	static const struct {
		enum ipc_type	type;
		size_t		at, size;
	} t[] = {
		TEXT(SETTINGS, settings.hostname), TEXT(VERDICT, verdict.id),
		TEXT(ACCOUNT, account.stored),
		TEXT(PASSWORD, password.password), TEXT(CLIENT, client.helo),
		TEXT(CLIENT, client.host), TEXT(LETTER, letter.envid),
		TEXT(LOOKUP, lookup.name), TEXT(REPORT, report.envid),
		TEXT(FACT, fact.host), TEXT(ASK, ask.id)
	};
#undef TEXT

	for (size_t i = 0; i < COUNT(t); i++) {
		struct ipc_record r = good(t[i].type);
		char *text = (char *)&r + t[i].at;

		memset(text, 'x', t[i].size);
		ck_assert_msg(!passes(&r), "%zu", i);
		text[t[i].size - 1] = '\0';
		ck_assert_msg(passes(&r), "%zu", i);
	}
}

/* A name and a password are there, and no NUL or broken character is. */
TEST(logins)
{
	struct ipc_record r = good(IPC_LOGIN);

	ck_assert(passes(&r));
	memset(r.u.login.name, 'n', 255);
	memset(r.u.login.password, 'p', 255);
	ck_assert(passes(&r));
	r.u.login.name[254] = (char)0xc3;
	ck_assert(!passes(&r));
	r.u.login.name[254] = '\0';
	ck_assert(passes(&r));
	/* Without an end. */
	r.u.login.password[255] = 'p';
	ck_assert(!passes(&r));
	r.u.login.password[255] = '\0';
	ck_assert(passes(&r));
	memset(r.u.login.as, 'a', sizeof(r.u.login.as));
	ck_assert(!passes(&r));
	r.u.login.as[255] = '\0';
	ck_assert(passes(&r));
	r.u.login.password[0] = '\0';
	ck_assert(!passes(&r));
	r.u.login.password[0] = 'p';
	r.u.login.name[0] = '\0';
	ck_assert(!passes(&r));
}

/* kill(2) takes 0 and below for a group, and 1 is not ours. */
TEST(process_ids)
{
	static const struct {
		int32_t	pid;
		bool	fine;
	} t[] = { { 2, true }, { INT32_MAX, true }, { 1, false },
	    { 0, false }, { -1, false }, { -2, false }, { INT32_MIN, false } };

	for (size_t i = 0; i < COUNT(t); i++) {
		struct ipc_record r = good(IPC_NEWBORN);

		r.u.child.pid = t[i].pid;
		ck_assert_int_eq(passes(&r), t[i].fine);
		r.type = IPC_KILL;
		ck_assert_int_eq(passes(&r), t[i].fine);
		r = good(IPC_DIED);
		r.u.child.pid = t[i].pid;
		ck_assert_int_eq(passes(&r), t[i].fine);
	}
}

TEST(texts)
{
	static const enum ipc_type types[] = { IPC_READY, IPC_UNSAFE };

	for (size_t k = 0; k < COUNT(types); k++) {
		struct ipc_record r = good(types[k]);

		for (unsigned c = 0; c < 256; c++) {
			r.u.text.text[1] = (char)c;
			ck_assert_msg(passes(&r) == (c == 0 ||
			    (c >= 0x20 && c <= 0x7e)), "%02x", c);
		}
		memset(r.u.text.text, 'x', sizeof(r.u.text.text));
		ck_assert(!passes(&r));
		r.u.text.text[sizeof(r.u.text.text) - 1] = '\0';
		ck_assert(passes(&r));
		memset(r.u.text.text, '\0', sizeof(r.u.text.text));
		ck_assert(passes(&r));
	}
}

/* The texts of a question end inside their arrays. */
TEST(question_texts)
{
	static const size_t at[] = { offsetof(struct ipc_ask, id),
	    offsetof(struct ipc_ask, from), offsetof(struct ipc_ask, to),
	    offsetof(struct ipc_ask, site) };
	struct ipc_record r = good(IPC_ASK);

	for (size_t i = 0; i < COUNT(at); i++) {
		size_t n = i == 0 ? sizeof(r.u.ask.id) :
		    sizeof(r.u.ask.from);
		char *text = (char *)&r.u.ask + at[i];

		memset(text, 'x', n);
		ck_assert(!passes(&r));
		text[n - 1] = '\0';
		ck_assert(passes(&r));
	}
}

/* An address has one form, and what is not of it is zero. */
TEST(proxies)
{
	struct ipc_record r;

	for (uint8_t ipv6 = 0; ipv6 < 2; ipv6++)
		for (size_t i = 0; i < 16; i++) {
			r = good(IPC_PROXY);
			r.u.proxy.ip.ipv6 = ipv6;
			r.u.proxy.ip.ip[i] = 1;
			ck_assert_int_eq(passes(&r), ipv6 == 1 || i < 4);
		}
	r = good(IPC_PROXY);
	r.u.proxy.ip.ipv6 = 1;
	r.u.proxy.ip.ip[10] = r.u.proxy.ip.ip[11] = 0xff;
	ck_assert(!passes(&r));
	r.u.proxy.ip.ip[9] = 1;
	ck_assert(passes(&r));
}

TEST(judged_texts)
{
	struct ipc_record r;

	r = good(IPC_JUDGED);
	memset(r.u.judged.serial, 'a', sizeof(r.u.judged.serial));
	ck_assert(!passes(&r));
	r = good(IPC_JUDGED);
	memset(r.u.judged.name, 'a', sizeof(r.u.judged.name));
	ck_assert(!passes(&r));
	r = good(IPC_JUDGED);
	strcpy(r.u.judged.name, "mx\n.example.org");
	ck_assert(!passes(&r));
}

TEST(text_process_ids)
{
	static const int32_t wrong[] = { -1, -2, INT32_MIN };

	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct ipc_record r = good(IPC_READY);

		r.u.text.pid = wrong[i];
		ck_assert(!passes(&r));
	}
}

TEST(ids)
{
	struct ipc_record r = good(IPC_VERDICT);

	memset(r.u.verdict.id, 'a', sizeof(r.u.verdict.id));
	ck_assert(!passes(&r));
	r.u.verdict.id[ipc_id_bytes] = '\0';
	ck_assert(passes(&r));
}
