/*
 * The PROXY header in front of a session.
 */
#ifndef WORKER_SMTP_PROXY_H
#define WORKER_SMTP_PROXY_H

#include "worker/smtp.h"

/*
 * Reads the header, and not an octet more, and asks the master about its
 * client; the outcome says how to go on, or sets how the session ended.
 */
struct outcome smtp_proxy_begin(struct smtp_session *s);

#endif
