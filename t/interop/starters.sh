# Sourced by run.sh: what starts smtpd instead of us.  The lines that start it
# are those of smtpd(8), with only names, numbers and paths of this machine
# put in: so the recipes there are tried, and not others.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2119,SC2120 # run.sh's; arguments are optional

# Two of them cannot be installed side by side, and all would be services:
# so they are unpacked.
unpack_starters() {
	starters=$PWD/build/interop/starters
	[ ! -x "$starters/usr/bin/tcpserver" ] || return 0
	command -v apt-get >/dev/null || return 1
	mkdir -p "$starters"
	(
		cd "$starters"
		apt-get -q download openbsd-inetd xinetd ucspi-tcp ||
		    { apt-get -q update && apt-get -q download openbsd-inetd \
		    xinetd ucspi-tcp; }
		for package in ./*.deb; do
			dpkg-deb -x "$package" .
		done
	) >"$tmp/starters.log" 2>&1 || fail "$(tail -n 3 "$tmp/starters.log")"
}

# recipe WORDS: the one line of the page that begins so.
recipe() {
	lines=$(grep "^$1" man/smtpd.8)
	if [ -z "$lines" ] || [ "$(echo "$lines" | wc -l)" -ne 1 ]; then
		fail "smtpd(8) has not one line with '$1': $lines"
	fi
	echo "$lines"
}

# for_here: its words, for this machine.
for_here() {
	sed -e "s|/usr/local/sbin/smtpd|$smtpd_path|" \
	    -e "s|smtpd -i\(d*\)\$|smtpd -i\1 -f $base.conf -w $worker|" \
	    -e "s|\(/smtpd -id\)\$|\1 -f $base.conf -w $worker|"
}

# starter NAME [LIMIT]: its configuration, a root, a log and a port.
starter() {
	name=$1
	base=$tmp/start-$name
	smtpd_path=$(cd "$(dirname "$smtpd")" && pwd)/$(basename "$smtpd")
	start_port=$(letter port 127.0.0.1)
	mkdir "$base.log"
	! $is_root || chown "$owner" "$base.log"
	echo alice >"$base.users"
	cat >"$base.conf" <<-END
	hostname mx.example.org
	root $base.root
	user nobody
	worker-user daemon
	log to $base.log/log
	domain example.org {
	    users $base.users
	}
	limits {
	    inetd-wait 1s
	}
	END
}

# begin COMMAND...: in the foreground, under our eyes.
begin() {
	"$@" </dev/null >"$base.out" 2>&1 &
	starter_pid=$!
	started "$starter_pid"
}

probe() {
	"$python" t/interop/starter_probe.py "$start_port" "$starter_pid" \
	    "$base.root/mail/example.org/alice"
}

# expect_processes SEEN [standing]: who owns and who parses; a server that stays
# has a helper for its disk, which is the owner's.  An ordinary user is all.
expect_processes() {
	parses=$(id -u)
	owns=$parses
	! $is_root || {
		owns=$(id -u "$owner")
		parses=$(id -u "$worker_owner")
	}
	want=$({
		echo "smtpd $owns"
		echo "smtpd-worker $parses"
		[ "${2:-}" != standing ] || echo "smtpd-worker $owns"
	} | LC_ALL=C sort -u)
	[ "$1" = "$want" ] || fail "processes: $1; wanted: $want"
}

logged() {
	grep -q "$1" "$base.log/log"
}

has_ended() {
	! is_running "$starter_pid"
}

none_left() {
	[ -z "$(ps -o comm= --ppid "$starter_pid" | sed -n '/^smtpd/p')" ]
}

# serves_as_ever [standing]: twice, and what is there in between is as it has to
# be.
serves_as_ever() {
	for turn in 1 2; do
		processes=$(probe) ||
		    fail "$turn: $processes; $(tail -n 3 "$base.out")"
		expect_processes "$processes" "$@"
	done
	[ "$(grep -c 'event=connect .*client=127.0.0.9' "$base.log/log")" -eq \
	    2 ] || fail "the log: $(tail -n 5 "$base.log/log")"
	until_so 30 none_left || fail "something of it stays"
	if grep -v 'event=\(listen\|start\|listen-ignored\|connect\|reject\|store\|disconnect\|idle\|stop\|recover\) *' "$base.log/log"
	then
		fail "that is in the log, too"
	fi
}

end_starter() {
	kill "$starter_pid" 2>/dev/null || :
	end_one "$starter_pid" >/dev/null 2>&1 || :
}

# inetd's two lines; KIND is nowait or wait.
start_inetd() {
	starter "inetd-$1"
	recipe "smtp stream tcp $1 " | for_here | sed "s/^smtp /127.0.0.1:$start_port /
	    s/ root / $(id -un) /" >"$base.inetd"
	begin "$starters/usr/sbin/inetd" -i "$base.inetd"
}

# xinetd's block, for a service that /etc/services does not know.
start_xinetd() {
	starter "xinetd-$1"
	sed -n '/^service smtp/,/^}/p' man/smtpd.8 | for_here | sed "
	    s/^service smtp .*/service smtp/
	    s/= root\$/= $(id -un)/
	    s/\(wait  *= \).*/\1$2/
	    s|\(server_args *= \).*|\1-i -f $base.conf -w $worker|
	    s/^{/{\n    type = UNLISTED\n    protocol = tcp\n    bind = 127.0.0.1\n    port = $start_port/" \
	    >"$base.xinetd"
	grep -q "wait *= $2" "$base.xinetd" || fail "no recipe for xinetd"
	begin "$starters/usr/sbin/xinetd" -dontfork -f "$base.xinetd" \
	    -pidfile "$base.pid" -filelog "$base.xlog"
}

start_tcpserver() {
	starter tcpserver
	sed -i 's/^log to .*/log to stderr/' "$base.conf"
	line=$(recipe 'tcpserver -' | for_here | sed "s/ 0 25 / 127.0.0.1 $start_port /")
	# Its words.
	# shellcheck disable=SC2086
	PATH=$starters/usr/bin:$PATH begin $line
}

# Its log is standard error, which tcpserver shares with it.
tcpserver_serves() {
	ln -s "$base.out" "$base.log/log"
	serves_as_ever
}

# A socket that systemd's own tool holds; LISTEN_FDS.
start_socket_activate() {
	starter systemd
	begin systemd-socket-activate -l "127.0.0.1:$start_port" \
	    "$smtpd_path" -d -f "$base.conf" -w "$worker"
}

# The tool becomes smtpd, which stays.
socket_activate_serves() {
	processes=$(probe) || fail "$processes; $(tail -n 3 "$base.out")"
	expect_processes "$processes" standing
	probe >/dev/null
	logged 'event=connect .*client=127.0.0.9' ||
	    fail "the log: $(tail -n 5 "$base.log/log")"
	kill "$starter_pid"
	until_so 30 has_ended || fail "it does not end"
	logged 'event=stop status=0' || fail "the log: no stop"
}

start_socket_activate_each() {
	starter systemd-each
	begin systemd-socket-activate --inetd -a -l "127.0.0.1:$start_port" \
	    "$smtpd_path" -i -f "$base.conf" -w "$worker"
}

# exposure UNIT: the page says the figure, systemd counts.
exposure() {
	said=$(sed -n 's/^rates smtpd.service and smtpd@.service \([0-9.]*\) of 10.*/\1/p' man/smtpd.8)
	[ -n "$said" ] || fail "smtpd(8) says no figure"
	is=$(systemd-analyze security --offline=yes "server/init/$1" |
	    sed -n 's/.*Overall exposure level for [^ ]*: \([0-9.]*\) .*/\1/p')
	[ "$is" = "$said" ] || fail "$is; smtpd(8) says $said"
}
