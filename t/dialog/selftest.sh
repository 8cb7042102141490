#!/bin/sh
# Tests the dialogue player itself, against parrot, a server that answers what
# it is told: every check has to fail when it should. Run by make check.
#
#	selftest.sh PLAY PARROT
set -eu

play=$1
parrot=$2
here=$(dirname "$0")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

# Plays the transcript "$1" once; the output has to hold the line "$2", the
# last line has to be "$3", and the exit code "$4".
expect() {
	code=0
	"$play" ${option:+"$option"} -t 5 -s "$parrot" -w none "$1" \
	    >"$dir/out" 2>&1 || code=$?
	if [ "$code" -ne "$4" ] || ! grep -qF -- "$2" "$dir/out" ||
	    [ "$(tail -n 1 "$dir/out")" != "$3" ]; then
		echo "FAIL $(basename "$1"): expected \"$2\", \"$3\", exit $4:"
		cat "$dir/out"
		failed=1
	fi
}

printf '# Right.\nS: 220\nC: SAY 250 2.0.0 ok\\r\\n\nS: 250 2.0.0\n' \
	>"$dir/right.smtp"
expect "$dir/right.smtp" 'ok right' '1 passed, 0 failed' 0
option=-a
expect "$dir/right.smtp" 'FAIL replies: no transcript has REPLY_GREETING: 220' \
	'1 passed, 1 failed' 1
expect "$dir/right.smtp" 'REPLY_STORED: 250 2.0.0 stored as' \
	'1 passed, 1 failed' 1
option=
printf '# Refused.\n@conf submission\nS: 220\nC: LATE 454 no\\r\\n\nS: 220\nY!\n' \
	>"$dir/refused.smtp"
expect "$dir/refused.smtp" 'ok refused' '1 passed, 0 failed' 0
printf '# First.\n@conf submission-first\nY:\nS: 220\nC: CLOSE\nX:\n' \
	>"$dir/first.smtp"
expect "$dir/first.smtp" 'ok first' '1 passed, 0 failed' 0
printf '# Killed.\nS: 220\nZ:\nX:\n' >"$dir/killed.smtp"
expect "$dir/killed.smtp" 'ok killed' '1 passed, 0 failed' 0
printf '# Ended.\nS: 220\nT:\nX:\n' >"$dir/ended.smtp"
expect "$dir/ended.smtp" 'ok ended' '1 passed, 0 failed' 0
printf '# Ends badly.\nS: 220\nC: EXIT 3\nS: 250\nT:\nX:\n' \
	>"$dir/ended-badly.smtp"
expect "$dir/ended-badly.smtp" 'FAIL daemon-main: expected exit 0, got 3' \
	'0 passed, 1 failed' 1
printf '# Wrong.\nS: 220\nC: SAY 250 o\\tk\\r\\n\nS: 251\n' \
	>"$dir/wrong.smtp"
expect "$dir/wrong.smtp" 'FAIL wrong:4: expected 251 , got "250 o\tk\r\n"' \
	'0 passed, 1 failed' 1
printf '# The daemon ends badly.\nS: 220\nC: EXIT 3\nS: 250\n' \
	>"$dir/exit.smtp"
expect "$dir/exit.smtp" 'FAIL daemon-main: expected exit 0, got 3' \
	'0 passed, 1 failed' 1
printf '# No such word.\nS: 220\nQ: x\n' >"$dir/word.smtp"
expect "$dir/word.smtp" 'FAIL word:3: not a line' '0 passed, 1 failed' 1
printf '# No such escape.\nS: 220\nR: \\q\n' >"$dir/escape.smtp"
expect "$dir/escape.smtp" 'FAIL escape:3: not a line' '0 passed, 1 failed' 1
printf '# Nothing is expected.\nC: NOOP\n' >"$dir/vain.smtp"
expect "$dir/vain.smtp" 'FAIL vain:1: no reply' '0 passed, 1 failed' 1
printf 'S: 220\n' >"$dir/mute.smtp"
expect "$dir/mute.smtp" 'FAIL mute:1: no comment' '0 passed, 1 failed' 1
expect "$dir/missing.smtp" 'FAIL missing:0:' '0 passed, 1 failed' 1

printf '# No daemon.\nS: 220\n' >"$dir/none.smtp"
keep=$parrot
parrot=$dir/no-such-program
expect "$dir/none.smtp" 'FAIL none: the daemon does not serve' \
	'0 passed, 1 failed' 1
parrot=$keep

"$play" -x -t 5 -j 8 -s "$parrot" -w none "$here"/selftest/*.smtp || failed=1
exit "$failed"
