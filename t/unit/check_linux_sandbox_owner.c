/*
 * What the master and the nursery may still do, and no more.  Run with the
 * argument "resumed" this is the nursery after it executed itself, or
 * somebody who only says so.
 */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <dirent.h>
#include <netinet/in.h>

#include "shared/os/os.h"
#include "shared/os/sandbox_linux.h"
#define UNIT_OWN_MAIN
#include "t/unit/sandbox_linux_case.h"

/* Made by the test before a body enters its role. */
static char dir[256];
static int dir_fd = -1, events = -1;

static void
use_events(void)
{
	struct sigaction ignore;
	struct epoll_event ev;
	int pipes[2];

	memset(&ignore, 0, sizeof(ignore));
	ignore.sa_handler = SIG_IGN;
	EXPECT(sigaction(SIGPIPE, &ignore, NULL) == 0);
	EXPECT(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
	memset(&ev, 0, sizeof(ev));
	ev.events = EPOLLIN;
	EXPECT(epoll_ctl(events, EPOLL_CTL_ADD, pipes[0], &ev) == 0);
	EXPECT(write(pipes[1], "x", 1) == 1);
	EXPECT(epoll_wait(events, &ev, 1, 1000) == 1);
	EXPECT(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* From incoming to a Maildir, as a message goes. */
static void
use_files(void)
{
	struct statfs fs;
	struct stat st;
	FILE *stream;
	DIR *d;
	int fd;

	EXPECT(mkdirat(dir_fd, "in", 0700) == 0);
	EXPECT(mkdirat(dir_fd, "new", 0700) == 0);
	fd = openat(dir_fd, "in/1", O_RDWR | O_CREAT | O_EXCL | O_APPEND,
	    0600);
	EXPECT(fd != -1 && write(fd, "abc", 3) == 3 && fdatasync(fd) == 0);
	EXPECT(ftruncate(fd, 2) == 0);
	EXPECT(fstat(fd, &st) == 0 && st.st_size == 2 && st.st_nlink == 1);
	EXPECT(linkat(dir_fd, "in/1", dir_fd, "new/1", 0) == 0);
	EXPECT(renameat(dir_fd, "new/1", dir_fd, "new/2") == 0);
	EXPECT(renameat(dir_fd, "new/2", dir_fd, "in/2") == 0);
	EXPECT(unlinkat(dir_fd, "in/1", 0) == 0);
	EXPECT(fsync(dir_fd) == 0 && fstatfs(dir_fd, &fs) == 0);
	fd = openat(dir_fd, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fdopendir(fd);
	EXPECT(d != NULL && readdir(d) != NULL && closedir(d) == 0);
	fd = openat(dir_fd, "in/2", O_RDONLY);
	stream = fdopen(fd, "r");
	EXPECT(stream != NULL && fgetc(stream) == 'a');
	EXPECT(fclose(stream) == 0 && unlinkat(dir_fd, "in/2", 0) == 0);
	EXPECT(unlinkat(dir_fd, "in", AT_REMOVEDIR) == 0);
	EXPECT(unlinkat(dir_fd, "new", AT_REMOVEDIR) == 0);
}

static void
use_listener(int listener)
{
	struct sockaddr_storage peer;
	socklen_t n = sizeof(peer);
	int fd, octets = 65536;

	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	EXPECT(fd != -1);
	EXPECT(getpeername(fd, (struct sockaddr *)&peer, &n) == 0);
	EXPECT(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &octets,
	    sizeof(octets)) == 0);
	EXPECT(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	EXPECT(close(fd) == 0);
}

/* A loopback listener to which somebody has connected. */
static int
make_listener(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t n = sizeof(addr);
	int client, listener;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	client = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(listener != -1 && client != -1);
	EXPECT(bind(listener, (struct sockaddr *)&addr, n) == 0);
	EXPECT(listen(listener, 1) == 0);
	EXPECT(getsockname(listener, (struct sockaddr *)&addr, &n) == 0);
	EXPECT(connect(client, (struct sockaddr *)&addr, n) == 0);
	return listener;
}

static void
enter_master(void)
{
	struct sandbox_path paths[2] = {
		{ NULL, -1, true, false },
		{ "/usr", -1, false, false }
	};

	make_things();
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	events = epoll_create1(EPOLL_CLOEXEC);
	EXPECT(dir_fd != -1 && events != -1);
	paths[0].fd = dir_fd;
	case_enter(SANDBOX_MASTER, paths, 2);
}

static void
master_works(void)
{
	int listener;

	listener = make_listener();
	enter_master();
	use_events();
	use_files();
	use_listener(listener);
	EXPECT(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) != -1);
	work();
	EXPECT(rmdir(dir) == -1);	/* its parent is not ours */
}

/* The master's own directory does not open the one beside it. */
static void
master_held(void)
{
	enter_master();
	EXPECT(open("/usr", O_RDONLY | O_DIRECTORY) != -1);
	EXPECT(open("/usr/smtpd-test", O_WRONLY | O_CREAT, 0600) == -1 &&
	    errno == EACCES);
	EXPECT(open("/etc/passwd", O_RDONLY) == -1 && errno == EACCES);
	EXPECT(open("/proc/self/mem", O_RDWR) == -1);
	EXPECT(linkat(dir_fd, "..", AT_FDCWD, "/usr/x", 0) == -1);
	EXPECT(mkdir("/tmp/smtpd-test-outside", 0700) == -1);
	EXPECT(socket(AF_UNIX, SOCK_SEQPACKET, 0) == -1 && errno == ENOSYS);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == ENOSYS);
}

/* Where only adding is allowed: new files and more of them, no more. */
static void
master_adds(void)
{
	struct sandbox_path paths[1] = { { NULL, -1, SANDBOX_ADD, false } };
	bool truncation = sandbox_landlock_abi() >= 3;
	int fd;

	make_things();
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	EXPECT(dir_fd != -1);
	paths[0].fd = dir_fd;
	fd = openat(dir_fd, "log.1", O_WRONLY | O_CREAT, 0600);
	EXPECT(fd != -1 && close(fd) == 0);
	case_enter(SANDBOX_MASTER, paths, 1);
	for (int i = 0; i < 2; i++) {
		fd = openat(dir_fd, "log", O_WRONLY | O_APPEND | O_CREAT |
		    O_NOFOLLOW | O_CLOEXEC, 0600);
		EXPECT(fd != -1 && write(fd, "x", 1) == 1 && close(fd) == 0);
	}
	EXPECT(openat(dir_fd, "log", O_RDONLY) == -1 && errno == EACCES);
	EXPECT(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY) == -1 &&
	    errno == EACCES);
	EXPECT(unlinkat(dir_fd, "log.1", 0) == -1 && errno == EACCES);
	EXPECT(renameat(dir_fd, "log", dir_fd, "log.1") == -1 &&
	    errno == EACCES);
	EXPECT(mkdirat(dir_fd, "d", 0700) == -1 && errno == EACCES);
	if (truncation)
		EXPECT(openat(dir_fd, "log", O_WRONLY | O_TRUNC) == -1 &&
		    errno == EACCES);
}

/* An accepted socket could be disconnected and connected elsewhere. */
static void
master_reconnects(void)
{
	struct sockaddr_in addr = { .sin_family = AF_UNSPEC };
	int fd, listener;

	listener = make_listener();
	enter_master();
	fd = accept4(listener, NULL, NULL, 0);
	EXPECT(fd != -1);
	EXPECT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	addr.sin_family = AF_INET;
	addr.sin_port = htons(9);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	EXPECT(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == -1 &&
	    errno == EACCES);
}

TEST(master)
{
	char path_below[sizeof(dir) + 8];
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/check_sandbox.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	ck_assert_ptr_nonnull(mkdtemp(dir));
	if (!sandbox_confines_paths(SANDBOX_MASTER))
		printf("skipped: the master's paths, without landlock\n");
	else {
		case_passes(master_works);
		case_passes(master_held);
		case_passes(master_adds);
		(void)unlink(strcat(strcpy(path_below, dir), "/log"));
		(void)unlink(strcat(path_below, ".1"));
		if (sandbox_landlock_abi() >= 4)
			case_passes(master_reconnects);
	}
	/* empty, as use_files has left it */
	ck_assert_int_eq(rmdir(dir), 0);
}

static int
connect_to(int fd, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
	    .sin_port = htons(port) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

/* Taken over, it still connects over TCP to its ports alone. */
static void
dial_body(void)
{
	static const uint16_t ports[] = { 9 };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t n = sizeof(addr);
	int fd;

	sandbox_let_connect(ports, COUNT(ports));
	case_enter(SANDBOX_DIAL, NULL, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	EXPECT(fd != -1);
	EXPECT(connect_to(fd, 10) == -1 && errno == EACCES);
	EXPECT(connect_to(fd, 25) == -1 && errno == EACCES);
	EXPECT(connect_to(fd, 9) == -1 && errno == ECONNREFUSED);
	/* No port of its own choice, but an address. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	addr.sin_port = htons(40025);
	EXPECT(bind(fd, (struct sockaddr *)&addr, n) == -1 && errno == EACCES);
	addr.sin_port = 0;
	EXPECT(bind(fd, (struct sockaddr *)&addr, n) == 0);
	EXPECT(socket(AF_INET6, SOCK_DGRAM, 0) != -1 || errno == EAFNOSUPPORT);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) == -1 && errno == ENOSYS);
	EXPECT(socket(AF_INET, SOCK_RAW, 0) == -1 && errno == ENOSYS);
	EXPECT(socket(AF_INET, SOCK_STREAM, 262) == -1 && errno == ENOSYS);
}

/* The same where the keeper started it. */
static void
dial_in_keeper_body(void)
{
	static const uint16_t ports[] = { 9 };
	int status;
	pid_t pid;

	sandbox_let_connect(ports, COUNT(ports));
	case_enter(SANDBOX_KEEPER, NULL, 0);
	pid = fork();
	if (pid == 0) {
		dial_body();
		_exit(0);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void
dial_listens(void)
{
	int fd;

	case_enter(SANDBOX_DIAL, NULL, 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(fd != -1);
	listen(fd, 1);
}

static void
dial_opens(void)
{
	case_enter(SANDBOX_DIAL, NULL, 0);
	(void)open("/etc/passwd", O_RDONLY);
}

TEST(dial)
{
	case_dies(dial_listens, SIGSYS);
	case_dies(dial_opens, SIGSYS);
	if (sandbox_landlock_abi() < 4)
		printf("skipped: the ports of dial, without landlock\n");
	else {
		case_passes(dial_body);
		case_passes(dial_in_keeper_body);
	}
}

static char program[4096];

/* Its program and, if it is linked dynamically, what the loader opens. */
static void
enter_nursery(void)
{
	struct sandbox_path paths[5];
	const char *const names[] = { program, "/etc/ld.so.cache", "/lib",
	    "/lib64", "/usr/lib" };
	size_t i, n = 0;

	for (i = 0; i < COUNT(names); i++) {
		if (access(names[i], F_OK) == -1)
			continue;
		paths[n].path = names[i];
		paths[n].fd = -1;
		paths[n].write = false;
		paths[n].exec = true;
		n++;
	}
	case_enter(SANDBOX_NURSERY, paths, n);
}

/*
 * Held, it could not make a file; this one outlives its execution, and so
 * does its program.  Both are above a worker's limit.
 */
enum { file_kept = 20, program_kept = 21 };

static void
nursery_executes_itself(void)
{
	char argument[] = "resumed";
	char *args[] = { program, argument, NULL };

	make_things();
	EXPECT(dup2(file, file_kept) == file_kept);
	EXPECT(os_keep_program(program, program_kept) == 0);
	enter_nursery();
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	EXPECT(os_execute(program, program_kept, args) == 0);
}

/* What it claims about itself does not make a process held. */
static void
liar_executes_itself(void)
{
	execl(program, program, "resumed", (char *)NULL);
}

/* main after nursery_executes_itself; no Check here. */
static int
resumed(void)
{
	const char *what = "";
	int status;
	pid_t pid;

	if (sandbox_resume(SANDBOX_NURSERY, NULL, 0, &what) == -1)
		return errno == EPERM ? 77 : 78;
	EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	file = file_kept;
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		case_enter(SANDBOX_SMTP, NULL, 0);
		work();
		_exit(0);
	}
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

TEST(nursery_again)
{
	int status;

	status = case_run(liar_executes_itself);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 77);
	if (SANDBOX_SANITIZED)
		printf("skipped: execution, under a sanitizer\n");
	else
		case_passes(nursery_executes_itself);
}

int
main(int argc, char *argv[])
{
	ssize_t n;

	if (argc == 2 && strcmp(argv[1], "resumed") == 0)
		_exit(resumed());
	n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (n == -1)
		return EXIT_FAILURE;
	program[n] = '\0';
	return unit_run(program, NULL, NULL);
}
