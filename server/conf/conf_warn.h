/* Warnings about a configuration that is accepted, and space on its disk. */
#ifndef SERVER_CONF_WARN_H
#define SERVER_CONF_WARN_H

#include <sys/statvfs.h>

#include "server/conf/conf.h"

/* Line 0: the whole file, or something that no line sets. */
typedef void conf_warn_fn(const char *path, unsigned line, const char *text);

/* Tells what is likely not as intended; before conf_forget_passwords. */
void	conf_warn(const struct conf *conf, conf_warn_fn *tell);
/* Tells the first 20 broken aliases, catch-alls, hashes; counts the rest. */
void	conf_warn_broken(const struct conf *conf, conf_warn_fn *tell);
/* What it costs that mail and spool are on two file systems; NULL: on one. */
const char *conf_warn_apart(const char *root);

/* Space on the disk of the spool; free for users other than root. */
struct conf_room {
	uint64_t	total_bytes;
	uint64_t	free_bytes;
	uint64_t	total_inodes;	/* 0: the disk has no such limit */
	uint64_t	free_inodes;
};

/* The space where the spool and the mailboxes may be on two file systems. */
void	conf_room_of(const struct statvfs *spool, const struct statvfs *mail,
	    struct conf_room *out);
/* Is there space for size octets, or for a file, above the reserves of l? */
bool	conf_has_octets(const struct conf_room *room,
	    const struct conf_limits *l, uint64_t size);
bool	conf_has_inodes(const struct conf_room *room,
	    const struct conf_limits *l);

#endif
