/*
 * conf: defaults, what is loaded, what is printed, and mistakes that are not
 * of one line.  Those of a line are in check_conf_mistakes, check_conf_values
 * and check_conf_tables.
 */
#include "server/conf/conf.h"

#include <netinet/in.h>

#include <arpa/inet.h>
#include <sys/stat.h>

#include "shared/os/os.h"
#include "t/unit/conf_case.h"


static const char full[] =
    "limits {\nworkers 35\nidle-timeout 10m\n}\n"
    "sandbox optional\n"
    "listen ::1 port 2525 # after\n"
    "domain Example.ORG {\n"
    "\tcatch-all carol@Example.net\n"
    "\taliases \"@/aliases\"\n"
    "\tusers @/users\n"
    "\tsubaddress -\n"
    "}\n"
    "root \"/var/my mail\"\n"
    "listen 127.0.0.1 port 0\nlisten 127.0.0.1 port 0\n"
    "domain example.net {\nusers @/users2\n}\n"
    "worker-user daemon\nuser nobody\n"
    "hostname mx.example.org";

static void
load(struct conf *conf, const char *text)
{
	char *said;
	int status;

	conf_case_file("c", text);
	status = conf_case_load(conf, &said);
	ck_assert_msg(status == 0, "%s", said);
	ck_assert_str_eq(said, "");
	free(said);
}

static void
load_full(struct conf *conf)
{
	conf_case_file("users", "# who\nbob:!\n\n\tAlice\n");
	conf_case_file("users2", "carol\n");
	conf_case_file("aliases", "Info : bob , carol@EXAMPLE.net\nalice: bob");
	load(conf, full);
}

static bool
is(const struct mailbox *m, const char *local, const char *domain)
{
	return span_equal(span_from(m->local, m->local_len),
	    span_of(local)) && span_equal(span_from(m->domain, m->domain_len),
	    span_of(domain));
}

TEST(defaults)
{
	struct conf conf;

	ck_assert_int_eq(conf_init(&conf), 0);
	ck_assert_ptr_null(conf.path);
	ck_assert_str_ne(conf.hostname, "");
	ck_assert_str_eq(conf.root, "/var/smtpd");
	ck_assert_ptr_null(conf.control);
	ck_assert_str_eq(conf.user, os_user_prefix "smtpd");
	ck_assert_str_eq(conf.worker_user,
	    os_user_prefix "smtpw");
	ck_assert(!conf.sandbox_optional && !conf.catcher);
	ck_assert_int_eq(conf.log, CONF_LOG_DEFAULT);
	ck_assert_ptr_null(conf.log_path);
	ck_assert_uint_eq(conf.listen_count + conf.domain_count, 0);
	ck_assert_uint_eq(conf.limits.message_size_bytes, 35 * 1024 * 1024);
	ck_assert_uint_eq(conf.limits.recipients, 1000);
	ck_assert_uint_eq(conf.limits.workers, 200);
	ck_assert_uint_eq(conf.limits.per_address, 20);
	ck_assert_uint_eq(conf.limits.worker_sessions, 1);
	ck_assert_uint_eq(conf.limits.received, 100);
	ck_assert_uint_eq(conf.limits.errors, 10);
	ck_assert_uint_eq(conf.limits.idle_timeout_s, 300);
	ck_assert_uint_eq(conf.limits.session_time_s, 1200);
	ck_assert_uint_eq(conf.limits.disk_reserve_bytes, 64 * 1024 * 1024);
	ck_assert_uint_eq(conf.limits.inode_reserve, 1000);
	ck_assert_uint_eq(conf.limits.inetd_wait_s, 60);
	conf_free(&conf);
	ck_assert_ptr_null(conf.root);
}

