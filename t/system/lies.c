/*
 * What a worker in a stranger's hands might say.  Each kind of lie answers
 * whether it can be told in that state; the generator tries until one can.
 */
#include "t/system/lies.h"

#include <stdio.h>
#include <string.h>

#define RECORD(name, way, payload, passes, at, check) { IPC_##name, \
	offsetof(struct ipc_record, u) + \
	sizeof(((struct ipc_record *)NULL)->u.payload) },

static const struct {
	uint32_t	type;
	size_t		size;
} types[] = { IPC_RECORDS(RECORD) };
enum { type_count = sizeof(types) / sizeof(types[0]) };

/* States, as bits. Of port 25, without AUTH, and of who is no proxy. */
static unsigned
legal_at(uint32_t type)
{
	const unsigned any = 1 << LIE_AT_SESSION | 1 << LIE_AT_MAIL |
	    1 << LIE_AT_RCPT | 1 << LIE_AT_DATA;
	static const unsigned at[IPC_TYPE_COUNT] = {
		[IPC_MAIL] = 1 << LIE_AT_SESSION,
		[IPC_RCPT] = 1 << LIE_AT_MAIL | 1 << LIE_AT_RCPT,
		[IPC_RESET] = 1 << LIE_AT_MAIL | 1 << LIE_AT_RCPT |
		    1 << LIE_AT_DATA,
		[IPC_BEGIN] = 1 << LIE_AT_RCPT,
		[IPC_COMMIT] = 1 << LIE_AT_DATA,
		[IPC_SIGN] = 1 << LIE_AT_SESSION,
		[IPC_TLS] = 1 << LIE_AT_SESSION,
		[IPC_TLS_FAIL] = 1 << LIE_AT_SESSION
	};

	if (type == IPC_NOTE || type == IPC_TRACE || type == IPC_END)
		return any;
	return at[type];
}

uint64_t
lie_chance(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

size_t
lie_size_of(uint32_t type)
{
	for (size_t i = 0; i < type_count; i++)
		if (types[i].type == type)
			return types[i].size;
	return 0;
}

void
lie_honest_mail(struct ipc_record *r)
{
	memset(r, 0, sizeof(*r));
	r->type = IPC_MAIL;
	r->u.mail.from.local_len = 6;
	memcpy(r->u.mail.from.local, "sender", 6);
	r->u.mail.from.domain_len = 11;
	memcpy(r->u.mail.from.domain, "example.net", 11);
	r->u.mail.esmtp = 1;
	memcpy(r->u.mail.helo, "liar", 4);
}

void
lie_honest_rcpt(struct ipc_record *r, const char *user)
{
	size_t n = strlen(user);

	memset(r, 0, sizeof(*r));
	r->type = IPC_RCPT;
	r->u.rcpt.to.local_len = (uint8_t)n;
	memcpy(r->u.rcpt.to.local, user, n);
	r->u.rcpt.to.domain_len = 11;
	memcpy(r->u.rcpt.to.domain, "example.org", 11);
}

static void
put(struct lie *l, const struct ipc_record *r)
{
	l->n = lie_size_of(r->type);
	memcpy(l->octets, r, l->n);
}

static void
fill(uint8_t *p, size_t n, uint64_t *chance)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)lie_chance(chance);
}

/* A record that an honest worker could send in this state; false: none. */
static bool
honest(struct ipc_record *r, uint64_t *chance, enum lie_state state)
{
	size_t i, tries = 0;

	do {
		i = lie_chance(chance) % type_count;
		if (tries++ == 200)
			return false;
	} while ((legal_at(types[i].type) & 1U << state) == 0);
	memset(r, 0, sizeof(*r));
	if (types[i].type == IPC_MAIL)
		lie_honest_mail(r);
	else if (types[i].type == IPC_RCPT)
		lie_honest_rcpt(r, "alice");
	else
		r->type = types[i].type;
	return true;
}

