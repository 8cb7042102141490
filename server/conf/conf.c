/* The configuration in memory: names are looked up, and all is freed. */
#include "server/conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/conf/conf_parse.h"

static void
forget_passwords(struct conf_table *users)
{
	for (size_t i = 0; i < users->count; i++) {
		char *stored = users->one[i].stored;

		if (stored != NULL)
			explicit_bzero(stored, strlen(stored));
		free(stored);
		users->one[i].stored = NULL;
	}
}

void
conf_forget_passwords(struct conf *conf)
{
	for (size_t i = 0; i < conf->domain_count; i++)
		forget_passwords(&conf->domains[i].users);
}

static void
free_sets(struct conf_sets *sets)
{
	for (size_t i = 0; i < sets->count; i++)
		free(sets->one[i].text);
	free(sets->one);
}

void
conf_table_free(struct conf_table *t)
{
	forget_passwords(t);
	for (size_t i = 0; i < t->count; i++) {
		free(t->one[i].name);
		free(t->one[i].targets);
		free(t->one[i].broken);
		free(t->one[i].found);
	}
	free(t->one);
	free(t->path);
}

static void
free_domain(struct conf_domain *d)
{
	conf_table_free(&d->users);
	conf_table_free(&d->aliases);
	free(d->catch_all_broken);
	free(d->name);
	free(d->ascii);
	free_sets(&d->sets);
}

void
conf_free(struct conf *conf)
{
	for (size_t i = 0; i < conf->domain_count; i++)
		free_domain(&conf->domains[i]);
	free(conf->domains);
	for (size_t i = 0; i < conf->pair_count; i++) {
		free(conf->pairs[i].certificate);
		free(conf->pairs[i].key);
	}
	free(conf->pairs);
	free(conf->proxies);
	free(conf->listens);
	free(conf->path);
	free(conf->hostname);
	free(conf->root);
	free(conf->control);
	free(conf->user);
	free(conf->worker_user);
	free(conf->log_path);
	for (size_t i = 0; i < conf->relay.route_count; i++) {
		free(conf->relay.routes[i].domain);
		free(conf->relay.routes[i].via.host);
	}
	free(conf->relay.routes);
	free(conf->relay.via.host);
	free(conf->relay.from);
	for (size_t i = 0; i < 2; i++)
		free(conf->relay.sources[i].name);
	free_sets(&conf->relay_sets);
	free_sets(&conf->sets);
	memset(conf, 0, sizeof(*conf));
}

/* The name of an entry is folded already. */
static int
compare_entry(const void *key, const void *entry)
{
	const struct span *name = key;
	const char *text = ((const struct conf_entry *)entry)->name;
	size_t n = strlen(text);
	int order = strncasecmp((const char *)name->p, text, name->n < n ?
	    name->n : n);

	return order != 0 ? order : (name->n > n) - (name->n < n);
}

const struct conf_domain *
conf_find_domain(const struct conf *conf, struct span name)
{
	char ascii[punycode_domain_bytes];

	if (!punycode_domain(name, ascii))
		return NULL;
	for (size_t i = 0; i < conf->domain_count; i++)
		if (strcmp(ascii, conf->domains[i].ascii) == 0)
			return &conf->domains[i];
	return NULL;
}

const struct conf_entry *
conf_find_entry(const struct conf_table *t, struct span name)
{
	return t->count == 0 ? NULL : bsearch(&name, t->one, t->count,
	    sizeof(*t->one), compare_entry);
}

bool
conf_is_proxy(const struct conf *conf, const struct ip *ip)
{
	for (size_t i = 0; i < conf->proxy_count; i++)
		if (conf_range_has(&conf->proxies[i], ip))
			return true;
	return false;
}

struct conf_epoch *
conf_epoch_enter(struct conf_epoch *e)
{
	if (e != NULL)
		e->users++;
	return e;
}

void
conf_epoch_leave(struct conf_epoch *e)
{
	if (--e->users > 0)
		return;
	conf_free(&e->conf);
	free(e);
}
