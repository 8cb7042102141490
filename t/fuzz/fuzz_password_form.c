/*
 * password_form: the stored form of a password.  What is taken is a part of
 * what came, without anything a line of the file or crypt(3) could misread;
 * and it is taken again, alone.
 */
#include "t/fuzz/fuzz.h"

#include "shared/password_form.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct password_form form, again;
	struct span in = span_from(data, size);

	if (password_form_parse(in, &form) != NULL)
		return 0;
	MUST(in.n > 0 && in.n <= password_hash_max_bytes);
	if (form.kind == PASSWORD_NONE) {
		MUST(form.hash.n == 0);
		MUST(in.p[0] == '*' || in.p[0] == '!');
		return 0;
	}
	MUST(form.hash.p + form.hash.n == in.p + in.n);
	MUST(form.hash.n > 13 && form.hash.p[0] == '$');
	for (size_t i = 0; i < form.hash.n; i++)
		MUST(form.hash.p[i] > ' ' && form.hash.p[i] < 0x7f &&
		    strchr(":#*!", form.hash.p[i]) == NULL);
	MUST(password_form_parse(form.hash, &again) == NULL);
	MUST(again.kind == form.kind && span_equal(again.hash, form.hash));
	return 0;
}
