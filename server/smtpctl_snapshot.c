/*
 * Gathering the records of an answer.  What is more than there is room for
 * is left out, whoever sent it.
 */
#include "server/smtpctl_snapshot.h"

#include <stdio.h>
#include <string.h>

const char *const smtpctl_state_words[STATE_COUNT] = {
#define STATE_WORD(name, text) [STATE_##name] = text,
	IPC_STATES(STATE_WORD)
#undef STATE_WORD
};

#define ADD(s, array, count, payload) do {				\
	if ((s)->count < sizeof((s)->array) / sizeof((s)->array[0]))	\
		(s)->array[(s)->count++] = (payload);			\
	else								\
		(s)->cut = true;					\
} while (0)

static void
take_path(struct smtpctl_snapshot *s, const struct ipc_tell_path *t)
{
	if (t->of == PATH_CONF)
		memcpy(s->conf, t->path, sizeof(s->conf));
	else if (t->of == PATH_ROOT)
		memcpy(s->root, t->path, sizeof(s->root));
}

static void
take_about(struct smtpctl_snapshot *s, const struct ipc_tell_about *t)
{
	s->about = *t;
	s->foreign = t->counters != COUNTER_COUNT ||
	    strcmp(t->version, SMTPD_VERSION) != 0;
}

static void
take_bucket(struct smtpctl_snapshot *s, const struct ipc_tell_bucket *t)
{
	struct histogram_values *h;

	if (t->which >= HISTOGRAM_COUNT)
		return;
	h = &s->counters.histogram[t->which];
	if (t->bucket == UINT32_MAX)
		h->sum = t->value;
	else if (t->bucket <= histogram_buckets_max)
		h->bucket[t->bucket] = t->value;
}

static void
take(void *arg, const struct ipc_record *r)
{
	struct smtpctl_snapshot *s = arg;

	if (r == NULL)
		memset(s, 0, sizeof(*s));
	else if (r->type == IPC_TELL_ABOUT)
		take_about(s, &r->u.tell_about);
	else if (r->type == IPC_TELL_PATH)
		take_path(s, &r->u.tell_path);
	else if (r->type == IPC_TELL_POOL)
		s->pool = r->u.tell_pool;
	else if (r->type == IPC_TELL_DISK)
		s->disk = r->u.tell_disk;
	else if (r->type == IPC_TELL_COUNT &&
	    r->u.tell_count.which < COUNTER_COUNT)
		s->counters.value[r->u.tell_count.which] =
		    r->u.tell_count.value;
	else if (r->type == IPC_TELL_BUCKET)
		take_bucket(s, &r->u.tell_bucket);
	else if (r->type == IPC_TELL_LISTEN)
		ADD(s, listens, listen_count, r->u.tell_listen);
	else if (r->type == IPC_TELL_CERTIFICATE)
		ADD(s, certificates, certificate_count,
		    r->u.tell_certificate);
	else if (r->type == IPC_TELL_PROCESS)
		ADD(s, processes, process_count, r->u.tell_process);
	else if (r->type == IPC_TELL_SESSION)
		ADD(s, sessions, session_count, r->u.tell_session);
	else if (r->type == IPC_TELL_ADDRESS)
		ADD(s, addresses, address_count, r->u.tell_address);
}

static bool
ask(struct smtpctl_control *c, const struct ipc_record *r,
    struct smtpctl_snapshot *out)
{
	if (!smtpctl_control_ask(c, r, take, out))
		return false;
	out->cut = out->cut || c->cut;
	if (!out->foreign)
		return true;
	snprintf(c->problem, sizeof(c->problem), "smtpd is of version %s, and "
	    "this smtpctl of another (%s): restart smtpd, or use the smtpctl "
	    "that came with it", out->about.version, SMTPD_VERSION);
	return false;
}

bool
smtpctl_snapshot_ask(struct smtpctl_control *c, uint32_t sessions_max,
    uint32_t addresses_max, struct smtpctl_snapshot *out)
{
	struct ipc_record r = { .type = IPC_ASK_STATUS };

	r.u.ask_status.sessions_max = sessions_max;
	r.u.ask_status.addresses_max = addresses_max;
	return ask(c, &r, out);
}

bool
smtpctl_snapshot_stats(struct smtpctl_control *c,
    struct smtpctl_snapshot *out)
{
	struct ipc_record r = { .type = IPC_ASK_STATS };

	return ask(c, &r, out);
}

uint64_t
smtpctl_snapshot_sessions(const struct smtpctl_snapshot *s)
{
	uint64_t count = 0;

	for (size_t i = 0; i < state_session_count; i++)
		count += s->pool.sessions[i];
	return count;
}

bool
smtpctl_snapshot_has_room(const struct smtpctl_snapshot *s)
{
	const struct ipc_tell_disk *d = &s->disk;

	return d->known && d->free_bytes >= d->reserve_bytes &&
	    (d->total_inodes == 0 || d->free_inodes >= d->reserve_inodes);
}
