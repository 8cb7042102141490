/*
 * smtpctl on a terminal of its own: what it draws, and what it leaves.
 */
#ifndef T_SYSTEM_TTY_H
#define T_SYSTEM_TTY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

enum { tty_rows_max = 60, tty_columns_max = 160 };

struct tty {
	int		fd;		/* the other side */
	int		own;		/* the terminal, held open */
	pid_t		pid;		/* who leads its session */
	struct termios	before;
	size_t		rows;
	size_t		columns;
	char		cells[tty_rows_max][tty_columns_max + 1];
	size_t		row;		/* of the cursor, from 0 */
	size_t		column;
	bool		alternate;	/* the other screen is shown */
	bool		hidden;		/* the cursor */
	bool		red;		/* a colour was seen */
	bool		other;		/* something else than it should draw */
	char		pending[32];	/* a sequence that has begun */
	size_t		pending_n;
};

/* Runs smtpctl with these arguments (NULL ends) on a terminal of that size. */
void	tty_start(struct tty *t, size_t rows, size_t columns,
	    const char *const args[]);
/* Draws what has come; is the text on the screen now? */
bool	tty_shows(struct tty *t, const char *text);
/* The whole screen, for messages of tests. */
const char *tty_text(const struct tty *t);
/* smtpctl itself. */
pid_t	tty_job(const struct tty *t);
void	tty_key(struct tty *t, char key);
/* Another size, and SIGWINCH. */
void	tty_resize(struct tty *t, size_t rows, size_t columns);
/*
 * Is everything as it was before: screen, cursor, modes of the terminal?
 * What has come is drawn first.
 */
bool	tty_is_restored(struct tty *t);
/* Waits for the end, what waitpid(2) said. */
int	tty_wait_end(struct tty *t);
void	tty_close(struct tty *t);

#endif
