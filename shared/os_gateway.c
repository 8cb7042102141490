/*
 * Routers from Linux's tables of routes, bridges from getifaddrs(3).
 */
#include "shared/os_gateway.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

static struct os_gateway *
add(struct os_gateway *out, size_t *n, const char *name)
{
	struct os_gateway *g = *n < os_gateways_max ? &out[(*n)++] : NULL;

	if (g != NULL) {
		memset(g, 0, sizeof(*g));
		snprintf(g->name, sizeof(g->name), "%s", name);
	}
	return g;
}

/* "eth0 00000000 0102000A ...": numbers as they lie in memory. */
static void
add_routers4(struct os_gateway *out, size_t *n)
{
	FILE *f = fopen("/proc/net/route", "re");
	char line[256], name[os_gateway_name_bytes];
	unsigned to, by;
	struct os_gateway *g;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%16s %x %x", name, &to, &by) == 3 &&
		    to == 0 && by != 0 && (g = add(out, n, name)) != NULL)
			memcpy(g->ip, &by, 4);
	if (f != NULL)
		fclose(f);
}

/* 32 digits of an address, as it is written. */
static bool
read_ipv6(const char *hex, uint8_t ip[16])
{
	unsigned octet, any = 0;

	for (size_t i = 0; i < 16; i++) {
		if (sscanf(hex + 2 * i, "%2x", &octet) != 1)
			return false;
		ip[i] = (uint8_t)octet;
		any |= octet;
	}
	return any != 0;
}

/* Destination, its bits, source, its bits, router, ..., interface. */
static void
add_routers6(struct os_gateway *out, size_t *n)
{
	FILE *f = fopen("/proc/net/ipv6_route", "re");
	char line[256], by[33], name[os_gateway_name_bytes];
	struct os_gateway *g;
	uint8_t ip[16];
	unsigned bits;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%*32s %x %*32s %*x %32s %*x %*x %*x %*x "
		    "%16s", &bits, by, name) != 3 || bits != 0 ||
		    strlen(by) != 32 || !read_ipv6(by, ip) ||
		    (g = add(out, n, name)) == NULL)
			continue;
		g->ipv6 = true;
		memcpy(g->ip, ip, sizeof(ip));
	}
	if (f != NULL)
		fclose(f);
}

static bool
is_bridge(const char *name)
{
	static const char *const names[] = { "docker", "br-", "bridge",
	    "podman", "cni", "virbr", "lxcbr", "lxdbr", "incusbr", "vmbr" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

static void
add_bridge(struct os_gateway *out, size_t *n, const struct ifaddrs *i)
{
	const struct sockaddr_in *in4 = (const void *)i->ifa_addr;
	const struct sockaddr_in6 *in6 = (const void *)i->ifa_addr;
	struct os_gateway *g;

	if (i->ifa_addr == NULL || !is_bridge(i->ifa_name) ||
	    (i->ifa_addr->sa_family != AF_INET &&
	    i->ifa_addr->sa_family != AF_INET6) ||
	    (g = add(out, n, i->ifa_name)) == NULL)
		return;
	g->bridge = true;
	g->ipv6 = i->ifa_addr->sa_family == AF_INET6;
	if (g->ipv6)
		memcpy(g->ip, &in6->sin6_addr, 16);
	else
		memcpy(g->ip, &in4->sin_addr, 4);
}

size_t
os_gateways(struct os_gateway out[os_gateways_max])
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	add_routers4(out, &n);
	add_routers6(out, &n);
	if (getifaddrs(&all) == -1)
		return n;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		add_bridge(out, &n, i);
	freeifaddrs(all);
	return n;
}
