/*
 * Looking for a private key in memory.
 */
#include "t/system/secrets.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "t/system/harness.h"
#include "t/system/memory.h"

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
	struct secret *text = &s->list[s->count++];
	char line[128] = "";
	FILE *f = fopen(harness_path("%s.key", name), "re");

	for (int i = 0; i < 3; i++)
		EXPECT(f != NULL && fgets(line, sizeof(line), f) != NULL,
		    "%s.key", name);
	fclose(f);
	text->n = strcspn(line, "\n");
	memcpy(text->octets, line, text->n);
}

size_t
secrets_search(pid_t pid, const struct secrets *s, size_t *searched)
{
	size_t found = 0;

	for (size_t i = 0; i < s->count; i++)
		found += memory_search(pid, s->list[i].octets, s->list[i].n,
		    searched);
	return found;
}

pid_t
secrets_sign_process(const struct daemon *d)
{
	pid_t found = memory_helper(d->pid, "-s");

	EXPECT(found != 0, "no sign process");
	return found;
}
