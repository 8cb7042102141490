/* The control socket: smtpctl asks, the master answers, and neither waits. */
#ifndef SERVER_CONTROL_H
#define SERVER_CONTROL_H

#include <stdio.h>

#include "server/log/json.h"
#include "server/mail/site.h"
#include "server/master.h"
#include "server/session/session.h"

/* Serves the listening socket fd (control_bind).  0, or -1 without memory. */
int	control_start(struct master *m, int fd);
/* Closes the socket and its connections; removes its name if below root. */
void	control_stop(void);

/* The name of a socket below root, the master's to make; NULL: elsewhere. */
const char *control_name_inside(const struct conf *conf);
/*
 * Before the sandbox is entered: locks path until this process ends, binds it,
 * and listens; only owner (NULL: this user) and root can connect.  A dead
 * socket is removed first; with take_over, any.  A non-blocking descriptor; or
 * -1, and *why in words for fatal().
 */
int	control_bind(const char *path, const struct identity *owner,
	    bool take_over, const char **why);

/* ---- what status and stats say, in all forms, of which one is asked ------ */

/* Where an answer is written: one of the three streams. */
struct control_out {
	FILE		*f;		/* text for a person; or NULL */
	FILE		*metrics;	/* OpenMetrics; or NULL */
	struct json_out	 j;		/* its f NULL: not this */
	bool		 all;		/* text: each worker, session, ... */
	const char	*label;		/* of the last line of text */
};

/* Counters of one moment. */
struct control_moment {
	int64_t		ms;		/* by the monotonic clock; 0: none */
	uint64_t	value[COUNTER_COUNT];
};

/* Writes the status, with rates since then.  False: a process is missing. */
bool	control_status(struct master *m, const struct control_moment *then,
	    struct control_out *o);
/* Writes the counters since the start; as OpenMetrics with gauges of now. */
void	control_stats(struct master *m, struct control_out *o);
/* An answer in pieces, one a turn of the loop, or that has to wait. */
enum control_step { CONTROL_MORE, CONTROL_DONE, CONTROL_WAIT };
struct control_task {
	bool			  late;	/* it has to end now */
	/* Writes a piece; with CONTROL_DONE *status is set, too. */
	enum control_step	(*step)(struct control_task *t,
				    struct control_out *o, uint8_t *status);
	void			(*end)(struct control_task *t);
};
/* QUESTION_QUEUE, asked by uid.  NULL without memory. */
struct control_task *control_queue(struct master *m,
	    const struct ipc_ask *ask, uid_t uid);
/* QUESTION_ROUTE; calls wake(arg) when a wait is over.  NULL: no memory. */
struct control_task *control_route(struct master *m,
	    const struct ipc_ask *ask, void (*wake)(void *arg), void *arg);

/* Of the status: the queue, its worst sites, the DNS. */
void	control_leaving(const struct master *m, struct control_out *o);
/* A line of text, "label   ...", the label in the first of its lines only. */
void	control_line(struct control_out *o, const char *label,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Counts the sessions in each state; returns their sum. */
uint64_t control_count_sessions(const struct master *m,
	    uint64_t count[SESSION_STATE_COUNT]);

#endif
