/*
 * smtpctl log verify: the walk over the files of the message log.
 */
#ifndef SERVER_SMTPCTL_LOG_VERIFY_H
#define SERVER_SMTPCTL_LOG_VERIFY_H

#include <stdio.h>

#include "server/log/log_chain.h"
#include "server/log/log_checkpoint.h"

struct smtpctl_verify {
	const char		*root;
	char			**paths;	/* NULL: those of root */
	size_t			 path_count;
	const char		*checkpoints;	/* path; NULL: none */
	const uint8_t		*key;		/* NULL: any, or none */
	FILE			*out;		/* what is well; NULL: quiet */
	FILE			*bad;		/* what is not */
	/* results */
	struct log_chain	 chain;
	unsigned long		 faults;
};

/*
 * Reads everything; faults are counted and told.  Ends the process with
 * smtpctl_exit_error when something cannot be read.
 */
void	smtpctl_log_verify(struct smtpctl_verify *v);

#endif
