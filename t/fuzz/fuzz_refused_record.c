/*
 * refused_record: the file of a kept session.  Each line that is taken can
 * be written again to the octet.
 */
#include "t/fuzz/fuzz.h"

#include "server/log/refused_record.h"

static uint8_t storage[1 << 17];

static void
must_be(struct buf *b, struct span line)
{
	MUST(!b->cut && b->n == line.n + 1);
	MUST(span_equal(span_from(b->p, line.n), line));
}

static void
read_line(struct span line)
{
	struct buf b = buf_over(storage, sizeof(storage));
	struct refused_head head;
	struct refused_said said;
	struct span list;
	uint64_t count;
	int taken = 0;

	if (refused_head_read(line, &head)) {
		refused_head_write(&head, &b);
		must_be(&b, line);
		taken++;
	}
	if (refused_rcpts_read(line, &list, &count)) {
		b = buf_over(storage, sizeof(storage));
		refused_rcpts_write(list, count, &b);
		must_be(&b, line);
		taken++;
	}
	if (refused_said_read(line, &said)) {
		b = buf_over(storage, sizeof(storage));
		refused_said_write(&said, &b);
		must_be(&b, line);
		taken++;
	}
	MUST(taken <= 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_from(data, size);

	if (size > sizeof(storage) / 2)
		return 0;
	while (in.n > 0) {
		const uint8_t *lf = memchr(in.p, '\n', in.n);
		size_t n = lf == NULL ? in.n : (size_t)(lf - in.p);

		read_line(span_from(in.p, n));
		in = span_skip(in, n + 1);
	}
	return 0;
}
