#!/bin/sh
# Reads the hardening off the binaries themselves: what the linker was told
# is not what counts.  Arguments: the programs.  Needs readelf (binutils).
set -u
export LC_ALL=C

passed=0 failed=0

expect() {
	if [ "$2" = yes ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $program: $1"
	fi
}

# has PATTERN FILE: yes or no
has() {
	if grep -qE "$1" "$2"; then echo yes; else echo no; fi
}

text=$(mktemp)
trap 'rm -f "$text"' EXIT

for program; do
	readelf -Whld "$program" >"$text" || exit 1
	expect "position independent (PIE)" "$(has 'Type: +DYN' "$text")"
	expect "RELRO segment" "$(has 'GNU_RELRO' "$text")"
	expect "all symbols bound at start (NOW)" \
	    "$(has 'BIND_NOW|Flags:.* NOW' "$text")"
	expect "stack not executable" "$(has 'GNU_STACK.* RW +' "$text")"
	expect "no segment writable and executable" \
	    "$(if grep -qE 'LOAD.* RWE' "$text"; then echo no; else echo yes; fi)"
	expect "no run path" \
	    "$(if grep -qE 'RPATH|RUNPATH' "$text"; then echo no; else echo yes; fi)"
	readelf -Ws "$program" >"$text" || exit 1
	expect "stack protector" "$(has '__stack_chk_fail' "$text")"
	expect "fortified calls" "$(has '_chk(@|$| )' "$text")"
	if [ -u "$program" ] || [ -g "$program" ]; then
		expect "neither setuid nor setgid" no
	else
		expect "neither setuid nor setgid" yes
	fi
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
