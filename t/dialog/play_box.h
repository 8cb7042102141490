/*
 * What has come to the mailboxes of the daemon under test: looked at from
 * the outside, as a Maildir reader would.
 */
#ifndef T_DIALOG_PLAY_BOX_H
#define T_DIALOG_PLAY_BOX_H

#include "t/dialog/play_script.h"

/*
 * Empties the mailboxes that the script names, so that what a play counts
 * came in that play. root is the daemon's ROOT.
 */
void box_clear(const char *root, const struct script *script);

/*
 * Does one of the steps M: B: B! E: L: H: I:. Returns 0, or -1 with what was
 * expected and what was found in why. I: has so many seconds to come.
 */
int box_step(const char *root, const struct step *step, int patience_s,
    char *why, size_t size);

#endif