TEST(per_address)
{
	struct conf conf;

	load(&conf, BASE "limits {\nworkers 29\n}\n");
	ck_assert_uint_eq(conf.limits.per_address, 2);
	ck_assert_uint_eq(conf.limits.per_network, 7);
	conf_free(&conf);
	load(&conf, BASE "limits {\nworkers 1\n}\n");
	ck_assert_uint_eq(conf.limits.per_address, 2);
	ck_assert_uint_eq(conf.limits.per_network, 2);
	conf_free(&conf);
	load(&conf, BASE "limits {\nworkers 30\n}\n");
	ck_assert_uint_eq(conf.limits.per_address, 3);
	conf_free(&conf);
	load(&conf, BASE "limits {\nworkers 400\n}\n");
	ck_assert_uint_eq(conf.limits.per_address, 40);
	conf_free(&conf);
	load(&conf, BASE "limits {\nper-address 7\nworkers 400\n}\n");
	ck_assert_uint_eq(conf.limits.per_address, 7);
	conf_free(&conf);
}

TEST(top)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in4;
	struct conf conf;

	load_full(&conf);
	ck_assert_str_eq(conf.path, "c");
	ck_assert_str_eq(conf.hostname, "mx.example.org");
	ck_assert_str_eq(conf.root, "/var/my mail");
	ck_assert_str_eq(conf.control, "/var/my mail/control");
	ck_assert_str_eq(conf.user, "nobody");
	ck_assert_str_eq(conf.worker_user, "daemon");
	ck_assert(conf.sandbox_optional);
	ck_assert_uint_eq(conf.limits.workers, 35);
	ck_assert_uint_eq(conf.limits.per_address, 3);
	ck_assert_uint_eq(conf.limits.idle_timeout_s, 600);
	ck_assert_uint_eq(conf.limits.recipients, 1000);
	ck_assert_uint_eq(conf.listen_count, 3);
	ck_assert_uint_eq(conf.listens[0].line, 6);
	ck_assert_uint_eq(conf.listens[0].addr_len, sizeof(in6));
	memcpy(&in6, &conf.listens[0].addr, sizeof(in6));
	ck_assert_int_eq(in6.sin6_family, AF_INET6);
	ck_assert_uint_eq(ntohs(in6.sin6_port), 2525);
	ck_assert(IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));
	memcpy(&in4, &conf.listens[2].addr, sizeof(in4));
	ck_assert_uint_eq(conf.listens[2].addr_len, sizeof(in4));
	ck_assert_int_eq(in4.sin_family, AF_INET);
	ck_assert_uint_eq(in4.sin_port, 0);
	ck_assert_uint_eq(ntohl(in4.sin_addr.s_addr), INADDR_LOOPBACK);
	conf_free(&conf);
}

TEST(domains)
{
	const struct conf_domain *d;
	struct conf conf;

	load_full(&conf);
	ck_assert_uint_eq(conf.domain_count, 2);
	d = &conf.domains[0];
	ck_assert_str_eq(d->name, "example.org");
	ck_assert_str_eq(conf.domains[1].name, "example.net");
	ck_assert_uint_eq(d->line, 7);
	ck_assert_uint_eq(conf_line_of(&d->sets, "catch-all"), 8);
	ck_assert_uint_eq(conf_line_of(&d->sets, "aliases"), 9);
	ck_assert_uint_eq(conf_line_of(&d->sets, "users"), 10);
	ck_assert_uint_eq(conf_line_of(&d->sets, "subaddress"), 11);
	ck_assert_uint_eq(conf_line_of(&conf.sets, "workers"), 2);
	ck_assert_uint_eq(conf_line_of(&conf.sets, "recipients"), 0);
	ck_assert_int_eq(d->subaddress, '-');
	ck_assert(d->has_catch_all);
	ck_assert(is(&d->catch_all, "carol", "example.net"));
	ck_assert_uint_eq(d->users.count, 2);
	ck_assert_str_eq(d->users.one[0].name, "alice");
	ck_assert_uint_eq(d->users.one[0].line, 4);
	ck_assert_str_eq(d->users.one[1].name, "bob");
	ck_assert_uint_eq(d->users.one[1].line, 2);
	ck_assert_uint_eq(d->aliases.count, 2);
	ck_assert_str_eq(d->aliases.one[0].name, "alice");
	ck_assert_uint_eq(d->aliases.one[0].line, 2);
	ck_assert_str_eq(d->aliases.one[1].name, "info");
	ck_assert_uint_eq(d->aliases.one[1].target_count, 2);
	ck_assert(is(&d->aliases.one[1].targets[0], "bob", ""));
	ck_assert(is(&d->aliases.one[1].targets[1], "carol", "example.net"));
	ck_assert_ptr_eq(conf_find_domain(&conf, span_of("EXAMPLE.ORG")), d);
	ck_assert_ptr_null(conf_find_domain(&conf, span_of("example.or")));
	ck_assert_ptr_null(conf_find_domain(&conf, span_of("")));
	ck_assert_ptr_eq(conf_find_entry(&d->users, span_of("ALICE")),
	    &d->users.one[0]);
	ck_assert_ptr_null(conf_find_entry(&d->users, span_of("carol")));
	ck_assert_ptr_eq(conf_find_entry(&d->aliases, span_of("Info")),
	    &d->aliases.one[1]);
	ck_assert_ptr_null(conf_find_entry(&conf.domains[1].aliases,
	    span_of("a")));
	conf_free(&conf);
}

