/* The configuration in memory, every value checked; read again upon SIGHUP. */
#ifndef SERVER_CONF_H
#define SERVER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include "server/conf/conf_relay.h"
#include "shared/sasl.h"
#include "shared/smtp_syntax.h"

/* The words behind "listen ADDRESS port N". */
enum listen_words {
	LISTEN_SUBMISSION = 1,	/* AUTH and TLS required */
	LISTEN_TLS_FIRST = 2,	/* "implicit-tls" (RFC 8314) */
	LISTEN_HIDE_CLIENT = 4	/* no client in Received */
};

struct conf_listen {
	struct sockaddr_storage	addr;	/* address and port */
	socklen_t		addr_len;
	unsigned		line;	/* of the configuration */
	unsigned		words;	/* of enum listen_words */
};

/* One "tls certificate FILE key FILE"; tls_files.h reads the files. */
struct conf_pair {
	char		*certificate;	/* path */
	char		*key;		/* path */
	unsigned	 line;		/* of the configuration */
};

/* A keyword that was given or has a default. */
struct conf_set {
	const struct conf_keyword *k;
	char		*text;		/* its value, as it was written */
	unsigned	 line;		/* of the configuration; 0: default */
};

/* Those of a domain, or all others, in the order of the file. */
struct conf_sets {
	struct conf_set	*one;
	size_t		 count;
};

/* A name of a users file, which has a Maildir, or of an aliases file. */
struct conf_entry {
	char		*name;		/* ASCII in small letters */
	unsigned	 line;		/* of its file */
	char		*broken;	/* why the hash is refused, or mail is
					   answered 451; or NULL */
	char		*stored;	/* hash, until auth has it; or NULL */
	struct mailbox	*targets;	/* domain_len 0: of the same domain */
	struct destination *found;	/* targets, by recipient_load */
	size_t		 target_count;
	uint32_t	 mark;		/* its number, by recipient_load */
};

struct conf_table {
	char			*path;		/* NULL: none */
	struct conf_entry	*one;		/* sorted by name */
	size_t			 count;
};

struct conf_domain {
	char			*name;		/* ASCII in small letters */
	char			*ascii;		/* by punycode_domain */
	unsigned		 line;		/* of the configuration */
	struct conf_table	 users;
	struct conf_table	 aliases;
	struct conf_entry	 postmaster;	/* if no table has it */
	char			 subaddress;	/* separator; 0: none */
	bool			 has_catch_all;
	struct mailbox		 catch_all;	/* domain_len 0: same domain */
	char			*catch_all_broken; /* why 451; or NULL */
	struct conf_sets	 sets;
};

struct conf_limits {
	uint64_t	message_size_bytes;
	uint64_t	recipients;
	uint64_t	workers;
	uint64_t	per_address;	/* default: from workers */
	uint64_t	per_network;	/* the same */
	uint64_t	greeting_wait_s;
	uint64_t	login_failures;
	uint64_t	worker_sessions;
	uint64_t	received;
	uint64_t	errors;
	uint64_t	idle_timeout_s;
	uint64_t	session_time_s;
	uint64_t	disk_reserve_bytes;
	uint64_t	inode_reserve;
	uint64_t	inetd_wait_s;
	uint64_t	deliveries;	/* connections out at once */
	uint64_t	per_destination; /* of them to one site */
	uint64_t	queue_messages;
	uint64_t	mails_per_hour;	/* out, of a user; 0: no limit */
	uint64_t	recipients_per_day; /* the same */
};

/* "log to"; default: syslog, or standard error in the foreground. */
enum conf_log {
	CONF_LOG_DEFAULT,
	CONF_LOG_SYSLOG,
	CONF_LOG_STDERR,
	CONF_LOG_FILE
};

struct conf {
	char			*path;		/* of the file; NULL: catcher */
	char			*hostname;
	char			*root;
	char			*control;	/* NULL: catcher */
	char			*user;
	char			*worker_user;
	uint64_t		 keep_refused_s; /* transcripts; 0: none */
	enum conf_log		 log;
	bool			 log_forced;	/* to stderr, by -v */
	char			*log_path;	/* CONF_LOG_FILE */
	struct conf_listen	*listens;
	size_t			 listen_count;
	struct conf_pair	*pairs;		/* in the order of the file */
	size_t			 pair_count;
	struct conf_range	*proxies;	/* in the order of the file */
	size_t			 proxy_count;
	struct conf_domain	*domains;	/* in the order of the file */
	size_t			 domain_count;
	uint32_t		 mark_count;	/* of all domains */
	struct conf_limits	 limits;
	struct conf_relay	 relay;
	struct conf_sets	 relay_sets;
	struct conf_sets	 sets;
	bool			 sandbox_optional; /* "sandbox optional" */
	bool			 catcher;	/* take any recipient */
	const char		*catcher_login;	/* borrowed: "name:password",
						   the only one; NULL: any */
	/* CRAM-MD5 digest of its password; "": no login matches */
	char			 catcher_digest[sasl_digest_bytes + 1];
};

/* Fills *out with every default; no domain, no listen. 0, or -1 and errno. */
int	conf_init(struct conf *out);
/*
 * Reads path and its tables into *out, to be freed in either case.  0; or -1
 * after the first 20 mistakes were written to err, with line, caret and hint.
 */
int	conf_load(const char *path, struct conf *out, FILE *err);
/* Prints values as they were written, and defaults, so that f can be loaded. */
void	conf_print(const struct conf *conf, FILE *f);
void	conf_free(struct conf *conf);
/* Wipes and frees every stored password hash. */
void	conf_forget_passwords(struct conf *conf);
/* Reads them again, of the same users.  0; or -1, errno, and *path. */
int	conf_passwords_load(struct conf *conf, const char **path);
/* Notes in *broken, unless it is set, why mail is answered 451.  0, or -1. */
int	conf_break(char **broken, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
void	conf_table_free(struct conf_table *t);
/* The line that gives a keyword of a block; 0: none does. */
unsigned conf_line_of(const struct conf_sets *sets, const char *keyword);
/* The domain of that name, in UTF-8 or as xn-- (punycode_domain), or NULL. */
const struct conf_domain *conf_find_domain(const struct conf *conf,
	    struct span name);
/* The entry of that name (ASCII folded), or NULL. */
const struct conf_entry *conf_find_entry(const struct conf_table *t,
	    struct span name);
/* Is ip, not IPv4-mapped, that of a proxy? */
bool	conf_is_proxy(const struct conf *conf, const struct ip *ip);

/* Recipients point into the tables of a configuration: it outlives them. */
struct conf_epoch {
	struct conf	conf;
	uint64_t	users;	/* sessions, the master, auth */
};

/* Counts one user more of e (from calloc(3), or NULL); returns e. */
struct conf_epoch *conf_epoch_enter(struct conf_epoch *e);
/* Counts one user less; the last frees e and what its conf owns. */
void	conf_epoch_leave(struct conf_epoch *e);

#endif
