/*
 * smtpd.conf, as far as smtpctl needs it.
 */
#include "server/smtpctl/smtpctl_conf.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/smtpctl/smtpctl.h"

const struct conf *
smtpctl_conf(const char *path, const char **why)
{
	static struct conf conf;
	static char *said;
	size_t n;
	FILE *f;

	if (said == NULL) {
		f = open_memstream(&said, &n);
		if (f == NULL)
			err(smtpctl_exit_error, NULL);
		(void)conf_load(path == NULL ? SMTPD_CONF : path, &conf, f);
		if (fclose(f) == EOF)
			err(smtpctl_exit_error, NULL);
		said[strcspn(said, "\n")] = '\0';
	}
	*why = said;
	/* The keyword has a default: NULL means that nothing was read. */
	return conf.control == NULL ? NULL : &conf;
}

const char *
smtpctl_conf_root(const char *dir, const char *path)
{
	const struct conf *conf;
	const char *why;

	if (dir != NULL)
		return dir;
	conf = smtpctl_conf(path, &why);
	if (conf == NULL)
		errx(smtpctl_exit_error, "cannot tell where smtpd keeps its "
		    "mail and log: %s: name the configuration with -f, or the "
		    "directory with -d", why);
	return conf->root;
}

bool
smtpctl_conf_names(const char *path, const char *file)
{
	const struct conf *conf;
	char real[PATH_MAX];
	const char *why;

	conf = smtpctl_conf(path, &why);
	/* smtpd's log has the real path. */
	if (conf == NULL || realpath(conf->path, real) == NULL)
		return false;
	for (size_t i = 0; i < conf->domain_count; i++)
		if (conf->domains[i].aliases_path != NULL &&
		    strcmp(conf->domains[i].aliases_path, file) == 0)
			return true;
	return strcmp(real, file) == 0;
}
