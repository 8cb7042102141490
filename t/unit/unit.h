/*
 * What the main of every unit test does, and how tables spell octets.
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

/* Runs the tests as one suite; returns what main is to return. */
static inline int
unit_run(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 240);
	suite_add_tcase(suite, tcase);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(tcase, tests[i]);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_RUN(name, tests) unit_run(name, tests, COUNT(tests))

#endif
