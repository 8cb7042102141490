#!/bin/sh
# Runs commands, one a line on standard input, and sums what they say of
# themselves: libcheck's "Checks: N, Failures: F, Errors: E", or a last line
# "N passed, N failed[, N skipped]", or "N inputs replayed".  A command that
# fails is shown whole; one that says nothing of itself counts as failed.  The
# sums are the last line.  Given words, only commands in which one of them
# stands are run.  While one takes long, a line says so every 15 seconds.
#
#	run.sh BUILD [WORD...]
#
# TMPDIR of the commands is where t/tmpdir.sh says.
set -u

passed=0 failed=0 skipped=0
TMPDIR=$(sh t/tmpdir.sh "$1") || exit 1
export TMPDIR
shift
out=$(mktemp)
ticker=
clean_up() {
	[ -z "$ticker" ] || kill -KILL "$ticker"
	rm -f "$out" "$out.list"
	case ${KEEP:+kept}$TMPDIR in
	/*/smtpd-check.??????) rm -rf "$TMPDIR" ;;
	esac
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

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
	END { if (!any) exit 1; print P + 0, F + 0, S + 0 }' "$out"
}

is_wanted() {
	case " $words " in "  ") return 0 ;; esac
	for word in $words; do
		case $1 in *"$word"*) return 0 ;; esac
	done
	return 1
}

# Ended by SIGKILL: a shell that has just been forked loses any other signal.
tick() {
	seconds=0
	while sleep 15 >/dev/null 2>&1; do
		seconds=$((seconds + 15))
		echo "[$at/$count] $seconds s: $shown"
	done
}

words=$*
while read -r command; do
	if [ -n "$command" ] && is_wanted "$command"; then
		echo "$command"
	fi
done >"$out.list"
count=$(wc -l <"$out.list")
count=$((count))
at=0
if [ "$count" -eq 0 ]; then
	echo "run.sh: no test has one of these words in its name: $words"
fi

while read -r command; do
	at=$((at + 1))
	shown=$(printf '%.70s' "$command")
	tick </dev/null &
	ticker=$!
	status=0
	sh -c "$command" >"$out" 2>&1 </dev/null || status=$?
	kill -KILL "$ticker"
	wait "$ticker" 2>/dev/null
	ticker=
	if totals=$(sums); then
		p=${totals%% *}
		s=${totals##* }
		f=${totals#* }
		f=${f% *}
	else
		p=0 f=1 s=0
	fi
	if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	if [ "$f" -ne 0 ]; then
		cat "$out"
		echo "[$at/$count] FAIL ($status) $command"
	else
		grep -i 'skip' "$out" | grep -v 'passed' || :
		echo "[$at/$count] ok $p  $shown"
	fi
done <"$out.list"

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
