/*
 * Reads a transcript into steps, and knows the escapes. What the steps mean
 * stands at the head of play.c; what they do, in play_talk.c and play_box.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/dialog/play_script.h"

/* What follows the word on its line. */
enum shape {
	SHAPE_NONE,
	SHAPE_TEXT,		/* as it stands */
	SHAPE_LINE,		/* as it stands, CRLF is added */
	SHAPE_ESCAPED,
	SHAPE_NUMBER,
	SHAPE_NUMBER_ESCAPED,
	SHAPE_CODE,
	SHAPE_BOX,
	SHAPE_BOX_NUMBER,
	SHAPE_BOX_ESCAPED
};

static const struct word {
	const char *word;
	enum step_kind kind;
	enum shape shape;
} words[] = {
	{ "C:", STEP_SEND, SHAPE_LINE },
	{ "R:", STEP_SEND, SHAPE_ESCAPED },
	{ "F:", STEP_SEND, SHAPE_NUMBER_ESCAPED },
	{ "P:", STEP_PAUSE, SHAPE_NUMBER },
	{ "S:", STEP_REPLY, SHAPE_CODE },
	{ "~", STEP_HAS, SHAPE_TEXT },
	{ "!~", STEP_HAS_NOT, SHAPE_TEXT },
	{ "X:", STEP_CLOSED, SHAPE_NONE },
	{ "N:", STEP_NOTHING, SHAPE_NUMBER },
	{ "K:", STEP_NEW, SHAPE_NONE },
	{ "Y:", STEP_TLS, SHAPE_NONE },
	{ "Y!", STEP_TLS_NOT, SHAPE_NONE },
	{ "T:", STEP_END_ALL, SHAPE_NONE },
	{ "Z:", STEP_KILL, SHAPE_NONE },
	{ "M:", STEP_COUNT, SHAPE_BOX_NUMBER },
	{ "B:", STEP_BODY, SHAPE_BOX_ESCAPED },
	{ "B!", STEP_BODY_NOT, SHAPE_BOX_ESCAPED },
	{ "E:", STEP_END, SHAPE_BOX_ESCAPED },
	{ "L:", STEP_LONGEST, SHAPE_BOX_NUMBER },
	{ "H:", STEP_HEAD, SHAPE_BOX },
	{ "I:", STEP_INCOMING, SHAPE_NONE },
};

static int
hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The octet meant by the escape at p, which stands behind its backslash. */
static int
escape_octet(const char *p, size_t *used)
{
	int high, low;

	*used = 1;
	switch (*p) {
	case 'r':
		return '\r';
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '0':
		return '\0';
	case '\\':
		return '\\';
	case 'x':
		high = hex_digit(p[1]);
		low = high < 0 ? -1 : hex_digit(p[2]);
		*used = 3;
		return low < 0 ? -1 : high * 16 + low;
	default:
		return -1;
	}
}

long
script_unescape(char *text)
{
	const char *from;
	char *to;
	size_t used;
	int octet;

	to = text;
	for (from = text; *from != '\0'; from++) {
		if (*from != '\\') {
			*to++ = *from;
			continue;
		}
		if ((octet = escape_octet(from + 1, &used)) < 0)
			return -1;
		*to++ = (char)octet;
		from += used;
	}
	*to = '\0';
	return (long)(to - text);
}

/* Cuts the first blank-separated word off *rest; NULL if there is none. */
static char *
take_word(char **rest)
{
	char *word;

	word = *rest;
	if (*word == '\0')
		return NULL;
	*rest += strcspn(*rest, " ");
	if (**rest == ' ')
		*(*rest)++ = '\0';
	return word;
}

static int
take_number(char **rest, long *out)
{
	char *word, *end;

	if ((word = take_word(rest)) == NULL)
		return -1;
	errno = 0;
	*out = strtol(word, &end, 10);
	return errno != 0 || end == word || *end != '\0' || *out < 0 ? -1 : 0;
}

static int
take_mailbox(char **rest, struct step *step)
{
	char *word;

	if ((word = take_word(rest)) == NULL || strchr(word, '/') == NULL)
		return -1;
	step->mailbox = strdup(word);
	return step->mailbox == NULL ? -1 : 0;
}

static int
take_text(const char *rest, const char *end, bool escaped, struct step *step)
{
	long len;

	if (asprintf(&step->text, "%s%s", rest, end) < 0) {
		step->text = NULL;
		return -1;
	}
	len = (long)strlen(step->text);
	if (escaped && (len = script_unescape(step->text)) < 0)
		return -1;
	step->len = (size_t)len;
	return 0;
}

static int
take_code(char **rest, struct step *step)
{
	const char *word;

	if ((word = take_word(rest)) == NULL || strlen(word) != 3 ||
	    strspn(word, "0123456789*") != 3)
		return -1;
	memcpy(step->code, word, 3);
	if ((word = take_word(rest)) == NULL)
		return 0;
	if (strlen(word) >= sizeof(step->enhanced) ||
	    (strcmp(word, "-") != 0 &&
	    strspn(word, "0123456789.*") != strlen(word)))
		return -1;
	memcpy(step->enhanced, word, strlen(word));
	return **rest == '\0' ? 0 : -1;
}

