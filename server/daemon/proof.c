/*
 * log/sandbox.  A start under inetd has no time for a self-test before each
 * greeting, and nothing that a self-test tries changes between two of them:
 * so it is done once for each boot and each worker program, whoever comes
 * first.  The file is the master's; who could forge it has all the mail.
 */
#include "server/daemon/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/log.h"
#include "shared/os.h"

void
proof_read(struct proof *p, int root, const char *worker)
{
	char boot[os_boot_id_bytes], was[sizeof(p->text)];
	struct stat st;
	ssize_t n;
	int fd;

	memset(p, 0, sizeof(*p));
	if (!os_boot_id(boot) || stat(worker, &st) == -1)
		return;
	snprintf(p->text, sizeof(p->text), "version=%s boot=%s "
	    "worker=%llu.%llu size=%lld changed=%lld.%09ld\n",
	    SMTPD_VERSION, boot, (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino, (long long)st.st_size,
	    (long long)st.st_ctim.tv_sec, (long)st.st_ctim.tv_nsec);
	fd = openat(root, "log/sandbox", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	n = read(fd, was, sizeof(was));
	close(fd);
	p->held = n == (ssize_t)strlen(p->text) &&
	    memcmp(was, p->text, (size_t)n) == 0;
}

void
proof_write(const struct proof *p, int log)
{
	size_t n = strlen(p->text);
	int fd;

	if (p->held || n == 0)
		return;
	fd = openat(log, "sandbox", O_WRONLY | O_CREAT | O_TRUNC |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, p->text, n) != (ssize_t)n)
		log_error("write (the next start tries the sandbox again)",
		    "log/sandbox", errno);
	if (fd != -1)
		close(fd);
}
