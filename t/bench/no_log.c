/*
 * A message log that does nothing, in the place of server/log/log_message.c: for
 * the part "log" of bench.sh, which measures what the real one costs.
 */
#include "server/log/log_message.h"

int
log_message_open(struct log_message *l, int dir, int bad, bool *torn)
{
	(void)l;
	(void)dir;
	(void)bad;
	*torn = false;
	return 0;
}

void
log_message_add(struct log_message *l, const struct log_record *r)
{
	(void)l;
	(void)r;
}

int
log_message_flush(struct log_message *l)
{
	(void)l;
	return 0;
}

int
log_message_sync(struct log_message *l)
{
	(void)l;
	return 0;
}

int
log_message_rotate(struct log_message *l, char name[log_message_name_bytes])
{
	(void)l;
	name[0] = '\0';
	return 0;
}
