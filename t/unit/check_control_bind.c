/*
 * Making the control socket: what stands in its way, who could reach it, and
 * the lock on its root.
 */
#include "t/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/control/control.h"

static char dir[80];

static const char *
path_of(const char *name)
{
	static char path[104];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/check.XXXXXX",
	    tmp == NULL || strlen(tmp) > 60 ? "/tmp" : tmp);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
remove_dir(void)
{
	unlink(path_of("c"));
	unlink(path_of("c.lock"));
	ck_assert_int_eq(rmdir(dir), 0);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

TEST(fresh)
{
	const char *why;
	struct stat st;
	int fd, peer;

	make_dir();
	fd = control_bind(path_of("c"), NULL, false, &why);
	ck_assert_msg(fd != -1, "%s", why);
	ck_assert_int_eq(lstat(path_of("c"), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	peer = connect_to(path_of("c"));
	ck_assert_int_ne(peer, -1);
	close(peer);
	close(fd);
	remove_dir();
}

static pid_t	other;		/* another master */

/* Binds in another process, which then waits to be killed. */
static void
bind_in_other(bool take_over)
{
	const char *why;
	int ends[2];
	char octet;

	ck_assert_int_eq(pipe(ends), 0);
	other = fork();
	if (other == 0) {
		if (control_bind(path_of("c"), NULL, take_over, &why) == -1)
			_exit(1);
		(void)!write(ends[1], "x", 1);
		for (;;)
			pause();
	}
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &octet, 1), 1);
	close(ends[0]);
}

static void
end_other(void)
{
	ck_assert_int_eq(kill(other, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other, NULL, 0), other);
}

/* What one left that was killed is no hindrance. */
TEST(stale)
{
	const char *why;
	int fd;

	make_dir();
	bind_in_other(false);
	end_other();
	ck_assert_int_eq(access(path_of("c"), F_OK), 0);
	fd = control_bind(path_of("c"), NULL, false, &why);
	ck_assert_msg(fd != -1, "%s", why);
	close(fd);
	remove_dir();
}

/*
 * In place of libc's (--wrap): the BSDs say of a full queue what they say of a
 * dead socket.
 */
int	__real_connect(int fd, const struct sockaddr *to, socklen_t n);
int	__wrap_connect(int fd, const struct sockaddr *to, socklen_t n);

int
__wrap_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	int result = __real_connect(fd, to, n);

	if (result == -1 && errno == EAGAIN)
		errno = ECONNREFUSED;
	return result;
}

TEST(alive)
{
	const char *why;
	int peers[200];
	size_t n = 0;

	make_dir();
	bind_in_other(false);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "another smtpd"));
	/* Alive it is, too, when its queue is full. */
	while (n < COUNT(peers)) {
		struct sockaddr_un to = { .sun_family = AF_UNIX };

		snprintf(to.sun_path, sizeof(to.sun_path), "%s",
		    path_of("c"));
		peers[n] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		if (connect(peers[n++], (struct sockaddr *)&to,
		    sizeof(to)) == -1)
			break;
	}
	ck_assert_int_eq(errno, ECONNREFUSED);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "another smtpd"));
	/* And when somebody has removed its socket. */
	ck_assert_int_eq(unlink(path_of("c")), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "another smtpd"));
	while (n > 0)
		close(peers[--n]);
	end_other();
	remove_dir();
}

/* A third one, while the second has the socket and the first lives on. */
TEST(taken_over_and_alive)
{
	const char *why;
	pid_t first;

	make_dir();
	bind_in_other(false);
	first = other;
	bind_in_other(true);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "another smtpd"));
	ck_assert_int_eq(kill(first, SIGKILL), 0);
	ck_assert_int_eq(waitpid(first, NULL, 0), first);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	end_other();
	ck_assert_int_ne(control_bind(path_of("c"), NULL, false, &why), -1);
	remove_dir();
}

/* Nobody is led astray by a link in place of the lock. */
TEST(lock_is_a_link)
{
	const char *why;

	make_dir();
	ck_assert_int_eq(symlink("elsewhere", path_of("c.lock")), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_int_eq(access(path_of("elsewhere"), F_OK), -1);
	remove_dir();
}

TEST(in_the_way)
{
	const char *why;
	struct stat st;
	int fd;

	make_dir();
	fd = open(path_of("c"), O_WRONLY | O_CREAT, 0600);
	ck_assert_int_ne(fd, -1);
	close(fd);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "not a socket"));
	ck_assert_int_eq(stat(path_of("c"), &st), 0);
	unlink(path_of("c"));
	unlink(path_of("c.lock"));	/* smtpd would have ended */
	ck_assert_int_eq(symlink("/tmp/elsewhere", path_of("c")), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "not a socket"));
	remove_dir();
}

TEST(directory_of_all)
{
	const char *why;

	make_dir();
	ck_assert_int_eq(control_bind(path_of("no/c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "does not exist"));
	ck_assert_int_eq(chmod(dir, 0777), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "written by others"));
	ck_assert_int_eq(chmod(dir, 01777), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_int_eq(chmod(dir, 0770), 0);
	ck_assert_int_eq(control_bind(path_of("c"), NULL, false, &why), -1);
	ck_assert_int_eq(chmod(dir, 0700), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(dir, 1, 1), 0);
		ck_assert_int_eq(control_bind(path_of("c"), NULL, false,
		    &why), -1);
		ck_assert_ptr_nonnull(strstr(why, "written by others"));
	}
	remove_dir();
}

TEST(long_name)
{
	char path[200];
	const char *why;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(control_bind(path, NULL, false, &why), -1);
	ck_assert_ptr_nonnull(strstr(why, "shorter"));
}

TEST(inside)
{
	static const struct {
		const char	*root;
		const char	*control;
		const char	*name;
	} t[] = {
		{ "/var/smtpd", "/var/smtpd/control", "control" },
		{ "/var/smtpd/", "/var/smtpd//control", "control" },
		{ "/var/smtpd", "/var/smtpd/run/c", "run/c" },
		{ "/var/smtpd", "/var/smtpd2/c", NULL },
		{ "/var/smtpd", "/run/smtpd", NULL },
		{ "/var/smtpd", "/var", NULL },
		{ "/", "/control", "control" }
	};
	const char *name;

	for (size_t i = 0; i < COUNT(t); i++) {
		char root[32], control[32];
		struct conf conf = { .root = root, .control = control };

		snprintf(root, sizeof(root), "%s", t[i].root);
		snprintf(control, sizeof(control), "%s", t[i].control);
		name = control_name_inside(&conf);
		if (t[i].name == NULL)
			ck_assert_ptr_null(name);
		else
			ck_assert_str_eq(name, t[i].name);
	}
}

/* The socket of a master that is to be followed, and of nobody else. */
TEST(taken_over)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *why;
	int old, new, peer;

	make_dir();
	old = control_bind(path_of("c"), NULL, true, &why);
	ck_assert_msg(old != -1, "%s", why);
	new = control_bind(path_of("c"), NULL, true, &why);
	ck_assert_msg(new != -1, "%s", why);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path_of("c"));
	peer = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_eq(connect(peer, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(accept(old, NULL, NULL), -1);
	ck_assert_int_ne(accept(new, NULL, NULL), -1);
	close(peer);
	close(old);
	close(new);
	remove_dir();
}
