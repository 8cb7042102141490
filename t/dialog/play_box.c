/*
 * The steps of a transcript that look into the daemon's directories. Nothing
 * here talks to the daemon.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "t/dialog/play_box.h"

/* A message read whole. */
struct letter {
	char name[NAME_MAX + 1];
	char *text;
	size_t len;
};

static DIR *
open_new(const char *root, const char *mailbox)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/mail/%s/new", root, mailbox);
	return opendir(path);
}

void
box_clear(const char *root, const struct script *script)
{
	struct dirent *entry;
	DIR *dir;
	size_t i;

	for (i = 0; i < script->count; i++) {
		if (script->step[i].mailbox == NULL ||
		    (dir = open_new(root, script->step[i].mailbox)) == NULL)
			continue;
		while ((entry = readdir(dir)) != NULL)
			if (entry->d_name[0] != '.')
				unlinkat(dirfd(dir), entry->d_name, 0);
		closedir(dir);
	}
}

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec ||
	    (a->tv_sec == b->tv_sec && a->tv_nsec >= b->tv_nsec);
}

/* Counts the messages of a mailbox and names the newest. */
static long
count_letters(DIR *dir, char *newest)
{
	struct timespec when = { 0, 0 };
	struct dirent *entry;
	struct stat st;
	long count;

	count = 0;
	*newest = '\0';
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    fstatat(dirfd(dir), entry->d_name, &st, 0) == -1)
			continue;
		count++;
		if (is_later(&st.st_mtim, &when)) {
			when = st.st_mtim;
			memcpy(newest, entry->d_name,
			    strlen(entry->d_name) + 1);
		}
	}
	return count;
}

static int
read_whole(int fd, struct letter *out)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1 ||
	    (out->text = malloc((size_t)st.st_size + 1)) == NULL)
		return -1;
	while (out->len < (size_t)st.st_size) {
		n = read(fd, out->text + out->len,
		    (size_t)st.st_size - out->len);
		if (n <= 0)
			return -1;
		out->len += (size_t)n;
	}
	out->text[out->len] = '\0';
	return 0;
}

/* Reads the newest message of the mailbox; the caller frees out->text. */
static int
read_newest(const char *root, const char *mailbox, struct letter *out)
{
	DIR *dir;
	int fd, rc;

	memset(out, 0, sizeof(*out));
	rc = -1;
	if ((dir = open_new(root, mailbox)) == NULL)
		return -1;
	if (count_letters(dir, out->name) > 0 &&
	    (fd = openat(dirfd(dir), out->name, O_RDONLY | O_CLOEXEC)) != -1) {
		rc = read_whole(fd, out);
		close(fd);
	}
	closedir(dir);
	return rc;
}

static int
step_count(const char *root, const struct step *step, char *why, size_t size)
{
	char newest[NAME_MAX + 1];
	DIR *dir;
	long count;

	dir = open_new(root, step->mailbox);
	count = count_letters(dir, newest);
	if (dir != NULL)
		closedir(dir);
	if (count == step->number)
		return 0;
	snprintf(why, size, "expected %ld message(s) for %s, got %ld",
	    step->number, step->mailbox, count);
	return -1;
}

/* Between this and the message two things stand in the first two lines. */
static int
check_head(const struct letter *letter, char *why, size_t size)
{
	const char *second, *mark;
	char *end;

	second = memchr(letter->text, '\n', letter->len);
	if (strncmp(letter->text, "Return-Path: <", 14) != 0 ||
	    second == NULL || second == letter->text || second[-1] != '>') {
		snprintf(why, size, "expected Return-Path: <...> first");
		return -1;
	}
	if (strncmp(second + 1, "Received: from ", 15) != 0) {
		snprintf(why, size, "expected Received: second");
		return -1;
	}
	if (memchr(letter->text, '\r', letter->len) != NULL) {
		snprintf(why, size, "expected LF line ends, got a CR");
		return -1;
	}
	mark = strstr(letter->name, ",S=");
	if (mark == NULL || strtoul(mark + 3, &end, 10) != letter->len ||
	    end == mark + 3) {
		snprintf(why, size, "expected a name with ,S=%zu, got %s",
		    letter->len, letter->name);
		return -1;
	}
	return 0;
}

static int
check_longest(const struct letter *letter, const struct step *step, char *why,
    size_t size)
{
	size_t i, run, longest;

	longest = run = 0;
	for (i = 0; i < letter->len; i++) {
		run = letter->text[i] == '\n' ? 0 : run + 1;
		longest = run > longest ? run : longest;
	}
	if (longest == (size_t)step->number)
		return 0;
	snprintf(why, size, "expected a longest line of %ld octets, got %zu",
	    step->number, longest);
	return -1;
}

static int
check_text(const struct letter *letter, const struct step *step, char *why,
    size_t size)
{
	bool there, wanted;

	wanted = step->kind != STEP_BODY_NOT;
	if (step->kind == STEP_END)
		there = letter->len >= step->len && memcmp(letter->text +
		    letter->len - step->len, step->text, step->len) == 0;
	else
		there = memmem(letter->text, letter->len, step->text,
		    step->len) != NULL;
	if (there == wanted)
		return 0;
	snprintf(why, size, "expected %s in %s, got \"%.*s\"",
	    step->kind == STEP_END ? "this end" : wanted ? "this text" :
	    "no such text", step->mailbox,
	    (int)(letter->len < 300 ? letter->len : 300), letter->text);
	return -1;
}

/* Nothing half-received is left; a worker's end may take a moment. */
static int
step_incoming(const char *root, int patience_s, char *why, size_t size)
{
	const struct timespec wait = { 0, 20 * 1000 * 1000 };
	char path[PATH_MAX], newest[NAME_MAX + 1];
	long count;
	DIR *dir;
	int turn;

	snprintf(path, sizeof(path), "%s/spool/incoming", root);
	for (turn = 0; turn < patience_s * 50; turn++) {
		if ((dir = opendir(path)) == NULL) {
			snprintf(why, size, "expected spool/incoming, got %s",
			    strerror(errno));
			return -1;
		}
		count = count_letters(dir, newest);
		closedir(dir);
		if (count == 0)
			return 0;
		nanosleep(&wait, NULL);
	}
	snprintf(why, size, "expected nothing in spool/incoming, got %s",
	    newest);
	return -1;
}

int
box_step(const char *root, const struct step *step, int patience_s, char *why,
    size_t size)
{
	struct letter letter;
	int rc;

	if (step->kind == STEP_COUNT)
		return step_count(root, step, why, size);
	if (step->kind == STEP_INCOMING)
		return step_incoming(root, patience_s, why, size);
	if (read_newest(root, step->mailbox, &letter) == -1) {
		snprintf(why, size, "expected a message for %s, got none",
		    step->mailbox);
		rc = -1;
	} else if (step->kind == STEP_HEAD)
		rc = check_head(&letter, why, size);
	else if (step->kind == STEP_LONGEST)
		rc = check_longest(&letter, step, why, size);
	else
		rc = check_text(&letter, step, why, size);
	free(letter.text);
	return rc;
}
