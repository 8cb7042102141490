/*
 * Questions, and the workers that are asked them: for resolver.c and
 * resolver_worker.c alone.
 */
#ifndef SERVER_RESOLVER_WORKER_H
#define SERVER_RESOLVER_WORKER_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/queue.h>
#include <sys/tree.h>

#include "server/process/resolver.h"

enum question_state {
	QUESTION_WAITS,		/* for a worker that takes it */
	QUESTION_ASKED,
	QUESTION_ANSWERED,	/* its jobs are yet to be told */
	QUESTION_CACHED,
	QUESTION_STATES
};

/* One name, whoever asks for it. */
struct question {
	RB_ENTRY(question)	 node;
	TAILQ_ENTRY(question)	 entry;		/* in the list of its state */
	enum question_state	 state;
	enum resolve_kind	 kind;
	LIST_HEAD(, resolver_job) jobs;
	struct resolving	*by;		/* it is asked */
	uint64_t		 ticket;	/* the same */
	struct route		*route;		/* as far as it came */
	int64_t			 until_ms;	/* then overdue, or old */
	bool			 again;		/* its first worker was lost */
	char			 name[smtp_domain_max_bytes + 1];
};

struct resolver {
	RB_HEAD(questions, question) all;
	TAILQ_HEAD(question_list, question) list[QUESTION_STATES];
	LIST_HEAD(, resolver_job) failed;	/* not asked: no memory */
	size_t			 cached;
	struct resolver_figures	 seen;		/* only its times */
	struct counters		*counters;
	uint64_t		 tickets;	/* given out */
	TAILQ_HEAD(, resolving)	 workers;
	struct conf_epoch	*epoch;		/* of all that is cached */
	struct event		 tell;		/* the jobs of the answered */
};

/* Puts q into the list of that state. */
void	resolver_move(struct resolver *all, struct question *q,
	    enum question_state state);
/* q has its answer: its route, or NULL if there was trouble. */
void	resolver_answer(struct resolver *all, struct question *q);
/* Gives what waits to workers, and asks for the worker that is missing. */
void	resolver_work(struct master *m);
/* Drops the cache, and the workers with their servers, after SIGHUP. */
void	resolver_follow_conf(struct master *m);
/* The workers get no more questions. */
void	resolver_retire_all(struct resolver *all);

#endif
