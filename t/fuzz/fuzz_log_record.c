/*
 * log_record: lines of a message log, as an attacker of the file may leave
 * them.  What is taken for a line can be written again to the octet, every
 * list in it can be walked to its end, and texts decode and encode to what
 * they were.  The whole is fed to the chain, and each line to the readers of
 * checkpoints and of kept sessions.
 */
#include "t/fuzz/fuzz.h"

#include "server/log/log_message.h"

enum { text_max_bytes = 1 << 17 };

static uint8_t storage[text_max_bytes], plain[text_max_bytes],
    body_text[text_max_bytes];

/* As read, so escaped: decodes to what it was written from. */
static void
must_be_text(struct span raw)
{
	struct buf b = buf_over(plain, sizeof(plain));
	struct buf again = buf_over(storage, sizeof(storage));

	json_add_decoded(&b, raw);
	json_add_escaped(&again, buf_span(&b), "\"\\", false);
	MUST(!b.cut && !again.cut);
	MUST(span_equal(buf_span(&again), raw));
}

/* Decodes a text that was read to the end of pool. */
static void
decode(struct span *text, struct buf *pool)
{
	size_t at = pool->n;

	json_add_decoded(pool, *text);
	*text = span_from(pool->p + at, pool->n - at);
}

static void
must_be_rcpts(struct span rest)
{
	struct log_rcpt rcpt;
	struct log_step step;

	while (json_next(&rest, log_record_rcpt, &rcpt)) {
		must_be_text(rcpt.to);
		must_be_text(rcpt.verdict);
		while (json_next(&rcpt.steps, log_record_step, &step)) {
			must_be_text(step.kind);
			must_be_text(step.path);
			must_be_text(step.name);
		}
		MUST(rcpt.steps.n == 0);
	}
	MUST(rest.n == 0);
}

static void
must_be_record(struct span line, const struct log_record *r)
{
	struct buf body = buf_over(body_text, sizeof(body_text));
	struct buf b = buf_over(storage, sizeof(storage));
	struct buf pool = buf_over(plain, sizeof(plain));
	struct log_record p = *r;
	struct span rest = r->to, to, *texts[] = { &p.id, &p.session,
	    &p.client, &p.helo, &p.protocol, &p.user, &p.from, &p.file,
	    &p.after, &p.host, &p.ip, &p.tls, &p.stage, &p.end,
	    &p.status, &p.text, &p.next, &p.kind, &p.report, &p.by, &p.why };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		decode(texts[i], &pool);
	log_record_write_body(&p, &body);
	log_record_write(&p, buf_span(&body), &b);
	MUST(!b.cut && b.n == line.n + 1);
	MUST(span_equal(span_from(b.p, b.n - 1), line));
	while (json_next(&rest, log_record_to, &to))
		must_be_text(to);
	MUST(rest.n == 0);
	must_be_rcpts(r->rcpt);
	must_be_text(r->from);
	must_be_text(r->helo);
	must_be_text(r->file);
	must_be_text(r->after);
}

/* A line of a kept session; true: it has form, and can be written again. */
static bool
must_be_form(struct span line, const struct json_field *form)
{
	struct buf b = buf_over(storage, sizeof(storage));
	struct buf pool = buf_over(plain, sizeof(plain));
	union {
		struct log_refused		head;
		struct log_refused_rcpts	rcpts;
		struct log_said			said;
	} u;

	if (!json_read(line, form, &u))
		return false;
	for (const struct json_field *f = form; f->kind != JSON_END; f++)
		if (f->kind == JSON_TEXT)
			decode((struct span *)(void *)((char *)&u + f->at),
			    &pool);
	json_write(form, &u, &b);
	MUST(!b.cut && span_equal(buf_span(&b), line));
	return true;
}

static void
read_line(struct span line, struct log_chain *chain)
{
	static char why[log_chain_why_bytes];
	struct log_point c;
	struct log_record r;
	struct buf b;
	bool ours = log_record_read(line, &r);

	MUST(ours + must_be_form(line, log_refused_head) + must_be_form(line,
	    log_refused_rcpts) + must_be_form(line, log_refused_said) <= 1);

	if (ours)
		must_be_record(line, &r);
	MUST(log_chain_feed(chain, line, "", why) <= ours);
	MUST(chain->taken <= ours);
	if (!log_chain_read_checkpoint(line, &c))
		return;
	b = buf_over(storage, sizeof(storage));
	log_chain_write_checkpoint(&c, &b);
	MUST(b.n == line.n + 1 && span_equal(span_from(b.p, line.n), line));
	MUST(!ours);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_from(data, size), text;
	struct log_chain chain = { 0 };
	struct buf b = buf_over(storage, sizeof(storage));
	const uint8_t *lf;

	if (size > text_max_bytes / 8)
		return 0;
	/* Whatever it is, as a text it stands for itself or is no UTF-8. */
	buf_add_str(&b, "\"");
	json_add_escaped(&b, in, "\"\\", false);
	buf_add_str(&b, "\"");
	MUST(json_read(buf_span(&b), log_record_to, &text));
	MUST(text.n == b.n - 2);
	while (in.n > 0) {
		lf = memchr(in.p, '\n', in.n);
		read_line(span_from(in.p, lf == NULL ? in.n :
		    (size_t)(lf - in.p)), &chain);
		in = span_skip(in, lf == NULL ? in.n :
		    (size_t)(lf - in.p) + 1);
	}
	return 0;
}
