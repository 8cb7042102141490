/*
 * Leaving the shell: into the background, what is owed to the shell that
 * waits, and the pid file (smtpd -p): which process runs, for rc scripts, and
 * that only one does.
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

/*
 * Opens and locks path, made if need be, while we may still be root.  Fatal
 * when another process has it, or when it is no plain file.
 */
void	background_pid_open(const char *path);
/*
 * Writes this process's number into it: by the process that stays.  The lock
 * is ours until we end, and no child of ours has it.
 */
void	background_pid_write(void);
/* Empties it: its directory is not ours to remove it from. */
void	background_pid_clear(void);

#endif
