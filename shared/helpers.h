/*
 * The helpers: processes of smtpd-worker that work for the master alone, one
 * of each at most, as one list.  A row here is: a process that is started,
 * fed, watched, counted, shown, and started again when it is lost.  What the
 * master says to it and hears from it is NAME_role (server/process/helper.h),
 * what it does NAME_run in worker/NAME.c, what it may do its line of the
 * sandbox table.
 */
#ifndef SHARED_HELPERS_H
#define SHARED_HELPERS_H

/* X is passed on to H; NAME, name, option of smtpd-worker, name at the start
   of a sentence. */
#define HELPERS(H, X)							\
	H(X, SIGN, sign, 's', "Sign")					\
	H(X, AUTH, auth, 'a', "Auth")					\
	H(X, DISK, disk, 'd', "Disk")					\
	H(X, LOGGER, logger, 'l', "Logger")

/* The keeper starts the others again, and nobody it. */
enum { helper_keeper_option = 'k' };

#define HELPER_KIND(X, NAME, name, option, Name) HELPER_##NAME,
enum helper_kind { HELPER_KEEPER, HELPERS(HELPER_KIND, ) HELPER_COUNT };
#undef HELPER_KIND

#endif
