/*
 * The message itself: from the 354 to the answer behind the final dot.
 */
#ifndef WORKER_SMTP_DATA_H
#define WORKER_SMTP_DATA_H

#include "worker/smtp.h"

/*
 * Asks the master for a spool file, reads a message to its end, strips the
 * dots and stores it there; the master is told of the outcome.
 */
struct outcome	smtp_data_receive(struct smtp_session *s);

#endif
