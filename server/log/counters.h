/* The counters of the master since its start, as one table. */
#ifndef SERVER_COUNTERS_H
#define SERVER_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "shared/ipc.h"

/* Reasons to turn a client away before it has a worker: name, reply, word. */
#define REFUSALS(X, Y)							\
	X(Y, SESSIONS, HOST_FULL, "too many sessions from you")		\
	X(Y, NETWORK, NETWORK_FULL, "too many sessions from your network") \
	X(Y, BUSY, ROOM, "too busy, try later")				\
	X(Y, EARLY, EARLY, "spoke before the greeting")			\
	X(Y, STOPPING, STOPPING, "shutting down, try again soon")	\
	X(Y, A_WHILE, A_WHILE, "refused for a while")			\
	X(Y, MEMORY, NO_MEMORY, "no memory, try later")

#define REFUSAL_NAME(X, name, reply, word) REFUSAL_##name,
enum refusal { REFUSAL_NONE, REFUSALS(REFUSAL_NAME, ) REFUSAL_COUNT };
#undef REFUSAL_NAME

#define HELPER_COUNTER(X, NAME, name, option, Name)			\
	X(NAME##_LOST, #name "_lost", "", "", "",			\
	    Name " processes that ended unasked")

#define REFUSAL_COUNTER(X, name, reply, word)				\
	X(REFUSED_##name, "connections_refused", "", "reason", word,	\
	    "Connections turned away")

#define END_COUNTER(X, name, text)					\
	X(ENDED_##name, "sessions_ended", "", "reason", text,		\
	    "Sessions, by how they ended")

#define ONE(X, name, family, help)	X(name, family, "", "", "", help)

#define SENDER(X, name, why)						\
	X(SENDERS_##name, "senders_refused", "", "reason", why,		\
	    "MAIL commands refused by the master")

#define RCPT(X, name, verdict)						\
	X(RCPT_##name, "recipients_refused", "", "verdict", verdict,	\
	    "RCPT commands refused by the master")

#define LEAVING(X, name, outcome)					\
	X(LEAVING_##name, "outgoing_recipients", "", "outcome", outcome, \
	    "Recipients elsewhere, by what became of them")

