/*
 * Where the messages of the log are now.
 */
#ifndef SERVER_SMTPCTL_PLACE_H
#define SERVER_SMTPCTL_PLACE_H

#include "server/log/log_record.h"
#include "server/smtpctl/story.h"

/* Looks for the message in its Maildirs and prints the place in each. */
void	smtpctl_place_tell(const struct log_record *r, const struct story *s);

#endif
