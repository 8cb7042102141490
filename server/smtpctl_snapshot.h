/*
 * The state of the master at one moment, as smtpctl has been told it.
 */
#ifndef SERVER_SMTPCTL_SNAPSHOT_H
#define SERVER_SMTPCTL_SNAPSHOT_H

#include "server/counters.h"
#include "server/smtpctl_control.h"

enum {
	smtpctl_processes_max = ipc_sessions_max + 3,
	smtpctl_listens_max = 64,
	smtpctl_certificates_max = 16
};

struct smtpctl_snapshot {
	bool			 foreign;	/* of another version */
	bool			 cut;
	struct ipc_tell_about	 about;
	struct ipc_tell_pool	 pool;
	struct ipc_tell_disk	 disk;
	char			 conf[ipc_path_bytes];
	char			 root[ipc_path_bytes];
	struct counters		 counters;
	size_t			 listen_count;
	struct ipc_tell_listen	 listens[smtpctl_listens_max];
	size_t			 certificate_count;
	struct ipc_tell_certificate certificates[smtpctl_certificates_max];
	size_t			 process_count;
	struct ipc_tell_process	 processes[smtpctl_processes_max];
	size_t			 session_count;
	struct ipc_tell_session	 sessions[ipc_sessions_max];
	size_t			 address_count;
	struct ipc_tell_address	 addresses[2 * ipc_addresses_max];
};

extern const char *const smtpctl_state_words[STATE_COUNT];

/*
 * Asks for the state with so many sessions and addresses.  False: c->problem
 * says why.
 */
bool	smtpctl_snapshot_ask(struct smtpctl_control *c, uint32_t sessions_max,
	    uint32_t addresses_max, struct smtpctl_snapshot *out);
/* Asks for the counters, the pool and the disk, and nothing else. */
bool	smtpctl_snapshot_stats(struct smtpctl_control *c,
	    struct smtpctl_snapshot *out);
/* Sessions in all, those that wait for a worker among them. */
uint64_t smtpctl_snapshot_sessions(const struct smtpctl_snapshot *s);
/* Is there room for mail above the reserves? */
bool	smtpctl_snapshot_has_room(const struct smtpctl_snapshot *s);

#endif
