/*
 * smtp_syntax: the input as a path, as parameters, as a HELO name and as an
 * entry of a table.  Whatever is taken must be valid, be written within its
 * limit, and be read back as the same address.
 */
#include "t/fuzz/fuzz.h"

#include "shared/smtp_syntax.h"

/* The address as it stands in a command: what is read back is the same. */
static void
must_read_back(const struct mailbox *m)
{
	char path[smtp_mailbox_text_max_bytes + 2];
	char text[smtp_mailbox_text_max_bytes];
	struct mailbox again;
	struct span rest;
	enum syntax result;
	size_t n;

	memset(text, 0x5a, sizeof(text));
	n = smtp_mailbox_text(m, text);
	MUST(n < sizeof(text) && text[n] == '\0');
	MUST(memchr(text, '\0', n) == NULL);
	MUST(memchr(text, '\r', n) == NULL && memchr(text, '\n', n) == NULL);
	path[0] = '<';
	memcpy(path + 1, text, n);
	path[n + 1] = '>';
	result = smtp_parse_path(span_from(path, n + 2), true, true, &again,
	    &rest);
	/* A record may hold a local part that is too long with its quotes. */
	if (n - m->domain_len > smtp_local_max_bytes + 1) {
		MUST(result == SYNTAX_TOO_LONG);
		return;
	}
	MUST(result == SYNTAX_OK && rest.n == 0);
	MUST(memcmp(m, &again, sizeof(again)) == 0);
}

static void
must_be_valid(const struct mailbox *m)
{
	struct mailbox changed = *m;

	MUST(smtp_mailbox_valid(m));
	MUST(smtp_mailbox_is_null(m) == (m->local_len == 0 &&
	    m->domain_len == 0));
	/* What hides behind the end is not valid. */
	if (changed.local_len < sizeof(changed.local)) {
		changed.local[sizeof(changed.local) - 1] = 'x';
		MUST(!smtp_mailbox_valid(&changed));
	}
	must_read_back(m);
}

static void
try_path(struct span in, bool null_ok, bool postmaster_ok)
{
	struct mailbox m, more;
	struct span rest, same;

	memset(&m, 0xa5, sizeof(m));
	memset(&more, 0xa5, sizeof(more));
	if (smtp_parse_path(in, null_ok, postmaster_ok, &m, &rest) !=
	    SYNTAX_OK)
		return;
	MUST(rest.n < in.n && rest.p + rest.n == in.p + in.n);
	MUST(rest.p[-1] == '>' && (in.p[0] == '<' || in.p[0] == ' '));
	must_be_valid(&m);
	MUST(null_ok || !smtp_mailbox_is_null(&m));
	MUST(postmaster_ok || smtp_mailbox_is_null(&m) || m.domain_len > 0);
	/* To permit more changes nothing of what was right. */
	MUST(smtp_parse_path(in, true, true, &more, &same) == SYNTAX_OK);
	MUST(memcmp(&m, &more, sizeof(m)) == 0 && same.n == rest.n);
}

static void
try_params(struct span in)
{
	struct mail_params p, q;
	enum syntax result = smtp_parse_params(in, ~0U, &p);

	if (smtp_parse_params(in, 0, &q) == SYNTAX_OK)
		MUST(result == SYNTAX_OK && p.given == 0);
	if (result != SYNTAX_OK)
		return;
	MUST(in.n == 0 || in.p[0] == ' ');
	MUST((p.given & SMTP_PARAM_SIZE) || p.size == 0);
	MUST((p.given & SMTP_PARAM_BODY) || !p.body_8bit);
	MUST(smtp_parse_params(in, p.given, &q) == SYNTAX_OK);
	/* Once more behind itself: whatever was given is given twice. */
	if (in.n < 4096) {
		uint8_t twice[8192];

		memcpy(twice, in.p, in.n);
		memcpy(twice + in.n, in.p, in.n);
		MUST(smtp_parse_params(span_from(twice, 2 * in.n), ~0U, &q) ==
		    (p.given != 0 ? SYNTAX_DOUBLED : SYNTAX_OK));
	}
}

static void
try_helo(struct span in)
{
	if (!smtp_helo_valid(in))
		return;
	MUST(in.n >= 1 && in.n <= smtp_domain_max_bytes);
	for (size_t i = 0; i < in.n; i++)
		MUST(in.p[i] > 0x20 && in.p[i] < 0x7f &&
		    memchr("()<>,;@\"\\", in.p[i], 9) == NULL);
}

/* Octets as a record would bring them: judged without harm, then written. */
static void
try_record(struct span in)
{
	struct mailbox m;

	if (in.n < sizeof(m))
		return;
	memcpy(&m, in.p, sizeof(m));
	if (smtp_mailbox_valid(&m))
		must_be_valid(&m);
}

static void
try_table(struct span in)
{
	struct mailbox m;

	memset(&m, 0xa5, sizeof(m));
	if (!smtp_mailbox_from_text(in, &m))
		return;
	MUST(m.local_len > 0);
	if (m.domain_len > 0)
		must_be_valid(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_from(data, size);

	for (int may = 0; may < 4; may++)
		try_path(in, (may & 1) != 0, (may & 2) != 0);
	try_params(in);
	try_helo(in);
	try_record(in);
	try_table(in);
	return 0;
}
