/*
 * play: plays written dialogues against the real daemon. Run by make check.
 *
 *	play -s SMTPD -w WORKER [-j N] [-t SECONDS] [-akx] FILE...
 *
 * Starts smtpd in the foreground with a configuration of its own in a new
 * directory below TMPDIR, plays each FILE, prints a line for each, and says
 * at the end how many passed and failed; exit 1 if any failed. -j N plays N
 * files at a time (4), each with a daemon of its own, so that no file meets
 * what another one sent. -k keeps the directory, with logs and mailboxes. -a
 * says that these are all: every reply of shared/smtp_reply.h has to come in
 * one of them, which is a test of its own.
 * After its last file a daemon has to exit 0 upon SIGTERM, its log must be
 * lines of events without control characters, and no worker may have
 * crashed. -x is for testing the player: each FILE has to fail, in the way
 * its @fails line says.
 *
 * A transcript is a text file. Its first line is a comment that says which
 * rule or section it proves. One step a line, a blank behind its word:
 *
 *	# ...		comment
 *	@conf NAME	configuration (play_daemon.c): main unless said
 *	@splits		for every place at which the bytes of an R: line can
 *			be cut in two, play what stands between the K: before
 *			it and the K: behind it once more; the halves go as
 *			two segments, 2 ms apart
 *	@fails TEXT	how it has to fail with -x: LINE: reason, or a part
 *	C: TEXT		send TEXT and CRLF, TEXT as it stands
 *	R: BYTES	send BYTES, in one write; escapes as in C: \r \n \0 \t
 *			\\ \xHH
 *	F: COUNT BYTES	send BYTES COUNT times; escapes as for R:
 *	P: MS		wait so many milliseconds
 *	S: CODE [ENH]	one whole reply comes, with that code, and that
 *			enhanced code on each of its lines; a * stands for any
 *			digit of CODE or any part of ENH; ENH - : none there
 *	~ TEXT		the last reply contains TEXT (its lines end in LF)
 *	!~ TEXT		the last reply does not contain TEXT
 *	X:		the server closes and sends nothing before; under TLS
 *			it says that it does
 *	N: MS		for so long nothing comes, not even a close
 *	K:		close, and open a new connection; the greeting is
 *			expected by an S: of its own, as at the beginning
 *	Y:		begin TLS, trusting only the certificate of the
 *			configuration; from here to the K: all is under it
 *	Y!		begin TLS; the server will not have it, and closes
 *	T:		tell the daemon to end (SIGTERM)
 *	Z:		kill it (SIGKILL); after one of these two another
 *			one is started for the next file
 *	M: BOX COUNT	exactly COUNT messages have come to the mailbox
 *			DOMAIN/USER in this play
 *	H: BOX		the newest message there begins with Return-Path: and
 *			Received:, has no CR, and its file name tells its size
 *	B: BOX BYTES	it contains BYTES; escapes as for R:
 *	B! BOX BYTES	it does not
 *	E: BOX BYTES	it ends with BYTES
 *	L: BOX COUNT	its longest line has COUNT octets
 *	I:		nothing half-received is left: spool/incoming is empty
 *			in the end
 *
 * What is waited for has 30 s to come (-t). Of every reply it is checked: that
 * each line ends with CRLF, has at most 512 octets and only printable ASCII,
 * that the lines have one code, and that none holds the letters zqu, in
 * either case: a transcript puts them where a server might repeat the
 * client. A reply that no step has read is an error.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/dialog/play_daemon.h"
#include "t/dialog/play_reply.h"
#include "t/dialog/play_script.h"
#include "t/dialog/play_talk.h"

enum { slots_max = 32, text_bytes = 1400 };

struct options {
	const char *smtpd;
	const char *worker;
	int slots;
	int patience_s;
	bool all;
	bool keep;
	bool expect_failure;
};

/* What a slot tells the parent, in one write; files from 0, else a daemon. */
struct result {
	size_t file;
	bool failed;
	struct replies replies;
	char text[text_bytes];
};

/* A process that plays one file after the other. */
struct slot {
	struct options options;
	const struct script *scripts;
	const char *dir;
	const char *conf;	/* of the daemon that runs */
	int number;
	int daemons;
	int results;
	struct replies replies;	/* of the file that is played */
	struct daemon_run run;
};

/* For the handler of signals alone. */
static volatile sig_atomic_t pids[slots_max];

static void
on_signal(int number)
{
	int i;

	for (i = 0; i < slots_max; i++)
		if (pids[i] > 0)
			kill((pid_t)pids[i], SIGTERM);
	_exit(128 + number);
}

/* Octets that are no print are shown as escapes. */
static void
show(char *to, size_t size, const char *from)
{
	const char *names = "\rr\nn\tt";
	const char *name;
	size_t used;

	for (used = 0; *from != '\0' && used + 5 < size; from++) {
		name = strchr(names, *from);
		if (isprint((unsigned char)*from))
			to[used++] = *from;
		else if (name != NULL)
			used += (size_t)snprintf(to + used, 5, "\\%c",
			    name[1]);
		else
			used += (size_t)snprintf(to + used, 5, "\\x%02x",
			    (unsigned char)*from);
	}
	to[used] = '\0';
}

