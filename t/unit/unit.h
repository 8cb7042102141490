/*
 * TEST(name) { ... } is a test of the program whose file includes this, the
 * main of all of them, and how tables spell octets.
 */
#ifndef T_UNIT_UNIT_H
#define T_UNIT_UNIT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/span.h"

/* The octets of a string literal, including inner NULs. */
#define OCTETS(s) { (const uint8_t *)(s), sizeof(s) - 1 }
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Puts the test into the list of the program, a section. */
#define TEST(name)							\
	static void name(int);						\
	static const TTest name##_test = { #name, name, __FILE__,	\
	    __LINE__ };							\
	static const TTest *const name##_listed				\
	    __attribute__((section("unit_tests"), used)) = &name##_test; \
	static void name(int unit_round_ CK_ATTRIBUTE_UNUSED)

extern const TTest *const __start_unit_tests[], *const __stop_unit_tests[];

/*
 * Runs the tests as one suite, each in a process, after set_up and before
 * tear_down (or NULL); returns what main is to return.
 */
static inline int
unit_run(const char *program, void (*set_up)(void), void (*tear_down)(void))
{
	const char *slash = strrchr(program, '/');
	const char *name = slash == NULL ? program : slash + 1;
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 240);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	suite_add_tcase(suite, tcase);
	for (const TTest *const *t = __start_unit_tests;
	    t < __stop_unit_tests; t++)
		tcase_add_test(tcase, *t);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#ifndef UNIT_OWN_MAIN
int
main(int argc, char *argv[])
{
	return argc < 1 ? EXIT_FAILURE : unit_run(argv[0], NULL, NULL);
}
#endif

#endif
