/*
 * Plays stored inputs through a fuzz target without libFuzzer: each file,
 * and each file of each directory, that is named.  None at all is a failure.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

static bool
complain(const char *path)
{
	fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	return false;
}

/* The whole of f into memory of exactly its size; NULL and errno. */
static uint8_t *
read_all(FILE *f, size_t size)
{
	uint8_t *p = malloc(size > 0 ? size : 1);

	if (p != NULL && fread(p, 1, size, f) != size) {
		free(p);
		errno = EIO;
		return NULL;
	}
	return p;
}

static bool
play_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;

	if (f == NULL)
		return complain(path);
	data = read_all(f, size);
	fclose(f);
	if (data == NULL)
		return complain(path);
	/* Said before: a target that aborts says no more. */
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	replayed++;
	return true;
}

static bool	play(const char *path);

static bool
play_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool ok = true;

	if (dir == NULL)
		return complain(path);
	while (ok && (e = readdir(dir)) != NULL) {
		char name[4096];

		if (e->d_name[0] == '.')
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, e->d_name) >=
		    (int)sizeof(name)) {
			errno = ENAMETOOLONG;
			ok = complain(path);
		} else {
			ok = play(name);
		}
	}
	closedir(dir);
	return ok;
}

static bool
play(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return complain(path);
	if (S_ISDIR(st.st_mode))
		return play_directory(path);
	return play_file(path, (size_t)st.st_size);
}

int
main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		if (!play(argv[i]))
			return EXIT_FAILURE;
	printf("%lu inputs replayed\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
