/*
 * Reads ".It Cm NAME Ar KEY ... Op Ar KEY ..." of the section "The log" of
 * man/smtpd.8, and holds each line of a log against it.
 */
#include "t/system/events.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/harness.h"

enum { events_max = 64, keys_max = 24, stamp_bytes = 25 };

struct event {
	char	name[32];
	char	keys[keys_max][24];
	bool	must[keys_max];
	size_t	count;
};

static struct event events[events_max];
static size_t event_count;

static void
read_item(char *words)
{
	struct event *e = &events[event_count];
	char *save, *word = strtok_r(words, " ", &save);
	bool must = true;

	EXPECT(event_count < events_max && word != NULL, "the table");
	snprintf(e->name, sizeof(e->name), "%s", word);
	while ((word = strtok_r(NULL, " ", &save)) != NULL) {
		if (strcmp(word, "Oo") == 0 || strcmp(word, "Op") == 0)
			must = false;
		else if (strcmp(word, "Oc") == 0)
			must = true;
		else if (strcmp(word, "Ar") != 0) {
			EXPECT(e->count < keys_max, "keys of %s", e->name);
			e->must[e->count] = must;
			snprintf(e->keys[e->count++], sizeof(e->keys[0]),
			    "%s", word);
		}
	}
	event_count++;
}

static void
read_table(void)
{
	static const char path[] = "man/smtpd.8", item[] = ".It Cm ";
	size_t n;
	char *text, *save, *line;
	bool inside = false;

	if (event_count > 0)
		return;
	text = harness_read_file(path, &n);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, ".Ss ", 4) == 0)
			inside = strcmp(line, ".Ss The log") == 0;
		else if (inside && strncmp(line, item, sizeof(item) - 1) == 0)
			read_item(line + sizeof(item) - 1);
	}
	free(text);
	EXPECT(event_count > 10, "%s: only %zu events", path, event_count);
}

/* Steps over KEY=VALUE; the key is ended by a NUL. */
static char *
next_pair(char *at, char **key)
{
	*key = at;
	at = strchr(at, '=');
	if (at == NULL)
		return NULL;
	*at++ = '\0';
	if (*at != '"')
		return at + strcspn(at, " ");
	for (at++; *at != '"' && *at != '\0'; at++)
		if (*at == '\\' && at[1] != '\0')
			at++;
	return *at == '"' ? at + 1 : NULL;
}

static void
check_keys(const struct event *e, char *at, const char *line)
{
	bool seen[keys_max] = { false };
	char *key;
	size_t i;

	while (at != NULL && *at == ' ') {
		at = next_pair(at + 1, &key);
		for (i = 0; i < e->count && strcmp(e->keys[i], key) != 0; i++)
			continue;
		EXPECT(i < e->count, "smtpd(8) has no key %s of event %s: "
		    "%.300s", key, e->name, line);
		EXPECT(!seen[i], "%s twice: %.300s", key, line);
		seen[i] = true;
	}
	EXPECT(at != NULL && *at == '\0', "no event: %.300s", line);
	for (i = 0; i < e->count; i++)
		EXPECT(seen[i] || !e->must[i], "event %s without %s: %.300s",
		    e->name, e->keys[i], line);
}

static void
check_line(char *line)
{
	char *copy, *name, *end;
	size_t i;

	if (strlen(line) < stamp_bytes || line[4] != '-' || line[10] != 'T' ||
	    strncmp(line + stamp_bytes, "event=", 6) != 0)
		return;
	copy = strdup(line);
	EXPECT(copy != NULL, "no memory");
	name = line + stamp_bytes + 6;
	end = name + strcspn(name, " ");
	for (i = 0; i < event_count; i++)
		if (strlen(events[i].name) == (size_t)(end - name) &&
		    strncmp(events[i].name, name, (size_t)(end - name)) == 0)
			break;
	EXPECT(i < event_count, "smtpd(8) knows no such event: %.300s", copy);
	check_keys(&events[i], end, copy);
	free(copy);
}

void
events_check(const char *path)
{
	char *text, *save, *line;
	size_t n;

	read_table();
	text = harness_read_file(path, &n);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save))
		check_line(line);
	free(text);
}

char *
events_as_postfix(const struct daemon *d)
{
	char command[600], out[128];

	snprintf(out, sizeof(out), "%s", harness_path("postfix"));
	snprintf(command, sizeof(command), "awk -f server/init/postfix.awk "
	    "%s/log/message* %s >%s", d->root, d->log, out);
	EXPECT(system(command) == 0, "%s", command);
	return harness_read_file(out, NULL);
}
