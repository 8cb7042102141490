/*
 * dns: an answer whose id and question fit; the first octet chooses the type,
 * and whether the whole message is the input's.  What comes out the master's
 * check of records takes, whatever came in.
 */
#include "t/fuzz/fuzz.h"

#include "shared/ipc.h"
#include "worker/dns.h"

static void
must_be_valid(struct ipc_host *h)
{
	struct ipc_record r = { .type = IPC_HOST };

	r.u.host = *h;
	MUST(ipc_check(&r, ipc_size(IPC_HOST), false, IPC_FROM_WORKER,
	    IPC_AT_RESOLVE) == NULL);
}

static void
must_be_sound(const struct dns_answer *a, enum dns_type type)
{
	static const struct dns_addresses none = { .status = RESOLVE_NO_DATA };
	struct dns_addresses found = a->addresses;
	struct ipc_host h = { .name = "x" };

	MUST(a->status < RESOLVE_TROUBLE);
	MUST(a->hosts <= resolve_hosts_max && a->addresses.count <=
	    resolve_addresses_max);
	MUST(type == DNS_MX ? a->addresses.count == 0 : a->hosts == 0);
	for (size_t i = 0; i < a->hosts; i++) {
		h = a->host[i];
		MUST(i == 0 || h.preference >= a->host[i - 1].preference);
		h.status = RESOLVE_NO_DATA;
		must_be_valid(&h);
		MUST(span_is_ascii(span_of(h.name)));
	}
	if (type == DNS_MX)
		return;
	MUST((a->status == RESOLVE_OK) == (found.count > 0));
	h = (struct ipc_host){ .name = "x" };
	if (type == DNS_A)
		dns_join(&found, &none, &h);
	else
		dns_join(&none, &found, &h);
	must_be_valid(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_MX, DNS_A, DNS_AAAA,
	    DNS_MX };
	uint8_t query[dns_query_max_bytes], *m;
	struct dns_answer a;
	size_t n, head = 12 + 13 + 4;
	enum dns_type type;

	if (size < 9 || size > 65000)
		return 0;
	type = types[data[0] & 3];
	n = dns_query(7, span_of("example.org"), type, 0x55, data[0] & 4,
	    query);
	MUST(n == head + (data[0] & 4 ? 11 : 0));
	if (data[0] & 8)
		head = 0;
	m = malloc(head + size);
	if (m == NULL)
		return 0;
	memcpy(m, query, head);
	if (head > 0) {
		/* Flags, and how many records there are. */
		memcpy(m + 2, data + 1, 2);
		memcpy(m + 6, data + 3, 4);
	}
	memcpy(m + head, data + 9, size - 9);
	if (dns_read(span_from(query, n), span_from(m, head + size - 9),
	    &a) == DNS_ANSWERED)
		must_be_sound(&a, type);
	free(m);
	return 0;
}