TEST(log_lines)
{
	struct conf conf;
	char *text;

	load(&conf, BASE "log to \"/var/log/my log\"\n");
	ck_assert_int_eq(conf.log, CONF_LOG_FILE);
	ck_assert_str_eq(conf.log_path, "/var/log/my log");
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text,
	    "\nlog to \"/var/log/my log\""));
	load(&conf, text);
	ck_assert_str_eq(conf.log_path, "/var/log/my log");
	free(text);
	conf_free(&conf);
	load(&conf, BASE "log to stderr\n");
	ck_assert_int_eq(conf.log, CONF_LOG_STDERR);
	conf_free(&conf);
	load(&conf, BASE "log to syslog\n");
	ck_assert_int_eq(conf.log, CONF_LOG_SYSLOG);
	text = conf_case_print(&conf);
	ck_assert_ptr_nonnull(strstr(text, "\nlog to syslog "));
	free(text);
	conf_free(&conf);
}

/* What is printed says all, and means the same when it is read. */
TEST(printed)
{
	static const char want[] =
	    "hostname mx.example.org\n"
	    "root \"/var/my mail\"\n"
	    "control \"/var/my mail/control\"\n"
	    "user nobody\n"
	    "worker-user daemon\n"
	    "sandbox optional\n"
	    "keep-refused 1d\n"
	    "#log to syslog\n"
	    "listen ::1 port 2525\n"
	    "listen 127.0.0.1 port 0\n"
	    "listen 127.0.0.1 port 0\n"
	    "#resolver 127.0.0.1\n"
	    "domain example.org {\n"
	    "\tusers @/users\n"
	    "\taliases \"@/aliases\"\n"
	    "\tsubaddress -\n"
	    "\tcatch-all carol@Example.net\n"
	    "}\n"
	    "domain example.net {\n"
	    "\tusers @/users2\n"
	    "}\n"
	    "limits {\n"
	    "\tmessage-size 35M\n"
	    "\trecipients 1000\n"
	    "\tworkers 35\n"
	    "\tper-address 3\n"
	    "\tper-network 8\n"
	    "\tgreeting-wait 0\n"
	    "\tlogin-failures 10\n"
	    "\tworker-sessions 1\n"
	    "\treceived 100\n"
	    "\terrors 10\n"
	    "\tidle-timeout 10m\n"
	    "\tsession-time 20m\n"
	    "\tdisk-reserve 64M\n"
	    "\tinode-reserve 1000\n"
	    "\tinetd-wait 1m\n"
	    "\tdeliveries 100\n"
	    "\tper-destination 10\n"
	    "\tqueue-messages 1M\n"
	    "\tmails-per-hour 200\n"
	    "\trecipients-per-day 2000\n"
	    "}\n";
	char bare[sizeof(want) + 64], *text, *again, *to = bare;
	struct conf conf;

	load_full(&conf);
	text = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_ptr_nonnull(strstr(text, " # one name per line, a Maildir "
	    "each: 2\n"));
	load(&conf, text);
	again = conf_case_print(&conf);
	conf_free(&conf);
	ck_assert_str_eq(text, again);
	free(again);
	/* Without the meanings. */
	conf_case_normal(text);
	for (char *from = text; *from != '\0'; from++) {
		if (strncmp(from, " # ", 3) == 0) {
			while (to > bare && to[-1] == ' ')
				to--;
			from += strcspn(from, "\n");
		}
		ck_assert_ptr_ne(to, bare + sizeof(bare) - 1);
		*to++ = *from;
	}
	*to = '\0';
	ck_assert_str_eq(bare, want);
	free(text);
}

