/* As FreeBSD's, for t/bsd, as far as process descriptors need it. */
#ifndef T_BSD_EVENT_H
#define T_BSD_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t	 ident;
	short		 filter;
	unsigned short	 flags;
	unsigned	 fflags;
	int64_t		 data;
	void		*udata;
};

#define EVFILT_PROCDESC	(-8)
#define EV_ADD		0x0001
#define NOTE_EXIT	0x80000000U
#define EV_SET(k, i, f, l, ff, d, u)					\
	(*(k) = (struct kevent){ (i), (f), (l), (ff), (d), (u) })

int	kqueue(void);
int	kevent(int queue, const struct kevent *changes, int change_count,
	    struct kevent *events, int event_count,
	    const struct timespec *timeout);

#endif
