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
	const char	*usage;		/* the name is the first word */
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
	{ "await [-an] [--count number] [-d directory | -f file] "
	    "[-t seconds]\n"
	    "                     [to=address] [from=address] "
	    "[subject=text] [body=text]", smtpctl_await },
	{ "explain [-d root | -f file] [--json] id\n"
	    "       smtpctl explain --from address --to address "
	    "[--to address ...]\n"
	    "                     [--client ip] [--helo name] "
	    "[--size octets]\n"
	    "                     [-j] [-f file] [-s socket]", explain },
	{ "log verify [-q] [-d root | -f file] [-c checkpoints] [log ...]",
	    smtpctl_log },
	{ "passwd [-a | -c | -D] [-f file | -u users] name", smtpctl_passwd },
	{ "stats [-j | --json | -o | --openmetrics] [-f file] [-s socket]",
	    smtpctl_status },
	{ "status [-j | --json] [-v] [-f file] [-s socket]", smtpctl_status },
	{ "top [-v] [-f file] [-i seconds] [-n count] [-s socket]",
	    smtpctl_status },
	{ NULL, NULL }
};

static const char names[] = "await explain log passwd stats status top";

/* The usage of one subcommand, or of all (NULL). */
static void
print_usage(const struct subcommand *only, FILE *f)
{
	const struct subcommand *s = only == NULL ? subcommands : only;
	const char *before = "usage:";

	for (; s->usage != NULL && (only == NULL || s == only); s++) {
		fprintf(f, "%s smtpctl %s\n", before, s->usage);
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
	warnx("%s: %s", argv[0], why);
	print_usage(s, stderr);
	return smtpctl_exit_error;
}

static int unread;

static int
on_unread(const char *path, int error)
{
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
	const char *name = argc < 2 ? "" : argv[1];
	char why[wrong_word_bytes];
	size_t n = strlen(name);

	for (const struct subcommand *s = subcommands; s->usage != NULL; s++)
		if (strncmp(s->usage, name, n) == 0 && s->usage[n] == ' ')
			return run(s, argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0) {
		puts("smtpctl " SMTPD_VERSION);
		return 0;
	}
	if (argc < 2 || strcmp(name, "--help") == 0) {
		print_usage(NULL, argc < 2 ? stderr : stdout);
		return argc < 2 ? smtpctl_exit_error : 0;
	}
	wrong_word_of(names, name, "unknown command", why);
	warnx("%s", why);
	fprintf(stderr, "smtpctl --help lists what there is\n");
	return smtpctl_exit_error;
}
