/*
 * Faults of values, in words.
 */
#include "server/conf/conf_fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "server/conf/conf_text.h"

bool
conf_fault_at(struct conf_fault *fault, size_t at, const char *format, ...)
{
	va_list ap;

	fault->at = at;
	va_start(ap, format);
	vsnprintf(fault->text, sizeof(fault->text), format, ap);
	va_end(ap);
	return false;
}

bool
conf_fault_bad(struct conf_fault *fault, const struct conf_word *word,
    const char *what, const char *want)
{
	char shown[conf_shown_max_bytes];

	conf_show(word->text, shown, sizeof(shown));
	return conf_fault_at(fault, word->at, "bad %s \"%s\": %s", what,
	    shown, want);
}

bool
conf_fault_memory(struct conf_fault *fault)
{
	return conf_fault_at(fault, 0, "out of memory");
}