static bool
random_octets(struct lie *l, uint64_t *chance, enum lie_state state)
{
	uint64_t c = lie_chance(chance);

	(void)state;
	l->n = c % 16 == 0 ? 1 + lie_chance(chance) % lie_max_octets :
	    1 + lie_chance(chance) % (sizeof(struct ipc_record) + 64);
	fill(l->octets, l->n, chance);
	snprintf(l->what, sizeof(l->what), "%zu random octets", l->n);
	return true;
}

static bool
wrong_type(struct lie *l, uint64_t *chance, enum lie_state state)
{
	unsigned here = 1U << state;
	struct ipc_record r;
	size_t i;

	/* The commit may be over when the lie is heard. */
	if (state == LIE_AT_COMMIT)
		here |= 1U << LIE_AT_SESSION;
	do
		i = lie_chance(chance) % (type_count + 1);
	while (i < type_count && (legal_at(types[i].type) & here) != 0);
	memset(&r, 0, sizeof(r));
	if (i < type_count && types[i].type == IPC_MAIL)
		lie_honest_mail(&r);
	else if (i < type_count && types[i].type == IPC_RCPT)
		lie_honest_rcpt(&r, "alice");
	else if (i < type_count && types[i].type == IPC_LOGIN) {
		r.u.login.name[0] = r.u.login.password[0] = 'x';
	}
	r.type = i < type_count ? types[i].type :
	    IPC_TYPE_COUNT + (uint32_t)(lie_chance(chance) % 1000);
	memcpy(l->octets, &r, sizeof(r));
	l->n = i < type_count ? types[i].size : sizeof(r);
	l->fds = r.type == IPC_NEWBORN || r.type == IPC_SIBLING ||
	    r.type == IPC_SESSION || r.type == IPC_FILE;
	snprintf(l->what, sizeof(l->what), "record %u out of place",
	    (unsigned)r.type);
	return true;
}

static bool
wrong_size(struct lie *l, uint64_t *chance, enum lie_state state)
{
	struct ipc_record r;
	size_t right;

	if (!honest(&r, chance, state))
		return false;
	put(l, &r);
	right = l->n;
	do
		l->n = lie_chance(chance) % 4 == 0 ?
		    1 + lie_chance(chance) % (2 * sizeof(r)) :
		    right - 1 + lie_chance(chance) % 3;
	while (l->n == right);
	snprintf(l->what, sizeof(l->what), "record %u of %zu octets",
	    (unsigned)r.type, l->n);
	return true;
}

static bool
descriptors(struct lie *l, uint64_t *chance, enum lie_state state)
{
	struct ipc_record r;

	if (!honest(&r, chance, state))
		return false;
	put(l, &r);
	l->fds = 1 + (int)(lie_chance(chance) % lie_max_fds);
	snprintf(l->what, sizeof(l->what), "record %u with %d descriptors",
	    (unsigned)r.type, l->fds);
	return true;
}

static bool
field_not_zero(struct lie *l, uint64_t *chance, enum lie_state state)
{
	struct ipc_record r;

	if (!honest(&r, chance, state))
		return false;
	r.zero = 1U << lie_chance(chance) % 32;
	put(l, &r);
	snprintf(l->what, sizeof(l->what), "record %u, zero is not",
	    (unsigned)r.type);
	return true;
}

/* Addresses that no parser of ours would have made. */
static void
spoil(struct mailbox *m, uint64_t *chance)
{
	static const char *const bad[] = {
		"\r\n", "\n.", "\033[2J", "\177", "\x80", "\xc0\xaf",
		"\xed\xa0\x80", "\xf5\x80\x80\x80", "\x01"
	};
	const char *b = bad[lie_chance(chance) % (sizeof(bad) /
	    sizeof(bad[0]))];
	size_t n = strlen(b);

	switch (lie_chance(chance) % 9) {
	case 0:
		memcpy(m->local, b, n);
		break;
	case 1:
		memcpy(m->domain, b, n);
		break;
	case 2:
		m->local[0] = '\0';
		break;
	case 3:
		m->domain[3] = '\0';
		break;
	case 4:
		m->domain[0] = '-';
		break;
	case 5:
		memcpy(m->domain, "..", 2);
		break;
	case 6:
		m->domain[4] = '/';
		break;
	case 7:
		/* Octets behind its end. */
		m->local[m->local_len + 2] = 'x';
		break;
	default:
		m->domain_len = 0;
		m->local_len = 3;
		break;
	}
}

