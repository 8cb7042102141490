/* The programs of smtpd-worker: nursery, keeper, and HELPERS of ipc.h. */
#ifndef WORKER_HELPER_H
#define WORKER_HELPER_H

#include "worker/ask.h"
#include "shared/os/sandbox_table.h"

enum {
	nursery_channel = 3,	/* inherited from the master */
	nursery_program = 4,	/* this program, opened by the master */
	nursery_exit_unsafe = 70 /* of a worker: its sandbox was not entered */
};

/*
 * Serves the master until its channel is closed, as nursery or keeper.  argv[0]
 * is the absolute path of this program; words from argv[2] on are for dial.
 * held: this image runs inside its sandbox already.
 */
_Noreturn void	nursery_run(char *argv[], enum sandbox_role role,
		    bool held);

/*
 * Jobs of a worker but for sessions (smtp.h).  Each begins with a record, which
 * is in *r, and its descriptor, which it closes.  CLIENT, a connected socket:
 * the SMTP dialogue with one host.  LOOKUP, a socket to a name server: a name,
 * and each that follows; does not return.  REPORT, the file of a message: a
 * delivery status notification (RFC 3464) about it.
 */
void	relay_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int socket, int output);
void	resolve_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int passed, int output);
void	report_run(struct ask *master, const struct ipc_settings *settings,
	    const struct ipc_record *r, int original, int output);

/* NAME_run: serves on channel until the master has ended. */
#define HELPER_RUN(X, NAME, name, option, Name)				\
	_Noreturn void name##_run(int channel);
HELPERS(HELPER_RUN, )
#undef HELPER_RUN

/*
 * Tests the sandbox of role, enters it, and sends READY; or UNSAFE.  Where it
 * works, so many processes serve, in any order, and end together.  Passes each
 * record of way to take, with its descriptor (-1: none), which take closes; and
 * wipes it.  Ends with the master.
 */
_Noreturn void	helper_serve(int channel, enum sandbox_role role,
		    enum ipc_way way, unsigned processes,
		    void (*take)(int channel, const struct ipc_record *r,
		    int passed));

/*
 * For dial and the keeper, first of all: where dial may connect to beside port
 * 25 of public addresses.  "PORT/tcp" or "PORT/udp" is that port of public
 * addresses, "PORT/tcp@ADDRESS" of one address; with "private" private ones are
 * as public.  The words stay.  False: no memory.
 */
bool		dial_take_words(char *const *words);
enum dial_permit {
	DIAL_NO,
	DIAL_UNLESS_OWN,	/* unless it is an address of this host */
	DIAL_YES
};
/* May dial connect there?  Pure, but for the words. */
enum dial_permit dial_permits(const struct ipc_dial *d);

/* A certificate or key file, as far as it has come. */
struct helper_file {
	size_t	n;
	uint8_t	octets[ipc_certificate_max_bytes];
};

/* Takes the next piece, or the first one of another file. */
void		helper_take_piece(struct helper_file *f,
		    const struct ipc_pem *piece);
/* Sends a record, and pass if not -1.  Ends when the master has ended. */
void		helper_answer(int channel, struct ipc_record *r, int pass);
/* Sends READY with the parts of the sandbox; or UNSAFE with what it lacks. */
void		helper_ready(int channel, const char *parts,
		    const char *lacks);

#endif
