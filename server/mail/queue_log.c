/* The other side's texts are escaped where they are written: log.c, json.c. */
#include "server/mail/queue_log.h"

#include <stdio.h>
#include <time.h>

#include "server/log/figure.h"
#include "server/log/log_message.h"
#include "shared/log.h"

enum {
	event_text_bytes = 256,		/* of a reply, in the event log */
	to_max_bytes = 4 * 1024		/* of recipients, in a line */
};

const char *const queue_log_stages[RELAY_STAGE_COUNT] = {
	RELAY_STAGES(IPC_WORD, RELAY_)
}, *const queue_log_ends[RELAY_END_COUNT] = {
	RELAY_ENDS(IPC_WORD, RELAY_END_)
};
static const char *const kinds[REPORT_KIND_COUNT] = {
	REPORT_KINDS(IPC_WORD, REPORT_)
};

static uint64_t
delay_of(const struct master *m, const struct queued *q)
{
	int64_t now_s = queue_now_s(m);

	return now_s < q->queued_s ? 0 : (uint64_t)(now_s - q->queued_s);
}

static struct span
id_of(const struct queued *q)
{
	return span_from(q->id, sizeof(q->id));
}

bool
queue_log_add(struct buf *list, const struct mailbox *to)
{
	char text[smtp_mailbox_text_max_bytes];
	size_t n = smtp_mailbox_text(to, text);

	return list->n < to_max_bytes && json_add(log_record_to,
	    &(const struct span[]){ span_from(text, n) }, list);
}

void
queue_log_outcome(struct master *m, enum log_event event,
    const struct queued *q, const struct queue_outcome *o)
{
	const struct queue_fact *f = o->fact;
	const struct ipc_outcome *got = &f->fact.outcome;
	char ip[ip_text_max_bytes + 1] = "";
	char tls[sizeof(struct ipc_tls)], status[24] = "";
	const char *next = "";

	snprintf(tls, sizeof(tls), "%s%s%s", f->greeted.tls.version,
	    f->greeted.tls.suite[0] != '\0' ? " " : "", f->greeted.tls.suite);
	if (f->port != 0)
		(void)ip_text(&f->ip, ip);
	if (got->enhanced[0] != 0)
		snprintf(status, sizeof(status), "%u.%u.%u", got->enhanced[0],
		    got->enhanced[1], got->enhanced[2]);
	if (event == LOG_EVENT_TRY && o->deferred)
		next = figure_utc(time(NULL) + q->next_s - queue_now_s(m));
	const struct log_record r = {
		.event = event, .id = id_of(q),
		.to = o->list, .count = o->count,
		.host = span_of(f->fact.host),
		.ip = span_of(ip), .tcp_port = f->port,
		.tls = span_of(tls),
		.stage = span_of(queue_log_stages[got->stage]),
		.end = span_of(queue_log_ends[got->end]), .code = got->code,
		.status = span_of(status),
		.text = span_from(got->text, got->n),
		.delay_s = delay_of(m, q), .next = span_of(next)
	};
	log_message_add(m->log, &r);
	log_put(LOG_LEVEL_INFO, event == LOG_EVENT_DONE ? "done" :
	    event == LOG_EVENT_FAILED ? "failed" : "try",
	    "id=%.*s to=%s recipients=%zu host=%.*s ip=%s port?=%zu tls=%.*s "
	    "stage=%.*s why=%.*s code?=%zu status=%s delay=%zu next=%s "
	    "text=%.*s", SPAN_PRINT(r.id), log_address(o->to),
	    (size_t)o->count, SPAN_PRINT(r.host), ip, (size_t)r.tcp_port,
	    SPAN_PRINT(r.tls), SPAN_PRINT(r.stage), SPAN_PRINT(r.end),
	    (size_t)r.code, status, (size_t)r.delay_s, next,
	    (int)(r.text.n < event_text_bytes ? r.text.n : event_text_bytes),
	    (const char *)r.text.p);
	if (event == LOG_EVENT_DONE)
		m->counters.value[COUNTER_LEAVING_DELIVERED] += o->count;
	else if (event == LOG_EVENT_FAILED)
		m->counters.value[COUNTER_LEAVING_FAILED] += o->count;
	else if (o->deferred)
		m->counters.value[COUNTER_LEAVING_DEFERRED] += o->count;
}

void
queue_log_site(const char *site, const struct queue_fact *f,
    uint64_t failures, uint64_t seconds, uint64_t waiting)
{
	if (f == NULL)
		log_put(LOG_LEVEL_INFO, "site-up", "site=%s waiting=%zu", site,
		    (size_t)waiting);
	else
		log_put(LOG_LEVEL_WARNING, "site-down",
		    "site=%s host=%s stage=%s why=%s text=%.*s failures=%zu "
		    "seconds=%zu waiting=%zu", site, f->fact.host,
		    queue_log_stages[f->fact.outcome.stage],
		    queue_log_ends[f->fact.outcome.end],
		    (int)f->fact.outcome.n,
		    (const char *)f->fact.outcome.text, (size_t)failures,
		    (size_t)seconds, (size_t)waiting);
}

void
queue_log_notice(struct master *m, const struct queued *q,
    enum report_kind kind, const char *report)
{
	const uint64_t delay_s = delay_of(m, q);

	log_message_add(m->log, &(struct log_record){
	    .event = LOG_EVENT_NOTICE, .id = id_of(q),
	    .kind = span_of(kinds[kind]), .report = span_of(report),
	    .delay_s = delay_s });
	log_put(LOG_LEVEL_INFO, "notice", "id=%.*s kind=%s report=%s delay=%zu",
	    SPAN_PRINT(id_of(q)), kinds[kind], report, (size_t)delay_s);
	m->counters.value[(size_t)COUNTER_REPORTS_FAILED + kind]++;
}

void
queue_log_by(struct master *m, enum log_event event, const struct queued *q,
    const char *by, const char *why)
{
	log_message_add(m->log, &(struct log_record){ .event = event,
	    .id = id_of(q), .by = span_of(by), .why = span_of(why) });
	log_put(event == LOG_EVENT_HELD ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
	    event == LOG_EVENT_HELD ? "held" : event == LOG_EVENT_REMOVED ?
	    "removed" : "released", "id=%.*s by=%s why=%s",
	    SPAN_PRINT(id_of(q)), by, why);
	if (event == LOG_EVENT_REMOVED)
		m->counters.value[COUNTER_LEAVING_REMOVED] += q->left;
}
