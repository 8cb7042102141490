/*
 * Prints what smtpd-internals(7) has from the tables of the source, for
 * t/lint/internals.sh: two lines for each role of the sandbox, each record and
 * each state, as they stand in the page.
 */
#include <stdio.h>

#include "server/control/control.h"
#include "shared/ipc.h"
#include "shared/os/sandbox_table.h"

static const char *const ways[] = {
	[IPC_TO_NURSERY] = "Master to nursery",
	[IPC_FROM_NURSERY] = "Nursery to master",
	[IPC_TO_WORKER] = "Master to worker",
	[IPC_FROM_WORKER] = "Worker to master",
	[IPC_FROM_CONTROL] = "smtpctl to master",
	[IPC_TO_CONTROL] = "Master to smtpctl",
	[IPC_TO_SIGN] = "Master to sign",
	[IPC_FROM_SIGN] = "Sign to master",
	[IPC_TO_AUTH] = "Master to auth",
	[IPC_FROM_AUTH] = "Auth to master",
	[IPC_TO_DISK] = "Master to disk",
	[IPC_FROM_DISK] = "Disk to master",
	[IPC_TO_LOGGER] = "Master to logger",
	[IPC_FROM_LOGGER] = "Logger to master",
	[IPC_TO_DIAL] = "Master to dial",
	[IPC_FROM_DIAL] = "Dial to master",
	[IPC_FROM_STARTED] = "Nursery or helper to master"
};

static const struct word {
	unsigned	 bit;
	const char	*text;
} moments[] = {
	{ IPC_AT_IDLE, "idle" }, { IPC_AT_SESSION, "session" },
	{ IPC_AT_MAIL, "mail" }, { IPC_AT_RCPT, "rcpt" },
	{ IPC_AT_DATA, "data" }, { IPC_AT_COMMIT, "commit" },
	{ IPC_AT_LOGIN, "login" },
	{ IPC_AT_PROXY, "proxy" }, { IPC_AT_RESOLVE, "resolve" },
	{ IPC_AT_RELAY, "relay" }, { IPC_AT_LETTER, "letter" }, { 0, NULL }
}, rights[] = {
	{ RIGHT_IO, "io" }, { RIGHT_SYNC, "sync" }, { RIGHT_SERVE, "serve" },
	{ RIGHT_FORK, "fork" }, { RIGHT_CONNECT, "connect" }, { 0, NULL }
};

/* Bits without a word are shown: the page cannot have them. */
static void
print_words(const struct word *w, unsigned bits)
{
	const char *between = "";

	for (; w->text != NULL; w++) {
		if (!(bits & w->bit))
			continue;
		printf("%s%s", between, w->text);
		between = ", ";
		bits &= ~w->bit;
	}
	if (bits != 0)
		printf("%s0x%x", between, bits);
}

#define PRINT_RECORD(name, way, payload, fd, when, check)		\
	print_record(#name, IPC_##way, fd, IPC_##when);

static void
print_record(const char *name, enum ipc_way way, int has_fd, unsigned when)
{
	printf(".It Ic %s\n%s", name, ways[way]);
	if (has_fd)
		printf(", with a descriptor");
	if (when != IPC_AT_ANY && when != IPC_AT_ASK) {
		printf("; at ");
		print_words(moments, when);
	}
	puts(".");
}

/* What a process or a session does now, as smtpctl status says it. */
#define STATES(X, P)							\
	SESSION_STATES(X, P)						\
	X(P, SPARE, "spare")						\
	X(P, LEAVING, "leaving")					\
	X(P, SERVING, "serving")					\
	X(P, STANDBY, "stands by")					\
	X(P, STARTING, "starting")					\
	X(P, LOST, "lost")						\
	X(P, STOPPING, "stopping")

enum state { STATES(IPC_ENUM, STATE_) };

#define PRINT_STATE(P, name, word)	print_state(word, P##name);

static void
print_state(const char *word, enum state state)
{
	const char *whose = "Of a master or a nursery";

	if (state <= STATE_WAITING)
		whose = "Of a session";
	else if (state == STATE_LOST)
		whose = "Of a helper";
	else if (state == STATE_SPARE || state == STATE_LEAVING)
		whose = "Of a worker";
	else if (state == STATE_STANDBY || state == STATE_STARTING)
		whose = "Of a nursery";
	else if (state == STATE_STOPPING)
		whose = "Of a master";
	printf(".It Ic %s\n%s.\n", word, whose);
}

static void
print_role(const struct sandbox_line *line)
{
	printf(".It Ic %s\nRights: ", line->name);
	print_words(rights, line->rights);
	if (line->memory_max_bytes != 0)
		printf("; %llu MiB",
		    (unsigned long long)line->memory_max_bytes >> 20);
	if (line->descriptors_max != 0)
		printf("; descriptors %u", line->descriptors_max);
	puts(line->rights & RIGHT_FORK ? "." : "; no child.");
}

int
main(void)
{
	for (size_t i = 0; i < SANDBOX_ROLE_COUNT; i++)
		print_role(&sandbox_table[i]);
	IPC_RECORDS(PRINT_RECORD)
	STATES(PRINT_STATE, STATE_)
	return fflush(stdout) == 0 ? 0 : 1;
}
