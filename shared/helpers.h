/*
 * The list of helpers: processes of smtpd-worker that work for the master
 * alone, at most one of each.  For every row a process is started, fed,
 * watched, counted, shown, and started again when it is lost.  NAME_role
 * (server/process/helper.h) is the master's side, NAME_run in worker/NAME.c
 * the process's, and its line of the sandbox table says what it may do.
 */
#ifndef SHARED_HELPERS_H
#define SHARED_HELPERS_H

/* X (passed on to H), NAME, name, option of smtpd-worker, name at the start of
   a sentence. */
#define HELPERS(H, X)							\
	H(X, SIGN, sign, 's', "Sign")					\
	H(X, AUTH, auth, 'a', "Auth")					\
	H(X, DISK, disk, 'd', "Disk")					\
	H(X, LOGGER, logger, 'l', "Logger")				\
	H(X, DIAL, dial, 'c', "Dial")

/*
 * The keeper starts lost helpers again, and one nursery the other; no process
 * starts a lost keeper.
 */
enum { helper_keeper_option = 'k', helper_nursery_option = 'r' };

#define HELPER_KIND(X, NAME, name, option, Name) HELPER_##NAME,
enum helper_kind {
	HELPER_KEEPER,
	HELPERS(HELPER_KIND, )
	HELPER_COUNT,
	/* Two nurseries have the life of helpers, and another work. */
	HELPER_NURSERY = HELPER_COUNT,
	HELPER_STANDBY,
	HELPER_ALL
};
#undef HELPER_KIND

#endif
