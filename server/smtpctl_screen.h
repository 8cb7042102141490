/*
 * What is to stand on a terminal, as lines: cut at its width, and of nothing
 * but printable ASCII, whoever a text comes from.
 */
#ifndef SERVER_SMTPCTL_SCREEN_H
#define SERVER_SMTPCTL_SCREEN_H

#include <stdarg.h>
#include <stddef.h>

enum smtpctl_style { STYLE_PLAIN, STYLE_BOLD, STYLE_HEAD, STYLE_ALARM };

/* A larger terminal is used up to these. */
enum { smtpctl_rows_max = 200, smtpctl_columns_max = 400 };

struct smtpctl_line {
	enum smtpctl_style	style;
	char			text[smtpctl_columns_max + 1];
};

struct smtpctl_screen {
	size_t			rows;
	size_t			columns;
	size_t			used;	/* rows with a line */
	struct smtpctl_line	lines[smtpctl_rows_max];
};

/* Empties it; a size of 0 is that of a terminal that does not say, 80 x 24. */
void	smtpctl_screen_begin(struct smtpctl_screen *s, size_t rows,
	    size_t columns);
/* Rows that are free. */
size_t	smtpctl_screen_left(const struct smtpctl_screen *s);
/*
 * Adds a line, if there is room for one.  A character that is not printable
 * ASCII is shown as one "?", an octet that is none too.
 */
void	smtpctl_screen_add(struct smtpctl_screen *s, enum smtpctl_style style,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/*
 * The text in the last row, whatever stands there; if it is longer, in as many
 * of the last ones as it takes, to max.
 */
void	smtpctl_screen_foot(struct smtpctl_screen *s,
	    enum smtpctl_style style, size_t max, const char *text);
/*
 * A bar of cells columns in brackets, part of whole filled; what is not
 * nothing shows.  out has room for cells + 3.
 */
void	smtpctl_screen_bar(unsigned long long part, unsigned long long whole,
	    size_t cells, char *out);

#endif
