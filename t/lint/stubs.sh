#!/bin/sh
# Checks the syntax and types of what only other systems run, against stub
# headers: that it compiles, not that it works.
set -eu
cd "$(dirname "$0")/../.."
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
	-Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wvla'
status=0

# Word splitting of the warnings is meant.
# shellcheck disable=SC2086
check() {
	system=$1
	shift
	for file in "$@"; do
		if ! ${CC:-cc} -std=c11 -D_GNU_SOURCE $warnings -Werror \
		    -fsyntax-only -isystem "t/lint/stubs/$system" -I. "$file"
		then
			echo "stubs: $file does not compile for $system" >&2
			status=1
		fi
	done
}

common='shared/sandbox_table.c shared/sandbox_limits.c shared/sandbox_probe.c'
# shellcheck disable=SC2086
check openbsd shared/sandbox_openbsd.c shared/os_bsd.c shared/os_path.c \
    shared/os_program.c shared/os_syslog.c $common
# shellcheck disable=SC2086
check freebsd shared/sandbox_freebsd.c shared/os_bsd.c shared/os_freebsd.c \
    shared/os_syslog.c $common
check none shared/sandbox_table.c shared/sandbox_none.c
exit "$status"
