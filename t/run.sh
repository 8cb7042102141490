#!/bin/sh
# Runs commands, one a line on standard input, as many at once as there are
# processors (or JOBS), and sums what they say of themselves: libcheck's
# "Checks: N, Failures: F, Errors: E", or a last line "N passed, N failed[, N
# skipped]", or "N inputs replayed".  A command that fails is shown whole; one
# that says nothing of itself counts as failed.  The sums are the last line.
# Given words, only commands in which one of them stands are run.  While one
# takes long, a line says so every 15 seconds.
#
#	run.sh BUILD [WORD...]
#	run.sh --one DIR COUNT NUMBER	by itself: the command in DIR/NUMBER
#
# TMPDIR of the commands is where t/tmpdir.sh says.
set -u

sums() {
	awk '
	/^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+$/ {
		n = split($0, w, /[^0-9]+/)
		f = w[3] + w[4]; p = w[2] - f; s = 0; any = 1
		P += p; F += f
	}
	/^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
		split($0, w, " "); P = w[1]; F = w[3]; S = w[5] + 0; any = 1
	}
	/^[0-9]+ inputs replayed$/ { P += $1; any = 1 }
	END { if (!any) exit 1; print P + 0, F + 0, S + 0 }' "$1"
}

# Ended by SIGKILL: a shell that has just been forked loses any other signal.
tick() {
	seconds=0
	while sleep 15 >/dev/null 2>&1; do
		seconds=$((seconds + 15))
		echo "[$at/$count] $seconds s: $shown"
	done
}

run_one() {
	dir=$1 count=$2 at=$3
	command=$(cat "$dir/$at")
	shown=$(printf '%.70s' "$command")
	tick </dev/null &
	ticker=$!
	status=0
	sh -c "$command" >"$dir/$at.out" 2>&1 </dev/null || status=$?
	kill -KILL "$ticker"
	wait "$ticker" 2>/dev/null
	totals=$(sums "$dir/$at.out") || totals='0 1 0'
	case $status,$totals in
	[1-9]*,*' 0 '*) totals="${totals%% *} 1 ${totals##* }" ;;
	esac
	echo "$totals" >"$dir/$at.sums"
	# In one piece, as others print, too.
	case $totals in
	*' 0 '*)
		grep -i 'skip' "$dir/$at.out" | grep -v 'passed'
		echo "[$at/$count] ok ${totals%% *}  $shown"
		;;
	*)
		cat "$dir/$at.out"
		echo "[$at/$count] FAIL ($status) $command"
		;;
	esac >"$dir/$at.text"
	cat "$dir/$at.text"
}

if [ "$1" = --one ]; then
	shift
	run_one "$@"
	exit 0
fi

TMPDIR=$(sh t/tmpdir.sh "$1") || exit 1
export TMPDIR
shift
dir=$(mktemp -d) || exit 1
clean_up() {
	rm -rf "$dir"
	case ${KEEP:+kept}$TMPDIR in
	/*/smtpd-check.??????) rm -rf "$TMPDIR" ;;
	esac
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

is_wanted() {
	case " $words " in "  ") return 0 ;; esac
	for word in $words; do
		case $1 in *"$word"*) return 0 ;; esac
	done
	return 1
}

words=$*
count=0
while read -r command; do
	if [ -n "$command" ] && is_wanted "$command"; then
		count=$((count + 1))
		printf '%s\n' "$command" >"$dir/$count"
	fi
done
if [ "$count" -eq 0 ]; then
	echo "run.sh: no test has one of these words in its name: $words"
	exit 1
fi

awk -v n="$count" 'BEGIN { while (i < n) print ++i }' |
    xargs -n 1 -P "${JOBS:-$(getconf _NPROCESSORS_ONLN || echo 2)}" \
    sh t/run.sh --one "$dir" "$count"

cat "$dir"/*.sums | awk '
{ passed += $1; failed += $2; skipped += $3 }
END {
	printf "%d passed, %d failed", passed, failed
	if (skipped > 0)
		printf ", %d skipped", skipped
	print ""
	exit (failed > 0 || passed == 0)
}'
