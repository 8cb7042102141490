#!/bin/sh
# install-system.sh SYSCONFDIR OWNER WORKER EXAMPLE: what this host needs beside
# the programs: two users, who owns the mail and who speaks with strangers, the
# configuration with its tables, /var/smtpd. Run by make install-system.
#
# Says each thing it does, and changes nothing that is there: run it as often
# as you like. Exit 0 when all is there, 1 when not, 2 for a wrong call.
set -eu
umask 022

[ $# -eq 4 ] || {
	echo "usage: t/install-system.sh SYSCONFDIR OWNER WORKER EXAMPLE" >&2
	exit 2
}
sysconf=$1
owner=$2
worker=$3
example=$4
root=/var/smtpd
done_any=false

die() {
	echo "install-system: $*" >&2
	exit 1
}

say() {
	done_any=true
	echo "install-system: $*"
}

# system_has TABLE NAME: in the files of this host or where else it looks.
system_has() {
	if command -v getent >/dev/null; then
		getent "$1" "$2" >/dev/null
	else
		grep -q "^$2:" "/etc/$1"
	fi
}

# An account nobody can log in to, with a group of its own name.
make_group() {
	if command -v groupadd >/dev/null; then
		case $(uname -s) in
		Linux) groupadd --system "$1" ;;
		*) groupadd "$1" ;;
		esac
	elif command -v pw >/dev/null; then
		pw groupadd "$1"
	elif command -v addgroup >/dev/null; then
		addgroup -S "$1"
	else
		die "group $1: neither groupadd, pw nor addgroup is here"
	fi
}

make_user() {
	if command -v useradd >/dev/null; then
		case $(uname -s) in
		Linux)
			useradd --system --gid "$1" --home-dir /nonexistent \
			    --no-create-home --shell "$nologin" \
			    --comment "$2" "$1"
			;;
		*)
			useradd -g "$1" -d /var/empty -s "$nologin" \
			    -c "$2" "$1"
			;;
		esac
	elif command -v pw >/dev/null; then
		pw useradd "$1" -g "$1" -d /var/empty -s "$nologin" \
		    -c "$2" -w no
	elif command -v adduser >/dev/null; then
		# busybox
		adduser -S -D -H -h /nonexistent -s "$nologin" -G "$1" \
		    -g "$2" "$1"
	else
		die "user $1: neither useradd, pw nor adduser is here"
	fi
}

account() {
	if ! system_has group "$1"; then
		make_group "$1"
		say "made the group $1"
	fi
	if ! system_has passwd "$1"; then
		make_user "$1" "$2"
		say "made the user $1"
	fi
}

# directory PATH OWNER MODE
directory() {
	if [ -e "$1" ] || [ -L "$1" ]; then
		[ -d "$1" ] || die "$1 is there and no directory"
		return 0
	fi
	mkdir -p "$1"
	chown "$2" "$1"
	chmod "$3" "$1"
	say "made $1, of $2, mode $3"
}

# file PATH OWNER MODE: its content comes from standard input. It appears
# under its name only when it is whole.
file() {
	(umask 077 && cat >"$1.new.$$")
	chown "$2" "$1.new.$$"
	chmod "$3" "$1.new.$$"
	mv "$1.new.$$" "$1"
	say "made $1, of $2, mode $3"
}

# The example, with its files in our directory.
configuration() {
	sed "s|/etc/smtpd/|$sysconf/|g" "$example"
}

# tables KEYWORD: the files it names in the example.
tables() {
	configuration | awk -v keyword="$1" '$1 == keyword { print $2 }'
}

# table KEYWORD OWNER MODE
table() {
	tables "$1" | while read -r path; do
		[ ! -e "$path" ] || continue
		file "$path" "$2" "$3" <"$4"
	done
}

[ "$(id -u)" -eq 0 ] || die "makes users and directories: run it as root"
[ -r "$example" ] || die "$example: cannot be read"
case $sysconf in
*[!A-Za-z0-9/._-]*) die "$sysconf: a path of plain characters, please" ;;
/*) ;;
*) die "$sysconf: not an absolute path" ;;
esac

nologin=/bin/false
for shell in /sbin/nologin /usr/sbin/nologin; do
	[ ! -x "$shell" ] || nologin=$shell
done

account "$owner" 'smtpd mail owner'
account "$worker" 'smtpd worker'
directory "$sysconf" 0:0 0755
directory "$root" "$owner:$owner" 0700

# Tables only with a new configuration: an empty one in place of one that was
# mistyped or lost would have mail refused that should have stopped smtpd.
if [ ! -e "$sysconf/smtpd.conf" ]; then
	# Users may have password hashes beside them.
	table users "0:$owner" 0640 /dev/null
	table aliases 0:0 0644 /dev/null
	configuration | file "$sysconf/smtpd.conf" 0:0 0644
	done_any=true
	echo "install-system: now edit $sysconf/smtpd.conf and its tables," \
	    "check them with smtpd -n, and start smtpd"
fi
$done_any || echo "install-system: everything is there"
