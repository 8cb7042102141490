/* maildir: a copy in pieces goes on only in the file that it began. */
#include "t/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/mail/maildir.h"

enum { piece = 1024 * 1024, size = piece + 1000 };

static char name[] = "mail", user[] = "alice", domain[] = "example.org";
static struct spool spool;
static struct maildir_batch batch;

static void
write_file(int dir, const char *path, size_t n)
{
	static const char octets[size];
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, octets, n), (ssize_t)n);
	close(fd);
}

/* Of a message whose first piece was copied: what the next call makes of it. */
static enum maildir_result
go_on(struct maildir_delivery *d)
{
	static struct recipient_mailbox box = { .domain = domain,
	    .user = user };
	static struct recipient_set to = { .boxes = &box, .count = 1 };

	*d = (struct maildir_delivery){ .spool = &spool, .to = &to,
	    .id = "id", .name = name, .size = size, .done = piece };
	return maildir_deliver(&batch, d);
}

static off_t
size_of(const char *path)
{
	struct stat st;

	return fstatat(spool.mail, path, &st, 0) == 0 ? st.st_size : -1;
}

#define TMP	"example.org/alice/tmp/mail"
#define NEW	"example.org/alice/new/mail"

TEST(copy_goes_on)
{
	char root[] = "/tmp/check_maildir.XXXXXX", command[64];
	struct maildir_delivery d;

	ck_assert_ptr_nonnull(mkdtemp(root));
	spool.mail = spool.incoming = open(root, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(mkdirat(spool.mail, "example.org", 0700), 0);
	ck_assert_int_eq(mkdirat(spool.mail, "example.org/alice", 0700), 0);
	ck_assert_int_eq(mkdirat(spool.mail, "example.org/alice/tmp", 0700),
	    0);
	ck_assert_int_eq(mkdirat(spool.mail, "example.org/alice/new", 0700),
	    0);
	write_file(spool.incoming, "id", size);
	/* It was removed meanwhile. */
	ck_assert_int_eq(go_on(&d), MAILDIR_FAILED);
	ck_assert_uint_eq(d.done, 0);
	ck_assert_int_eq(size_of(NEW), -1);
	/* It is another file now. */
	write_file(spool.mail, TMP, piece - 1);
	ck_assert_int_eq(go_on(&d), MAILDIR_FAILED);
	ck_assert_int_eq(size_of(NEW), -1);
	/* Nobody reads that: who opens it would wait for ever. */
	ck_assert_int_eq(mkfifoat(spool.mail, TMP, 0600), 0);
	ck_assert_int_eq(go_on(&d), MAILDIR_FAILED);
	ck_assert_int_eq(size_of(NEW), -1);
	ck_assert_int_eq(size_of(TMP), -1);
	write_file(spool.mail, TMP, piece);
	ck_assert_int_eq(go_on(&d), MAILDIR_DONE);
	ck_assert_int_eq(size_of(NEW), size);
	maildir_end_batch(&batch, &spool, 0);
	close(spool.mail);
	snprintf(command, sizeof(command), "rm -r %s", root);
	ck_assert_int_eq(system(command), 0);
}
