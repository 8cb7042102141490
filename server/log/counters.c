/* The tables of counters, and counting where it takes more than adding one. */
#include "server/log/counters.h"

#include <string.h>

const struct counter_row counters_rows[COUNTER_COUNT] = {
#define COUNTER_ROW(name, family, unit, label, value, help)		\
	[COUNTER_##name] = { family, unit, label, value, help },
	COUNTERS(COUNTER_ROW)
#undef COUNTER_ROW
};

const struct refusal_row counters_refusals[REFUSAL_COUNT] = {
#define REFUSAL_ROW(X, name, reply, word)				\
	[REFUSAL_##name] = { COUNTER_REFUSED_##name, REPLY_##reply, word },
	REFUSALS(REFUSAL_ROW, )
#undef REFUSAL_ROW
};

const struct histogram_row counters_histograms[HISTOGRAM_COUNT] = {
	[HISTOGRAM_COMMIT] = { "commit_wait", "seconds",
	    "From the end of a message to its answer", 1000000, 15,
	    { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000,
	    250000, 500000, 1000000, 2500000, 10000000 } },
	[HISTOGRAM_BATCH] = { "commit_messages", "",
	    "Messages in one commit", 1, 9,
	    { 1, 2, 4, 8, 16, 32, 64, 128, 256 } }
};

const enum counter counters_of_rcpt[VERDICT_COUNT] = {
#define VERDICT_COUNTER(P, name, reply, counter, word)			\
	[P##name] = COUNTER_##counter,
	VERDICTS(VERDICT_COUNTER, VERDICT_)
#undef VERDICT_COUNTER
};

void
counters_note(struct counters *c, enum histogram h, uint64_t value)
{
	const struct histogram_row *row = &counters_histograms[h];
	size_t i = 0;

	while (i < row->bound_count && value > row->bounds[i])
		i++;
	c->histogram[h].bucket[i]++;
	c->histogram[h].count++;
	c->histogram[h].sum += value;
}

enum counter
counters_of_end(const struct ipc_end *end, const char *how, bool served)
{
	if (end != NULL)
		return COUNTER_ENDED_QUIT + (enum counter)end->end;
	if (served)
		return COUNTER_ENDED_LOST;
	return strcmp(how, counters_rows[COUNTER_ENDED_EOF].value) == 0 ?
	    COUNTER_ENDED_EOF : COUNTER_ENDED_AWAY;
}
