/*
 * smtpctl: which subcommand was asked for, and nothing else.
 */
#include <stdio.h>
#include <string.h>

#include "server/smtpctl_await.h"
#include "server/smtpctl_explain_id.h"
#include "server/smtpctl_log.h"
#include "server/smtpctl_dryrun.h"
#include "server/smtpctl_passwd.h"
#include "server/smtpctl_status.h"

struct subcommand {
	const char	*name;
	const char	*usage;
	int		 (*run)(int argc, char *argv[]);
};

/* Addresses are a dry run, anything else a message or session there was. */
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
	{ "await", SMTPCTL_AWAIT_USAGE, smtpctl_await },
	{ "explain", SMTPCTL_EXPLAIN_ID_USAGE "\n       smtpctl "
	    SMTPCTL_DRYRUN_USAGE, explain },
	{ "log", SMTPCTL_LOG_USAGE, smtpctl_log },
	{ "passwd", SMTPCTL_PASSWD_USAGE, smtpctl_passwd },
	{ "stats", SMTPCTL_STATS_USAGE, smtpctl_stats },
	{ "status", SMTPCTL_STATUS_USAGE, smtpctl_status },
	{ "top", SMTPCTL_TOP_USAGE, smtpctl_top }
};

static const size_t subcommand_count =
    sizeof(subcommands) / sizeof(subcommands[0]);

static int
usage(void)
{
	for (size_t i = 0; i < subcommand_count; i++)
		fprintf(stderr, "%s smtpctl %s\n", i == 0 ? "usage:" :
		    "      ", subcommands[i].usage);
	return smtpctl_exit_error;
}

int
main(int argc, char *argv[])
{
	int status;

	for (size_t i = 0; argc > 1 && i < subcommand_count; i++) {
		if (strcmp(argv[1], subcommands[i].name) != 0)
			continue;
		status = subcommands[i].run(argc - 1, argv + 1);
		return status == -1 ? usage() : status;
	}
	return usage();
}
