/*
 * Verdicts as replies and words.  Pure.
 */
#include "shared/verdict.h"

enum smtp_reply
verdict_reply(enum verdict v, enum smtp_reply ok)
{
	static const enum smtp_reply replies[VERDICT_COUNT] = {
#define VERDICT_REPLY(P, name, reply, counter, word)			\
		[P##name] = REPLY_##reply,
		VERDICTS(VERDICT_REPLY, VERDICT_)
#undef VERDICT_REPLY
	};

	return v == VERDICT_OK ? ok : replies[v];
}

const char *
verdict_word(enum verdict v)
{
	static const char *const words[VERDICT_COUNT] = {
#define VERDICT_WORD(P, name, reply, counter, word) [P##name] = word,
		VERDICTS(VERDICT_WORD, VERDICT_)
#undef VERDICT_WORD
	};

	return words[v];
}
