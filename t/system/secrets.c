/*
 * Memory by /proc/PID/mem.
 */
#include "t/system/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/system/harness.h"
#include "t/system/proc.h"

static void
add_number(struct secrets *s, const EVP_PKEY *key, const char *name)
{
	BIGNUM *number = NULL;
	struct secret *big = &s->list[s->count++];
	struct secret *little = &s->list[s->count++];

	EXPECT(EVP_PKEY_get_bn_param(key, name, &number) == 1, "%s", name);
	big->n = little->n = (size_t)BN_num_bytes(number);
	BN_bn2bin(number, big->octets);
	BN_bn2lebinpad(number, little->octets, (int)little->n);
	BN_free(number);
}

void
secrets_read(struct secrets *s, const char *name)
{
	FILE *f = fopen(harness_path("%s.key", name), "re");
	EVP_PKEY *key = f == NULL ? NULL : PEM_read_PrivateKey(f, NULL, NULL,
	    NULL);

	EXPECT(key != NULL, "%s.key", name);
	if (EVP_PKEY_is_a(key, "RSA")) {
		add_number(s, key, OSSL_PKEY_PARAM_RSA_D);
		add_number(s, key, OSSL_PKEY_PARAM_RSA_FACTOR1);
		add_number(s, key, OSSL_PKEY_PARAM_RSA_FACTOR2);
	} else
		add_number(s, key, OSSL_PKEY_PARAM_PRIV_KEY);
	EVP_PKEY_free(key);
	fclose(f);
}

void
secrets_read_text(struct secrets *s, const char *name)
{
	char line[128] = "";
	FILE *f = fopen(harness_path("%s.key", name), "re");

	for (int i = 0; i < 3; i++)
		EXPECT(f != NULL && fgets(line, sizeof(line), f) != NULL,
		    "%s.key", name);
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	secrets_add(s, line);
}

void
secrets_add(struct secrets *s, const char *text)
{
	struct secret *new = &s->list[s->count++];

	new->n = strlen(text);
	memcpy(new->octets, text, new->n);
}

static size_t
count_in(const char *p, size_t n, const struct secrets *s)
{
	size_t found = 0;

	for (size_t i = 0; i < s->count; i++)
		found += memmem(p, n, s->list[i].octets,
		    s->list[i].n) != NULL;
	return found;
}

/* What of a mapping cannot be read is none of the program's. */
size_t
secrets_search(pid_t pid, const struct secrets *s)
{
	char path[64], line[512];
	unsigned long from, to;
	size_t found = 0, searched = 0;
	FILE *maps;
	int mem;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	mem = open(path, O_RDONLY | O_CLOEXEC);
	/* One that has ended, and is not waited for yet, has no memory. */
	if (maps != NULL && mem == -1 && errno == ESRCH) {
		fclose(maps);
		return 0;
	}
	if (maps == NULL || mem == -1)
		harness_lacking("/proc/PID/mem of another cannot be read");
	while (fgets(line, sizeof(line), maps) != NULL) {
		ssize_t got;
		char *p;

		if (sscanf(line, "%lx-%lx r", &from, &to) != 2 ||
		    strstr(line, "[v") != NULL)
			continue;
		p = malloc(to - from);
		got = p == NULL ? -1 : pread(mem, p, to - from, (off_t)from);
		found += got > 0 ? count_in(p, (size_t)got, s) : 0;
		searched += to - from;
		free(p);
	}
	fclose(maps);
	close(mem);
	EXPECT(searched > 100000, "only %zu octets of %d", searched, (int)pid);
	return found;
}

void
secrets_expect_at(const struct daemon *d, pid_t holder,
    const struct secrets *s)
{
	pid_t all[64];
	size_t n = proc_below(d->pid, all, 63);

	EXPECT(n >= 4, "only %zu processes", n);
	all[n++] = d->pid;
	for (size_t i = 0; i < n; i++) {
		size_t found = secrets_search(all[i], s);

		EXPECT((found > 0) == (all[i] == holder),
		    "process %d of %zu, the master %d, has %zu of %zu",
		    (int)all[i], n, (int)d->pid, found, s->count);
	}
}

pid_t
secrets_helper(const struct daemon *d, const char *option)
{
	pid_t found = proc_helper(d->pid, option[1]);

	EXPECT(found != 0, "no process with %s", option);
	return found;
}

void
secrets_expect_held(const struct daemon *d, pid_t helper)
{
	char value[64], uid[64];

	proc_status(helper, "Seccomp", value, sizeof(value));
	EXPECT(strcmp(value, "2") == 0, "Seccomp: %s", value);
	proc_status(helper, "NoNewPrivs", value, sizeof(value));
	EXPECT(strcmp(value, "1") == 0, "NoNewPrivs: %s", value);
	proc_status(helper, "CapEff", value, sizeof(value));
	EXPECT(strtoull(value, NULL, 16) == 0, "CapEff: %s", value);
	proc_status(helper, "Uid", value, sizeof(value));
	proc_status(d->pid, "Uid", uid, sizeof(uid));
	EXPECT(strcmp(value, uid) == 0, "Uid: %s, not %s", value, uid);
	EXPECT(proc_fd_count(helper) == 4, "%zu descriptors",
	    proc_fd_count(helper));
}
