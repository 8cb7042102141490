/*
 * Reasons to turn a client away before a worker serves it: a row has the reply,
 * the word in the log and the counter.
 */
#ifndef SERVER_REFUSAL_H
#define SERVER_REFUSAL_H

/*
 * Constant, code of the reply, word in the log and of the counter, and the text
 * of the reply (NULL: the word).
 */
#define REFUSALS(X, Y)							\
	X(Y, SESSIONS, "421 4.7.0", "too many sessions from you", NULL)	\
	X(Y, NETWORK, "421 4.7.0",					\
	    "too many sessions from your network", NULL)		\
	X(Y, BUSY, "421 4.3.2", "too busy, try later", NULL)		\
	X(Y, EARLY, "554 5.5.1", "spoke before the greeting",		\
	    "you speak before the greeting")				\
	X(Y, STOPPING, "421 4.3.2", "stopping, try again soon", NULL)	\
	X(Y, A_WHILE, "421 4.7.0", "refused for a while", NULL)		\
	X(Y, MEMORY, "421 4.7.0", "no memory, try later", NULL)

#define REFUSAL_NAME(X, name, code, word, reply) REFUSAL_##name,
enum refusal { REFUSAL_NONE, REFUSALS(REFUSAL_NAME, ) REFUSAL_COUNT };
#undef REFUSAL_NAME

#endif
