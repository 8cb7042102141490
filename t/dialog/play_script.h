/*
 * A transcript read into steps. The format is described at the head of
 * play.c. Nothing here talks to a server.
 */
#ifndef T_DIALOG_PLAY_SCRIPT_H
#define T_DIALOG_PLAY_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>

enum step_kind {
	STEP_SEND,		/* C: R: F:  text, sent number times */
	STEP_PAUSE,		/* P:  number of milliseconds */
	STEP_REPLY,		/* S:  code, enhanced */
	STEP_HAS,		/* ~   text in the last reply */
	STEP_HAS_NOT,		/* !~  text not in the last reply */
	STEP_CLOSED,		/* X: */
	STEP_NOTHING,		/* N:  number of milliseconds */
	STEP_NEW,		/* K: */
	STEP_TLS,		/* Y: */
	STEP_TLS_NOT,		/* Y! */
	STEP_END_ALL,		/* T: */
	STEP_KILL,		/* Z: */
	STEP_COUNT,		/* M:  mailbox, number of messages */
	STEP_BODY,		/* B:  mailbox, text */
	STEP_BODY_NOT,		/* B!  mailbox, text */
	STEP_END,		/* E:  mailbox, text */
	STEP_LONGEST,		/* L:  mailbox, number of octets */
	STEP_HEAD,		/* H:  mailbox */
	STEP_INCOMING		/* I: */
};

struct step {
	enum step_kind kind;
	int line;
	bool split;		/* an R: line, which @splits cuts */
	long number;
	char code[4];
	char enhanced[16];	/* empty: not looked at; "-": none there */
	char *mailbox;		/* DOMAIN/USER */
	char *text;		/* unescaped; NUL-terminated beyond len */
	size_t len;
};

struct script {
	char *name;		/* file name without folder and .smtp */
	char *conf;
	char *fails;		/* what -x wants to see, or NULL */
	bool splits;
	bool ends;		/* it has a T: */
	bool kills;		/* it has a Z: */
	struct step *step;
	size_t count;
};

/*
 * Reads the transcript at path. Returns 0, or -1 with what is wrong with it
 * in why. The caller releases it with script_free in both cases.
 */
int script_read(const char *path, struct script *out, char *why, size_t size);

void script_free(struct script *script);

/*
 * Replaces the C escapes \r \n \0 \t \\ and \xHH in text, in place, and
 * returns the new length, or -1 if another escape stands there. The result
 * is no longer than text and ends in NUL.
 */
long script_unescape(char *text);

#endif