/* Twenty mistakes are shown, and that there are more. */
TEST(many_mistakes)
{
	char text[1024] = BASE, want[4096] = "";
	size_t n = strlen(text), m = 0;

	for (unsigned i = 0; i < 20; i++) {
		n += (size_t)sprintf(text + n, "zzz\n");
		m += (size_t)sprintf(want + m, "c:%u:1: unknown keyword "
		    "\"zzz\"\n    zzz\n    ^\n", 4 + i);
	}
	conf_case_expect(text, NULL, NULL, want);
	sprintf(text + n, "zzz\nzzz\n");
	sprintf(want + m, "more than 20 mistakes; the rest is not shown\n");
	conf_case_expect(text, NULL, NULL, want);
}

/* A table that two domains share has its mistakes shown once. */
TEST(shared_table)
{
	conf_case_expect(USERS "domain example.net {\nusers @/users\n}\n",
	    "bob\nbob\n", NULL,
	    "@/users:2:1: \"bob\" was given in line 1 already\n"
	    "    bob\n"
	    "    ^\n");
}

TEST(nul)
{
	static const char text[] = BASE "root /x\0y\n";
	struct conf conf;
	char *said;
	FILE *f = fopen("c", "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, sizeof(text) - 1, f),
	    sizeof(text) - 1);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(conf_case_load(&conf, &said), -1);
	ck_assert_str_eq(said, "c:4:8: a NUL octet\n"
	    "    root /x\\x00y\n"
	    "           ^\n");
	conf_free(&conf);
	free(said);
}

/* Of a long line what is around the mistake is shown. */
TEST(long_lines)
{
	char text[8192], want[1024];
	int n;

	n = sprintf(text, "%s#", BASE);
	memset(text + n, 'x', 4095);
	strcpy(text + n + 4095, "\n");
	conf_case_expect(text, NULL, NULL, "");
	strcpy(text + n + 4095, "yz\n");
	n = sprintf(want, "c:4:4097: a line of more than 4096 octets\n    ...");
	memset(want + n, 'x', 99);
	sprintf(want + n + 99, "yz\n%*s^\n", 7 + 99, "");
	conf_case_expect(text, NULL, NULL, want);
	n = sprintf(text, BASE "root /");
	memset(text + n, 'x', 1022);
	strcpy(text + n + 1022, "\n");
	conf_case_expect(text, NULL, NULL, "");
	strcpy(text + n + 1022, "x\n");
	n = sprintf(want, "c:4:6: bad path \"/");
	memset(want + n, 'x', 195);
	n += 195;
	n += sprintf(want + n, "...\": longer than 1023 octets\n    root /");
	memset(want + n, 'x', 154);
	sprintf(want + n + 154, "...\n         ^\n");
	conf_case_expect(text, NULL, NULL, want);
}

