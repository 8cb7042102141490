/*
 * A terminal that shows one screen at a time and gives it back as it was:
 * at the end of the program, by a signal, and while it is stopped.
 */
#ifndef SERVER_SMTPCTL_TERMINAL_H
#define SERVER_SMTPCTL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "server/smtpctl_screen.h"

/* Is standard output one that takes more than lines ($TERM)? */
bool	smtpctl_terminal_is(void);
/*
 * Takes standard output: another screen, no cursor, keys without echo.  False
 * and errno if it cannot.  Signals that end or stop the program restore it
 * first, whatever is waited for then; so does exit(3).
 */
bool	smtpctl_terminal_open(void);
/* Its size; 0 where it does not say. */
void	smtpctl_terminal_size(size_t *rows, size_t *columns);
/* Shows s; false if the terminal is gone. */
bool	smtpctl_terminal_show(const struct smtpctl_screen *s);

enum smtpctl_event { EVENT_TIME, EVENT_KEY, EVENT_REDRAW, EVENT_GONE };

/*
 * Waits so long for a key of standard input (*key), for another size or for
 * being continued; for the time alone if standard input is no terminal.
 */
enum smtpctl_event smtpctl_terminal_wait(int ms, char *key);
/* Gives it back. */
void	smtpctl_terminal_close(void);

#endif