static void
tell(const struct slot *slot, size_t file, bool failed, const char *name,
    const char *why)
{
	struct result result;
	char line[text_bytes / 2];

	memset(&result, 0, sizeof(result));
	result.file = file;
	result.failed = failed;
	result.replies = slot->replies;
	if (failed) {
		show(line, sizeof(line), why);
		snprintf(result.text, sizeof(result.text), "FAIL %s:%s", name,
		    line);
	} else
		snprintf(result.text, sizeof(result.text), "ok %s", name);
	if (write(slot->results, &result, sizeof(result)) !=
	    (ssize_t)sizeof(result))
		_exit(2);
}

static int
start(struct slot *slot, const char *conf, char *why, size_t size)
{
	char dir[PATH_MAX / 4];
	int rc;

	snprintf(dir, sizeof(dir), "%s/%d-%d-%s", slot->dir, slot->number,
	    slot->daemons++, conf);
	slot->run.patience_s = slot->options.patience_s;
	rc = daemon_start(&slot->run, slot->options.smtpd,
	    slot->options.worker, conf, dir, why, size);
	pids[0] = slot->run.pid;
	slot->conf = conf;
	return rc;
}

static int
stop(struct slot *slot, char *why, size_t size)
{
	int rc;

	rc = daemon_stop(&slot->run, why, size);
	pids[0] = 0;
	return rc;
}

/* Ends the daemon between two files; its failure is nobody's but its own. */
static void
stop_and_tell(struct slot *slot)
{
	char why[text_bytes / 2], name[64];

	if (stop(slot, why, sizeof(why)) == 0)
		return;
	snprintf(name, sizeof(name), "daemon-%s", slot->conf);
	tell(slot, (size_t)-1, true, name, why);
}

static int
talk(struct slot *slot, const struct script *script, char *why, size_t size)
{
	const struct place place = { .pid = slot->run.pid,
	    .port = slot->run.port, .root = slot->run.root,
	    .trusted = slot->run.certificate,
	    .patience_s = slot->options.patience_s,
	    .replies = &slot->replies };

	memset(&slot->replies, 0, sizeof(slot->replies));
	return talk_play(script, &place, why, size);
}

static void
play_file(struct slot *slot, size_t file)
{
	const struct script *script;
	char why[text_bytes / 2];
	int rc;

	script = &slot->scripts[file];
	if (slot->run.pid != 0 && strcmp(slot->conf, script->conf) != 0)
		stop_and_tell(slot);
	if (slot->run.pid == 0 &&
	    start(slot, script->conf, why, sizeof(why)) == -1) {
		tell(slot, file, true, script->name, why);
		return;
	}
	rc = talk(slot, script, why, sizeof(why));
	tell(slot, file, rc != 0, script->name, why);
	if (script->kills) {
		daemon_kill(&slot->run);
		pids[0] = 0;
	} else if (script->ends)
		stop_and_tell(slot);
}

/* With -x: a daemon for each file, so that its end can be the failure. */
static void
play_failing(struct slot *slot, size_t file)
{
	const struct script *script;
	char why[text_bytes / 2], end[text_bytes / 2], all[text_bytes];
	int rc;

	script = &slot->scripts[file];
	if ((rc = start(slot, script->conf, why, sizeof(why))) == 0)
		rc = talk(slot, script, why, sizeof(why));
	if (stop(slot, end, sizeof(end)) == -1 && rc == 0) {
		rc = -1;
		memcpy(why, end, sizeof(why));
	}
	if (rc == -1 && script->fails != NULL &&
	    strstr(why, script->fails) != NULL) {
		tell(slot, file, false, script->name, NULL);
		return;
	}
	snprintf(all, sizeof(all), " expected failure \"%s\", got \"%s\"",
	    script->fails == NULL ? "" : script->fails, rc == 0 ? "" : why);
	tell(slot, file, true, script->name, all);
}

static void
run_slot(struct slot *slot, int jobs)
{
	size_t file;

	while (read(jobs, &file, sizeof(file)) == (ssize_t)sizeof(file)) {
		if (slot->options.expect_failure)
			play_failing(slot, file);
		else
			play_file(slot, file);
	}
	stop_and_tell(slot);
}

/*
 * The order of play: files of one configuration together, so that a slot
 * starts few daemons.
 */
static void
queue_files(const struct script *scripts, size_t count, int jobs)
{
	size_t i, j, k;

	for (i = 0; i < count; i++) {
		for (j = 0; j < i; j++)
			if (strcmp(scripts[j].conf, scripts[i].conf) == 0)
				break;
		for (k = i; k < count && j == i; k++)
			if (strcmp(scripts[k].conf, scripts[i].conf) == 0 &&
			    write(jobs, &k, sizeof(k)) != (ssize_t)sizeof(k))
				perror("play: queue");
	}
}

