/*
 * SIGHUP, sent and waited for.
 */
#include "t/system/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/harness.h"

void
reload_replace(const char *path, const char *text)
{
	const char *new = harness_path("edited");

	harness_write_file(new, text);
	EXPECT(rename(new, path) == 0, "%s: %s", path, strerror(errno));
}

void
reload_edit(const struct daemon *d, const char *from, const char *to)
{
	char *old = harness_read_file(d->conf, NULL), text[8192];
	char *at = strstr(old, from);

	EXPECT(at != NULL, "no \"%s\" in %s", from, d->conf);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - old), old, to,
	    at + strlen(from));
	reload_replace(d->conf, text);
	free(old);
}

void
reload_hang_up(const struct daemon *d)
{
	EXPECT(kill(d->pid, SIGHUP) == 0, "kill: %s", strerror(errno));
}

void
reload_until(const struct daemon *d, const char *event, const char *words)
{
	size_t before = daemon_logged(d, event, words, NULL);

	reload_hang_up(d);
	EXPECT(WAIT(daemon_logged(d, event, words, NULL) > before),
	    "no \"%s\" with \"%s\": %s", event, words, daemon_last_words(d));
}

void
reload_in_order(const struct daemon *d)
{
	reload_until(d, " event=reload ", "file=");
}

void
reload_refused(const struct daemon *d, const char *words)
{
	size_t before = daemon_logged(d, " event=reload ", NULL);

	reload_until(d, " event=reload-failed ", words);
	EXPECT(daemon_logged(d, " event=reload ", NULL) == before,
	    "it was taken all the same");
}
