/*
 * One play of a transcript: the client's side of the dialogue.
 */
#ifndef T_DIALOG_PLAY_TALK_H
#define T_DIALOG_PLAY_TALK_H

#include <sys/types.h>

#include "t/dialog/play_reply.h"
#include "t/dialog/play_script.h"

/* Where the daemon under test is. */
struct place {
	pid_t pid;
	int port;		/* on 127.0.0.1 */
	int patience_s;		/* for each thing that has to come */
	const char *root;	/* its ROOT */
	const char *trusted;	/* file of its certificate */
	struct replies *replies;	/* are noted there */
};

/*
 * Plays the script: once as it stands, and with @splits, for every place
 * where an R: line can be cut in two, that line's connection once more.
 * Returns 0, or -1 with "LINE: expected ..., got ..." of the first play that
 * failed in why. After a T: or Z: the daemon is about to end.
 */
int talk_play(const struct script *script, const struct place *place,
    char *why, size_t size);

#endif
