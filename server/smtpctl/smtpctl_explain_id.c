/*
 * smtpctl explain ID: searches the message log and the kept sessions.
 */
#include "server/smtpctl/smtpctl.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/log/ident.h"
#include "server/log/lines.h"
#include "server/log/log_files.h"
#include "server/smtpctl/explain.h"
#include "shared/ipc_msg.h"

struct explain {
	struct story	 story;
	struct json_out	 json;		/* with --json */
	char		 log[PATH_MAX];	/* directory of the message log */
	char		*id;
	unsigned long	 found;		/* messages */
	bool		 is_message;	/* id is a message's */
};

static void
look_at_line(struct explain *e, struct explain_message *m)
{
	struct span id = span_of(e->id);
	bool is_message;

	if (memmem(m->line.p, m->line.n, id.p, id.n) == NULL ||
	    !log_record_read(m->line, &m->record) ||
	    m->record.event != LOG_EVENT_STORE)
		return;
	is_message = span_equal(m->record.id, id);
	if (!is_message && !span_equal(m->record.session, id))
		return;
	e->is_message = e->is_message || is_message;
	if (e->story.json == NULL && e->found > 0)
		putchar('\n');
	e->found++;
	e->story.recorded = m->record.time;
	explain_message(m, &e->story);
}

static void
look_in_file(struct explain *e, const char *path)
{
	static struct lines lines;
	struct explain_message m = { .path = path };
	int got = 0;

	if (lines_open(&lines, path) == -1)
		err(smtpctl_exit_error, "%s", path);
	while (!e->is_message && (got = lines_next(&lines, &m.line)) == 1) {
		m.number = lines.number;
		look_at_line(e, &m);
	}
	if (!e->is_message && got == -1)
		err(smtpctl_exit_error, "%s", path);
	fclose(lines.f);
}

/* The newest file first: most questions are about recent messages. */
static void
look_in_log(struct explain *e)
{
	struct log_files f;

	if (log_files_find(AT_FDCWD, e->log, &f) == -1)
		err(smtpctl_exit_error, "%s", e->log);
	for (size_t i = f.count; i > 0 && !e->is_message; i--)
		if (!f.files[i - 1].strange)
			look_in_file(e, f.files[i - 1].path);
	if (e->found == 0 && f.compressed > 0)
		warnx("%s: %zu compressed files were not looked at", e->log,
		    f.compressed);
	log_files_free(&f);
}

/* The kept transcript of session id; false: there is none. */
static bool
look_in_refused(const struct explain *e)
{
	static struct lines lines;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3500s/refused/%s", e->log, e->id);
	if (lines_open(&lines, path) == -1) {
		if (errno != ENOENT && errno != ENOTDIR)
			err(smtpctl_exit_error, "%s", path);
		return false;
	}
	if (e->story.json == NULL && e->found > 0)
		putchar('\n');
	if (!explain_refused(&lines, path, &e->story))
		errx(smtpctl_exit_error, "%s: not a session that smtpd kept",
		    path);
	fclose(lines.f);
	return true;
}

static int
explain(struct explain *e)
{
	struct json_out *j = e->story.json;
	bool refused;
	struct stat st;

	/* In a catcher's directory everything but mail is below ".smtpd". */
	snprintf(e->log, sizeof(e->log), "%.4000s/.smtpd/log", e->story.root);
	if (stat(e->log, &st) == -1)
		snprintf(e->log, sizeof(e->log), "%.4000s/log", e->story.root);
	if (j != NULL) {
		json_out_object(j, NULL);
		json_out_string(j, "id", e->id);
		json_out_array(j, "messages");
	}
	look_in_log(e);
	if (j != NULL)
		json_out_end(j);
	refused = look_in_refused(e);
	if (j != NULL && !refused)
		json_out_null(j, "refused");
	if (j != NULL)
		json_out_end(j);
	if (fflush(stdout) == EOF)
		err(smtpctl_exit_error, "standard output");
	if (e->found > 0 || refused)
		return 0;
	fprintf(stderr, "smtpctl: %s: no message and no kept session of this "
	    "id below %s.\nA session in which nothing was stored and nothing "
	    "refused, or that is older than\nkeep-refused, is in the event "
	    "log only: look there for session=%s\n", e->id, e->log, e->id);
	return 1;
}

/* Makes an id lower case, for postfix.awk writes ids in capitals. */
static bool
take_id(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return ident_is(text);
}

int
smtpctl_explain_id(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 }
	};
	struct explain e = { .story.f = stdout, .json.f = stdout };
	int c;

	while ((c = getopt_long(argc, argv, "d:f:j", options, NULL)) != -1)
		if (c == 'd')
			e.story.root = optarg;
		else if (c == 'f')
			e.story.conf = optarg;
		else if (c == 'j')
			e.story.json = &e.json;
		else
			return -1;
	e.id = argv[optind++];
	if (optind != argc)
		return -1;
	if (!take_id(e.id))
		errx(smtpctl_exit_error, "%s: not an id: those of messages "
		    "and sessions are 16 letters and digits, such as "
		    "1m857pqg38m02n9r", e.id);
	e.story.root = smtpctl_conf_root(e.story.root, e.story.conf);
	return explain(&e);
}
