/*
 * Prints what smtpd-internals(7) has of system calls on Linux, as mdoc(7) and
 * as it stands in the page: for each role what is allowed, and what is deadly.
 * It is that of a static program without a sanitizer, as it is installed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/os/sandbox_linux.h"

enum { names_max = 600, name_bytes = 40, columns_max = 78 };

enum fate { ALLOWED, BY_ARGUMENTS, DEADLY };

struct names {
	size_t	count;
	char	name[names_max][name_bytes];
};

static void
add(struct names *out, int call)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);

	if (name == NULL || out->count == names_max) {
		fprintf(stderr, "system call %d has no name\n", call);
		exit(1);
	}
	snprintf(out->name[out->count++], name_bytes, "%s", name);
	free(name);
}

static bool
has_rule(unsigned rights, int call)
{
	for (size_t i = 0; i < sandbox_rules_count; i++)
		if (sandbox_rules[i].call == call && !sandbox_rules[i].kill &&
		    (sandbox_rules[i].with & rights) != 0 &&
		    (sandbox_rules[i].without & rights) == 0)
			return true;
	return false;
}

static bool
has_fate(unsigned rights, const struct sandbox_calls *g, int call,
    enum fate fate)
{
	bool allowed = (g->allow & rights) != 0;
	bool ruled = !allowed && has_rule(rights, call);

	if (fate == ALLOWED)
		return allowed;
	if (fate == BY_ARGUMENTS)
		return ruled;
	return !allowed && !ruled && (g->spare & rights) == 0;
}

/* Calls of a group; those with rules alone stand in none. */
static void
collect(unsigned rights, enum fate fate, struct names *out)
{
	out->count = 0;
	for (size_t i = 0; i < sandbox_calls_count; i++)
		for (size_t k = 0; k < sandbox_calls[i].count; k++)
			if (has_fate(rights, &sandbox_calls[i],
			    sandbox_calls[i].calls[k], fate))
				add(out, sandbox_calls[i].calls[k]);
	if (fate != BY_ARGUMENTS)
		return;
	for (size_t i = 0; i < sandbox_rules_count; i++)
		if (has_rule(rights, sandbox_rules[i].call))
			add(out, sandbox_rules[i].call);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* In order, each once; without those that others has. */
static void
print(struct names *names, const struct names *others)
{
	size_t column = 0, n;

	qsort(names->name, names->count, name_bytes, compare);
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->name[i];

		if ((i > 0 && strcmp(name, names->name[i - 1]) == 0) ||
		    (others != NULL && bsearch(name, others->name,
		    others->count, name_bytes, compare) != NULL))
			continue;
		n = strlen(name);
		if (column > 0 && column + 2 + n > columns_max) {
			printf(",\n");
			column = 0;
		}
		printf("%s%s", column > 0 ? ", " : "", name);
		column += n + (column > 0 ? 2 : 0);
	}
	printf(".\n");
}

/* What is deadly to all. */
static void
collect_never(struct names *out)
{
	unsigned all = 0;

	for (size_t i = 0; i < SANDBOX_ROLE_COUNT; i++)
		all |= sandbox_table[i].rights;
	collect(all, DEADLY, out);
	qsort(out->name, out->count, name_bytes, compare);
}

int
main(void)
{
	static struct names names, never;

	collect_never(&never);
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < SANDBOX_ROLE_COUNT; i++) {
		unsigned rights = sandbox_table[i].rights;

		printf(".It %s\nAllowed:\n", sandbox_table[i].name);
		collect(rights, ALLOWED, &names);
		print(&names, NULL);
		printf(".Pp\nBy their arguments:\n");
		collect(rights, BY_ARGUMENTS, &names);
		print(&names, NULL);
		printf(".Pp\nDeadly, beside what is deadly to all:\n");
		collect(rights, DEADLY, &names);
		print(&names, &never);
	}
	puts(".It all\nDeadly:");
	print(&never, NULL);
	puts(".El");
	return fflush(stdout) == 0 ? 0 : 1;
}
