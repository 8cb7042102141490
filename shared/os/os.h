/* Functions that differ between operating systems. */
#ifndef SHARED_OS_H
#define SHARED_OS_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Empties the bounding and ambient sets, as root (Linux).  A failure is
 * ignored, since changing the user clears the effective set.
 */
void	os_drop_capabilities(void);
/* Is this process root, or has it CAP_SETUID and CAP_SETGID (Linux)? */
bool	os_may_change_user(void);
/* Drops all capabilities left after a change of user.  0, or -1 and errno. */
int	os_forget_capabilities(void);

/*
 * Keeps clients of the listening local socket fd from sending descriptors,
 * where the system can (Linux 6.16): closing a descriptor may block for as
 * long as its sender chose (SO_LINGER).
 */
void	os_refuse_descriptors(int fd);

/* A datagram socket connected to a path or "@..." (abstract); -1 and errno. */
int	os_connect_datagram(const char *name);
/* Connects to the local syslog, before a sandbox that forbids it. */
void	os_syslog_open(void);
/*
 * Sends one line of the form "<PRIORITY>TIME TAG: TEXT", without an LF, and
 * does not block.  0, or -1 and errno; EAGAIN: try later.
 */
int	os_syslog_send(const void *line, size_t n);

/* What recvmsg(2) says of a whole record of SOCK_SEQPACKET: MSG_EOR, or 0. */
extern const int os_record_end;
/* For send(2) just before a close: one packet may carry data and FIN; or 0. */
extern const int os_send_last;

/* Keeps dir open, to open files in it in FreeBSD's sandbox.  0 or -1. */
int	os_keep_directory(const char *dir);
/* Opens dir only to name it (O_PATH), while its path can be reached; or -1. */
int	os_name_directory(const char *dir);
/* open(2) of path, whose directory may be a kept one. */
int	os_open_file(const char *path, int flags);
/*
 * Opens program as descriptor fd, to be executed by a user who may not reach
 * its path.  0, or -1 and errno.
 */
int	os_keep_program(const char *program, int fd);
/* execve(2) of the kept program.  Returns only on failure: -1 and errno. */
int	os_execute(const char *program, int fd, char *const argv[]);
/*
 * Children that are served for: who ends is told by SIGCHLD or, in FreeBSD's
 * capability mode, which allows neither to wait for nor to kill a process by
 * its ID, by a descriptor that becomes readable; -1: none, or errno.
 */
int	os_watch_children(void);
pid_t	os_fork(void);
/* A child that ended, and how (waitpid(2)); 0 or -1: none yet. */
pid_t	os_reap(int *status);
/* SIGKILL for this child, if it is one. */
void	os_kill_child(pid_t pid);
/* In a child: closes descriptors from fd on, by which others can be killed. */
void	os_forget_siblings(int fd);

/* By root, for dial, which no sandbox holds on FreeBSD: no files.  0 or -1. */
int	os_hide_files(void);

/* The name in ps(1): Linux before 6.14 shows the descriptor's number. */
void	os_name_process(const char *name);

/* Where there is nothing of the kind. */
#ifndef __FreeBSD__
#define os_keep_directory(dir)		0
#define os_open_file(path, flags)	open(path, flags)
#define os_watch_children()		(-1)
#define os_reap(status)			waitpid(-1, status, WNOHANG)
#define os_forget_siblings(fd)		((void)(fd))
#define os_hide_files()			0
#else
#define os_forget_siblings(fd)		closefrom(fd)
#define os_hide_files()			chroot("/var/empty")
#endif
/* pledge(2) kills who sends a directory; FFS syncs names as they change. */
#ifdef __OpenBSD__
#define os_sends_directories		false
#else
#define os_sends_directories		true
#endif
/* The BSDs have a _smtpd of OpenSMTPD, which would share the mail. */
#ifndef __linux__
#define os_user_prefix			"_l"
#define os_drop_capabilities()		((void)0)
#define os_forget_capabilities()	0
#define os_may_change_user()		(geteuid() == 0)
#define os_refuse_descriptors(fd)	((void)(fd))
#define os_name_directory(dir)		(-1)
#define os_name_process(name)		((void)(name))
#ifndef __FreeBSD__
#define os_fork()			fork()
#endif
#else
#define os_user_prefix			"_"
/* fork(2) without libc's handlers: what they write to is copied twice. */
#define os_fork()			_Fork()
#endif

#endif
