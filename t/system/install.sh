#!/bin/sh
# make install puts exactly these files there; make install-system makes what
# this host needs, and a second time nothing. The latter changes the host, so
# it is run as root in continuous integration (CI=true) only.
#
#	t/system/install.sh
#
# SMTPD names the program if not build/smtpd; the others lie beside it.
# Prints a line for each check and the totals last.
set -eu
export LC_ALL=C
umask 022

cd "$(dirname "$0")/../.."
smtpd=${SMTPD:-build/smtpd}
build=$(dirname "$smtpd")

make="make" owner=_smtpd worker=_smtpw
case $(uname -s) in
*BSD) make=gmake owner=_lsmtpd worker=_lsmtpw ;;
esac

passed=0
failed=0
skipped=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/install.XXXXXX")
# What gives up root has to reach what lies below.
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# check NAME COMMAND...: what it prints is why it failed.
check() {
	name=$1
	shift
	set +e
	why=$(
		set -e
		"$@" 2>&1
	)
	result=$?
	set -e
	if [ "$result" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok install-$name"
	else
		failed=$((failed + 1))
		echo "FAIL install-$name: ${why:-exit $result}"
	fi
}

skip() {
	skipped=$((skipped + 1))
	echo "skipped install-$1: $2"
}

fail() {
	echo "$*"
	exit 1
}

# Mode and path of everything below a directory, the directory left out.
listing() {
	(cd "$1" && find . ! -name .) | sort | while read -r path; do
		# The names are ours: no blank in them.
		# shellcheck disable=SC2012
		mode=$(ls -ld "$1/$path" | cut -c 1-10)
		echo "$mode ${path#./}"
	done
}

# same EXPECTED GOT
same() {
	diff "$1" "$2" || fail "above: < expected, > got"
}

# LIBEXEC is compiled in: with another than the default all would be built
# anew, while other tests run what is there.
install_files() {
	"$make" --no-print-directory install BUILD="$build" PREFIX=/usr \
	    LIBEXEC=/usr/local/libexec DESTDIR="$tmp/dest" >"$tmp/said" 2>&1 ||
	    fail "make install ended with $?: $(cat "$tmp/said")"
	cat >"$tmp/expected" <<-END
	drwxr-xr-x usr
	drwxr-xr-x usr/bin
	-rwxr-xr-x usr/bin/smtpctl
	drwxr-xr-x usr/lib
	drwxr-xr-x usr/lib/systemd
	drwxr-xr-x usr/lib/systemd/system
	-rw-r--r-- usr/lib/systemd/system/smtpd.service
	-rw-r--r-- usr/lib/systemd/system/smtpd.socket
	-rw-r--r-- usr/lib/systemd/system/smtpd@.service
	drwxr-xr-x usr/local
	drwxr-xr-x usr/local/libexec
	-rwxr-xr-x usr/local/libexec/smtpd-worker
	drwxr-xr-x usr/sbin
	-rwxr-xr-x usr/sbin/smtpd
	drwxr-xr-x usr/share
	drwxr-xr-x usr/share/examples
	drwxr-xr-x usr/share/examples/smtpd
	-rw-r--r-- usr/share/examples/smtpd/fail2ban.conf
	-rw-r--r-- usr/share/examples/smtpd/postfix.awk
	-rw-r--r-- usr/share/examples/smtpd/smtpd.conf.example
	drwxr-xr-x usr/share/man
	drwxr-xr-x usr/share/man/man5
	-rw-r--r-- usr/share/man/man5/smtpd.conf.5
	drwxr-xr-x usr/share/man/man7
	-rw-r--r-- usr/share/man/man7/smtpd-internals.7
	drwxr-xr-x usr/share/man/man8
	-rw-r--r-- usr/share/man/man8/smtpctl.8
	-rw-r--r-- usr/share/man/man8/smtpd.8
	END
	listing "$tmp/dest" >"$tmp/got"
	same "$tmp/expected" "$tmp/got"
	[ "$(cat "$tmp/dest/usr/lib/systemd/system/"*.service |
	    grep -c '^ExecStart=/usr/sbin/smtpd')" -eq 2 ] ||
	    fail "the units do not start the program of this PREFIX"
}

installed_run() {
	"$tmp/dest/usr/sbin/smtpd" -V | grep -Eq '^smtpd [0-9]+\.[0-9]' ||
	    fail "smtpd -V: no version"
	status=0
	"$tmp/dest/usr/bin/smtpctl" >"$tmp/said" 2>&1 || status=$?
	[ "$status" -eq 2 ] || fail "smtpctl ended with $status"
	grep -q '^usage: smtpctl await' "$tmp/said" || fail "$(cat "$tmp/said")"
}

# The worker is nobody's to run.
worker_alone() {
	status=0
	"$tmp/dest/usr/local/libexec/smtpd-worker" </dev/null >"$tmp/said" \
	    2>&1 || status=$?
	[ "$status" -eq 1 ] || fail "smtpd-worker ended with $status"
	grep -q 'started by smtpd' "$tmp/said" || fail "$(cat "$tmp/said")"
}

# install_as SYSTEM SYSCONFDIR: what "make install" installs there, of programs
# that were built here: $tmp/SYSTEM.
install_as() {
	"$make" --no-print-directory install OS="$1" BUILD="$build" \
	    SYSCONFDIR="$2" -o "$build/smtpd" -o "$build/smtpd-worker" \
	    -o "$build/smtpctl" DESTDIR="$tmp/$1" >"$tmp/said" 2>&1 ||
	    fail "make install OS=$1 ended with $?: $(cat "$tmp/said")"
	(cd "$tmp/$1" && find . -type f) | sed 's|^\.||' | sort >"$tmp/got"
}

# reads MAKEFILE NAME VALUE: the make of the BSDs reads a port so.
reads() {
	mkdir -p "$tmp/mk"
	: >"$tmp/mk/bsd.port.mk"
	if ! command -v bmake >/dev/null; then
		return 0
	fi
	value=$(MAKEFLAGS='' bmake -r -m "$tmp/mk" -f "$1" \
	    -V "\${$2}" 2>&1) || :
	[ "$value" = "$3" ] || fail "$1: $2 is \"$value\""
}

# No name and no page of the base system's server is written over.
port_openbsd() {
	port=server/init/openbsd
	install_as OpenBSD /etc/smtpd
	sed -e 's|^@rcscript [^/]*|/etc/rc.d|' \
	    -e 's/^@[bm][ia]n //' -e '/^@/d' -e '/\/$/d' \
	    -e 's|^\([^/]\)|/usr/local/\1|' "$port/pkg/PLIST" | sort \
	    >"$tmp/expected"
	same "$tmp/expected" "$tmp/got"
	version=$("$smtpd" -V | cut -d ' ' -f 2)
	reads "$port/Makefile" PKGNAME "lsmtpd-$version"
	reads "$port/Makefile" DISTNAME "smtpd-$version"
	[ "$(grep -c '^@newuser _lsmtp[dw]:' "$port/pkg/PLIST")" -eq 2 ] ||
	    fail "no users"
	script=$tmp/OpenBSD/etc/rc.d/localsmtpd
	[ -x "$script" ] || fail "$script: nobody may execute it"
	grep -q '^daemon="/usr/local/sbin/smtpd"$' "$script" ||
	    fail "$(cat "$script")"
	grep -q '_lsmtpd' "$tmp/OpenBSD/usr/local/man/man8/smtpd.8" ||
	    fail "the page has other users"
	! grep -q '_smtpd' "$tmp/OpenBSD/usr/local/man/man8/smtpd.8" ||
	    fail "the page has users of the base system"
	grep -q '^#user _lsmtpd$' \
	    "$tmp/OpenBSD/usr/local/share/examples/smtpd/smtpd.conf.example" ||
	    fail "the example has other users"
}

port_freebsd() {
	port=server/init/freebsd
	install_as FreeBSD /usr/local/etc/smtpd
	sed -e '/^@/d' -e 's/\.gz$//' -e 's|^|/usr/local/|' "$port/pkg-plist" |
	    sort >"$tmp/expected"
	same "$tmp/expected" "$tmp/got"
	version=$("$smtpd" -V | cut -d ' ' -f 2)
	reads "$port/Makefile" DISTNAME "smtpd-$version"
	reads "$port/Makefile" USERS "_lsmtpd _lsmtpw"
	script=$tmp/FreeBSD/usr/local/etc/rc.d/smtpd
	[ -x "$script" ] || fail "$script: nobody may execute it"
	sh -n "$script" || fail "$script"
	[ "$(grep -c /usr/local/etc/smtpd/smtpd.conf "$script")" -eq 2 ] ||
	    fail "$(cat "$script")"
	! grep -q '[" ]/etc/smtpd' "$script" || fail "$(cat "$script")"
}

# Without root it says so, and makes nothing.
# As root it is tried as nobody, from a copy that nobody can read.
refused_without_root() {
	status=0
	if [ "$(id -u)" -eq 0 ]; then
		public=$(mktemp -d)
		chmod 755 "$public"
		cp t/install-system.sh smtpd.conf.example "$public"
		su -s /bin/sh nobody -c "sh '$public/install-system.sh' \
		    '$public/no/etc' $owner $worker \
		    '$public/smtpd.conf.example'" \
		    >"$tmp/said" 2>&1 || status=$?
		[ ! -e "$public/no" ] || fail "it made $public/no"
		rm -rf "$public"
	else
		sh t/install-system.sh "$tmp/no/etc" "$owner" "$worker" \
		    smtpd.conf.example >"$tmp/said" 2>&1 || status=$?
	fi
	[ "$status" -eq 1 ] || fail "it ended with $status"
	grep -q 'run it as root' "$tmp/said" || fail "$(cat "$tmp/said")"
	[ ! -e "$tmp/no" ] || fail "it made $tmp/no"
}

wrong_calls() {
	status=0
	sh t/install-system.sh "$tmp/no/etc" >"$tmp/said" 2>&1 || status=$?
	[ "$status" -eq 2 ] || fail "with one argument it ended with $status"
	for wrong in relative/etc "$tmp/no/with blank" "$tmp/no/a|b"; do
		status=0
		sh t/install-system.sh "$wrong" "$owner" "$worker" \
		    smtpd.conf.example >"$tmp/said" 2>&1 || status=$?
		[ "$status" -eq 1 ] || fail "$wrong: it ended with $status"
	done
	[ ! -e "$tmp/no" ] || fail "it made $tmp/no"
}

system() {
	"$make" --no-print-directory install-system \
	    SYSCONFDIR="$tmp/etc/smtpd" >"$tmp/said" 2>&1 ||
	    fail "make install-system ended with $?: $(cat "$tmp/said")"
}

# account NAME: not root, a group of its own, nobody can log in.
account() {
	line=$(grep "^$1:" /etc/passwd) || fail "no user $1"
	group=$(grep "^$1:" /etc/group) || fail "no group $1"
	[ "$(id -u "$1")" -ne 0 ] || fail "$1 is root"
	[ "$(id -g "$1")" = "$(echo "$group" | cut -d : -f 3)" ] ||
	    fail "the group of $1 is another: $line"
	case $line in
	*:/nonexistent:*/nologin | *:/var/empty:*/nologin | *:/bin/false) ;;
	*) fail "$line" ;;
	esac
}

