/*
 * Figures as a person reads them.  Each writes into out, cut to its size.
 */
#ifndef SERVER_SMTPCTL_TEXT_H
#define SERVER_SMTPCTL_TEXT_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

enum { smtpctl_text_bytes = 40, smtpctl_shown_bytes = 4 * PATH_MAX };

/* "0 B", "999 B", "12.3 KiB", "4.0 GiB" */
void	smtpctl_text_size(uint64_t octets, char out[smtpctl_text_bytes]);
/* "7 s", "12 min 5 s", "3 h 0 min", "41 d 3 h" */
void	smtpctl_text_duration(uint64_t ms, char out[smtpctl_text_bytes]);
/* Name of the user, or its number. */
void	smtpctl_text_user(uid_t uid, char out[smtpctl_text_bytes]);
/* Local time, "2026-11-23 20:45:00". */
void	smtpctl_text_time(int64_t s, char out[smtpctl_text_bytes]);
/* A path or the like, with everything that is not plain visible (\xNN). */
void	smtpctl_text_shown(const char *text, char out[smtpctl_shown_bytes]);
/* "s" but for 1. */
const char *smtpctl_text_s(uint64_t count);

#endif
