# Sourced by run.sh: how a check is run and counted, how a process of ours is
# started and ended. What is checked stands in run.sh and clients.sh.
# shellcheck shell=sh
# shellcheck disable=SC2154 # python is set by run.sh

passed=0
failed=0
skipped=0
ours=

# check NAME COMMAND...: what the command prints is why it failed. It runs in
# a shell of its own under set -e, so the first thing that goes wrong fails it.
check() {
	name=$1
	shift
	set +e
	why=$(
		set -e
		"$@" 2>&1
	)
	result=$?
	set -e
	if [ "$result" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok $name"
		return 0
	fi
	failed=$((failed + 1))
	printf 'FAIL %s: %s\n' "$name" \
	    "$(printf '%s' "${why:-exit $result}" | on_one_line)"
}

skip() {
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}

on_one_line() {
	LC_ALL=C tr '\n' '|' | LC_ALL=C tr -c '\11\40-\176' '?' | tail -c 900
}

# To stderr: check shows that too, and it is no part of what a command prints.
fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# The last line of the run.
finish() {
	[ "$skipped" -eq 0 ] || skips=", $skipped skipped"
	echo "$passed passed, $failed failed${skips:-}"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# Processes we started, ended again whatever happens.
started() {
	ours="$ours $1"
}

end_ours() {
	for pid in $ours; do
		kill "$pid" 2>/dev/null || :
	done
	for pid in $ours; do
		end_one "$pid" || :
	done
}

# end_one PID: gives it half a minute after the signal it already got, then
# kills it. Its exit status is ours.
end_one() {
	tries=300
	while [ "$tries" -gt 0 ] && is_running "$1"; do
		sleep 0.1
		tries=$((tries - 1))
	done
	if is_running "$1"; then
		kill -9 "$1" 2>/dev/null || :
		echo "process $1 did not end within 30 s of SIGTERM"
		return 99
	fi
	wait "$1"
}

# A process that ended and was not waited for is not running.
is_running() {
	case $(ps -o stat= -p "$1" 2>/dev/null) in
	'' | Z*) return 1 ;;
	esac
}

# Its state is that of one that waits for time to pass, or for an event.
sleeps() {
	case $(ps -o stat= -p "$1" 2>/dev/null) in
	[SI]*) ;;
	*) return 1 ;;
	esac
}

# until_so SECONDS COMMAND...: tries ten times a second.
until_so() {
	tries=$(($1 * 10))
	shift
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

letter() {
	"$python" t/interop/letter.py "$@"
}

# manual_example PAGE WORD: the literal text of the page that has the word.
manual_example() {
	awk -v word="$2" '
	/^\.Bd -literal/ { text = ""; on = 1; next }
	/^\.Ed/ { if (on && index(text, word)) printf "%s", text; on = 0 }
	on { text = text $0 "\n" }
	' "$1" | sed 's/\\e/\\/g; s/\\&//g'
}
