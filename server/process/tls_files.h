/* Certificates and private keys as files: read, checked, and handed on. */
#ifndef SERVER_TLS_FILES_H
#define SERVER_TLS_FILES_H

#include <sys/queue.h>

#include "server/conf/conf.h"
#include "server/conf/conf_parse.h"
#include "shared/ipc.h"

enum { tls_print_bytes = 32 };

struct master;

struct tls_pair {
	struct conf_text	certificate;	/* PEM, with its chain */
	struct conf_text	key;		/* empty once forgotten */
	uint8_t			print[tls_print_bytes]; /* of both files */
	bool			shared;		/* the same as a previous one */
	struct ipc_judged	facts;		/* as its judge says */
};

/* Pair i belongs to pairs[i] of the configuration that was loaded. */
struct tls_files {
	struct tls_pair	pairs[ipc_tls_pairs_max];
	size_t		count;
	uint64_t	users;		/* workers, and its maker */
};

/* Where to go on with sending files; all zero: nothing is to be sent. */
struct tls_cursor {
	const struct tls_files	*files;
	size_t			 pair;
	bool			 key;	/* its certificate was sent */
	size_t			 done;	/* octets of that file */
};

/* The pairs in use, and which of them had to be kept. */
struct tls_before {
	const struct conf	*conf;
	const struct tls_files	*files;
	size_t			 kept;	/* pairs that could not be read */
	const char		*denied; /* a file that could not be read */
};

/* An empty set with one user, the caller; NULL: no memory. */
struct tls_files *tls_files_new(void);
/*
 * Reads every pair of conf into out, which is empty.  0; or -1, and out still
 * empty, after each mistake was written to err with file, line and column.
 * At start (before is NULL), still as root, pairs are judged, too.  In a
 * renewal a pair that this user may not read is kept if it is in use under the
 * same names.
 */
int	tls_files_load(const struct conf *conf, struct tls_before *before,
	    struct tls_files *out, FILE *err);
/* Writes the fault (NONE: it takes a restart) as tls_files_load() does. */
void	tls_files_report(const struct conf *conf, size_t pair,
	    enum tls_fault fault, FILE *err);
/* Makes a key, and its certificate for hostname and localhost.  0, or -1. */
int	tls_files_make(const char *hostname, struct tls_files *out);
/* Do both serve the same, in the same order? */
bool	tls_files_are_same(const struct tls_files *a,
	    const struct tls_files *b);
/*
 * Writes the next piece as a record: of the certificates, by the number of
 * their pair; with keys, of certificate and key of each pair that is not
 * shared, by slot.  False: there is no more.
 */
bool	tls_files_next(struct tls_cursor *c, bool keys, struct ipc_record *out);
/* Why a certificate needs a renewal by now; NULL: it lasts for longer. */
const char *tls_files_trouble(const struct ipc_judged *facts, int64_t now_s);
/* Logs certificates that have expired or soon will; if fresh, new ones, too. */
void	tls_files_log(const struct master *m, bool fresh);
/* Wipes the keys out of memory. */
void	tls_files_forget_keys(struct tls_files *files);
/* Empties files, which stays the caller's. */
void	tls_files_clear(struct tls_files *files);

/* ---- sign.c: the process that has the keys; no worker has a channel ------ */

/* A request for one signature; all zero: nothing is asked. */
struct signing {
	TAILQ_ENTRY(signing)	 entry;
	struct ipc_digest	 digest;	/* ticket 0: nothing is due */
	bool			 sent;		/* the process has it */
	/* signature NULL: there is none.  done() may free arg and this. */
	void			(*done)(void *arg,
				    const struct ipc_signature *signature);
	void			*arg;
};

/* Who decides on the keys: m->sign_owner, set before the process starts. */
struct sign_owner {
	/* It needs the keys of m->tls, which has them only if first. */
	void	(*feed)(struct master *m, bool first);
	/* The process has judged a pair that it was given. */
	void	(*judged)(struct master *m, const struct ipc_judged *judged);
	/* The process has ended, and its keys are lost. */
	void	(*lost)(struct master *m);
};

/*
 * Sends the pairs of files that have their slots and are not shared; judged()
 * is called for each.  files stays the caller's, read until a call with NULL.
 */
void	sign_give(struct master *m, const struct tls_files *files);
/*
 * Asks for the signature of digest, whose pair is a slot number here; s has no
 * request under way.  done() is called, perhaps before this returns.
 */
void	sign_ask(struct master *m, struct signing *s,
	    const struct ipc_digest *digest);
/* Withdraws the request of s, if there is one; done() is not called. */
void	sign_forget(struct master *m, struct signing *s);
/* Answers the request of s, if there is one, without a signature. */
void	sign_cut_short(struct master *m, struct signing *s);

/*
 * Gives every pair its slot, where its key stays as long as a worker may ask
 * for it: that of the pair it shares, or a free one.  False: too few are free,
 * and none was taken.
 */
bool	sign_take_slots(struct master *m, struct tls_files *files);
/* files has one user less; without users it and its slots are freed. */
void	sign_drop(struct master *m, struct tls_files *files);

#endif
