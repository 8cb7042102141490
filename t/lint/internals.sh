#!/bin/sh
# smtpd-internals(7) has what the source has: every record, state and role of
# the sandbox with its line, the system calls of each role, the words of
# pledge(2), and every number that is said to stand in a file.
#
#	t/lint/internals.sh [-w] PROGRAM [CALLS]
#
# PROGRAM prints two lines for each record, state and role, as they have to
# stand in the page; CALLS, where there is seccomp, what stands between
# '.\" begin calls' and '.\" end calls'.  With -w these calls and the second
# lines of the page are written anew; what is missing, or too much, a person
# has to write or take out.
set -eu

write=false
if [ "${1:-}" = -w ]; then
	write=true
	shift
fi
program=${1:?usage: internals.sh [-w] PROGRAM [CALLS]}
calls=${2:-}
source=$(dirname "$0")/../..
page=$source/man/smtpd-internals.7
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" >"$work/program"
test -s "$work/program"

if [ -n "$calls" ]; then
	"$calls" >"$work/calls"
	test -s "$work/calls"
fi

if $write; then
	if [ -n "$calls" ]; then
		awk -v calls="$work/calls" '
		/^\.\\" end calls/ { skip = 0 }
		!skip { print }
		/^\.\\" begin calls/ {
			skip = 1
			while ((getline line <calls) > 0)
				print line
		}
		' "$page" >"$work/page"
		cat "$work/page" >"$page"
	fi
	awk '
	NR == FNR { if (FNR % 2) name = $0; else line[name] = $0; next }
	due { if (due in line) $0 = line[due]; due = "" }
	/^\.It Ic / { due = $0 }
	{ print }
	' "$work/program" "$page" >"$work/page"
	cat "$work/page" >"$page"
fi

status=0
awk 'due { print due; print; due = "" } /^\.It Ic / { due = $0 }' "$page" \
    >"$work/page"
if ! diff "$work/program" "$work/page" >"$work/diff"; then
	echo "the source (<) and smtpd-internals(7) (>) differ; where only" \
	    "second lines do, t/lint/internals.sh -w $program mends it:"
	grep '^[<>]' "$work/diff"
	status=1
fi

if [ -n "$calls" ]; then
	sed -n '/^\.\\" begin calls/,/^\.\\" end calls/p' "$page" |
	    sed '1d;$d' >"$work/page"
	if ! diff "$work/calls" "$work/page" >"$work/diff"; then
		echo "system calls of the source (<) and of smtpd-internals(7)" \
		    "(>) differ; t/lint/internals.sh -w $program $calls" \
		    "mends it:"
		grep '^[<>]' "$work/diff"
		status=1
	fi
fi

# Rights and words of pledge(2), each ".\" pledge: { RIGHT, "words" }".
sed -n '/promise_table\[\] = {/,/^};/s/^.*\({ RIGHT.*}\),*$/\1/p' \
    "$source/shared/os/sandbox_openbsd.c" >"$work/source"
sed -n 's/^\.\\" pledge: //p' "$page" >"$work/page"
test -s "$work/source"
if ! diff "$work/source" "$work/page" >"$work/diff"; then
	echo "promises of shared/os/sandbox_openbsd.c (<) and of" \
	    "smtpd-internals(7) (>) differ:"
	grep '^[<>]' "$work/diff"
	status=1
fi

# Every file of the source that the page names is there.
grep -oE '(server|worker|shared)/[a-z_/0-9]+\.[ch]' "$page" | sort -u >"$work/files"
while read -r file; do
	[ -f "$source/$file" ] || {
		echo "smtpd-internals(7) names $file, which is not there"
		status=1
	}
done <"$work/files"

# .\" FILE: NAME = VALUE, above what is told of it.
sed -n 's/^\.\\" \([^ ]*\): \(.* = .*\)/\1 \2/p' "$page" >"$work/numbers"
test -s "$work/numbers"
while read -r file number; do
	tr -s '\t ' ' ' <"$source/$file" | sed 's/$/ /' >"$work/file"
	if ! grep -qF -e " $number," -e " $number;" -e " $number " \
	    "$work/file"; then
		echo "$file has no \"$number\", smtpd-internals(7) has it"
		status=1
	fi
done <"$work/numbers"
exit $status
