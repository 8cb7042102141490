/*
 * The pid file (smtpd -p): who runs, for rc scripts; and that only one does.
 */
#ifndef SERVER_PID_FILE_H
#define SERVER_PID_FILE_H

/*
 * Opens and locks path, made if need be, while we may still be root.  Fatal
 * when another process has it, or when it is no plain file.
 */
void	pid_file_open(const char *path);
/*
 * Writes this process's number into it: by the process that stays.  The lock
 * is ours until we end, and no child of ours has it.
 */
void	pid_file_write(void);
/* Empties it: its directory is not ours to remove it from. */
void	pid_file_clear(void);

#endif
