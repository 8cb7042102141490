#!/bin/sh
# The events of the log are an interface: the table in smtpd(8) names every
# event that the source can write and no other, and every key that the source
# uses and no other.  Which key belongs to which event is compared where
# events are written: t/system/events.c.
#
#	t/lint/events.sh [SOURCE-DIRECTORY]
# Functions are called by the words they print:
# shellcheck disable=SC2317
set -eu

source=${1:-$(dirname "$0")/../..}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ".It Cm NAME Ar KEY ..." in the section "The log", other macros left out.
from_manual() {
	awk -v want="$1" '
	/^\.S[hs] / { listing = $0 == ".Ss The log" }
	listing && /^\.It Cm / {
		if (want == "events")
			print $3
		for (i = 4; want == "keys" && i <= NF; i++)
			if ($i !~ /^(Ar|Oo|Oc|Op|Cm)$/)
				print $i
	}' "$source/man/smtpd.8" | sort -u
}

# A line of C may be folded, so all of a file is one line here.
flat() {
	cat "$source"/server/*.c "$source"/server/*/*.c "$source"/shared/log.c | tr '\n\t' '  ' |
	    sed 's/  */ /g; s/log_/\nlog_/g; s/event=/\nevent=/g'
}

events() {
	flat | sed -n \
	    -e 's/^log_begin([^,]*, [^,]*, "\([^"]*\)"[,)].*/\1/p' \
	    -e 's/^event=\([a-z-]*\).*/\1/p' | sed '/^$/d'
	# The second argument may choose among several.
	flat | sed -n 's/^log_put([^,]*,\([^,]*"\),.*/\1/p' |
	    grep -oE '"[a-z-]+"' | tr -d '"'
}

# A key stands in a format, before "=%" or "?=%".
keys() {
	flat | grep -E '^log_(put|add)\(' | grep -oE '[a-z_]+\??=%' | tr -d '?=%'
	flat | sed -n \
	    -e 's/^event=[a-z-]* \([a-z_]*\)=.*/\1/p' |
	    grep -v '^event$' | sort -u
}

status=0
for what in events keys; do
	from_manual "$what" >"$work/man"
	$what | sort -u >"$work/source"
	test -s "$work/source"
	if ! diff "$work/source" "$work/man" >"$work/diff"; then
		echo "$what of the source (<) and of smtpd(8) (>) differ:"
		grep '^[<>]' "$work/diff"
		status=1
	fi
done
exit $status
