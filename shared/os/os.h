/*
 * What each operating system does in its own way.
 */
#ifndef SHARED_OS_H
#define SHARED_OS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Empties the set of capabilities that this process and its children could
 * ever have again (Linux; elsewhere there are none).  Needs root; what the
 * system does not let us drop is left, for changing the user clears the
 * effective ones in any case.
 */
void	os_drop_capabilities(void);
/*
 * May this process become other users?  Root may; and on Linux one that was
 * given CAP_SETUID and CAP_SETGID, as a service manager does, without ever
 * having been root.
 */
bool	os_may_change_user(void);
/*
 * Gives up every capability that a change of users has left (Linux).  0, or
 * -1 and errno.
 */
int	os_forget_capabilities(void);

enum { os_boot_id_bytes = 64 };

/*
 * What tells this boot of the system from every other: printable ASCII and a
 * NUL.  False where it cannot be told.
 */
bool	os_boot_id(char out[os_boot_id_bytes]);
/* The effective user at the other end of a local socket: 0, or -1, errno. */
int	os_peer_uid(int fd, uid_t *out);
/*
 * Who connects to the listening local socket fd cannot send descriptors, on
 * systems that know of it (Linux 6.16): to close one that was sent may last
 * as long as its sender likes (SO_LINGER).
 */
void	os_refuse_descriptors(int fd);

/*
 * Connects to the local syslog, if that is there and it was not done yet:
 * before a sandbox that would not let us.
 */
void	os_syslog_open(void);
/*
 * Sends one line in syslog's form, "<PRIORITY>TIME TAG: TEXT" without an LF,
 * and does not wait.  0, or -1 and errno; EAGAIN: not now.
 */
int	os_syslog_send(const void *line, size_t n);

/*
 * For send(2): the end of the connection follows at once, so one packet may
 * carry both.  0 where there is no such flag.
 */
extern const int os_send_last;

/*
 * fork(2) without what libc does around it for threads and other handlers:
 * each page that it writes to would be copied twice.  For a process with one
 * thread that holds no lock; OpenSSL tells a child by its process id.
 */
pid_t	os_fork(void);

/*
 * Files of a process that is held.  On FreeBSD it opens only what it keeps
 * open; elsewhere the sandbox knows the paths, and nothing is kept.
 *
 * dir will be opened in again.  0, or -1 and errno.
 */
int	os_keep_directory(const char *dir);
/*
 * dir, opened for nothing but to be named by its descriptor: whoever sets up
 * a sandbox may no longer reach it by its path.  -1 where there is no such
 * thing.
 */
int	os_name_directory(const char *dir);
/* open(2) of path, the directory of which may have been kept. */
int	os_open_file(const char *path, int flags);
/*
 * program will be executed, and again by itself: opens it as descriptor fd,
 * before this process becomes a user who may not reach it.  0, or -1, errno.
 */
int	os_keep_program(const char *program, int fd);
/* A child that will not execute it. */
void	os_drop_program(int fd);
/* execve(2) of what was kept.  Returns only if it fails: -1 and errno. */
int	os_execute(const char *program, int fd, char *const argv[],
	    char *const envp[]);
/*
 * What ps(1) calls this process: Linux before 6.14 names one that was
 * executed by its descriptor by the descriptor's number.
 */
void	os_name_process(const char *name);

#endif
