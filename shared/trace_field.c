/* Return-Path and Received.  Pure: no clock, no locale. */
#include "shared/trace_field.h"

#include <string.h>

/*
 * Years begin with March here, so that a leap day is the last day of a year:
 * then every five months have 153 days.
 */
void
trace_field_date(int64_t seconds, struct buf *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
	int64_t day = seconds / 86400, time = seconds % 86400;
	int64_t since = day + 719468;		/* from 1 March of year 0 */
	int64_t era = since / 146097, in_era = since % 146097;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 -
	    in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * in_year + 2) / 153;

	buf_print(out, "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
	    days + 3 * ((day + 4) % 7),
	    (int)(in_year - (153 * month + 2) / 5 + 1), months + 3 * month,
	    (int)(year + era * 400 + (month >= 10)), (int)(time / 3600),
	    (int)(time / 60 % 60), (int)(time % 60));
}

/*
 * Extended-Domain = Domain / ( Domain FWS "(" TCP-info ")" ) /
 *                   ( address-literal FWS "(" TCP-info ")" )
 * TCP-info = address-literal
 */
void
trace_field_write(const struct trace *t, struct buf *out)
{
	char address[smtp_mailbox_text_max_bytes];

	smtp_mailbox_text(t->from, address);
	buf_print(out, "Return-Path: <%s>\nReceived: from %.*s", address,
	    (int)t->helo.n, (const char *)t->helo.p);
	if (t->client_ip[0] != '\0')
		buf_print(out, " ([%s%s])", strchr(t->client_ip, ':') != NULL ?
		    "IPv6:" : "", t->client_ip);
	buf_print(out, "\n\tby %s with %s id %s", t->hostname, t->protocol,
	    t->id);
	if (t->only_rcpt != NULL) {
		smtp_mailbox_text(t->only_rcpt, address);
		buf_print(out, "\n\tfor <%s>", address);
	}
	/* An Additional-Registered-Clause (RFC 8314 4.3). */
	if (t->suite != NULL)
		buf_print(out, "\n\ttls %s", t->suite);
	buf_add_str(out, "; ");
	trace_field_date(t->now_s, out);
	buf_add_str(out, "\n");
}
