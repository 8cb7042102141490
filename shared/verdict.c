/*
 * Verdicts as replies.  Pure.
 */
#include "shared/verdict.h"

enum smtp_reply
verdict_reply(enum verdict v, enum smtp_reply ok)
{
	switch (v) {
	case VERDICT_OK:
		return ok;
	case VERDICT_UNKNOWN:
		return REPLY_UNKNOWN_RCPT;
	case VERDICT_FOREIGN:
		return REPLY_FOREIGN_RCPT;
	case VERDICT_TOO_MANY:
		return REPLY_TOO_MANY_RCPTS;
	case VERDICT_NOT_YOURS:
		return REPLY_NOT_YOURS;
	case VERDICT_DISK_FULL:
		return REPLY_DISK_FULL;
	case VERDICT_BROKEN:
	case VERDICT_TROUBLE:
	case VERDICT_COUNT:
		break;
	}
	return REPLY_TROUBLE;
}
