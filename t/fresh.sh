#!/bin/sh
# make check-fresh: the README's two commands on a machine that has nothing:
# a debootstrap of Debian 13 (beside Debian 12, which runs all else), with
# OpenSSL 3.5, gcc 14 and clang 19. As root in a home of mode 0700, and as a
# user with sudo in another: make, make check (in short: the words below), and
# make run, to which a mail is sent. Prints a line for each step and the totals
# last. Needs root, debootstrap, unshare and the network.
#
# The image is kept in build/fresh; each run has a copy, in namespaces of its
# own for mounts and processes. The network is the host's.
# What is run in there is expanded there:
# shellcheck disable=SC2016
set -eu
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."

suite=trixie
kept=$PWD/build/fresh
image=$kept/debian-$suite
machine=$kept/machine
as_root='check_linux_sandbox dialog test_start test_tls test_renew test_control test_hold'
as_user='test_start test_tls await install'
jobs=$(nproc)
passed=0
failed=0

clean_up() {
	rm -rf "$machine"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# step NAME COMMAND...
step() {
	name=$1
	shift
	echo "== fresh-$name"
	if "$@"; then
		passed=$((passed + 1))
		echo "ok fresh-$name"
	else
		failed=$((failed + 1))
		echo "FAIL fresh-$name"
	fi
}

# inside COMMAND: by sh in the machine, as root; with it end its processes.
inside() {
	unshare --mount --pid --fork --kill-child sh -c '
		mount -t proc proc "$1/proc" &&
		mount -t devpts -o newinstance,ptmxmode=0666 devpts \
		    "$1/dev/pts" &&
		exec chroot "$1" env -i HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
		    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
		    DEBIAN_FRONTEND=noninteractive bash -c "$2"
	' sh "$machine" "$1" </dev/null
}

by_user() {
	inside "su dev -c 'cd ~/smtpd && $1'"
}

# With zlib and zstd a static worker lacks nothing.
make_image() {
	[ ! -d "$image" ] || return 0
	rm -rf "$image.new"
	debootstrap --variant=minbase \
	    --include=make,sudo,zlib1g-dev,libzstd-dev "$suite" \
	    "$image.new" http://deb.debian.org/debian &&
	    mv "$image.new" "$image"
}

make_machine() {
	clean_up
	cp -a "$image" "$machine"
	cp -L /etc/resolv.conf "$machine/etc/"
	echo "127.0.0.1 localhost $(uname -n)" >"$machine/etc/hosts"
	ln -sf pts/ptmx "$machine/dev/ptmx"
	mkdir "$machine/root/smtpd"
	tar cf - --exclude=./.git --exclude='./build*' . |
	    tar xf - --no-same-owner -C "$machine/root/smtpd"
	chmod 700 "$machine/root"
	inside 'useradd -m -K HOME_MODE=0700 -s /bin/bash dev &&
	    echo "dev ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/dev'
}

# What cannot be built says what would help.
says_deps() {
	if inside 'cd ~/smtpd && make' >"$kept/said" 2>&1; then
		echo "make needs no compiler?"
		return 1
	fi
	tail -n 4 "$kept/said"
	grep -q 'make deps' "$kept/said"
}

# The user has what root has built.
hand_over() {
	inside 'cp -a ~/smtpd ~dev/ && chown -R dev: ~dev/smtpd &&
	    rm -rf ~dev/smtpd/build/t/tmp'
}

# send PORT: a mail to the catcher there.
send='
	exec 3<>"/dev/tcp/127.0.0.1/$1"
	for line in "EHLO fresh" "MAIL FROM:<a@example.org>" \
	    "RCPT TO:<alice@example.org>" DATA \
	    "Subject: Your order 4711" "" "It runs." . QUIT; do
		printf "%s\r\n" "$line"
	done >&3
	cat <&3
'

# catches PORT DIR [WORD]: make run, by sudo perhaps, and what await finds.
catches='
	port=$1 dir=$2 log=/tmp/run.$1
	shift 2
	"$@" make run PORT="$port" DIR="$dir" >"$log" 2>&1 &
	i=0
	until grep -q "catches mail" "$log"; do
		i=$((i + 1))
		[ "$i" -lt 100 ] || { cat "$log"; exit 1; }
		sleep 0.2
	done
	bash /send "$port"
	"$@" build/smtpctl await -t 10 -d "$dir" to=alice@example.org \
	    subject=4711 || { cat "$log"; exit 1; }
'

# What README says for continuous integration, with what is built.
recipe() {
	sed -n '/In continuous integration:/,/^## /s/^    //p' README.md |
	    sed -e '/^git clone/d' -e 's/2525/2604/g' \
	    -e 's|^npm test .*|bash /send 2604|'
}

if [ "$(id -u)" -ne 0 ] || ! unshare --mount true; then
	echo "check-fresh: needs root, and namespaces for mounts" >&2
	echo "0 passed, 1 failed"
	exit 1
fi
mkdir -p "$kept"
step debootstrap make_image
step machine make_machine
printf '%s\n' "$send" >"$machine/send"
printf '%s\n' "$catches" >"$machine/catches"
recipe >"$machine/recipe"
step deps says_deps
step root-check inside "cd ~/smtpd &&
    CI=true make -j$jobs check T='$as_root'"
step root-run inside 'cd ~/smtpd && bash /catches 2601 /tmp/of-root'
step recipe inside 'cd && bash -ex /recipe'
step hand-over hand_over
step user-check by_user "make -j$jobs check T=\"$as_user\""
step user-run by_user 'bash /catches 2602 /tmp/of-dev'
step sudo-run by_user 'bash /catches 2603 /tmp/of-sudo sudo'
step clang inside "apt-get install -qq -y --no-install-recommends clang \
    >/dev/null && cd ~/smtpd && CI=true make -j$jobs CC=clang \
    CFLAGS=-O0 HARDENED=no BUILD=build-clang programs"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
