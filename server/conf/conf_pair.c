/*
 * The lines of the configuration that name a certificate and its key.
 */
#include "server/conf/conf_pair.h"

#include <stdlib.h>
#include <string.h>

#include "server/conf/conf_text.h"
#include "shared/ipc_tls.h"

/* NAME FILE, the first word being the name. */
static bool
check_file(const struct conf_word *word, const char *name,
    struct conf_fault *fault)
{
	if (!span_equal(word->text, span_of(name)))
		return conf_fault_bad(fault, word, "word",
		    "the form is \"tls certificate FILE key FILE\"");
	word++;
	if (word->text.n == 0 || word->text.p[0] != '/')
		return conf_fault_bad(fault, word, "path",
		    "it has to begin with \"/\"");
	if (word->text.n > conf_path_max_bytes)
		return conf_fault_bad(fault, word, "path",
		    "longer than 1023 octets");
	return true;
}

static char *
copy(struct span s)
{
	return strndup((const char *)s.p, s.n);
}

bool
conf_pair_set(const struct conf_cut *cut, unsigned line, struct conf *conf,
    struct conf_fault *fault)
{
	struct conf_pair *grown;

	if (!check_file(&cut->words[1], "certificate", fault) ||
	    !check_file(&cut->words[3], "key", fault))
		return false;
	if (conf->pair_count == ipc_tls_pairs_max)
		return conf_fault_at(fault, cut->words[0].at,
		    "more than %d certificates", ipc_tls_pairs_max);
	grown = reallocarray(conf->pairs, conf->pair_count + 1,
	    sizeof(*grown));
	if (grown == NULL)
		return conf_fault_memory(fault);
	conf->pairs = grown;
	grown += conf->pair_count++;
	grown->certificate = copy(cut->words[2].text);
	grown->key = copy(cut->words[4].text);
	grown->line = line;
	return (grown->certificate != NULL && grown->key != NULL) ||
	    conf_fault_memory(fault);
}
