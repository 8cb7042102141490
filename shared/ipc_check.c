/*
 * Checks of records, from the one table in ipc_table.h.  Pure.
 *
 * The process at the other end of a channel may have been taken over by an
 * attacker.  So a record's size, sender and moment, and every value with a
 * range, are checked before any part of the record is used.
 */
#include <stddef.h>
#include <string.h>

#include "shared/ipc.h"

/* As a C string; without a NUL in size octets it is longer than any may be. */
#define TEXT(array)	span_from(array, strnlen(array, sizeof(array)))

static bool
is_mail(const struct ipc_mail *m)
{
	return smtp_mailbox_valid(&m->from) && smtp_helo_valid(TEXT(m->helo)) &&
	    m->esmtp <= 1 && m->smtputf8 <= 1 && m->body_8bit <= 1 &&
	    m->ret < DSN_RET_COUNT && envelope_envid_valid(TEXT(m->envid));
}

static bool
is_rcpt(const struct ipc_rcpt *r)
{
	return smtp_mailbox_valid(&r->to) && !smtp_mailbox_is_null(&r->to) &&
	    r->notify <= DSN_NOTIFY_ALL && envelope_orcpt_valid(TEXT(r->orcpt));
}

/* The status is of the class of the reply, or there is none (RFC 2034 4). */
static bool
is_outcome(const struct ipc_outcome *o)
{
	const uint16_t *e = o->enhanced;

	return (o->index < relay_rcpts_max || o->index == relay_all) &&
	    o->stage < RELAY_STAGE_COUNT && o->end < RELAY_END_COUNT &&
	    o->n <= relay_text_bytes &&
	    (o->code == 0 || (o->code >= 200 && o->code < 600)) &&
	    (o->code != 0) == (o->end == RELAY_END_REPLY) &&
	    ((e[0] == 0 && e[1] == 0 && e[2] == 0) ||
	    (e[0] == o->code / 100 && e[1] < 1000 && e[2] < 1000));
}

/* Each address has one form, or one client would count as several. */
static bool
is_ip(const struct ip *a)
{
	static const uint8_t zero[12];

	return a->ipv6 == 1 ? !ip_is_mapped(a->ip) :
	    a->ipv6 == 0 && memcmp(a->ip + 4, zero, sizeof(zero)) == 0;
}

static bool
is_host(const struct ipc_host *h)
{
	for (size_t i = 0; i < h->count && h->count <= resolve_addresses_max;
	    i++)
		if (!is_ip(&h->addresses[i]))
			return false;
	return h->status < RESOLVE_STATUS_COUNT && h->name[0] != '\0' &&
	    h->count <= resolve_addresses_max &&
	    (h->status == RESOLVE_OK) == (h->count > 0) &&
	    smtp_domain_valid(TEXT(h->name));
}

static bool
ends(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL;
}

static bool
is_ask(const struct ipc_ask *a)
{
	return a->what < QUESTION_COUNT && a->form < FORM_COUNT &&
	    a->all <= 1 && a->ip.ipv6 <= 1 && a->act < QUEUE_ACT_COUNT &&
	    ends(a->id, sizeof(a->id)) && ends(a->from, sizeof(a->from)) &&
	    ends(a->to, sizeof(a->to)) && ends(a->site, sizeof(a->site));
}

static bool
is_login(const struct ipc_login *l)
{
	return sasl_is_valid(&(struct sasl_login){ .name = TEXT(l->name),
	    .as = TEXT(l->as), .password = TEXT(l->password) }) &&
	    l->mechanism < SASL_MECHANISM_COUNT;
}

/* Printable ASCII with a NUL within n octets. */
static bool
is_text(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] <= 0x7e)
		i++;
	return i < n && p[i] == '\0';
}

/* Nothing in it could end a word. */
static bool
is_word(const char *p, size_t n)
{
	return ends(p, n) && p[strspn(p, "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_.-")] == '\0';
}

static bool
is_tls(const struct ipc_tls *t)
{
	return is_word(t->version, sizeof(t->version)) &&
	    is_word(t->suite, sizeof(t->suite));
}

static bool
is_ours(const struct ipc_text *t)
{
	return t->pid >= 0 && is_text(t->text, sizeof(t->text));
}

static bool
is_judged(const struct ipc_judged *j)
{
	return j->slot < ipc_sign_slots_max && j->fault < TLS_FAULT_COUNT &&
	    is_text(j->serial, sizeof(j->serial)) &&
	    is_text(j->name, sizeof(j->name));
}

/* A digest of SHA-256, SHA-384 or SHA-512, or a block, for a known scheme. */
static bool
is_digest(const struct ipc_digest *d, uint16_t pairs)
{
	return d->pair < pairs && d->scheme < SIGN_SCHEME_COUNT &&
	    (d->scheme == SIGN_RSA_PSS_BLOCK ?
	    d->n >= 256 && d->n <= ipc_signature_max_bytes :
	    d->n == 32 || d->n == 48 || d->n == 64);
}

static bool
is_piece(const struct ipc_pem *p, uint16_t pairs)
{
	return p->pair < pairs && p->n <= ipc_pem_piece_bytes &&
	    p->at <= ipc_certificate_max_bytes - p->n && p->last <= 1;
}

static bool
is_errno(int64_t error)
{
	return error >= 0 && error < 4096;
}

/* Where it may go is for dial to judge. */
static bool
is_dial(const struct ipc_dial *d)
{
	return d->to.ipv6 <= 1 && d->source.ipv6 <= 1 && d->udp <= 1 &&
	    d->has_source <= 1;
}

static bool
is_option(uint64_t option)
{
#define IS_OPTION(X, NAME, name, letter, Name) || option == (letter)
	return option == 'r' HELPERS(IS_OPTION, );
#undef IS_OPTION
}

#define ENDS(text)	ends(text, sizeof(text))
#define CHECK(name, way, payload, fd, when, holds)			\
static bool								\
check_##name(const struct ipc_record *r)				\
{									\
	const struct ipc_##payload *p = &r->u.payload;			\
									\
	(void)p;							\
	return (holds);							\
}
IPC_RECORDS(CHECK)
#undef CHECK

#define RULE(name, way, payload, fd, when, holds)			\
	[IPC_##name] = { #name " with a value that is out of range",	\
	    offsetof(struct ipc_record, u) + sizeof(struct ipc_##payload), \
	    IPC_##way, fd, IPC_##when, check_##name },
static const struct rule {
	const char	*out_of_range;
	size_t		 size;
	enum ipc_way	 way;
	bool		 fd;
	unsigned	 when;
	bool		(*check)(const struct ipc_record *);
} rules[IPC_TYPE_COUNT] = { IPC_RECORDS(RULE) };
#undef RULE

const char *
ipc_check(const struct ipc_record *r, size_t n, bool has_fd,
    enum ipc_way way, enum ipc_when when)
{
	const struct rule *rule;

	if (n < offsetof(struct ipc_record, u))
		return "shorter than a record";
	if (r->type >= IPC_TYPE_COUNT || r->zero != 0)
		return "no such record";
	rule = &rules[r->type];
	if ((rule->way & way) == 0)
		return "not for this sender";
	if (n != rule->size)
		return "wrong size";
	if (has_fd != rule->fd)
		return has_fd ? "unwanted descriptor" : "descriptor missing";
	if ((rule->when & (unsigned)when) == 0)
		return "not permitted now";
	return rule->check(r) ? NULL : rule->out_of_range;
}

size_t
ipc_size(enum ipc_type type)
{
	return rules[type].size;
}