/* The name of a socket is short, unless it follows from root. */
TEST(long_sockets)
{
	char text[400], want[600], *xs;
	size_t n;

	n = (size_t)sprintf(text, BASE "control /");
	memset(text + n, 'x', 102);
	strcpy(text + n + 102, "\n");
	conf_case_expect(text, NULL, NULL, "");
	strcpy(text + n + 102, "x\n");
	xs = text + n;
	sprintf(want, "c:4:9: bad path \"/%.103s\": longer than 103 octets, "
	    "the most that the path of a socket can have\n"
	    "    control /%.103s\n"
	    "            ^\n", xs, xs);
	conf_case_expect(text, NULL, NULL, want);
}

TEST(unreadable)
{
	struct conf conf;
	char *said;

	unlink("c");
	ck_assert_int_eq(conf_case_load(&conf, &said), -1);
	ck_assert_str_eq(said, "c: cannot be read: No such file or "
	    "directory\n");
	conf_free(&conf);
	free(said);
	/* Nobody writes into it: it would be waited for for ever. */
	ck_assert_int_eq(mkfifo("c", 0600), 0);
	ck_assert_int_eq(conf_case_load(&conf, &said), -1);
	ck_assert_str_eq(said, "c: cannot be read: not a regular file\n");
	conf_free(&conf);
	free(said);
	unlink("c");
	ck_assert_int_eq(mkdir("c", 0700), 0);
	ck_assert_int_eq(conf_case_load(&conf, &said), -1);
	ck_assert_int_eq(rmdir("c"), 0);
	ck_assert_str_eq(said, "c: cannot be read: Is a directory\n");
	conf_free(&conf);
	free(said);
}

TEST(too_large)
{
	struct conf conf;
	char *said;
	FILE *f = fopen("c", "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(ftruncate(fileno(f), 64 * 1024 * 1024 + 1), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(conf_case_load(&conf, &said), -1);
	ck_assert_str_eq(said, "c: cannot be read: larger than 64M\n");
	conf_free(&conf);
	free(said);
}

/* smtpd.conf.example, its tables here; with settings put behind "#" too. */
static void
load_example(struct conf *conf, bool all)
{
	static const char there[] = "/etc/smtpd/";
	char path[sizeof(conf_case_source) + 32], line[256], *at;
	char text[16384] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/smtpd.conf.example", conf_case_source);
	f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s: run from the source or set SRCDIR",
	    path);
	while (fgets(line, sizeof(line), f) != NULL) {
		at = line + strspn(line, "\t");
		if (all && at[0] == '#' && at[1] != ' ' && at[1] != '\n')
			*at = ' ';
		at = strstr(line, there);
		if (at != NULL) {
			*at = '\0';
			strcat(text, line);
			strcat(text, "@/");
			strcat(text, at + sizeof(there) - 1);
		} else {
			strcat(text, line);
		}
		ck_assert_uint_lt(strlen(text), sizeof(text) - sizeof(line));
	}
	fclose(f);
	conf_case_file("users", "alice\nbob\n");
	conf_case_file("users.net", "carol\n");
	conf_case_file("aliases", "info: alice, bob\n");
	load(conf, text);
	unlink("users.net");
}

TEST(example)
{
	struct conf conf, all, fresh;

	load_example(&conf, false);
	load_example(&all, true);
	ck_assert_int_eq(conf_init(&fresh), 0);
	/* The values shown as defaults are the defaults. */
	ck_assert_mem_eq(&conf.limits, &fresh.limits, sizeof(fresh.limits));
	ck_assert_mem_eq(&all.limits, &fresh.limits, sizeof(fresh.limits));
	ck_assert_str_eq(all.root, fresh.root);
	ck_assert_str_eq(all.user, fresh.user);
	ck_assert_str_eq(all.worker_user, fresh.worker_user);
	ck_assert(all.sandbox_optional == fresh.sandbox_optional);
	ck_assert_uint_eq(conf.domain_count, 2);
	ck_assert(!conf.domains[0].has_catch_all);
	ck_assert(all.domains[0].has_catch_all);
	conf_free(&conf);
	conf_free(&all);
	conf_free(&fresh);
}
