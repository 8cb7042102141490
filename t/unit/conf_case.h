/*
 * Writes configurations to a temporary directory, loads them, and compares the
 * messages.  "@" stands for that directory in both.
 */
#ifndef T_UNIT_CONF_CASE_H
#define T_UNIT_CONF_CASE_H

#include <unistd.h>

#include "server/conf/conf.h"
#include "server/conf/conf_warn.h"
#include "server/mail/recipient.h"
#define UNIT_OWN_MAIN
#include "t/unit/unit.h"

#define LISTEN "listen 127.0.0.1 port 0\n"
#define BASE LISTEN "domain example.org {\n}\n"
#define USERS LISTEN "domain example.org {\nusers @/users\n}\n"
#define ALIASES LISTEN \
	"domain example.org {\nusers @/users\naliases @/aliases\n}\n"

static char conf_case_dir[256];
static char conf_case_source[4096];	/* the directory of smtpd.conf.example */

/* Writes text to f with the directory for "@" in "@/" or at a line's end. */
static inline void
conf_case_put(FILE *f, const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '@' && (text[1] == '/' || text[1] == '\n'))
			fputs(conf_case_dir, f);
		else
			fputc(*text, f);
}

/* Makes a file of text, or removes it when text is NULL. */
static inline void
conf_case_file(const char *name, const char *text)
{
	FILE *f;

	if (unlink(name) == -1)
		ck_assert_int_eq(access(name, F_OK), -1);
	if (text == NULL)
		return;
	f = fopen(name, "w");
	ck_assert_ptr_nonnull(f);
	conf_case_put(f, text);
	ck_assert_int_eq(fclose(f), 0);
}

/* Replaces the directory by "@", in place. */
static inline void
conf_case_normal(char *text)
{
	size_t n = strlen(conf_case_dir), to = 0;

	for (size_t from = 0; text[from] != '\0'; to++) {
		if (strncmp(text + from, conf_case_dir, n) == 0) {
			text[to] = '@';
			from += n;
		} else {
			text[to] = text[from++];
		}
	}
	text[to] = '\0';
}

static FILE *conf_case_said;

static inline void
conf_case_note(const char *path, unsigned line, const char *text)
{
	fprintf(conf_case_said, "%s:%u: warning: %s\n", path, line, text);
}

/*
 * Loads the file "c" into *conf; *said, to be freed, is the mistakes, or where
 * there are none, the warnings.
 */
static inline int
conf_case_load(struct conf *conf, char **said)
{
	size_t size;
	FILE *err = open_memstream(said, &size);
	int status;

	ck_assert_ptr_nonnull(err);
	status = recipient_load("c", conf, err);
	conf_case_said = err;
	if (status == 0)
		conf_warn_broken(conf, conf_case_note);
	ck_assert_int_eq(fclose(err), 0);
	conf_case_normal(*said);
	return status;
}

/* The output of conf_print, to be freed. */
static inline char *
conf_case_print(const struct conf *conf)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	conf_print(conf, f);
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

/* Loads the three files and compares the messages with want. */
static inline void
conf_case_expect(const char *text, const char *users, const char *aliases,
    const char *want)
{
	struct conf conf;
	char *said;
	int status;

	conf_case_file("c", text);
	conf_case_file("users", users);
	conf_case_file("aliases", aliases);
	status = conf_case_load(&conf, &said);
	ck_assert_msg(strcmp(said, want) == 0,
	    "of\n%.1500s\nsaid\n%.1500s\nwanted\n%.1500s", text, said, want);
	ck_assert_int_eq(status, want[0] == '\0' ||
	    strstr(want, ": warning: ") != NULL ? 0 : -1);
	conf_free(&conf);
	free(said);
}

/* Runs the tests inside a new directory, and removes it. */
int
main(int argc, char *argv[])
{
	static const char *const files[] = { "c", "users", "aliases",
	    "users2", "aliases2" };
	const char *tmp = getenv("TMPDIR"), *source = getenv("SRCDIR");
	int status;

	snprintf(conf_case_dir, sizeof(conf_case_dir), "%s/check_conf.XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
	if (argc < 1 || realpath(source == NULL ? "." : source,
	    conf_case_source) == NULL || mkdtemp(conf_case_dir) == NULL ||
	    chdir(conf_case_dir) == -1) {
		perror(conf_case_dir);
		return EXIT_FAILURE;
	}
	status = unit_run(argv[0], NULL, NULL);
	for (size_t i = 0; i < COUNT(files); i++)
		unlink(files[i]);
	if (chdir("/") == -1 || rmdir(conf_case_dir) == -1) {
		perror(conf_case_dir);
		return EXIT_FAILURE;
	}
	return status;
}

#endif
