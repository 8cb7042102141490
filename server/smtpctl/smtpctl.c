/*
 * smtpctl: choosing the subcommand, and what two of them share.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/wrong_word.h"
#include "server/smtpctl/smtpctl.h"

struct subcommand {
	const char	*name;
	const char	*usage;
	int		 (*run)(int argc, char *argv[]);
};

/* With addresses a dry run; else the story of a message or a session. */
static int
explain(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--from", 6) == 0 ||
		    strncmp(argv[i], "--to", 4) == 0)
			return smtpctl_dryrun(argc, argv);
	return smtpctl_explain_id(argc, argv);
}

static const struct subcommand subcommands[] = {
	{ "await", "await [-an] [--count number] [-d directory | -f file] "
	    "[-t seconds]\n"
	    "                     [to=address] [from=address] "
	    "[subject=text] [body=text]", smtpctl_await },
	{ "explain", "explain [-d root | -f file] [--json] id\n"
	    "       smtpctl explain --from address --to address "
	    "[--to address ...]\n"
	    "                     [--client ip] [--helo name] "
	    "[--size octets]\n"
	    "                     [-j] [-f file] [-s socket]", explain },
	{ "log", "log verify [-q] [-d root | -f file] [-c checkpoints] "
	    "[log ...]", smtpctl_log },
	{ "passwd", "passwd [-a | -c | -D] [-f file | -u users] name",
	    smtpctl_passwd },
	{ "stats", "stats [-j | --json | -o | --openmetrics] [-f file] "
	    "[-s socket]", smtpctl_stats },
	{ "status", "status [-j | --json] [-v] [-f file] [-s socket]",
	    smtpctl_status },
	{ "top", "top [-v] [-f file] [-i seconds] [-n count] [-s socket]",
	    smtpctl_top }
};

static const char names[] = "await explain log passwd stats status top";

/* The usage of one subcommand, or of all (NULL). */
static void
print_usage(const struct subcommand *only, FILE *f)
{
	const char *before = "usage:";

	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]);
	    i++) {
		if (only != NULL && only != &subcommands[i])
			continue;
		fprintf(f, "%s smtpctl %s\n", before, subcommands[i].usage);
		before = "      ";
	}
	if (only == NULL)
		fputs("       smtpctl --help | --version\n", f);
}

static int
run(const struct subcommand *s, int argc, char *argv[])
{
	char why[wrong_word_bytes];
	int status;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0) {
			print_usage(s, stdout);
			return 0;
		}
	opterr = 0;
	optopt = 0;
	status = s->run(argc, argv);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	if (status != -1)
		return status;
	wrong_word(s->usage, argc, argv, why);
	warnx("%s: %s", s->name, why);
	print_usage(s, stderr);
	return smtpctl_exit_error;
}

static int unread;

static int
on_unread(const char *path, int error)
{
	(void)path;
	if (error != ENOENT && error != ENOTDIR)
		unread = error;
	return 0;
}

int
smtpctl_glob(const char *dir, const char *pattern, glob_t *out)
{
	char whole[2 * PATH_MAX];
	size_t n = 0;

	for (; *dir != '\0' && n < PATH_MAX; whole[n++] = *dir++)
		if (strchr("*?[\\", *dir) != NULL)
			whole[n++] = '\\';
	snprintf(whole + n, sizeof(whole) - n, "/%s", pattern);
	unread = 0;
	if (glob(whole, GLOB_NOSORT, on_unread, out) == GLOB_NOSPACE)
		unread = ENOMEM;
	return unread;
}

int
main(int argc, char *argv[])
{
	char why[wrong_word_bytes];

	if (argc < 2) {
		print_usage(NULL, stderr);
		return smtpctl_exit_error;
	}
	if (strcmp(argv[1], "--version") == 0) {
		puts("smtpctl " SMTPD_VERSION);
		return 0;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_usage(NULL, stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]);
	    i++)
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return run(&subcommands[i], argc - 1, argv + 1);
	wrong_word_of(names, argv[1], "there is no such command", why);
	warnx("%s", why);
	fprintf(stderr, "smtpctl --help lists what there is\n");
	return smtpctl_exit_error;
}