static bool
bad_address(struct lie *l, uint64_t *chance, enum lie_state state)
{
	struct ipc_record r;
	bool mail = state == LIE_AT_SESSION;

	if (!mail && state != LIE_AT_MAIL && state != LIE_AT_RCPT)
		return false;
	if (mail)
		lie_honest_mail(&r);
	else
		lie_honest_rcpt(&r, "alice");
	spoil(mail ? &r.u.mail.from : &r.u.rcpt.to, chance);
	put(l, &r);
	snprintf(l->what, sizeof(l->what), "%s with a bad address",
	    mail ? "MAIL" : "RCPT");
	return true;
}

static bool
bad_mail(struct lie *l, uint64_t *chance, enum lie_state state)
{
	static const char bad[] = "\r\n\t \"<>()\177\200;/\\@";
	struct ipc_record r;

	if (state != LIE_AT_SESSION)
		return false;
	lie_honest_mail(&r);
	switch (lie_chance(chance) % 5) {
	case 0:
		r.u.mail.helo[1] = bad[lie_chance(chance) %
		    (sizeof(bad) - 1)];
		break;
	case 1:
		r.u.mail.helo[0] = '\0';
		break;
	case 2:
		r.u.mail.body_8bit = (uint8_t)(2 + lie_chance(chance) % 254);
		break;
	case 3:
		r.u.mail.esmtp = (uint8_t)(2 + lie_chance(chance) % 254);
		break;
	default:
		r.u.mail.smtputf8 = (uint8_t)(2 + lie_chance(chance) % 254);
		break;
	}
	put(l, &r);
	snprintf(l->what, sizeof(l->what), "MAIL with a bad HELO or flag");
	return true;
}

static bool
random_payload(struct lie *l, uint64_t *chance, enum lie_state state)
{
	struct ipc_record r;

	/* What has no content says nothing wrong by it. */
	if (!honest(&r, chance, state) || (r.type != IPC_MAIL &&
	    r.type != IPC_RCPT && r.type != IPC_NOTE && r.type != IPC_END &&
	    r.type != IPC_COMMIT))
		return false;
	fill((uint8_t *)&r.u, sizeof(r.u), chance);
	/* One of these is out of range for sure. */
	r.u.number.n |= 1U << 31;
	put(l, &r);
	snprintf(l->what, sizeof(l->what), "record %u with random content",
	    (unsigned)r.type);
	return true;
}

static bool
commit_size(struct lie *l, uint64_t *chance, enum lie_state state,
    uint64_t size)
{
	const uint64_t sizes[] = { size + 1, size - 1, size + 4096,
	    UINT64_MAX, UINT64_MAX - size, UINT64_MAX - 300, INT64_MAX,
	    1ULL << 63, (1ULL << 32) + size, 0 };
	struct ipc_record r = { .type = IPC_COMMIT };

	if (state != LIE_AT_DATA)
		return false;
	r.u.number.n = sizes[lie_chance(chance) % (sizeof(sizes) /
	    sizeof(sizes[0]))];
	put(l, &r);
	snprintf(l->what, sizeof(l->what), "COMMIT of %llu, not %llu",
	    (unsigned long long)r.u.number.n, (unsigned long long)size);
	return true;
}

void
lie_make(struct lie *out, uint64_t *chance, enum lie_state state,
    uint64_t size)
{
	static bool (*const kinds[])(struct lie *, uint64_t *,
	    enum lie_state) = {
		random_octets, wrong_type, wrong_type, wrong_size,
		descriptors, field_not_zero, bad_address, bad_mail,
		random_payload
	};
	enum { kind_count = sizeof(kinds) / sizeof(kinds[0]) };
	bool told;

	do {
		size_t k = lie_chance(chance) % (kind_count + 1);

		out->fds = 0;
		told = k == kind_count ?
		    commit_size(out, chance, state, size) :
		    kinds[k](out, chance, state);
	} while (!told);
}
