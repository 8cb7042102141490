/*
 * smtpctl_seen: what was added is there, nothing else is.
 */
#include "t/unit/unit.h"

#include "server/smtpctl/smtpctl_seen.h"

START_TEST(many)
{
	static struct smtpctl_seen s;
	char name[32];

	ck_assert(!smtpctl_seen_has(&s, ""));
	ck_assert(!smtpctl_seen_has(&s, "0"));
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_msg(!smtpctl_seen_has(&s, name), "%s", name);
		ck_assert_int_eq(smtpctl_seen_add(&s, name), 0);
		ck_assert_msg(smtpctl_seen_has(&s, name), "%s", name);
	}
	ck_assert_uint_eq(s.count, 3000);
	/* What was added is its own copy, and outlives every growing. */
	memset(name, 'x', sizeof(name) - 1);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_msg(smtpctl_seen_has(&s, name), "%s", name);
		snprintf(name, sizeof(name), "%d/", i);
		ck_assert_msg(!smtpctl_seen_has(&s, name), "%s", name);
	}
	ck_assert(!smtpctl_seen_has(&s, ""));
	ck_assert_int_eq(smtpctl_seen_add(&s, ""), 0);
	ck_assert(smtpctl_seen_has(&s, ""));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { many };

	return UNIT_RUN("smtpctl_seen", tests);
}
