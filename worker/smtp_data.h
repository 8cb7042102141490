/*
 * The message itself: from the 354 to the reply to the final dot.
 */
#ifndef WORKER_SMTP_DATA_H
#define WORKER_SMTP_DATA_H

#include "worker/smtp.h"

/*
 * Asks the master for a spool file, reads a message to its end, removes the
 * stuffed dots and stores it there; reports the outcome to the master.
 */
struct outcome	smtp_data_receive(struct smtp_session *s);

#endif
