/*
 * OpenMetrics text: each line judged by itself, then against its family.
 */
#include "t/system/openmetrics.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { families_max = 128, name_max = 96 };

enum type { COUNTER, GAUGE, HISTOGRAM, TYPE_COUNT };

static const char *const type_words[TYPE_COUNT] = {
	"counter", "gauge", "histogram"
};

struct reader {
	struct openmetrics	*out;
	unsigned		 line;
	bool			 eof;
	char			 names[families_max][name_max];
	enum type		 type;		/* of the family at hand */
	bool			 has_help;
	bool			 has_unit;
	size_t			 samples;	/* of it */
	/* of a histogram */
	double			 last_bound;
	double			 last_count;
	bool			 has_inf;
	bool			 has_sum;
};

static const char *wrong(const struct reader *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static const char *
wrong(const struct reader *r, const char *format, ...)
{
	static char text[400];
	int n = snprintf(text, sizeof(text), "line %u: ", r->line);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
	va_end(ap);
	return text;
}

/* Octets of the name text begins with. */
static size_t
name_length(const char *text, bool label)
{
	size_t n = strspn(text, label ? "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789" :
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:"
	    "0123456789");

	return strspn(text, "0123456789") > 0 ? 0 : n;
}

static const char *
family(const struct reader *r)
{
	return r->names[r->out->families - 1];
}

/* What a family must have when it is over. */
static const char *
end_family(struct reader *r)
{
	if (r->out->families == 0)
		return NULL;
	if (r->samples == 0)
		return wrong(r, "%s has no sample", family(r));
	if (!r->has_help)
		return wrong(r, "%s has no HELP", family(r));
	if (r->type == HISTOGRAM && (!r->has_inf || !r->has_sum))
		return wrong(r, "%s has no +Inf or no sum", family(r));
	return NULL;
}

static const char *
begin_family(struct reader *r, const char *name, const char *word)
{
	const char *why = end_family(r);
	int type = 0;

	if (why != NULL)
		return why;
	if (name_length(name, false) != strlen(name) || name[0] == '\0' ||
	    strlen(name) >= name_max)
		return wrong(r, "bad name %s", name);
	for (size_t i = 0; i < r->out->families; i++)
		if (strcmp(r->names[i], name) == 0)
			return wrong(r, "%s comes twice", name);
	while (type < TYPE_COUNT && strcmp(type_words[type], word) != 0)
		type++;
	if (type == TYPE_COUNT || r->out->families == families_max)
		return wrong(r, "bad type %s", word);
	snprintf(r->names[r->out->families++], name_max, "%s", name);
	r->type = (enum type)type;
	r->has_help = r->has_unit = r->has_inf = r->has_sum = false;
	r->samples = 0;
	r->last_bound = r->last_count = -1;
	return NULL;
}

/* "# TYPE name word", "# UNIT name unit", "# HELP name text" */
static const char *
read_comment(struct reader *r, char *line)
{
	char *what = line + 2, *name, *rest;

	if (line[1] != ' ' || strchr(what, ' ') == NULL)
		return wrong(r, "bad comment \"%s\"", line);
	name = strchr(what, ' ');
	*name++ = '\0';
	rest = strchr(name, ' ');
	if (rest == NULL || rest[1] == '\0')
		return wrong(r, "%s of %s says nothing", what, name);
	*rest++ = '\0';
	if (strcmp(what, "TYPE") == 0)
		return begin_family(r, name, rest);
	if (r->out->families == 0 || strcmp(name, family(r)) != 0 ||
	    r->samples > 0)
		return wrong(r, "%s of %s out of place", what, name);
	if (strcmp(what, "HELP") == 0) {
		if (r->has_help || strchr(rest, '\\') != NULL)
			return wrong(r, "bad help of %s", name);
		r->has_help = true;
		return NULL;
	}
	if (strcmp(what, "UNIT") != 0 || r->has_unit || r->has_help)
		return wrong(r, "bad comment %s", what);
	r->has_unit = true;
	if (strlen(name) < strlen(rest) + 2 ||
	    strcmp(name + strlen(name) - strlen(rest), rest) != 0 ||
	    name[strlen(name) - strlen(rest) - 1] != '_')
		return wrong(r, "%s does not end in its unit %s", name, rest);
	return NULL;
}

/* {a="b",c="d"}: *out is what is behind it, le its bound if it has one. */
static const char *
read_labels(const struct reader *r, const char *text, const char **out,
    char le[32])
{
	char last[64] = "";

	le[0] = '\0';
	*out = text;
	if (*text != '{')
		return NULL;
	do {
		size_t n = name_length(++text, true);
		const char *value = text + n + 2;
		size_t m = strcspn(value, "\"\\\n");

		if (n == 0 || n >= sizeof(last) || strncmp(text + n, "=\"",
		    2) != 0 || value[m] != '"')
			return wrong(r, "bad label at %s", text);
		if (strlen(last) == n && strncmp(last, text, n) == 0)
			return wrong(r, "label %s comes twice", last);
		snprintf(last, sizeof(last), "%.*s", (int)n, text);
		if (strcmp(last, "le") == 0)
			snprintf(le, 32, "%.*s", (int)m, value);
		text = value + m + 1;
	} while (*text == ',');
	if (*text != '}')
		return wrong(r, "labels without end at %s", text);
	*out = text + 1;
	return NULL;
}

/* A number and nothing else: no sign, not hexadecimal, not infinite. */
static bool
is_number(const char *text, double *out)
{
	char *end;

	if (text[0] == '\0' || strspn(text, "0123456789.e+-") != strlen(text)
	    || strspn(text, "0123456789") == 0)
		return false;
	errno = 0;
	*out = strtod(text, &end);
	return errno == 0 && *end == '\0';
}

static const char *
judge_bucket(struct reader *r, const char *le, double value)
{
	double bound;

	if (r->has_inf || r->has_sum)
		return wrong(r, "a bucket behind the last");
	if (strcmp(le, "+Inf") == 0) {
		r->has_inf = true;
	} else {
		if (!is_number(le, &bound) || strpbrk(le, ".e") == NULL)
			return wrong(r, "bad bound %s", le);
		if (bound <= r->last_bound)
			return wrong(r, "bound %s does not rise", le);
		r->last_bound = bound;
	}
	if (value < r->last_count)
		return wrong(r, "bucket %s holds less than the one before",
		    le);
	r->last_count = value;
	return NULL;
}

/* Is the name behind its family's what the type wants there? */
static const char *
judge_suffix(struct reader *r, const char *suffix, const char *le,
    double value)
{
	bool fine = false;

	switch (r->type) {
	case COUNTER:
		fine = strcmp(suffix, "_total") == 0 && le[0] == '\0';
		break;
	case GAUGE:
		fine = suffix[0] == '\0' && le[0] == '\0';
		break;
	case HISTOGRAM:
		if (strcmp(suffix, "_bucket") == 0 && le[0] != '\0')
			return judge_bucket(r, le, value);
		fine = le[0] == '\0' && r->has_inf &&
		    ((strcmp(suffix, "_sum") == 0 && !r->has_sum) ||
		    (strcmp(suffix, "_count") == 0 &&
		    value == r->last_count));
		r->has_sum = r->has_sum || strcmp(suffix, "_sum") == 0;
		break;
	case TYPE_COUNT:
		break;
	}
	return fine ? NULL : wrong(r, "\"%s\" does not fit a %s", suffix,
	    type_words[r->type]);
}

static const char *
read_sample(struct reader *r, const char *line)
{
	struct openmetrics *m = r->out;
	size_t n = name_length(line, false), series;
	const char *rest, *why;
	char le[32], suffix[name_max];
	double value;

	if (m->families == 0 || n < strlen(family(r)) || n >= name_max ||
	    strncmp(line, family(r), strlen(family(r))) != 0)
		return wrong(r, "sample out of place: %s", line);
	snprintf(suffix, sizeof(suffix), "%.*s",
	    (int)(n - strlen(family(r))), line + strlen(family(r)));
	why = read_labels(r, line + n, &rest, le);
	if (why != NULL)
		return why;
	if (*rest != ' ' || !is_number(rest + 1, &value))
		return wrong(r, "bad value: %s", line);
	why = judge_suffix(r, suffix, le, value);
	if (why != NULL)
		return why;
	series = (size_t)(rest - line);
	if (m->count == openmetrics_samples_max ||
	    series >= sizeof(m->samples[0].series))
		return wrong(r, "too many samples, or too long");
	snprintf(m->samples[m->count].series, series + 1, "%s", line);
	m->samples[m->count].value = value;
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->samples[i].series,
		    m->samples[m->count].series) == 0)
			return wrong(r, "%s comes twice",
			    m->samples[i].series);
	m->count++;
	r->samples++;
	return NULL;
}

static const char *
read_line(struct reader *r, char *line)
{
	r->line++;
	if (r->eof)
		return wrong(r, "something behind EOF");
	if (strcmp(line, "# EOF") == 0) {
		r->eof = true;
		return end_family(r);
	}
	return line[0] == '#' ? read_comment(r, line) : read_sample(r, line);
}

const char *
openmetrics_read(const char *text, struct openmetrics *out)
{
	static struct reader r;
	char *copy = strdup(text), *line = copy, *end;
	const char *why = NULL;

	memset(&r, 0, sizeof(r));
	memset(out, 0, sizeof(*out));
	r.out = out;
	if (copy == NULL)
		return "no memory";
	while (why == NULL && (end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		why = read_line(&r, line);
		line = end + 1;
	}
	if (why == NULL && (*line != '\0' || !r.eof))
		why = wrong(&r, "no EOF at the end");
	free(copy);
	return why;
}

double
openmetrics_value(const struct openmetrics *m, const char *series)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->samples[i].series, series) == 0)
			return m->samples[i].value;
	return -1;
}
