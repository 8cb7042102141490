#!/bin/sh
# Checks the syntax and types of what only other systems run, against stub
# headers: that it compiles, not that it works.
set -eu
cd "$(dirname "$0")/../.."
warnings='-Wall -Wextra -Wno-unused-parameter -Wpedantic -Wshadow -Wconversion
	-Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla'
status=0

# Word splitting of the warnings is meant.
# shellcheck disable=SC2086
check() {
	system=$1
	shift
	for file in "$@"; do
		if ! ${CC:-cc} -std=c11 -D_GNU_SOURCE -U__linux__ $warnings -Werror \
		    -fsyntax-only -isystem "t/lint/stubs/$system" -I. "$file"
		then
			echo "stubs: $file does not compile for $system" >&2
			status=1
		fi
	done
}

os=shared/os
common="$os/os_common.c $os/sandbox_os.c
    $os/sandbox_probe.c"
# shellcheck disable=SC2086
check openbsd $os/sandbox_openbsd.c $common
# shellcheck disable=SC2086
check freebsd $os/sandbox_freebsd.c $common
exit "$status"
