/*
 * The report of a dry run: its sections, gathered and then shown.
 */
#ifndef SERVER_SMTPCTL_REPORT_H
#define SERVER_SMTPCTL_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "server/smtpctl/dryrun.h"

struct smtpctl_report_step {
	struct decision_step	 step;
	const char		*path;		/* of the report; or NULL */
};

enum smtpctl_section { SECTION_CLIENT, SECTION_MAIL, SECTION_RCPT };

/* One command, the steps behind it, what the client reads. */
struct smtpctl_report_section {
	enum smtpctl_section		 kind;
	char				 title[1400];
	struct smtpctl_report_step	*steps;
	size_t				 count;
	size_t				 room;
	bool				 answered;
	struct dryrun_reply		 reply;
};

/* Zero is valid and empty. */
struct smtpctl_report {
	bool				 live;	/* a running smtpd was asked */
	const char			*conf;	/* the file that decided */
	const char			*root;
	char				 client[64];
	struct smtpctl_report_section	*sections;
	size_t				 count;
	char				**paths;
	size_t				 path_count;
};

/* Begins a section; title is shown escaped. */
void	smtpctl_report_begin(struct smtpctl_report *r,
	    enum smtpctl_section kind, struct span title);
/* Adds a step to the last section; path is copied.  NULL: none. */
void	smtpctl_report_add(struct smtpctl_report *r,
	    const struct decision_step *step, const char *path);
/* Ends the last section. */
void	smtpctl_report_reply(struct smtpctl_report *r,
	    const struct dryrun_reply *reply);
/* Would it be delivered, to all? */
bool	smtpctl_report_delivers(const struct smtpctl_report *r);
void	smtpctl_report_print(const struct smtpctl_report *r);
void	smtpctl_report_json(const struct smtpctl_report *r);
void	smtpctl_report_clear(struct smtpctl_report *r);

#endif
