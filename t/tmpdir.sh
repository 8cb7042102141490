#!/bin/sh
# tmpdir.sh BUILD: prints the directory below which tests make their own, in
# an absolute path. It is BUILD/t/tmp, unless that cannot be used:
# - the daemon under test gives up root, and the users it becomes have to
#   reach what lies there, which a checkout below /root, say, does not allow;
# - the path of a socket has at most 108 octets, those of its name included.
# Then it is a new directory below TMPDIR or /tmp, named smtpd-check.XXXXXX,
# and who asked removes it.
set -eu

longest=56

# Every directory on the way lets anybody through.
lets_through() {
	dir=$1
	while :; do
		# Names do not matter here, only the mode.
		# shellcheck disable=SC2012
		case $(ls -ld "$dir/" | cut -c 10) in
		x | t) ;;
		*) return 1 ;;
		esac
		[ "$dir" != / ] || return 0
		dir=$(dirname "$dir")
	done
}

mkdir -p "$1/t/tmp"
tmp=$(cd "$1/t/tmp" && pwd -P)
if [ "${#tmp}" -gt "$longest" ] ||
    { [ "$(id -u)" -eq 0 ] && ! lets_through "$tmp"; }; then
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/smtpd-check.XXXXXX")
	chmod 755 "$tmp"
fi
printf '%s\n' "$tmp"
