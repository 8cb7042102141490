/*
 * How much a user may send elsewhere, and the alarm about an address that
 * looks like many clients.
 */
#include "server/session/rates.h"

#include <arpa/inet.h>
#include <sodium.h>

#include "t/unit/unit.h"

#define SECOND	INT64_C(1000000)
#define HOUR	(3600 * SECOND)
#define DAY	(24 * HOUR)

static const struct conf_limits limits = { .mails_per_hour = 20,
    .recipients_per_day = 100 };

static struct rates *
make(void)
{
	struct rates *r;

	ck_assert_int_ne(sodium_init(), -1);
	r = rates_new();
	ck_assert_ptr_nonnull(r);
	return r;
}

/* So many are taken at once, each a mail of its own or not; at most 10,000. */
static unsigned
burst(struct rates *r, const char *user, bool mails,
    const struct conf_limits *l, int64_t now_us, enum verdict *why)
{
	unsigned n = 0;
	bool tell;

	while (n < 10000 && (*why = rates_charge(r, user, mails, l, now_us,
	    &tell)) == VERDICT_OK)
		n++;
	return n;
}

TEST(mails)
{
	struct rates *r = make();
	enum verdict why;

	ck_assert_uint_eq(burst(r, "a@b", true, &limits, SECOND, &why), 20);
	ck_assert_int_eq(why, VERDICT_MAILS_HOUR);
	/* More recipients of a mail that was counted; other users. */
	ck_assert_uint_eq(burst(r, "a@b", false, &limits, SECOND, &why), 80);
	ck_assert_int_eq(why, VERDICT_RCPTS_DAY);
	ck_assert_uint_eq(burst(r, "a@c", true, &limits, SECOND, &why), 20);
	free(r);
}

TEST(refills_evenly)
{
	struct rates *r = make();
	unsigned taken;
	enum verdict why;

	ck_assert_uint_eq(burst(r, "a", true, &limits, SECOND, &why), 20);
	ck_assert_uint_eq(burst(r, "a", true, &limits, SECOND + HOUR / 20 - 1,
	    &why), 0);
	ck_assert_uint_eq(burst(r, "a", true, &limits, SECOND + HOUR / 20,
	    &why), 1);
	ck_assert_uint_eq(burst(r, "a", true, &limits, SECOND + HOUR / 4,
	    &why), 4);
	ck_assert_uint_eq(burst(r, "a", true, &limits, 3 * HOUR, &why), 20);
	/* Of recipients, too: 45 were counted. */
	taken = burst(r, "a", false, &limits, 3 * HOUR, &why);
	ck_assert_uint_ge(taken, 55);
	ck_assert_uint_le(taken, 68);
	ck_assert_uint_eq(burst(r, "a", false, &limits, 3 * DAY, &why), 100);
	free(r);
}

TEST(no_limit)
{
	const struct conf_limits none = { .mails_per_hour = 0,
	    .recipients_per_day = 0 }, most = { .mails_per_hour = 1000000,
	    .recipients_per_day = 100000000 };
	struct rates *r = make();
	enum verdict why;

	ck_assert_uint_eq(burst(r, "a", true, &none, SECOND, &why), 10000);
	ck_assert_uint_eq(burst(r, "b", true, &most, SECOND, &why), 10000);
	free(r);
}

/* Once an hour for each user; the last one is shown. */
TEST(told)
{
	const struct conf_limits one = { .mails_per_hour = 1 };
	struct rates_figures f;
	struct rates *r = make();
	unsigned told = 0;
	bool tell;

	rates_look(r, SECOND, &f);
	ck_assert_str_eq(f.user, "");
	for (int64_t t = SECOND; t < 2 * HOUR; t += 60 * SECOND) {
		(void)rates_charge(r, "a@b", true, &one, t, &tell);
		told += tell;
	}
	ck_assert_uint_eq(told, 2);
	rates_look(r, 2 * HOUR, &f);
	ck_assert_str_eq(f.user, "a@b");
	(void)rates_charge(r, "c@d", true, &one, 2 * HOUR, &tell);
	ck_assert_int_eq(rates_charge(r, "c@d", true, &one, 2 * HOUR, &tell),
	    VERDICT_MAILS_HOUR);
	ck_assert(tell);
	rates_look(r, 2 * HOUR, &f);
	ck_assert_str_eq(f.user, "c@d");
	rates_look(r, 3 * HOUR + 1, &f);
	ck_assert_str_eq(f.user, "");
	free(r);
}

