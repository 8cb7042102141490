/*
 * Return-Path and Received.  Pure: no clock, no locale.
 */
#include "shared/trace_field.h"

static void
add_mailbox(struct buf *out, const struct mailbox *m)
{
	char text[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(m, text);

	buf_add_str(out, "<");
	buf_add(out, span_from(text, n));
	buf_add_str(out, ">");
}

static const char *
name_of(const char *names, size_t count, int index, char out[4])
{
	size_t i = index >= 0 && (size_t)index < count ? (size_t)index : 0;

	for (size_t k = 0; k < 3; k++)
		out[k] = names[3 * i + k];
	out[3] = '\0';
	return out;
}

/*
 * Years begin with March here, so that a leap day is the last day of a year:
 * then every five months have 153 days.
 */
void
trace_field_utc(int64_t seconds, struct tm *out)
{
	int64_t day = seconds / 86400, time = seconds % 86400;
	int64_t since = day + 719468;		/* from 1 March of year 0 */
	int64_t era = since / 146097, in_era = since % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 -
	    in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;

	*out = (struct tm){ .tm_sec = (int)(time % 60),
	    .tm_min = (int)(time / 60 % 60), .tm_hour = (int)(time / 3600),
	    .tm_mday = (int)(in_year - (153 * month + 2) / 5 + 1),
	    .tm_mon = (int)((month + 2) % 12),
	    .tm_wday = (int)((day + 4) % 7) };
	out->tm_year = (int)(year + era * 400 + (month >= 10) - 1900);
}

void
trace_field_date(const struct tm *utc, struct buf *out)
{
	char name[4];

	buf_add_str(out, name_of("SunMonTueWedThuFriSat", 7, utc->tm_wday,
	    name));
	buf_add_str(out, ", ");
	buf_add_u64(out, (uint64_t)utc->tm_mday, 1);
	buf_add_str(out, " ");
	buf_add_str(out, name_of("JanFebMarAprMayJunJulAugSepOctNovDec", 12,
	    utc->tm_mon, name));
	buf_add_str(out, " ");
	buf_add_u64(out, (uint64_t)utc->tm_year + 1900, 4);
	buf_add_str(out, " ");
	buf_add_u64(out, (uint64_t)utc->tm_hour, 2);
	buf_add_str(out, ":");
	buf_add_u64(out, (uint64_t)utc->tm_min, 2);
	buf_add_str(out, ":");
	buf_add_u64(out, (uint64_t)utc->tm_sec, 2);
	buf_add_str(out, " +0000");
}

/*
 * Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" ) /
 *                   ( address-literal FWS "(" TCP-info ")" )
 * TCP-info = address-literal
 */
static void
add_from(struct buf *out, const struct trace *t)
{
	buf_add_str(out, "Received: from ");
	buf_add(out, t->helo);
	if (t->client_ip.n > 0) {
		buf_add_str(out, t->client_ipv6 ? " ([IPv6:" : " ([");
		buf_add(out, t->client_ip);
		buf_add_str(out, "])");
	}
	buf_add_str(out, "\n\tby ");
	buf_add(out, t->hostname);
}

void
trace_field_write(const struct trace *t, struct buf *out)
{
	buf_add_str(out, "Return-Path: ");
	add_mailbox(out, t->from);
	buf_add_str(out, "\n");
	add_from(out, t);
	buf_add_str(out, " with ");
	buf_add_str(out, t->protocol);
	buf_add_str(out, " id ");
	buf_add(out, t->id);
	if (t->only_rcpt != NULL) {
		buf_add_str(out, "\n\tfor ");
		add_mailbox(out, t->only_rcpt);
	}
	/* An Additional-Registered-Clause (RFC 8314 4.3). */
	if (t->suite != NULL) {
		buf_add_str(out, "\n\ttls ");
		buf_add_str(out, t->suite);
	}
	buf_add_str(out, "; ");
	trace_field_date(&t->utc, out);
	buf_add_str(out, "\n");
}
