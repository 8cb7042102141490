/*
 * Leaving the shell: into the background, and what is owed to who waits.
 */
#ifndef SERVER_BACKGROUND_H
#define SERVER_BACKGROUND_H

/* What a master in the background still owes the shell it came from. */
struct background {
	int	ready;		/* pipe to the parent, which waits */
	int	null;		/* for descriptors 0 to 2, once it serves */
};

/*
 * Goes into the background.  Returns in the child; the parent, and so the
 * shell, waits until background_tell_ready, and exits 1 if that never comes.
 */
struct background background_go(void);
/* The parent exits 0; descriptors 0 to 2 are /dev/null from here on. */
void	background_tell_ready(const struct background *b);

#endif