/* Prints results in the order of the files as soon as that is possible. */
static size_t
print_results(const struct script *scripts, size_t count, int results,
    struct replies *replies)
{
	struct result result, *all;
	size_t next, failed;

	if ((all = calloc(count + 1, sizeof(*all))) == NULL)
		return count;
	failed = 0;
	next = 0;
	while (read(results, &result, sizeof(result)) ==
	    (ssize_t)sizeof(result)) {
		failed += result.failed;
		replies_add(replies, &result.replies);
		if (result.file < count)
			all[result.file] = result;
		else
			puts(result.text);
		for (; next < count && all[next].text[0] != '\0'; next++)
			puts(all[next].text);
		fflush(stdout);
	}
	for (; next < count; next++) {
		if (all[next].text[0] == '\0') {
			printf("FAIL %s: not played\n", scripts[next].name);
			failed++;
		} else
			puts(all[next].text);
	}
	free(all);
	return failed;
}

/* Starts the slots, lets them play all, and returns how many failed. */
static size_t
play_all(const struct options *options, const struct script *scripts,
    size_t count, const char *dir)
{
	struct slot slot = { .options = *options, .scripts = scripts,
	    .dir = dir };
	struct replies replies = { 0 };
	int jobs[2], results[2], i;
	size_t failed;
	pid_t pid;

	if (pipe2(jobs, O_CLOEXEC) == -1 || pipe2(results, O_CLOEXEC) == -1)
		return count;
	slot.results = results[1];
	for (i = 0; i < options->slots && (size_t)i < count; i++) {
		if ((pid = fork()) == -1)
			break;
		if (pid == 0) {
			for (i = 0; i < slots_max; i++) {
				slot.number += pids[i] > 0;
				pids[i] = 0;
			}
			close(jobs[1]);
			run_slot(&slot, jobs[0]);
			_exit(0);
		}
		pids[i] = pid;
	}
	close(jobs[0]);
	close(results[1]);
	queue_files(scripts, count, jobs[1]);
	close(jobs[1]);
	failed = print_results(scripts, count, results[0], &replies);
	while (i-- > 0) {
		waitpid((pid_t)pids[i], NULL, 0);
		pids[i] = 0;
	}
	if (options->all && replies_missing(&replies) > 0)
		failed++;
	return failed;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Makes a directory that the daemon's users can enter. */
static int
make_dir(char *path, size_t size)
{
	const char *base;

	base = getenv("TMPDIR");
	snprintf(path, size, "%s/dialog.XXXXXX", base == NULL ? "/tmp" : base);
	return mkdtemp(path) == NULL ? -1 : chmod(path, 0755);
}

static int
play(struct options *options, char *const *paths, size_t count)
{
	struct script *scripts;
	char dir[PATH_MAX / 8], why[200];
	size_t i, all, failed;

	if ((scripts = calloc(count + 1, sizeof(*scripts))) == NULL)
		return 1;
	failed = 0;
	for (i = 0; i < count; i++) {
		if (script_read(paths[i], &scripts[i], why,
		    sizeof(why)) == 0)
			continue;
		printf("FAIL %s:%s\n", scripts[i].name, why);
		failed++;
	}
	if (failed == 0) {
		if (make_dir(dir, sizeof(dir)) == -1) {
			perror(dir);
			return 1;
		}
		options->worker = daemon_copy_worker(options->worker,
		    dir);
		failed = play_all(options, scripts, count, dir);
		if (options->keep)
			printf("kept in %s\n", dir);
		else
			nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	}
	all = count + options->all;
	printf("%zu passed, %zu failed\n", failed < all ? all - failed : 0,
	    failed);
	for (i = 0; i < count; i++)
		script_free(&scripts[i]);
	free(scripts);
	return failed == 0 && count > 0 ? 0 : 1;
}

static int
usage(void)
{
	fputs("usage: play -s smtpd -w worker [-akx] [-j n] [-t seconds]\n"
	    "	file ...\n",
	    stderr);
	return 2;
}

int
main(int argc, char *argv[])
{
	struct options options = { .slots = 4, .patience_s = 30 };
	int c;

	while ((c = getopt(argc, argv, "aj:ks:t:w:x")) != -1) {
		switch (c) {
		case 'a':
			options.all = true;
			break;
		case 'j':
			options.slots = atoi(optarg);
			break;
		case 'k':
			options.keep = true;
			break;
		case 's':
			options.smtpd = optarg;
			break;
		case 't':
			options.patience_s = atoi(optarg);
			break;
		case 'w':
			options.worker = optarg;
			break;
		case 'x':
			options.expect_failure = true;
			break;
		default:
			return usage();
		}
	}
	if (options.smtpd == NULL || options.worker == NULL ||
	    options.patience_s < 1 || options.slots < 1 ||
	    options.slots > slots_max || optind == argc)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	return play(&options, argv + optind, (size_t)(argc - optind));
}