system_made() {
	system
	account "$owner"
	account "$worker"
	[ "$(id -u "$owner")" -ne "$(id -u "$worker")" ] || fail "one user"
	cat >"$tmp/expected" <<-END
	drwxr-xr-x smtpd
	-rw-r--r-- smtpd/aliases
	-rw-r--r-- smtpd/smtpd.conf
	-rw-r----- smtpd/users
	-rw-r----- smtpd/users.net
	END
	listing "$tmp/etc" >"$tmp/got"
	same "$tmp/expected" "$tmp/got"
	# shellcheck disable=SC2012
	root=$(ls -ld /var/smtpd | awk '{ print $1, $3, $4 }')
	case $root in
	"drwx------"*" $owner $owner") ;;
	*) fail "/var/smtpd: $root" ;;
	esac
}

# What this host is, as far as it is ours.
snapshot() {
	cksum /etc/passwd /etc/group "$tmp/etc/smtpd"/*
	ls -ld /var/smtpd "$tmp/etc/smtpd" "$tmp/etc/smtpd"/*
}

system_again() {
	echo alice >"$tmp/etc/smtpd/users"
	rm "$tmp/etc/smtpd/users.net"
	chmod 600 "$tmp/etc/smtpd/aliases"
	snapshot >"$tmp/expected"
	system
	snapshot >"$tmp/got"
	same "$tmp/expected" "$tmp/got"
	grep -q '^install-system: everything is there$' "$tmp/said" ||
	    fail "it said: $(cat "$tmp/said")"
	: >"$tmp/etc/smtpd/users.net"
}

configuration_checked() {
	"$tmp/dest/usr/sbin/smtpd" -n -f "$tmp/etc/smtpd/smtpd.conf" \
	    >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
	grep -q '^domain example\.org {$' "$tmp/said" || fail "no domain"
	grep -q "users $tmp/etc/smtpd/users .*: 1\$" "$tmp/said" ||
	    fail "not one user: $(cat "$tmp/said")"
}

# Started as root with these users, nothing of it is root afterwards.
starts() {
	sed -e 's/^listen .* port 25/listen 127.0.0.1 port 0/' \
	    -e "s|^#root .*|root $tmp/root|" "$tmp/etc/smtpd/smtpd.conf" |
	    awk '!/^listen/ || !seen++' >"$tmp/etc/smtpd/test.conf"
	: >"$tmp/log"
	"$tmp/dest/usr/sbin/smtpd" -d -f "$tmp/etc/smtpd/test.conf" \
	    -w "$tmp/dest/usr/local/libexec/smtpd-worker" 2>"$tmp/log" &
	pid=$!
	tries=300
	until grep -q event=start "$tmp/log"; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ] || ! kill -0 "$pid" 2>/dev/null; then
			kill "$pid" 2>/dev/null || :
			fail "it does not serve: $(cat "$tmp/log")"
		fi
		sleep 0.1
	done
	users=$(ps -o user= -p "$pid")
	kill "$pid"
	wait "$pid" || fail "it ended with $?"
	grep -q "event=start .* uid=$(id -u "$owner") " "$tmp/log" ||
	    fail "not as $owner: $(cat "$tmp/log")"
	case $users in
	"$owner"* | "$(id -u "$owner")") ;;
	*) fail "it ran as $users" ;;
	esac
	# shellcheck disable=SC2012
	case $(ls -ld "$tmp/root" | awk '{ print $1, $3 }') in
	"drwx------"*" $owner") ;;
	*) fail "$(ls -ld "$tmp/root")" ;;
	esac
}

check files install_files
check installed-run installed_run
check worker-alone worker_alone
check port-openbsd port_openbsd
check port-freebsd port_freebsd
check refused-without-root refused_without_root
if [ "$(id -u)" -ne 0 ]; then
	for what in system-wrong-calls system-made system-again \
	    configuration-checked starts; do
		skip "$what" "needs root"
	done
else
	check system-wrong-calls wrong_calls
	for what in system-made system-again configuration-checked starts; do
		if [ "${CI:-}" = true ]; then
			check "$what" "$(echo "$what" | tr - _)"
		else
			skip "$what" "changes this host; CI=true runs it"
		fi
	done
fi

if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
