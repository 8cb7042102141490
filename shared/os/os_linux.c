/* What only Linux has, or has in its way. */
#include "shared/os/os.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* asm-generic/socket.h of Linux 6.16; headers may be older. */
#define os_so_passrights	83

#define cap_head	(&(struct __user_cap_header_struct){ \
			.version = _LINUX_CAPABILITY_VERSION_3 })

const int os_record_end = 0;
const int os_send_last = MSG_MORE;

void
os_drop_capabilities(void)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return;		/* past the last, or not allowed */
}

bool
os_may_change_user(void)
{
	const uint32_t want = 1U << CAP_SETUID | 1U << CAP_SETGID;
	/* Two words, the low one first. */
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	return geteuid() == 0 || (syscall(SYS_capget, cap_head, sets) == 0 &&
	    (sets[0].effective & want) == want);
}

int
os_forget_capabilities(void)
{
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
	    { 0 } };

	return (int)syscall(SYS_capset, cap_head, none);
}

void
os_name_process(const char *name)
{
	prctl(PR_SET_NAME, name, 0, 0, 0);
}

void
os_refuse_descriptors(int fd)
{
	int no = 0;

	(void)setsockopt(fd, SOL_SOCKET, os_so_passrights, &no, sizeof(no));
}

int
os_name_directory(const char *dir)
{
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}
