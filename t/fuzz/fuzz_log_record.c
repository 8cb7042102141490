/*
 * log_record: lines of a message log, as an attacker of the file may leave
 * them.  What is taken for a line can be written again to the octet, every
 * list in it can be walked to its end, and texts decode and encode to what
 * they were.  The whole is fed to the chain, and each line to the reader of
 * checkpoints.
 */
#include "t/fuzz/fuzz.h"

#include "server/log/log_chain.h"

enum { text_max_bytes = 1 << 17 };

static uint8_t storage[text_max_bytes], plain[text_max_bytes],
    body_text[text_max_bytes];

static void
must_be_text(struct span raw)
{
	struct buf b = buf_over(plain, sizeof(plain));
	struct buf again = buf_over(storage, sizeof(storage));

	json_add_decoded(&b, raw);
	json_add_text(&again, buf_span(&b));
	MUST(!b.cut && !again.cut);
	MUST(span_equal(buf_span(&again), raw));
}

static void
must_be_rcpts(struct span rest)
{
	struct log_rcpt rcpt;
	struct log_step step;

	while (log_record_next_rcpt(&rest, &rcpt)) {
		must_be_text(rcpt.to);
		must_be_text(rcpt.verdict);
		while (log_record_next_step(&rcpt.steps, &step)) {
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
	struct span rest = r->to, to;

	log_record_write_body(r, &body);
	log_record_write(r, buf_span(&body), &b);
	MUST(!b.cut && b.n == line.n + 1);
	MUST(span_equal(span_from(b.p, b.n - 1), line));
	while (log_record_next_to(&rest, &to))
		must_be_text(to);
	MUST(rest.n == 0);
	must_be_rcpts(r->rcpt);
	must_be_text(r->from);
	must_be_text(r->helo);
	must_be_text(r->file);
	must_be_text(r->after);
}

static void
read_line(struct span line, struct log_chain *chain)
{
	struct log_checkpoint c;
	struct log_record r;
	struct buf b;
	bool ours = log_record_read(line, &r);

	if (ours)
		must_be_record(line, &r);
	MUST(ours == (log_chain_feed(chain, line, &r) != LOG_CHAIN_STRANGE));
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
	struct json j;

	if (size > text_max_bytes / 8)
		return 0;
	/* Whatever it is, as a text it stands for itself or is no UTF-8. */
	buf_add_str(&b, "\"");
	json_add_text(&b, in);
	buf_add_str(&b, "\"");
	j = (struct json){ .rest = buf_span(&b) };
	text = json_take_string(&j);
	MUST(!j.bad && j.rest.n == 0 && text.n == b.n - 2);
	while (in.n > 0) {
		lf = memchr(in.p, '\n', in.n);
		read_line(span_from(in.p, lf == NULL ? in.n :
		    (size_t)(lf - in.p)), &chain);
		in = span_skip(in, lf == NULL ? in.n :
		    (size_t)(lf - in.p) + 1);
	}
	return 0;
}
