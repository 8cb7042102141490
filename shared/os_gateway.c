/*
 * Routers from Linux's tables of routes, bridges from getifaddrs(3).
 */
#include "shared/os_gateway.h"

#include <sys/socket.h>
#include <sys/types.h>

#include <netinet/in.h>

#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
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

enum { fields_max = 12 };

/* Cuts line at its blanks; how many fields there are. */
static size_t
cut(char *line, char *field[fields_max])
{
	char *save, *word = strtok_r(line, " \t\n", &save);
	size_t n = 0;

	for (; word != NULL && n < fields_max;
	    word = strtok_r(NULL, " \t\n", &save))
		field[n++] = word;
	return n;
}

/* As many octets as digits are there for; false: none of them is set. */
static bool
read_hex(const char *digits, uint8_t *out, size_t n)
{
	char two[3] = "";
	uint8_t any = 0;

	if (strlen(digits) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		memcpy(two, digits + 2 * i, 2);
		out[i] = (uint8_t)strtoul(two, NULL, 16);
		any |= out[i];
	}
	return any != 0;
}

/* "eth0 00000000 0102000A ...": numbers as they lie in memory. */
static void
add_router4(struct os_gateway *out, size_t *n, char *field[fields_max])
{
	uint32_t by = (uint32_t)strtoul(field[2], NULL, 16);
	struct os_gateway *g;

	if (strtoul(field[1], NULL, 16) != 0 || by == 0 ||
	    (g = add(out, n, field[0])) == NULL)
		return;
	memcpy(g->ip, &by, sizeof(by));
}

/* Destination, its bits, source, its bits, router, ..., interface. */
static void
add_router6(struct os_gateway *out, size_t *n, char *field[fields_max])
{
	struct os_gateway *g;
	uint8_t ip[16];

	if (strtoul(field[1], NULL, 16) != 0 ||
	    !read_hex(field[4], ip, sizeof(ip)) ||
	    (g = add(out, n, field[9])) == NULL)
		return;
	g->ipv6 = true;
	memcpy(g->ip, ip, sizeof(ip));
}

/* The heading of a table has no numbers, and so no router. */
static void
add_routers(struct os_gateway *out, size_t *n, const char *table,
    size_t fields, void (*add_one)(struct os_gateway *, size_t *, char **))
{
	FILE *f = fopen(table, "re");
	char line[256], *field[fields_max];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (cut(line, field) >= fields)
			add_one(out, n, field);
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

	add_routers(out, &n, "/proc/net/route", 8, add_router4);
	add_routers(out, &n, "/proc/net/ipv6_route", 10, add_router6);
	if (getifaddrs(&all) == -1)
		return n;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		add_bridge(out, &n, i);
	freeifaddrs(all);
	return n;
}
