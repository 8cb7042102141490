/*
 * Each forbidden thing, tried by the table of the self-test: it kills or is
 * refused in every role that lacks the right, and it is done where nothing
 * holds, so that the table is shown to notice.
 */
#include <sys/prctl.h>

#include "shared/os/sandbox_linux.h"
#include "t/unit/sandbox_linux_case.h"

static const char *const verdict_name[] = {
	[SANDBOX_SUCCEEDED] = "succeeded",
	[SANDBOX_REFUSED] = "refused",
	[SANDBOX_KILLED] = "killed",
	[SANDBOX_FAILED] = "could not be tried"
};

/* In a worker these are refused, as no call as such is forbidden. */
static const char *const only_refused[] = {
	"clear O_APPEND", "memory above the limit",
	"descriptors above the limit", "mmap MAP_SHARED", "mmap PROT_READ",
	"mprotect PROT_READ", "addresses above the limit"
};
/* What some kernels keep from ordinary users, or from everyone. */
static const char *const perhaps_privileged[] = {
	"bpf", "io_uring_setup", "name_to_handle_at", "ptrace"
};

static bool
among(const char *name, const char *const *names, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

#define AMONG(name, names) among(name, names, COUNT(names))

static bool
verdict_expected(const struct sandbox_probe *probe, enum sandbox_role role,
    enum sandbox_verdict verdict)
{
	if (verdict != SANDBOX_REFUSED)
		return verdict == SANDBOX_KILLED;
	if (role != SANDBOX_SMTP)
		return true;
	/* The sanitizers' runtime names its memory by prctl. */
	if (SANDBOX_SANITIZED && strcmp(probe->name, "PR_SET_DUMPABLE") == 0)
		return true;
	return AMONG(probe->name, only_refused);
}

static void
try_all(enum sandbox_role role)
{
	const struct sandbox_probe *probe;
	enum sandbox_verdict verdict;
	const char *what = "";
	bool good = true;

	EXPECT(sandbox_prepare(role, &what) == 0);
	FOR_EACH_PROBE(p) {
		probe = *p;
		if (!sandbox_probe_applies(probe, role))
			continue;
		verdict = sandbox_probe_run(probe, role, true);
		if (verdict_expected(probe, role, verdict))
			continue;
		good = false;
		dprintf(STDERR_FILENO, "%s: %s %s\n", sandbox_table[role].name,
		    probe->name, verdict_name[verdict]);
	}
	EXPECT(good);
}

static void
master_body(void)
{
	try_all(SANDBOX_MASTER);
}

static void
nursery_body(void)
{
	try_all(SANDBOX_NURSERY);
}

static void
smtp_body(void)
{
	try_all(SANDBOX_SMTP);
}

static void
smtp_in_nursery_body(void)
{
	case_enter(SANDBOX_NURSERY, NULL, 0);
	try_all(SANDBOX_SMTP);
}

TEST(held_kills_or_refuses)
{
	case_passes(master_body);
	case_passes(nursery_body);
	case_passes(smtp_body);
	case_passes(smtp_in_nursery_body);
}

/* A probe that fails unheld as well would show nothing when held. */
static void
unheld_body(void)
{
	const struct sandbox_probe *probe;
	enum sandbox_verdict verdict;
	bool good = true, lenient;

	lenient = geteuid() != 0 || prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
	FOR_EACH_PROBE(p) {
		probe = *p;
		verdict = sandbox_probe_run(probe, SANDBOX_SMTP, false);
		if (verdict == SANDBOX_SUCCEEDED)
			continue;
		if (verdict == SANDBOX_REFUSED && lenient &&
		    AMONG(probe->name, perhaps_privileged)) {
			dprintf(STDERR_FILENO, "skipped: %s is not for this "
			    "user\n", probe->name);
			continue;
		}
		good = false;
		dprintf(STDERR_FILENO, "unheld: %s %s\n", probe->name,
		    verdict_name[verdict]);
	}
	EXPECT(good);
}

TEST(unheld_is_noticed)
{
	case_passes(unheld_body);
}

static void
self_test_body(void)
{
	const char *what = "";
	int role;

	for (role = 0; role < SANDBOX_ROLE_COUNT; role++) {
		EXPECT(sandbox_prepare((enum sandbox_role)role, &what) == 0);
		if (sandbox_probe_all((enum sandbox_role)role, true,
		    &what) == 0)
			continue;
		dprintf(STDERR_FILENO, "%s: %s: %s\n",
		    sandbox_table[role].name, what, strerror(errno));
		_exit(1);
	}
}

static void
self_test_in_nursery_body(void)
{
	const char *what = "";

	case_enter(SANDBOX_NURSERY, NULL, 0);
	EXPECT(sandbox_prepare(SANDBOX_SMTP, &what) == 0);
	EXPECT(sandbox_probe_all(SANDBOX_SMTP, true, &what) == 0);
}

TEST(self_test_passes)
{
	case_passes(self_test_body);
	case_passes(self_test_in_nursery_body);
}

/* The first thing that succeeds is named, and errno says it is no error. */
static void
self_test_unheld_body(void)
{
	const char *what = "";

	EXPECT(sandbox_prepare(SANDBOX_SMTP, &what) == 0);
	EXPECT(sandbox_probe_all(SANDBOX_SMTP, false, &what) == -1);
	EXPECT(errno == 0);
	EXPECT(strcmp(what, (*__start_sandbox_probes)->name) == 0);
}

/* A role that cannot be entered fails with the reason, never passes. */
static void
self_test_unprepared_body(void)
{
	const char *what = "";

	EXPECT(sandbox_probe_all(SANDBOX_SMTP, true, &what) == -1);
	EXPECT(errno == EINVAL);
}

/* What the nursery may is a worker's crime: a filter too wide is found. */
static void
self_test_wide_body(void)
{
	const char *what = "";
	size_t found = 0;

	EXPECT(sandbox_prepare(SANDBOX_NURSERY, &what) == 0);
	FOR_EACH_PROBE(p)
		if (sandbox_probe_applies(*p, SANDBOX_SMTP) &&
		    sandbox_probe_run(*p, SANDBOX_NURSERY, true) ==
		    SANDBOX_SUCCEEDED)
			found++;
	/* clear O_APPEND, socketpair, fork */
	EXPECT(found >= 3);
}

TEST(self_test_fails)
{
	case_passes(self_test_unheld_body);
	case_passes(self_test_unprepared_body);
	case_passes(self_test_wide_body);
}
