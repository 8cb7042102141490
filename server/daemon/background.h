/*
 * Going into the background, reporting to the shell that waits for that, and
 * the pid file (smtpd -p), which tells rc scripts the running process and
 * prevents a second one.
 */
#ifndef SERVER_BACKGROUND_H
#define SERVER_BACKGROUND_H

/* What a master in the background needs to tell its parent that it serves. */
struct background {
	int	ready;		/* pipe to the parent, which waits */
	int	null;		/* for descriptors 0 to 2, once it serves */
};

/*
 * Goes into the background; returns in the child.  The parent, and so the
 * shell, waits for background_tell_ready, and exits 1 if the child ends first.
 */
struct background background_go(void);
/* The parent exits 0; descriptors 0 to 2 are /dev/null from here on. */
void	background_tell_ready(const struct background *b);

/*
 * Opens and locks the pid file, created if need be, while we may still be root.
 * Fatal when another process has its lock, or path is no plain file.
 */
void	background_pid_open(const char *path);
/*
 * Writes the number of this process, the one that stays, to the pid file.  The
 * lock is held until this process ends, and by no child.
 */
void	background_pid_write(void);
/* Empties the pid file: we may not remove it from its directory. */
void	background_pid_clear(void);

#endif
