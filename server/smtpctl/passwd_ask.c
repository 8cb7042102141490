/*
 * A password never comes by an argument: everybody can read those of every
 * process.  On a terminal readpassphrase(3) turns the echo off, and on again
 * whatever signal comes.
 */
#include "server/smtpctl/passwd_ask.h"

#include <errno.h>
#include <readpassphrase.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>


/* One octet more than a password may have, to notice, and a NUL. */
enum { asked_bytes = password_max_bytes + 2 };

static const char *
ask_terminal(bool is_new, char out[asked_bytes])
{
	char again[asked_bytes];
	bool same;

	if (readpassphrase(is_new ? "New password: " : "Password: ", out,
	    asked_bytes, RPP_REQUIRE_TTY) == NULL)
		return "cannot be read from the terminal";
	if (!is_new)
		return NULL;
	if (readpassphrase("The same again: ", again, sizeof(again),
	    RPP_REQUIRE_TTY) == NULL)
		return "cannot be read from the terminal";
	same = strcmp(out, again) == 0;
	sodium_memzero(again, sizeof(again));
	return same ? NULL : "the two are not the same";
}

static const char *
read_line(char out[asked_bytes])
{
	size_t n = 0;
	ssize_t got;

	/* Octet by octet: what follows the line is somebody else's. */
	while (n < asked_bytes - 1) {
		got = read(STDIN_FILENO, out + n, 1);
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return "cannot be read from standard input";
		if (got == 0 || out[n] == '\n')
			break;
		n++;
	}
	if (memchr(out, '\0', n) != NULL)
		return "it has a NUL in it";
	out[n] = '\0';
	return NULL;
}

static const char *
judge(const char *password)
{
	size_t n = strlen(password);

	if (n == 0)
		return "it is empty";
	if (n > password_max_bytes)
		return "it is longer than 255 octets";
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)password[i] < ' ' || password[i] == 0x7f)
			return "it has a control character in it";
	return NULL;
}

const char *
passwd_ask(bool is_new, char out[password_max_bytes + 1])
{
	char asked[asked_bytes];
	const char *why;

	why = isatty(STDIN_FILENO) ? ask_terminal(is_new, asked) :
	    read_line(asked);
	if (why == NULL)
		why = judge(asked);
	if (why == NULL)
		memcpy(out, asked, strlen(asked) + 1);
	sodium_memzero(asked, sizeof(asked));
	return why;
}
