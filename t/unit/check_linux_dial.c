/*
 * dial in a network namespace: which addresses are this host's own.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/unit/dial_case.h"

/*
 * In a network of its own: an address of this host is refused, also one that
 * came after the start, and others are not.
 */
TEST(own_addresses)
{
	int error;

	if (unshare(CLONE_NEWNET) == -1 || system("exec 2>/dev/null; "
	    "ip link set lo up && ip link add d0 type veth peer name d1 && "
	    "ip addr add 192.0.2.1/24 dev d0 && "
	    "ip addr add 10.0.0.1/24 dev d0 && "
	    "ip addr add 2001:db8::1/64 dev d0 nodad && "
	    "ip link set d0 up && ip link set d1 up") != 0) {
		printf("skipped: no network of its own\n");
		return;
	}
	start(WORDS(W("private") W("587/tcp") W("26/tcp@192.0.2.1")));
	ck_assert_int_eq(refused("192.0.2.1", 25, false), ELOOP);
	ck_assert_int_eq(refused("192.0.2.1", 587, false), ELOOP);
	ck_assert_int_eq(refused("10.0.0.1", 25, false), ELOOP);
	ck_assert_int_eq(refused("2001:db8::1", 25, false), ELOOP);
	/* But where it was written out. */
	ck_assert_int_eq(refused("192.0.2.1", 26, false), ECONNREFUSED);
	/* A broadcast address, which can be bound as well. */
	ck_assert_int_eq(refused("192.0.2.255", 25, false), ELOOP);
	error = refused("192.0.2.9", 25, false);
	ck_assert_msg(error == ETIMEDOUT || error == EHOSTUNREACH, "%s",
	    strerror(error));
	ck_assert_int_eq(refused("198.51.100.1", 25, false), ENETUNREACH);
	ck_assert_int_eq(system("ip addr add 192.0.2.9/24 dev d0"), 0);
	ck_assert_int_eq(refused("192.0.2.9", 25, false), ELOOP);
	/* Where every address can be bound. */
	if (system("echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind") == 0) {
		ck_assert_int_ne(refused("192.0.2.77", 25, false), EACCES);
	}
	end();
}
