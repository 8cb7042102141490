/*
 * The table of counters: names that OpenMetrics takes, families that stand
 * together, and what is counted where.
 */
#include "t/unit/unit.h"

#include "server/log/counters.h"

static void
check_word(const char *word, bool may_be_empty)
{
	ck_assert(may_be_empty || word[0] != '\0');
	ck_assert_msg(strspn(word, "abcdefghijklmnopqrstuvwxyz_") ==
	    strlen(word), "%s", word);
}

TEST(rows)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		const struct counter_row *r = &counters_rows[i];

		check_word(r->family, false);
		check_word(r->unit, true);
		check_word(r->label, true);
		ck_assert_int_eq(r->label[0] == '\0', r->value[0] == '\0');
		ck_assert(r->help[0] != '\0');
		ck_assert_ptr_null(strpbrk(r->help, "\\\"\n"));
		ck_assert_ptr_null(strpbrk(r->value, "\\\"\n"));
	}
}

TEST(families)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		for (size_t j = 0; j < i; j++) {
			const struct counter_row *a = &counters_rows[j];
			const struct counter_row *b = &counters_rows[i];

			if (strcmp(a->family, b->family) != 0)
				continue;
			ck_assert_str_eq(a->family,
			    counters_rows[i - 1].family);
			ck_assert_str_eq(a->unit, b->unit);
			ck_assert_str_eq(a->label, b->label);
			ck_assert_str_eq(a->help, b->help);
			ck_assert_str_ne(a->value, b->value);
		}
}

/* What the log says of an end, the counter says too. */
TEST(ends)
{
	static const char *const words[END_COUNT] = {
#define WORD(Y, name, text) [END_##name] = text,
		IPC_ENDS(WORD, )
#undef WORD
	};

	for (uint32_t i = 0; i < END_COUNT; i++) {
		struct ipc_end end = { .end = i };

		ck_assert_str_eq(counters_rows[counters_of_end(&end, "",
		    true)].value, words[i]);
	}
	ck_assert_int_eq(counters_of_end(NULL, "worker gone", true),
	    COUNTER_ENDED_LOST);
	ck_assert_int_eq(counters_of_end(NULL, "closed by client", false),
	    COUNTER_ENDED_EOF);
	ck_assert_int_eq(counters_of_end(NULL, "too busy", false),
	    COUNTER_ENDED_AWAY);
}

TEST(refusals)
{
	for (size_t i = REFUSAL_NONE + 1; i < REFUSAL_COUNT; i++) {
		const struct refusal_row *r = &counters_refusals[i];

		ck_assert_str_eq(counters_rows[r->counter].family,
		    "connections_refused");
		ck_assert_str_eq(counters_rows[r->counter].value, r->word);
	}
}

TEST(verdicts)
{
	ck_assert_int_eq(counters_of_rcpt[VERDICT_OK], COUNTER_RCPT_OK);
	for (int i = VERDICT_OK + 1; i < VERDICT_COUNT; i++)
		ck_assert_str_eq(counters_rows[counters_of_rcpt[i]].family,
		    "recipients_refused");
}

TEST(histograms)
{
	for (size_t h = 0; h < HISTOGRAM_COUNT; h++) {
		const struct histogram_row *r = &counters_histograms[h];
		struct counters c = { 0 };
		uint64_t sum = 0;

		check_word(r->family, false);
		ck_assert_uint_gt(r->scale, 0);
		ck_assert_uint_le(r->bound_count, histogram_buckets_max);
		for (size_t i = 0; i < r->bound_count; i++) {
			ck_assert(i == 0 || r->bounds[i] > r->bounds[i - 1]);
			/* A bound belongs to its own bucket. */
			counters_note(&c, (enum histogram)h, r->bounds[i]);
			counters_note(&c, (enum histogram)h,
			    r->bounds[i] + 1);
			sum += 2 * r->bounds[i] + 1;
		}
		ck_assert_uint_eq(c.histogram[h].sum, sum);
		ck_assert_uint_eq(c.histogram[h].count,
		    2 * r->bound_count);
		ck_assert_uint_ge(c.histogram[h].bucket[0], 1);
		ck_assert_uint_ge(c.histogram[h].bucket[r->bound_count], 1);
		counters_note(&c, (enum histogram)h, UINT64_MAX / 2);
		ck_assert_uint_ge(c.histogram[h].bucket[r->bound_count], 2);
	}
}
