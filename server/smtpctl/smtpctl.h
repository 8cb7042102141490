/* The subcommands, each in the file of its name, and what they share. */
#ifndef SERVER_SMTPCTL_H
#define SERVER_SMTPCTL_H

#include <glob.h>
#include <limits.h>
#include <stdio.h>

#include "server/log/decision.h"
#include "server/log/log_record.h"
#include "shared/ipc.h"

#ifndef SMTPD_CONF
#define SMTPD_CONF "/etc/smtpd/smtpd.conf"
#endif

/* Something cannot be asked, read or written, or the arguments are wrong. */
enum { smtpctl_exit_error = 2 };

/* Options without a letter; --count and --json have one. */
enum { OPTION_CLIENT = 1, OPTION_FROM, OPTION_HELO, OPTION_SIZE,
    OPTION_TO, OPTION_USER };

/* The command line behind the subcommand. */
struct smtpctl_line {
	const char	*name;		/* the subcommand */
	const char	*set[128];	/* values of options; "": without */
	const char	**to;		/* values of --to */
	size_t		 to_count;
	char		**words;	/* behind the options, then NULL */
	size_t		 count;
};

/*
 * Each returns an exit status: 0; or 1 when the answer is no.  -1: the first
 * word is wrong.  Errors end the process with smtpctl_exit_error, some of
 * passwd with 1.
 */
int	smtpctl_await(const struct smtpctl_line *l);
int	smtpctl_dryrun(const struct smtpctl_line *l);	/* explain --from A */
int	smtpctl_explain_id(const struct smtpctl_line *l);  /* explain ID */
int	smtpctl_log(const struct smtpctl_line *l);
int	smtpctl_passwd(const struct smtpctl_line *l);
int	smtpctl_queue(const struct smtpctl_line *l);
int	smtpctl_status(const struct smtpctl_line *l);	/* stats and top, too */

/* A number, or seconds as ms, of an option; else the process ends. */
long long smtpctl_number(const char *option, const char *text, long long least,
	    long long most);
int64_t	smtpctl_ms(const char *option, const char *text, double least,
	    double most);
/* Or an id of a message or session, in small letters. */
void	smtpctl_id(const char *text, char out[ipc_id_bytes + 1]);
/* In smtpctl_control.c: prints s, in which nothing acts on a terminal. */
void	smtpctl_print(struct span s);
/* Finds pattern in dir, for globfree(3).  0, or the error of a directory. */
int	smtpctl_glob(const char *dir, const char *pattern, glob_t *out);
/*
 * The configuration at path (NULL: the default), read once, whose mistakes are
 * ignored.  Where it cannot be read: NULL if unknown is NULL; else ends the
 * process, which cannot tell where unknown; instead is what may be named.
 */
const struct conf *smtpctl_conf(const char *path, const char *unknown,
	    const char *instead);
/* dir, or else the root of the configuration at path, or the end. */
const char *smtpctl_conf_root(const char *dir, const char *path);
/* Is file the configuration itself, or a table of aliases that it names? */
bool	smtpctl_conf_names(const char *path, const char *file);

/* Valid when all but the options -f and -s is zero. */
struct smtpctl_control {
	const char	*conf;		/* path; NULL: the default */
	const char	*socket;	/* path; NULL: of the configuration */
	bool		print;		/* the answer as it comes */
	int		patience_s;	/* for the next record; 0: usual */
	bool		quiet;		/* where no server runs: down is set */
	bool		down;
	int		status;		/* exit status for smtpctl */
	char		path[PATH_MAX];
};

/* The answer, to be freed and not trusted; NULL: a warning said what to do. */
char	*smtpctl_control_ask(struct smtpctl_control *c,
	    const struct ipc_ask *question);

/* ---- smtpctl_match.c: criteria of await.  Pure. -------------------------- */

enum smtpctl_field {
	SMTPCTL_TO,		/* the name of the Maildir */
	SMTPCTL_FROM,		/* the address in Return-Path */
	SMTPCTL_SUBJECT,	/* a part of an unfolded Subject */
	SMTPCTL_BODY		/* a part of the body */
};

struct smtpctl_criterion {
	enum smtpctl_field	field;
	struct span		text;	/* borrowed */
};

/* Parses "to=ADDRESS", "from=...", "subject=TEXT", "body=..."; false: none. */
bool	smtpctl_match_parse(struct span arg, struct smtpctl_criterion *out);
/* Do all criteria hold for message, in the Maildir of that name? */
bool	smtpctl_match(const struct smtpctl_criterion *criteria, size_t count,
	    struct span maildir, struct span message);

/* ---- story.c: the story of a decision, of the logs or a dry run ---------- */

struct story {
	/* Each fact is written to both, of which one leads nowhere. */
	FILE		*f;		/* text */
	struct json_out	*json;
	const char	*root;		/* where the Maildirs are */
	const char	*client;
	struct span	 recorded;	/* when, as logged; "": a dry run */
	const char	*conf;		/* names what may be shown; NULL: the
					   default */
};

/* From now on a story goes to standard output, as text or as JSON. */
void	story_start(struct story *s, bool json);
/* A command ("client", "mail" or "rcpt") and its decision: steps, reply. */
void	story_begin(const struct story *s, const char *what,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
void	story_step(const struct story *s, const struct decision_step *step);
void	story_end(const struct story *s, bool accepted, const char *reply);
/* The same with a reply of our table; returns true when it is no error. */
bool	story_end_reply(const struct story *s, const char *hostname,
	    enum smtp_reply reply);
/* As text: warns where mail and spool of root are on two file systems. */
void	story_apart(const struct story *s);
/* The step that word names; STEP_COUNT: none. */
enum decision_kind story_kind(struct span word);
/* s, safe for a terminal; the last four results stay valid. */
const char *story_shown(struct span s);
/* A text without JSON's escapes, and a NUL; the last four stay valid. */
struct span story_text(struct span raw);
/* The same, safe for a terminal. */
const char *story_raw(struct span raw);

/* A line of the message log, and where it stands. */
struct story_line {
	char		*text;
	size_t		 n;
	const char	*path;
	uint64_t	 number;
};

/* The record of a line that was read before it was kept. */
struct log_record story_record(const struct story_line *line);
/* In life.c: the life of message id; r is its first line, NULL: it is lost. */
void	life_tell(const struct story_line *lines, size_t count,
	    struct span id, const struct log_record *r, const struct story *s);
/* Prints "2026-11-24T00:16:26Z" without T and Z. */
void	life_put_time(struct span time, FILE *f);
/* Prints where r, a logged message, is in each Maildir. */
void	life_tell_places(const struct log_record *r, const struct story *s);

#endif
