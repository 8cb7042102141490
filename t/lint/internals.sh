#!/bin/sh
# smtpd-internals(7) has what the source has: every record and every role of
# the sandbox with its line, and every number that is said to stand in a file.
#
#	t/lint/internals.sh [-w] PROGRAM [SOURCE-DIRECTORY]
#
# PROGRAM prints two lines for each record and role, as they have to stand in
# the page.  With -w the second lines of the page are written anew; what is
# missing, or too much, a person has to write or take out.
set -eu

write=false
if [ "${1:-}" = -w ]; then
	write=true
	shift
fi
program=${1:?usage: internals.sh [-w] PROGRAM [SOURCE-DIRECTORY]}
source=${2:-$(dirname "$0")/../..}
page=$source/man/smtpd-internals.7
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$program" >"$work/program"
test -s "$work/program"

if $write; then
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
