/*
 * An smtp worker: forget the nursery, enter the sandbox, wait for a client.
 * The process holds its channel, then its client's socket, then one spool
 * file; it never holds anything else.
 */
#include "worker/serve.h"

#include <string.h>
#include <unistd.h>

#include "shared/sandbox_table.h"
#include "shared/trace_field.h"
#include "worker/ask.h"
#include "worker/peer.h"
#include "worker/smtp_session.h"
#include "worker/transcript.h"

/* In static storage: only the pages that a session touches are ever made. */
static struct lineio io;
static struct smtp_session session;

/*
 * A last reply should arrive.  Who never got in is not waited for: many such
 * at a time would take the places of others.
 */
static bool
deserves_linger(uint32_t end)
{
	return end != END_QUIT && end != END_EOF && end != END_PROXY &&
	    end != END_AWAY;
}

static void
serve_one(struct ask *master, const struct ipc_settings *settings)
{
	struct ipc_session start;
	struct peer peer = { .master = master };

	peer.socket = ask_session(master, &start, &peer.output);
	memset(&session, 0, sizeof(session));
	lineio_init(&io, &peer_ops, &peer);
	session.master = master;
	session.settings = settings;
	session.io = &io;
	session.auth = (enum ipc_auth)start.auth;
	session.submission = session.auth == IPC_AUTH_SUBMISSION;
	session.lacks = start.lacks;
	session.peer = &peer;
	session.tls_first = start.tls_first != 0;
	session.proxied = start.proxied != 0;
	smtp_note_room(&session, start.room);
	transcript_begin(master, settings->trace);
	smtp_session_run(&session);
	tls_peer_close(&session.under_tls);
	if (deserves_linger(session.end.end))
		peer_linger(&peer);
	close(peer.socket);
	transcript_end();
	/* Last of all: the master may close the channel upon this. */
	tell_end(master, &session.end);
}

void
serve(int channel, const struct ipc_settings *settings)
{
	struct ask master = { .channel = channel };
	const char *what;

	if ((sandbox_limit_file(settings->message_size_bytes +
	    trace_field_max_bytes + 1024) == -1 ||
	    sandbox_enter(SANDBOX_SMTP, NULL, 0, &what) == -1) &&
	    !settings->sandbox_optional)
		_exit(serve_exit_unsafe);
	for (uint64_t i = 0; i < settings->worker_sessions; i++)
		serve_one(&master, settings);
	_exit(0);
}
