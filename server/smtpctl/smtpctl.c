/* smtpctl: choosing the subcommand, and what two of them share. */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf_parse.h"
#include "server/smtpctl/smtpctl.h"

struct subcommand {
	int		 (*run)(const struct smtpctl_line *l);
	const char	*letters;	/* for getopt(3) */
	int		 least, most;	/* words behind the options */
	const char	*usage;		/* its name first; all its --WORDs */
};

/* With addresses a dry run; else the story of a message or a session. */
static int
explain(const struct smtpctl_line *l)
{
	bool dry = l->set[OPTION_FROM] != NULL || l->to_count > 0;

	if (dry && (l->count > 0 || l->set['d'] != NULL))
		errx(smtpctl_exit_error, "explain: an id and -d exclude "
		    "--from and --to");
	if (!dry && (l->set['s'] != NULL || l->set[OPTION_CLIENT] != NULL ||
	    l->set[OPTION_HELO] != NULL || l->set[OPTION_SIZE] != NULL ||
	    l->set[OPTION_USER] != NULL))
		errx(smtpctl_exit_error, "explain: --client, --helo, --size, "
		    "--user and -s need --from and --to");
	return dry ? smtpctl_dryrun(l) : smtpctl_explain_id(l);
}

static const struct subcommand subcommands[] = {
	{ smtpctl_await, "ac:d:f:nt:", 0, INT_MAX,
	    "await [-an] [--count number] [-d directory | -f file] "
	    "[-t seconds]\n"
	    "                     [to=address] [from=address] "
	    "[subject=text] [body=text]" },
	{ explain, "d:f:js:", 0, 1, "explain [-d root | -f file] [--json] id\n"
	    "       smtpctl explain --from address --to address "
	    "[--to address ...]\n"
	    "                     [--client ip] [--helo name] "
	    "[--size octets]\n"
	    "                     [--user name] [-j] [-f file] [-s socket]" },
	{ smtpctl_log, "c:d:f:q", 1, INT_MAX,
	    "log verify [-q] [-d root | -f file] [-c checkpoints] [log ...]" },
	{ smtpctl_passwd, "aDcf:u:", 1, 1,
	    "passwd [-a | -c | -D] [-f file | -u users] name" },
	{ smtpctl_queue, "d:f:js:", 1, INT_MAX,
	    "queue list [-j] [-d root] [-f file] [-s socket] [criterion ...]\n"
	    "       smtpctl queue show | retry | remove [-j] [-d root] "
	    "[-f file] [-s socket]\n"
	    "                     id ... | criterion ... | all\n"
	    "       criterion: from=address to=address domain=name age=time "
	    "id=id\n" },
	{ smtpctl_status, "f:jos:", 0, 0,
	    "stats [-j | --json | -o | --openmetrics] [-f file] [-s socket]" },
	{ smtpctl_status, "f:js:v", 0, 0,
	    "status [-j | --json] [-v] [-f file] [-s socket]" },
	{ smtpctl_status, "f:i:n:s:v", 0, 0,
	    "top [-v] [-f file] [-i seconds] [-n count] [-s socket]" },
	{ .usage = NULL }
};

static const char names[] = "await explain log passwd queue stats status top";

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

static bool
read_line(const struct subcommand *s, int argc, char *argv[],
    struct smtpctl_line *out)
{
	static const struct option longs[] = {
		{ "client", required_argument, NULL, OPTION_CLIENT },
		{ "count", required_argument, NULL, 'c' },
		{ "from", required_argument, NULL, OPTION_FROM },
		{ "helo", required_argument, NULL, OPTION_HELO },
		{ "json", no_argument, NULL, 'j' },
		{ "openmetrics", no_argument, NULL, 'o' },
		{ "size", required_argument, NULL, OPTION_SIZE },
		{ "to", required_argument, NULL, OPTION_TO },
		{ "user", required_argument, NULL, OPTION_USER },
		{ NULL, 0, NULL, 0 }
	};
	char word[16];
	int c, at = -1;

	/* Where it is set, an option behind "verify" would be a word. */
	unsetenv("POSIXLY_CORRECT");
	out->name = argv[0];
	out->to = calloc((size_t)argc + 1, sizeof(*out->to));
	if (out->to == NULL)
		err(smtpctl_exit_error, NULL);
	for (; (c = getopt_long(argc, argv, s->letters, longs, &at)) != -1;
	    at = -1) {
		snprintf(word, sizeof(word), "--%s", at == -1 ? "" :
		    longs[at].name);
		if (c == '?' || (at != -1 && strstr(s->usage, word) == NULL)) {
			/* The option is to be named, not its value. */
			optind -= c != '?' && optarg == argv[optind - 1];
			return false;
		}
		out->set[c] = optarg == NULL ? "" : optarg;
		if (c == OPTION_TO)
			out->to[out->to_count++] = optarg;
	}
	out->words = argv + optind;
	out->count = (size_t)(argc - optind);
	if (argc - optind >= s->least && argc - optind <= s->most)
		return true;
	/* The first word too many is to be named. */
	optind += argc - optind > s->most ? s->most : 0;
	return false;
}

static int
run(const struct subcommand *s, int argc, char *argv[])
{
	static struct smtpctl_line line;
	char why[wrong_word_bytes];
	int status = -1;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0) {
			print_usage(s, stdout);
			return 0;
		}
	opterr = 0;
	optopt = 0;
	if (read_line(s, argc, argv, &line))
		status = s->run(&line);
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