static int
take_rest(enum shape shape, char *rest, struct step *step)
{
	bool empty;

	empty = false;
	switch (shape) {
	case SHAPE_NONE:
		return *rest == '\0' ? 0 : -1;
	case SHAPE_TEXT:
		return *rest == '\0' ? -1 : take_text(rest, "", false, step);
	case SHAPE_LINE:
		return take_text(rest, "\r\n", false, step);
	case SHAPE_CODE:
		return take_code(&rest, step);
	case SHAPE_ESCAPED:
		break;
	case SHAPE_NUMBER:
		empty = true;
		/* FALLTHROUGH */
	case SHAPE_NUMBER_ESCAPED:
		if (take_number(&rest, &step->number) == -1)
			return -1;
		break;
	case SHAPE_BOX:
		empty = true;
		/* FALLTHROUGH */
	case SHAPE_BOX_ESCAPED:
		if (take_mailbox(&rest, step) == -1)
			return -1;
		break;
	case SHAPE_BOX_NUMBER:
		empty = true;
		if (take_mailbox(&rest, step) == -1 ||
		    take_number(&rest, &step->number) == -1)
			return -1;
		break;
	}
	if (empty)
		return *rest == '\0' ? 0 : -1;
	return *rest == '\0' ? -1 : take_text(rest, "", true, step);
}

/* One line that is a step. */
static int
read_step(char *line, int number, struct script *script)
{
	struct step *grown, *step;
	size_t i, len;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		len = strlen(words[i].word);
		if (strncmp(line, words[i].word, len) == 0 &&
		    (line[len] == ' ' || line[len] == '\0'))
			break;
	}
	if (i == sizeof(words) / sizeof(words[0]))
		return -1;
	grown = realloc(script->step, (script->count + 1) * sizeof(*grown));
	if (grown == NULL)
		return -1;
	script->step = grown;
	step = &grown[script->count++];
	memset(step, 0, sizeof(*step));
	step->kind = words[i].kind;
	step->line = number;
	step->number = 1;
	step->split = words[i].shape == SHAPE_ESCAPED;
	script->ends |= step->kind == STEP_END_ALL;
	script->kills |= step->kind == STEP_KILL;
	return take_rest(words[i].shape, line + len + (line[len] == ' '),
	    step);
}

/* A line that begins with @: about the whole file. */
static int
read_setting(const char *line, struct script *script)
{
	char **to;

	if (strcmp(line, "@splits") == 0) {
		script->splits = true;
		return 0;
	}
	if (strncmp(line, "@conf ", 6) == 0) {
		to = &script->conf;
		line += 6;
	} else if (strncmp(line, "@fails ", 7) == 0) {
		to = &script->fails;
		line += 7;
	} else
		return -1;
	free(*to);
	*to = strdup(line);
	return *to == NULL || **to == '\0' ? -1 : 0;
}

/*
 * Without a comment that says what it proves, or without anything that can
 * fail, a file is no test.
 */
static int
check_whole(const struct script *script, bool comment, char *why, size_t size)
{
	size_t i;

	if (!comment) {
		snprintf(why, size, "1: no comment says what this proves");
		return -1;
	}
	for (i = 0; i < script->count; i++)
		if (script->step[i].kind == STEP_REPLY)
			return 0;
	snprintf(why, size, "1: no reply is expected");
	return -1;
}

static char *
base_name(const char *path)
{
	const char *slash;
	char *name;
	size_t len;

	slash = strrchr(path, '/');
	if ((name = strdup(slash == NULL ? path : slash + 1)) == NULL)
		return NULL;
	len = strlen(name);
	if (len > 5 && strcmp(name + len - 5, ".smtp") == 0)
		name[len - 5] = '\0';
	return name;
}

int
script_read(const char *path, struct script *out, char *why, size_t size)
{
	FILE *file;
	char *line;
	size_t room;
	ssize_t len;
	int number, bad;
	bool comment;

	memset(out, 0, sizeof(*out));
	out->name = base_name(path);
	out->conf = strdup("main");
	if ((file = fopen(path, "r")) == NULL) {
		snprintf(why, size, "0: %s", strerror(errno));
		return -1;
	}
	line = NULL;
	room = 0;
	bad = 0;
	comment = false;
	for (number = 1; (len = getline(&line, &room, file)) != -1; number++) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (*line == '\0')
			continue;
		if (*line == '#')
			comment = comment || number == 1;
		else if (*line == '@')
			bad = read_setting(line, out);
		else
			bad = read_step(line, number, out);
		if (bad != 0)
			break;
	}
	free(line);
	fclose(file);
	if (bad != 0) {
		snprintf(why, size, "%d: not a line of a transcript", number);
		return -1;
	}
	return check_whole(out, comment, why, size);
}

void
script_free(struct script *script)
{
	size_t i;

	for (i = 0; i < script->count; i++) {
		free(script->step[i].mailbox);
		free(script->step[i].text);
	}
	free(script->step);
	free(script->name);
	free(script->conf);
	free(script->fails);
	memset(script, 0, sizeof(*script));
}
