/*
 * The chain of the message log: each line names the BLAKE2b hash, 32 octets,
 * of the line before it without its line end; the first names zeros.
 */
#include "t/system/chain.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/system/harness.h"

enum { hash_octets = 32 };

void
chain_check(const struct daemon *d, size_t lines)
{
	unsigned char hash[hash_octets] = { 0 };
	char path[256], hex[2 * hash_octets + 1], want[128];
	char *text, *line, *end;
	size_t n, count = 0;

	snprintf(path, sizeof(path), "%s/log/message", d->root);
	text = harness_read_file(path, &n);
	EXPECT(strlen(text) == n, "%s: a NUL in it", path);
	for (line = text; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		EXPECT(end != NULL, "%s: its last line is not whole", path);
		*end = '\0';
		count++;
		sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
		snprintf(want, sizeof(want), ",\"previous\":\"%s\"}", hex);
		EXPECT(strncmp(line, "{\"time\":\"", 9) == 0 &&
		    strlen(line) > strlen(want) &&
		    strcmp(end - strlen(want), want) == 0,
		    "%s:%zu: not a link of the chain: %.300s", path, count,
		    line);
		crypto_generichash(hash, sizeof(hash),
		    (const unsigned char *)line, (size_t)(end - line), NULL,
		    0);
	}
	EXPECT(count > 0 && (lines == 0 || count == lines),
	    "%s: %zu lines, not %zu", path, count, lines);
	free(text);
}