#define REPORT_COUNTER(X, name, kind)					\
	X(REPORTS_##name, "reports", "", "kind", kind, "Reports to senders")

#define LOGIN(X, name, why)						\
	X(LOGINS_##name, "logins_failed", "", "reason", why,		\
	    "Logins that failed")

/*
 * constant, family, unit (""), label ("") and its value, help.  Rows of one
 * family stand together and share all but the value; without a label it is one
 * row.
 */
#define COUNTERS(X)							\
	ONE(X, ACCEPTED, "connections", "Connections let in")		\
	REFUSALS(REFUSAL_COUNTER, X)					\
	IPC_ENDS(END_COUNTER, X)					\
	END_COUNTER(X, LOST, "worker lost")				\
	ONE(X, COMMANDS, "commands",					\
	    "SMTP commands, of sessions that have ended")		\
	ONE(X, ERRORS, "errors",					\
	    "SMTP commands refused, of sessions that have ended")	\
	X(OCTETS_IN, "received", "bytes", "", "",			\
	    "Octets from clients, of sessions that have ended")		\
	X(OCTETS_OUT, "sent", "bytes", "", "",				\
	    "Octets to clients, of sessions that have ended")		\
	ONE(X, SENDERS, "senders_accepted", "MAIL commands taken")	\
	SENDER(X, DISK, "disk nearly full")				\
	SENDER(X, FORGED, "not the user's address")			\
	ONE(X, RCPT_OK, "recipients_accepted", "RCPT commands taken")	\
	RCPT(X, UNKNOWN, "no such recipient")				\
	RCPT(X, FOREIGN, "relaying denied")				\
	RCPT(X, RATE, "too much of one user")				\
	RCPT(X, TOO_MANY, "too many recipients")			\
	RCPT(X, DISK, "disk nearly full")				\
	RCPT(X, TROUBLE, "local trouble")				\
	ONE(X, STORED, "messages_stored", "Messages answered for")	\
	X(STORED_OCTETS, "stored", "bytes", "", "",			\
	    "Octets of messages answered for, each once")		\
	ONE(X, DELIVERED, "deliveries",					\
	    "Messages times the Maildirs they were put in")		\
	ONE(X, UNSTORED, "messages_failed", "Messages the disk did not take") \
	ONE(X, QUEUED, "messages_queued", "Messages put into the queue") \
	LEAVING(X, DELIVERED, "delivered")				\
	LEAVING(X, DEFERRED, "deferred")				\
	LEAVING(X, FAILED, "failed")					\
	LEAVING(X, REMOVED, "removed")					\
	REPORT_KINDS(REPORT_COUNTER, X)					\
	ONE(X, DOUBLE_BOUNCES, "double_bounces",			\
	    "Messages from <> that failed, of which nobody is told")	\
	ONE(X, OUT, "outgoing_connections", "Hosts that have greeted us") \
	ONE(X, OUT_TLS, "outgoing_tls", "Of these, under TLS") \
	ONE(X, OUT_TLS_FAILED, "outgoing_tls_failed", "TLS that failed") \
	ONE(X, COMMITS, "commits",					\
	    "Times the disk was waited for, for one message or many")	\
	ONE(X, SYNCS, "directory_syncs", "Directories synced for commits") \
	ONE(X, WORKERS, "workers_started", "Worker processes")		\
	ONE(X, UNBORN, "workers_unborn",				\
	    "Worker processes that could not be forked")		\
	ONE(X, CRASHES, "worker_crashes",				\
	    "Workers that did not end in order")			\
	ONE(X, ATTACKS, "worker_attacks",				\
	    "Workers killed for a record that breaks the contract")	\
	ONE(X, NURSERIES_LOST, "nurseries_lost",			\
	    "Nurseries that ended unasked")				\
	ONE(X, TLS, "tls_sessions", "Sessions that came under TLS")	\
	ONE(X, TLS_FAILED, "tls_failed", "TLS handshakes that failed")	\
	ONE(X, PROXIED, "proxied_sessions",				\
	    "Sessions whose client a PROXY header told")		\
	ONE(X, PROXY_FAILED, "proxy_failed", "PROXY headers that failed") \
	ONE(X, LOGINS, "logins", "Logins")				\
	LOGIN(X, WRONG, "wrong name or password")			\
	LOGIN(X, LATER, "too many failed logins, not looked at")	\
	LOGIN(X, TROUBLE, "the auth process gave no answer")		\
	HELPERS(HELPER_COUNTER, X)					\
	ONE(X, KEEPER_LOST, "keeper_lost", "Keepers that ended unasked") \
	ONE(X, QUESTIONS, "control_questions",				\
	    "Questions at the control socket")				\
	ONE(X, STRANGERS, "control_refused",				\
	    "Connections to the control socket by who may not ask")	\
	ONE(X, LOG_LOST, "log_lines_lost", "Lines of the log that nobody took")

#define COUNTER_NAME(name, family, unit, label, value, help) COUNTER_##name,
enum counter { COUNTERS(COUNTER_NAME) COUNTER_COUNT };
#undef COUNTER_NAME

enum histogram {
	HISTOGRAM_COMMIT,	/* from the end of a message to its answer */
	HISTOGRAM_BATCH,	/* messages in one commit */
	HISTOGRAM_COUNT
};

enum { histogram_buckets_max = 16 };

/* The last bucket counts values over every bound. */
struct histogram_values {
	uint64_t	count;		/* of all values */
	uint64_t	bucket[histogram_buckets_max + 1];
	uint64_t	sum;
};

/* Zero is valid. */
struct counters {
	uint64_t		value[COUNTER_COUNT];
	struct histogram_values	histogram[HISTOGRAM_COUNT];
};

struct counter_row {
	const char	*family;
	const char	*unit;
	const char	*label;
	const char	*value;
	const char	*help;
};

/* Bounds and sum are in 1 / scale of the unit. */
struct histogram_row {
	const char	*family;
	const char	*unit;
	const char	*help;
	uint64_t	 scale;
	size_t		 bound_count;
	uint64_t	 bounds[histogram_buckets_max];	/* ascending */
};

struct refusal_row {
	enum counter	 counter;
	enum smtp_reply	 reply;
	const char	*word;
};

extern const struct counter_row counters_rows[COUNTER_COUNT];
extern const struct refusal_row counters_refusals[REFUSAL_COUNT];
extern const struct histogram_row counters_histograms[HISTOGRAM_COUNT];
/* The counter for the answer to RCPT. */
extern const enum counter counters_of_rcpt[VERDICT_COUNT];

/* Counts one value of h. */
void	counters_note(struct counters *c, enum histogram h, uint64_t value);
/* Of a session that ended with end; NULL: lost if served, else how says. */
enum counter counters_of_end(const struct ipc_end *end, const char *how,
	    bool served);

#endif
