/*
 * A whole smtpd.conf of any octets: every keyword's value.  What is accepted
 * keeps the promises of conf.h, and is printed so that it can be loaded again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/conf/conf_keyword.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { line_bytes = 3000 };	/* a printed line has a comment, too */

static char path[] = "/tmp/fuzz_conf_load.XXXXXX";

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
tidy(void)
{
	unlink(path);
}

/* Tables would be files of this host, by any name. */
static void
write_conf(const uint8_t *data, size_t size)
{
	static const char *const tables[] = { "users", "aliases" };
	char *text = malloc(size + 1), *at;
	FILE *f = fopen(path, "we");

	must(text != NULL && f != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (size_t i = 0; i < 2; i++)
		while ((at = memmem(text, size, tables[i],
		    strlen(tables[i]))) != NULL)
			*at = '#';
	must(fwrite(text, 1, size, f) == size && fclose(f) == 0);
	free(text);
}

static void
check_via(const struct conf_via *via)
{
	must((via->host == NULL) == (via->port == 0));
	if (via->host != NULL && !via->is_ip)
		must(strchr(via->host, '.') != NULL);
}

static void
check(const struct conf *conf)
{
	const struct conf_relay *r = &conf->relay;
	static const struct ip anywhere = { .ip = { 203, 0, 113, 1 } };

	must(conf->hostname != NULL && conf->domain_count > 0);
	if (r->line != 0)
		must(strchr(conf->hostname, '.') != NULL &&
		    (r->authenticated != 0 || r->from_count > 0));
	if (r->authenticated == 0)
		must(conf_relay_permits(conf, "a@b", &anywhere) ==
		    conf_relay_permits(conf, "", &anywhere));
	for (size_t i = 0; i < r->from_count; i++)
		must(r->from[i].bits >= (r->from[i].ip.ipv6 ? 16 : 8) &&
		    conf_range_has(&r->from[i], &r->from[i].ip));
	check_via(&r->via);
	for (size_t i = 0; i < r->route_count; i++) {
		const char *domain = r->routes[i].domain;

		check_via(&r->routes[i].via);
		domain += domain[0] == '.';
		must(conf_relay_via(conf, span_of(domain)) != &r->via);
	}
	for (size_t i = 0; i < r->resolver_count; i++)
		must(r->resolvers[i].port != 0);
}

/* Loads what is at path; NULL, or what conf_print makes of it. */
static char *
load(FILE *err)
{
	struct conf conf;
	char *text = NULL;
	size_t n = 0;
	FILE *f;

	if (conf_load(path, &conf, err) == 0) {
		check(&conf);
		f = open_memstream(&text, &n);
		must(f != NULL);
		conf_print(&conf, f);
		must(fclose(f) == 0);
	}
	conf_free(&conf);
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_from(data, size);
	static FILE *err;
	char *one, *two, *three;

	if (err == NULL) {
		int fd = mkstemp(path);

		must(fd != -1);
		close(fd);
		atexit(tidy);
		err = fopen("/dev/null", "we");
		must(err != NULL);
	}
	while (rest.n > 0)
		if (span_cut(&rest, '\n').n > line_bytes)
			return 0;
	write_conf(data, size);
	one = load(err);
	if (one == NULL)
		return 0;
	write_conf((const uint8_t *)one, strlen(one));
	two = load(err);
	must(two != NULL);
	/* The print names lines, which moved once. */
	write_conf((const uint8_t *)two, strlen(two));
	three = load(err);
	must(three != NULL && strcmp(two, three) == 0);
	free(one);
	free(two);
	free(three);
	return 0;
}
