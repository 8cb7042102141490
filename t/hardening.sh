#!/bin/sh
# Reads the hardening off the binaries themselves: what the linker was told
# is not what counts.  Needs readelf (binutils, or the BSDs' own).
#
#	hardening.sh [-w] PROGRAM...	smtpd-worker is static with -w
#	hardening.sh -s PROGRAM		0: it is static, and says nothing
set -u
export LC_ALL=C

# has PATTERN FILE: yes or no
has() {
	if grep -qE "$1" "$2"; then echo yes; else echo no; fi
}

# But for a static one, the kernel starts the interpreter of a program.
is_static() {
	[ "$(has '^ +LOAD' "$1")" = yes ] && [ "$(has '^ +INTERP' "$1")" = no ]
}

text=$(mktemp)
trap 'rm -f "$text"' EXIT

if [ "$1" = -s ]; then
	readelf -Wl "$2" >"$text" || exit 1
	is_static "$text"
	exit
fi
static_worker=no
if [ "$1" = -w ]; then
	static_worker=yes
	shift
fi

# What a system has of it, by its own name.
system=$(uname -s)
protector=__stack_chk_fail
[ "$system" != OpenBSD ] || protector=__stack_smash_handler

passed=0 failed=0

expect() {
	if [ "$2" = yes ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $program: $1"
	fi
}

for program; do
	static=no
	[ "${program##*/}" != smtpd-worker ] || static=$static_worker
	readelf -Whld "$program" >"$text" || exit 1
	expect "static as it was told to be: $static" \
	    "$(if is_static "$text"; then [ $static = no ] || echo yes
	    else [ $static = yes ] || echo yes; fi)"
	if [ "$static-$system" != yes-FreeBSD ]; then
		expect "position independent (PIE)" \
		    "$(has 'Type: +DYN' "$text")"
		expect "all symbols bound at start (NOW)" \
		    "$(has 'BIND_NOW|Flags:.* NOW' "$text")"
	fi
	expect "RELRO segment" "$(has 'GNU_RELRO' "$text")"
	# OpenBSD's stack is never executable, whatever a program says.
	[ "$system" = OpenBSD ] ||
		expect "stack not executable" \
		    "$(has 'GNU_STACK.* RW +' "$text")"
	expect "no segment writable and executable" \
	    "$(if grep -qE 'LOAD.* RWE' "$text"; then echo no; else echo yes; fi)"
	expect "no run path" \
	    "$(if grep -qE 'RPATH|RUNPATH' "$text"; then echo no; else echo yes; fi)"
	readelf -Ws "$program" >"$text" || exit 1
	expect "stack protector" "$(has "$protector" "$text")"
	# The libc of the BSDs has none of these.
	[ "$system" != Linux ] ||
		expect "fortified calls" "$(has '_chk(@|$| )' "$text")"
	if [ -u "$program" ] || [ -g "$program" ]; then
		expect "neither setuid nor setgid" no
	else
		expect "neither setuid nor setgid" yes
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
