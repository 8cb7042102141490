#!/bin/sh
# The programs as on a BSD (bsd.mk), under its sandbox as t/bsd/kernel.h plays
# it: tests of t/system that ask most of it, a stuck worker, and a terminal that
# stays silent.
#
#	run.sh BUILD SYSTEM
set -u
build=$1 system=$2
dir=$build/t/bsd/$system
passed=0 failed=0 skipped=0

ln -sf ../../../smtpctl "$dir/smtpctl"
out=$(mktemp) terminal=$(mktemp)
trap 'rm -f "$out" "$terminal"' EXIT
chmod 666 "$terminal"

# The last line sums; what failed is shown.
count() {
	tail -n 1 "$out" | grep -Eq '^[0-9]+ passed, [0-9]+ failed' ||
	    echo '0 passed, 1 failed' >>"$out"
	# shellcheck disable=SC2046
	set -- $(tail -n 1 "$out" | tr -d ,)
	passed=$((passed + $1)) failed=$((failed + $3))
	skipped=$((skipped + ${5:-0}))
	[ "$3" = 0 ] || cut -c1-300 "$out"
	grep '^skipped' "$out"
}

# try TEST [CASE...]: one by one, as other tests run beside.
try() {
	test=$1
	shift
	"$build/t/system/test_$test" "$dir/smtpd" "$dir/smtpd-worker" "$@" \
	    >"$out" 2>&1
	count
}

try kill worker worker_layout idle_worker active_nursery standby_nursery \
    crash_then_nursery silent_nursery workers_one_after_another
try sign rsa_key_stays ec_key_stays after_a_crash keeper_lost many
try submission matrix auth_lost right_ones_are_free password_changes
try report success failed nobody became_local double_bounce
try resolver
try exhaust few_descriptors
try log logger_killed rotation full_disk file_of_master
case $system in
openbsd) try dial not_without_relay dial_is_killed ;;
esac

"$build/t/bsd/stuck" "$(realpath "$dir")/smtpd-worker" >"$out" 2>&1
count

T_BSD_TERMINAL=$terminal try start signals
if [ -s "$terminal" ]; then
	failed=$((failed + 1))
	echo "FAILED: $(wc -l <"$terminal") lines on the terminal, as"
	head -n 3 "$terminal"
else
	passed=$((passed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
