#!/bin/sh
# Every keyword of the program is in smtpd.conf(5) and in smtpd.conf.example,
# and every keyword these two have is one of the program.
#
#	t/lint/keywords.sh PROGRAM [SOURCE-DIRECTORY]
#
# PROGRAM prints the keywords, one a line ("listen", "domain.users").
set -eu

program=${1:?usage: keywords.sh PROGRAM [SOURCE-DIRECTORY]}
source=${2:-$(dirname "$0")/../..}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The manual: ".It Ic WORD" below a subsection named for its block.
from_manual() {
	awk '
	/^\.Sh / { listing = 0 }
	/^\.Ss Outside of any block/ { listing = 1; block = "" }
	/^\.Ss Inside a domain block/ { listing = 1; block = "domain." }
	/^\.Ss Inside the relay block/ { listing = 1; block = "relay." }
	/^\.Ss Inside the limits block/ { listing = 1; block = "limits." }
	listing && /^\.It Ic / { print block $3 }
	' "$source/man/smtpd.conf.5" | sort -u
}

# The example: settings, and those behind a "#" without a blank.
from_example() {
	awk '
	{ sub(/^[ \t]*#?/, "") }
	/^$/ || /^ / { next }
	$1 == "}" { block = ""; next }
	{ print block $1 }
	$NF == "{" { block = $1 "." }
	' "$source/smtpd.conf.example" | sort -u
}

"$program" | sort -u >"$work/program"
from_manual >"$work/man"
from_example >"$work/example"
test -s "$work/program"

status=0
for other in man example; do
	if ! diff "$work/program" "$work/$other" >"$work/diff"; then
		echo "keywords of the program (<) and of the $other (>) differ:"
		grep '^[<>]' "$work/diff"
		status=1
	fi
done
exit $status
