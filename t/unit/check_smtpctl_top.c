/*
 * Lines for a terminal, rates, and what smtpctl top makes of two answers.
 */
#include "t/unit/unit.h"

#include "server/smtpctl_screen.h"
#include "server/smtpctl_top_view.h"

static struct smtpctl_screen screen;
static struct smtpctl_snapshot before, now;
static struct smtpctl_rates rates;

START_TEST(lines_are_cut_and_clean)
{
	static const struct {
		const char	*text;
		const char	*shown;
	} t[] = {
		{ "", "" }, { "0123456789", "0123456789" },
		{ "0123456789a", "0123456789" },
		{ "a\033[2Jb", "a?[2Jb" }, { "a\r\n\tb\x7f", "a???b?" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa8 x", "??? x" },
		{ "\xc2\x9b" "31m", "?31m" }, { "\xff\xc3", "??" },
		{ "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		    "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", "??????????" }
	};

	for (size_t i = 0; i < COUNT(t); i++) {
		smtpctl_screen_begin(&screen, 1, 10);
		smtpctl_screen_add(&screen, STYLE_BOLD, "%s", t[i].text);
		ck_assert_str_eq(screen.lines[0].text, t[i].shown);
		ck_assert_int_eq(screen.lines[0].style, STYLE_BOLD);
	}
}
END_TEST

START_TEST(rows_are_bounded)
{
	smtpctl_screen_begin(&screen, 3, 20);
	for (int i = 0; i < 5; i++)
		smtpctl_screen_add(&screen, STYLE_PLAIN, "line %d", i);
	ck_assert_uint_eq(screen.used, 3);
	ck_assert_str_eq(screen.lines[2].text, "line 2");
	smtpctl_screen_foot(&screen, STYLE_ALARM, 4, "foot");
	ck_assert_str_eq(screen.lines[2].text, "foot");
	smtpctl_screen_begin(&screen, 3, 20);
	smtpctl_screen_foot(&screen, STYLE_ALARM, 4, "foot");
	ck_assert_uint_eq(screen.used, 3);
	ck_assert_str_eq(screen.lines[0].text, "");
	ck_assert_str_eq(screen.lines[2].text, "foot");
	smtpctl_screen_begin(&screen, 3, 4);
	smtpctl_screen_foot(&screen, STYLE_ALARM, 2, "a foot so long");
	ck_assert_str_eq(screen.lines[0].text, "");
	ck_assert_str_eq(screen.lines[1].text, "a fo");
	ck_assert_str_eq(screen.lines[2].text, "ot s");
	smtpctl_screen_foot(&screen, STYLE_ALARM, 9, "a foot so long");
	ck_assert_str_eq(screen.lines[0].text, "a fo");
	ck_assert_str_eq(screen.lines[2].text, "o lo");
	smtpctl_screen_begin(&screen, 0, 0);
	ck_assert_uint_eq(screen.rows, 24);
	ck_assert_uint_eq(screen.columns, 80);
	smtpctl_screen_begin(&screen, 65535, 65535);
	ck_assert_uint_eq(smtpctl_screen_left(&screen), smtpctl_rows_max);
	ck_assert_uint_eq(screen.columns, smtpctl_columns_max);
}
END_TEST

START_TEST(bars)
{
	static const struct {
		unsigned long long	 part, whole;
		const char		*shown;
	} t[] = {
		{ 0, 0, "[    ]" }, { 0, 9, "[    ]" }, { 1, 1000, "[#   ]" },
		{ 1, 2, "[##  ]" }, { 999, 1000, "[### ]" },
		{ 9, 9, "[####]" }, { 10, 9, "[####]" }, { 3, 0, "[#   ]" },
		{ UINT64_MAX, UINT64_MAX, "[####]" },
		{ UINT64_MAX / 2, UINT64_MAX, "[##  ]" }
	};
	char out[7];

	for (size_t i = 0; i < COUNT(t); i++) {
		smtpctl_screen_bar(t[i].part, t[i].whole, 4, out);
		ck_assert_str_eq(out, t[i].shown);
	}
}
END_TEST

static void
answers(uint64_t ms)
{
	memset(&before, 0, sizeof(before));
	before.about.pid = 7;
	before.about.uptime_ms = 10000;
	before.counters.value[COUNTER_ACCEPTED] = 100;
	now = before;
	now.about.uptime_ms += ms;
}

START_TEST(rates_by_the_masters_clock)
{
	answers(2000);
	now.counters.value[COUNTER_ACCEPTED] = 105;
	now.counters.value[COUNTER_REFUSED_BUSY] = 3;
	now.counters.value[COUNTER_REFUSED_EARLY] = 1;
	now.counters.value[COUNTER_RCPT_UNKNOWN] = 2;
	now.counters.value[COUNTER_RCPT_OK] = 50;
	now.counters.value[COUNTER_STORED] = 1;
	now.counters.value[COUNTER_STORED_OCTETS] = 4096;
	smtpctl_rates_of(&before, &now, &rates);
	ck_assert(rates.known);
	ck_assert_double_eq(rates.second[RATE_CONNECTIONS], 2.5);
	ck_assert_double_eq(rates.second[RATE_TURNED_AWAY], 2);
	ck_assert_double_eq(rates.second[RATE_REFUSED], 1);
	ck_assert_double_eq(rates.second[RATE_MESSAGES], 0.5);
	ck_assert_double_eq(rates.second[RATE_STORED], 2048);
	ck_assert_double_eq(rates.second[RATE_RECEIVED], 0);
	ck_assert_uint_eq(rates.total[RATE_CONNECTIONS], 105);
	ck_assert_uint_eq(rates.total[RATE_TURNED_AWAY], 4);
}
END_TEST

START_TEST(rates_that_are_not_known)
{
	answers(1000);
	smtpctl_rates_of(NULL, &now, &rates);
	ck_assert(!rates.known && rates.total[RATE_CONNECTIONS] == 100);
	ck_assert(!smtpctl_rates_restarted(NULL, &now));
	smtpctl_rates_of(&before, &before, &rates);
	ck_assert(!rates.known);
	/* Another master; and one that has got the same pid again. */
	now.about.pid = 8;
	smtpctl_rates_of(&before, &now, &rates);
	ck_assert(!rates.known && smtpctl_rates_restarted(&before, &now));
	now.about.pid = 7;
	now.about.uptime_ms = 9999;
	smtpctl_rates_of(&before, &now, &rates);
	ck_assert(!rates.known && smtpctl_rates_restarted(&before, &now));
}
END_TEST

/* The row with text, or -1. */
static int
row_of(const char *text)
{
	for (size_t i = 0; i < screen.used; i++)
		if (strstr(screen.lines[i].text, text) != NULL)
			return (int)i;
	return -1;
}

static void
show(struct smtpctl_view v, size_t rows, size_t columns)
{
	smtpctl_screen_begin(&screen, rows, columns);
	smtpctl_top_show(&v, &now, &rates, &screen);
}

static void
some_addresses(void)
{
	static const struct ipc_tell_address some[] = {
		{ 1, 5000, "192.0.2.1" }, { 9, 0, "192.0.2.9" },
		{ 0, 90000, "198.51.100.7" }
	};

	answers(1000);
	memcpy(now.addresses, some, sizeof(some));
	now.address_count = COUNT(some);
	now.pool.per_address = 9;
	now.pool.max = 200;
	now.pool.sessions[STATE_DATA] = 10;
	now.disk.known = 1;
	smtpctl_rates_of(&before, &now, &rates);
}

START_TEST(orders_of_addresses)
{
	some_addresses();
	show((struct smtpctl_view){ .order = 0 }, 40, 100);
	ck_assert_int_lt(row_of("192.0.2.9 "), row_of("192.0.2.1 "));
	ck_assert_int_lt(row_of("192.0.2.1 "), row_of("198.51.100.7 "));
	ck_assert_int_eq(screen.lines[row_of("192.0.2.9 ")].style,
	    STYLE_BOLD);
	show((struct smtpctl_view){ .order = 1 }, 40, 100);
	ck_assert_int_lt(row_of("198.51.100.7 "), row_of("192.0.2.1 "));
	ck_assert_int_lt(row_of("192.0.2.1 "), row_of("192.0.2.9 "));
	ck_assert_int_ne(row_of("1 min 30 s"), -1);
	show((struct smtpctl_view){ .order = 2 }, 40, 100);
	ck_assert_int_lt(row_of("192.0.2.1 "), row_of("192.0.2.9 "));
	ck_assert_int_lt(row_of("192.0.2.9 "), row_of("198.51.100.7 "));
	ck_assert_int_ne(row_of("10 of 200, 10 data"), -1);
}
END_TEST

START_TEST(orders_of_sessions)
{
	static const struct ipc_tell_session some[] = {
		{ .age_ms = 1, .stored_bytes = 5, .id = "aaa",
		    .client = "192.0.2.5" },
		{ .age_ms = 9, .stored_bytes = 0, .id = "bbb",
		    .client = "192.0.2.4" },
		{ .age_ms = 5, .stored_bytes = 9, .id = "ccc",
		    .client = "192.0.2.3" }
	};
	struct smtpctl_view v = { .list = LIST_SESSIONS };

	some_addresses();
	memcpy(now.sessions, some, sizeof(some));
	now.session_count = COUNT(some);
	show(v, 40, 100);
	ck_assert_int_lt(row_of("bbb "), row_of("ccc "));
	ck_assert_int_lt(row_of("ccc "), row_of("aaa "));
	ck_assert_int_eq(row_of("198.51.100.7"), -1);
	v.order = 1;
	show(v, 40, 100);
	ck_assert_int_lt(row_of("ccc "), row_of("aaa "));
	ck_assert_int_lt(row_of("aaa "), row_of("bbb "));
	v.order = 2;
	show(v, 40, 100);
	ck_assert_int_lt(row_of("ccc "), row_of("bbb "));
	ck_assert_int_lt(row_of("bbb "), row_of("aaa "));
}
END_TEST

/* Every size; what is told last is the problem, or the keys. */
START_TEST(every_size)
{
	struct smtpctl_view v = { .keys = true };

	some_addresses();
	for (size_t rows = 1; rows < 60; rows++)
		for (size_t columns = 1; columns < 120; columns += 7) {
			show(v, rows, columns);
			ck_assert_uint_eq(screen.used, rows);
			for (size_t i = 0; i < rows; i++)
				ck_assert_uint_le(strlen(
				    screen.lines[i].text), columns);
			ck_assert_int_eq(screen.lines[rows - 1].text[0], 'q');
		}
	v.problem = "no \033 smtpd answers";
	show(v, 24, 80);
	ck_assert_str_eq(screen.lines[23].text, "no ? smtpd answers");
	ck_assert_int_eq(screen.lines[23].style, STYLE_ALARM);
}
END_TEST

START_TEST(alarms)
{
	some_addresses();
	show((struct smtpctl_view){ .order = 0 }, 40, 100);
	ck_assert_int_eq(row_of("NO MAIL IS TAKEN"), -1);
	ck_assert_int_eq(row_of("TROUBLE"), -1);
	now.disk.reserve_bytes = 1;
	now.counters.value[COUNTER_CRASHES] = 2;
	now.pool.max = 10;
	show((struct smtpctl_view){ .paused = true }, 40, 100);
	ck_assert_int_eq(screen.lines[row_of("NO MAIL IS TAKEN")].style,
	    STYLE_ALARM);
	ck_assert_int_eq(screen.lines[row_of("2 workers crashed")].style,
	    STYLE_ALARM);
	ck_assert_int_eq(screen.lines[row_of("10 of 10")].style,
	    STYLE_ALARM);
	ck_assert_int_eq(row_of("PAUSED"), 0);
	now.disk.known = 0;
	show((struct smtpctl_view){ .order = 0 }, 40, 100);
	ck_assert_int_ne(row_of("cannot ask how much"), -1);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { lines_are_cut_and_clean, rows_are_bounded,
	    bars, rates_by_the_masters_clock, rates_that_are_not_known,
	    orders_of_addresses, orders_of_sessions, every_size, alarms };

	return UNIT_RUN("smtpctl_top", tests);
}
