/*
 * lineio, writing: what is put is written once, in order and whole, before
 * anything is waited for; and what a failing peer does to that.
 */
#include "t/unit/unit.h"

#include "t/unit/memory_peer.h"

static struct lineio io;

static void
expect_kept(const struct memory_peer *peer, struct span want)
{
	ck_assert_uint_eq(peer->kept_n, want.n);
	ck_assert_int_eq(memcmp(peer->kept, want.p, want.n), 0);
}

TEST(held_until_flush)
{
	struct memory_peer peer = { .kept_n = 0 };

	peer_connect(&io, &peer);
	ck_assert_int_eq(lineio_flush(&io), LINE_OK);
	ck_assert_uint_eq(peer.writes, 0);
	ck_assert_int_eq(lineio_put(&io, span_of("250 ok\r\n")), LINE_OK);
	ck_assert_int_eq(lineio_put(&io, span_of("")), LINE_OK);
	ck_assert_int_eq(lineio_put(&io, span_of("221 bye\r\n")), LINE_OK);
	ck_assert_uint_eq(peer.writes, 0);
	ck_assert_int_eq(lineio_flush(&io), LINE_OK);
	ck_assert_uint_eq(peer.writes, 1);
	expect_kept(&peer, span_of("250 ok\r\n221 bye\r\n"));
	ck_assert_uint_eq(io.octets_out, 17);
	ck_assert_int_eq(lineio_flush(&io), LINE_OK);
	ck_assert_uint_eq(peer.kept_n, 17);
}

TEST(short_writes)
{
	for (size_t max = 1; max < 20; max++) {
		struct memory_peer peer = { .write_max = max };

		peer_connect(&io, &peer);
		ck_assert_int_eq(lineio_put(&io, span_of("250 stored\r\n")),
		    LINE_OK);
		ck_assert_int_eq(lineio_flush(&io), LINE_OK);
		expect_kept(&peer, span_of("250 stored\r\n"));
		ck_assert_uint_eq(peer.writes, (12 + max - 1) / max);
		ck_assert_uint_eq(io.octets_out, 12);
	}
}

/* A pipelining client waits for its replies: they go before we wait. */
TEST(flushed_before_waiting)
{
	struct memory_peer peer = { .pieces = { span_of("a\r\nb\r\n"),
	    span_of("c\r\n") } };
	struct span line;
	uint8_t *p;
	size_t n;

	peer_connect(&io, &peer);
	ck_assert_int_eq(lineio_put(&io, span_of("220 ")), LINE_OK);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert_uint_eq(peer.kept_at_read, 4);
	ck_assert_int_eq(lineio_put(&io, span_of("250 a")), LINE_OK);
	ck_assert_int_eq(lineio_read_line(&io, 10, &line), LINE_OK);
	ck_assert_uint_eq(peer.kept_n, 4);	/* "b" was there: no wait */
	ck_assert_int_eq(lineio_put(&io, span_of("250 b")), LINE_OK);
	ck_assert_int_eq(lineio_read_some(&io, &p, &n), LINE_OK);
	ck_assert_uint_eq(peer.kept_at_read, 14);
	expect_kept(&peer, span_of("220 250 a250 b"));
}

/* Replies of every size up to several buffers, none lost, none cut. */
TEST(overflow)
{
	static uint8_t text[4 * lineio_out_max_bytes];
	static const size_t sizes[] = { 1, 7, 512, lineio_out_max_bytes - 1,
	    lineio_out_max_bytes, lineio_out_max_bytes + 1,
	    2 * lineio_out_max_bytes, sizeof(text) };

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t k = 0; k < COUNT(sizes); k++)
		for (size_t before = 0; before < 2; before++) {
			struct memory_peer peer = { .kept_n = 0 };
			size_t at = 0;

			peer_connect(&io, &peer);
			ck_assert_int_eq(lineio_put(&io, span_from(text,
			    before)), LINE_OK);
			at = before;
			while (at < sizeof(text)) {
				size_t n = sizeof(text) - at < sizes[k] ?
				    sizeof(text) - at : sizes[k];

				if (lineio_put(&io, span_from(text + at, n)) !=
				    LINE_OK)
					ck_abort_msg("put at %zu", at);
				at += n;
			}
			ck_assert_int_eq(lineio_flush(&io), LINE_OK);
			ck_assert_msg(!io.out.cut, "cut, pieces of %zu",
			    sizes[k]);
			expect_kept(&peer, span_from(text, sizeof(text)));
			ck_assert_uint_eq(io.octets_out, sizeof(text));
		}
}

static const struct {
	int			error;
	enum line_result	want;
} failures[] = { { ETIMEDOUT, LINE_TIMEOUT }, { ECANCELED, LINE_GONE },
    { EPIPE, LINE_EOF }, { ECONNRESET, LINE_EOF }, { EIO, LINE_ERROR } };

TEST(flush_fails)
{
	for (size_t i = 0; i < COUNT(failures); i++)
		for (size_t room = 0; room < 8; room++) {
			struct memory_peer peer = {
			    .write_errno = failures[i].error,
			    .write_room = room, .write_max = 3 };

			peer_connect(&io, &peer);
			ck_assert_int_eq(lineio_put(&io,
			    span_of("250 ok\r\n")), LINE_OK);
			ck_assert_int_eq(lineio_flush(&io), failures[i].want);
			expect_kept(&peer, span_from("250 ok\r\n", room));
			/* Never sent twice, nor from its middle. */
			peer.write_errno = 0;
			ck_assert_int_eq(lineio_flush(&io), LINE_OK);
			ck_assert_uint_eq(peer.kept_n, room);
		}
}

/* Reading tells that the replies before it could not be sent. */
TEST(flush_fails_in_read)
{
	for (size_t i = 0; i < COUNT(failures); i++) {
		struct memory_peer peer = { .pieces = { span_of("a\r\n") },
		    .write_errno = failures[i].error };
		struct span line;
		uint8_t *p;
		size_t n;

		peer_connect(&io, &peer);
		ck_assert_int_eq(lineio_put(&io, span_of("x")), LINE_OK);
		ck_assert_int_eq(lineio_read_line(&io, 10, &line),
		    failures[i].want);
		ck_assert_uint_eq(peer.reads, 0);
		ck_assert_int_eq(lineio_put(&io, span_of("x")), LINE_OK);
		ck_assert_int_eq(lineio_read_some(&io, &p, &n),
		    failures[i].want);
		ck_assert_uint_eq(peer.reads, 0);
	}
}

TEST(flush_fails_in_put)
{
	static uint8_t text[lineio_out_max_bytes];

	for (size_t i = 0; i < COUNT(failures); i++) {
		struct memory_peer peer = { .write_errno = failures[i].error };

		peer_connect(&io, &peer);
		ck_assert_int_eq(lineio_put(&io, span_from(text,
		    sizeof(text))), LINE_OK);
		ck_assert_int_eq(lineio_put(&io, span_of("x")),
		    failures[i].want);
		ck_assert_uint_eq(peer.kept_n, 0);
	}
}