/* Ten thousand users who send little displace nobody who sends much. */
TEST(crowd)
{
	struct rates *r = make();
	enum verdict why;
	char user[32];
	bool tell;

	ck_assert_uint_eq(burst(r, "a", false, &limits, SECOND, &why), 100);
	for (int i = 0; i < 10000; i++) {
		snprintf(user, sizeof(user), "u%d@example.org", i);
		ck_assert_int_eq(rates_charge(r, user, true, &limits, SECOND,
		    &tell), VERDICT_OK);
	}
	ck_assert_uint_eq(burst(r, "a", false, &limits, SECOND, &why), 0);
	free(r);
}

static const char *
watch(struct rates *r, const char *from, const char *helo, const char *sender,
    int64_t now_us)
{
	struct address a = { .ipv6 = strchr(from, ':') != NULL };

	ck_assert_int_eq(inet_pton(a.ipv6 ? AF_INET6 : AF_INET, from, a.ip),
	    1);
	snprintf(a.text, sizeof(a.text), "%s", from);
	return rates_watch(r, &a, span_of(helo), span_of(sender), now_us);
}

/* "*" at the end of text becomes i. */
static void
number(char out[64], const char *text, unsigned i)
{
	size_t n = strlen(text);

	if (n > 0 && text[n - 1] == '*')
		snprintf(out, 64, "%.*s%u", (int)n - 1, text, i);
	else
		snprintf(out, 64, "%s", text);
}

/* The number of names after which the alarm came, of at most 1,000; or 0. */
static unsigned
alarm_after(struct rates *r, const char *from, const char *helo,
    const char *sender, int64_t begin_us, int64_t step_us, const char **why)
{
	char name[64], address[64];

	for (unsigned i = 1; i <= 1000; i++) {
		number(name, helo, i);
		number(address, sender, i);
		*why = watch(r, from, name, address, begin_us + i * step_us);
		if (*why != NULL)
			return i;
	}
	return 0;
}

TEST(alarm_of_names)
{
	struct rates_figures f;
	struct rates *r = make();
	const char *why;

	ck_assert_uint_eq(alarm_after(r, "192.0.2.1", "h*", "", SECOND, SECOND,
	    &why), 21);
	ck_assert_str_eq(why, "more than 20 HELO names");
	rates_look(r, HOUR, &f);
	ck_assert_str_eq(f.address, "192.0.2.1");
	/* Not again within the hour, and again after it. */
	ck_assert_uint_eq(alarm_after(r, "192.0.2.1", "i*", "", 60 * SECOND,
	    SECOND, &why), 0);
	ck_assert_uint_ne(alarm_after(r, "192.0.2.1", "j*", "", 2 * HOUR,
	    SECOND, &why), 0);
	/* Another address is another client; so is an IPv6 /64. */
	ck_assert_uint_eq(alarm_after(r, "192.0.2.2", "h*", "x@*", HOUR,
	    SECOND, &why), 21);
	ck_assert_uint_eq(alarm_after(r, "2001:db8::1", "h", "x@*", HOUR,
	    SECOND, &why), 21);
	ck_assert_str_eq(why, "more than 20 senders of other domains");
	ck_assert_uint_eq(alarm_after(r, "2001:db8::2", "h", "y@*", HOUR,
	    SECOND, &why), 0);
	free(r);
}

TEST(no_alarm)
{
	struct rates *r = make();
	const char *why;

	/* One program, however much it sends. */
	ck_assert_uint_eq(alarm_after(r, "192.0.2.1", "h", "a@b", SECOND,
	    SECOND, &why), 0);
	/* Twenty of them within the window, of the same names. */
	for (unsigned i = 0; i < 1000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "h%u", i % 20);
		ck_assert_ptr_null(watch(r, "192.0.2.2", name, name, SECOND));
	}
	/* A new one each minute: never 20 in ten minutes. */
	ck_assert_uint_eq(alarm_after(r, "192.0.2.3", "h*", "a*", SECOND,
	    60 * SECOND, &why), 0);
	/* No sender, or one of ours. */
	ck_assert_uint_eq(alarm_after(r, "192.0.2.4", "h", "", SECOND,
	    SECOND, &why), 0);
	free(r);
}
