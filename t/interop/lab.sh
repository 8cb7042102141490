# Sourced by run.sh: a small internet for mail that leaves.  Two hosts, each in
# its own namespaces of network, processes and mounts: "here" is 192.0.2.1 and
# has the smtpd that sends; "there" has all other addresses, one a server.  The
# root of each is the host's own below what was unpacked for the lab, so that
# nothing is installed, no service starts, and nothing of the host is written.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2016 # variables of run.sh; and of another shell

lab_packages="nsd knot unbound python3-dnslib postfix exim4-daemon-light
    opensmtpd chasquid"
lab_users="postfix Debian-exim opensmtpd opensmtpq"
lab_groups="postdrop"

lab_is_possible() {
	$is_root && command -v apt-get >/dev/null &&
	    command -v ip >/dev/null && command -v nsenter >/dev/null &&
	    unshare -m -n -p --fork true 2>/dev/null &&
	    grep -q overlay /proc/filesystems
}

# A library is what another package depends on and the host has not.
download_libraries() {
	for deb in ./*.deb; do
		dpkg-deb -f "$deb" Depends
	done | tr ',' '\n' | tr '|' '\n' | sed -n 's/^ *\(lib[a-z0-9.+-]*\).*/\1/p' |
	    sort -u | while read -r library; do
		if ! dpkg -s "$library" >/dev/null 2>&1 &&
		    ! ls "${library}"_*.deb >/dev/null 2>&1; then
			apt-get -q download "$library"
			echo "$library" >again
		fi
	done
}

# Once, below build/interop.
unpack_lab() {
	lab_lower=$PWD/build/interop/lab
	[ "$(cat "$lab_lower/packages" 2>/dev/null)" != "$lab_packages" ] ||
	    return 0
	rm -rf "$lab_lower"
	mkdir -p "$lab_lower/debs" "$lab_lower/root"
	(
		cd "$lab_lower/debs"
		# shellcheck disable=SC2086 # a word each
		apt-get -q download $lab_packages ||
		    { apt-get -q update && apt-get -q download $lab_packages; }
		echo >again
		while [ -e again ]; do
			rm again
			download_libraries
		done
		for deb in ./*.deb; do
			dpkg-deb -x "$deb" ../root
		done
		# The host has symbolic links of these names.
		for dir in bin sbin lib; do
			[ ! -d "../root/$dir" ] || {
				mkdir -p "../root/usr/$dir"
				cp -a "../root/$dir/." "../root/usr/$dir"
				rm -rf "../root/${dir:?}"
			}
		done
	) >"$tmp/lab.log" 2>&1 || fail "$(tail -n 3 "$tmp/lab.log")"
	echo "$lab_packages" >"$lab_lower/packages"
}

# lab_host NAME RESOLVER: its namespaces, held by a process that ends all others in them.
lab_host() {
	base=$tmp/lab/$1
	mkdir -p "$base/work" "$base/root"
	# Two layers must not lie within each other.
	cp -a "$lab_lower/root" "$base/upper"
	cp /etc/passwd /etc/group "$base/upper/etc/"
	id=860
	for name in $lab_users $lab_groups; do
		id=$((id + 1))
		grep -q "^$name:" "$base/upper/etc/group" ||
		    echo "$name:x:$id:" >>"$base/upper/etc/group"
		grep -q "^$name:" "$base/upper/etc/passwd" ||
		    echo "$name:x:$id:$id::/nonexistent:/bin/false" \
		    >>"$base/upper/etc/passwd"
	done
	echo "nameserver $2" >"$base/upper/etc/resolv.conf"
	printf '127.0.0.1 localhost\n' >"$base/upper/etc/hosts"
	unshare -m -n -p --fork --kill-child sh -ec '
	mount -t overlay lab -o \
	    "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
	mount -t proc proc "$1/root/proc"
	mount --rbind /dev "$1/root/dev"
	mount -t tmpfs run "$1/root/run"
	mkdir -p "$1/root$2" "$1/root$3"
	mount --bind "$2" "$1/root$2"
	mount --bind "$3" "$1/root$3"
	ip link set lo up
	: >"$1/ready"
	exec chroot "$1/root" sh -c \
	    "trap \"exit 0\" TERM; while :; do sleep 600 & wait; done"
	' lab "$base" "$PWD" "$tmp" >"$base/log" 2>&1 &
	lab_holder=$!
	until_so 20 test -e "$base/ready" || fail "$1: $(cat "$base/log")"
	ps -o pid= --ppid "$lab_holder" | tr -d ' ' >"$base/pid"
	started "$(cat "$base/pid")"
}

# in_lab HOST COMMAND...: as root of that host, in this directory.
in_lab() {
	lab_pid=$(cat "$tmp/lab/$1/pid")
	shift
	nsenter -t "$lab_pid" -m -n -p -r -w -- sh -c 'cd "$0" && exec "$@"' \
	    "$PWD" "$@"
}

# lab_daemon HOST NAME COMMAND...: runs in the foreground, behind us.
lab_daemon() {
	lab_log=$tmp/lab/$2.out
	lab_pid=$(cat "$tmp/lab/$1/pid")
	shift 2
	nsenter -t "$lab_pid" -m -n -p -r -w -- sh -c 'cd "$0" && exec "$@"' \
	    "$PWD" "$@" </dev/null >"$lab_log" 2>&1 &
	lab_daemon=$!
	started $lab_daemon
}

# greets ADDRESS [PORT]: a server answers there, seen from here.
greets() {
	in_lab here /usr/bin/python3 -c '
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
s.settimeout(5)
sys.exit(0 if s.recv(1) == b"2" else 1)' "$1" "${2:-25}"
}

# lab_address N...: addresses of there.
lab_address() {
	for n; do
		in_lab there ip addr add "192.0.2.$n/24" dev lab
		in_lab there ip -6 addr add "2001:db8::$n/64" dev lab nodad
	done
}

# The zones: everything below example., of which the root knows; the rest does
# not exist.  A name is that of its server; "many" and so on are for one check.
write_zones() {
	cat >"$tmp/lab/zone.root" <<-'END'
	$ORIGIN .
	$TTL 300
	@ SOA ns.example. root.example. 1 3600 600 86400 60
	@ NS ns.example.
	example NS ns.example.
	ns.example. A 192.0.2.53
	END
	cat >"$tmp/lab/zone.example" <<-'END'
	$ORIGIN example.
	$TTL 300
	@ SOA ns.example. root.example. 1 3600 600 86400 60
	@ NS ns
	ns A 192.0.2.53
	here MX 10 mx.here
	mx.here A 192.0.2.1
	mx.here AAAA 2001:db8::1
	there MX 10 mx.there
	mx.there A 192.0.2.2
	mx.there AAAA 2001:db8::2
	postfix MX 10 mx.postfix
	mx.postfix A 192.0.2.10
	exim MX 10 mx.exim
	mx.exim A 192.0.2.11
	opensmtpd MX 10 mx.opensmtpd
	mx.opensmtpd A 192.0.2.12
	chasquid MX 10 mx.chasquid
	mx.chasquid A 192.0.2.13
	; nothing listens at .24 and .25
	preferred MX 30 nobody1
	preferred MX 20 mx.there
	preferred MX 10 nobody2
	nobody1 A 192.0.2.24
	nobody2 A 192.0.2.25
	implicit A 192.0.2.2
	null MX 0 .
	six MX 10 mx.six
	mx.six AAAA 2001:db8::2
	alias CNAME there
	nodata TXT "no address and no MX"
	nohost MX 10 is-not-there
	loop MX 10 mx.here
	loopback MX 10 mx.loopback
	mx.loopback A 127.0.0.1
	private MX 10 mx.private
	mx.private A 10.0.0.1
	mapped MX 10 mx.mapped
	mx.mapped AAAA ::ffff:127.0.0.1
	; hangs: see hang()
	hangs MX 10 mx.hangs
	mx.hangs A 192.0.2.200
	seven MX 10 mx.seven
	mx.seven A 192.0.2.20
	old MX 10 mx.old
	mx.old A 192.0.2.21
	later MX 10 mx.later
	mx.later A 192.0.2.22
	down MX 10 mx.down
	mx.down A 192.0.2.23
	; see neighbours.py; nothing listens at .24
	dead MX 10 nobody1
	healthy MX 10 mx.healthy
	mx.healthy A 192.0.2.26
	slow MX 10 mx.slow
	mx.slow A 192.0.2.27
	busy MX 10 mx.busy
	mx.busy A 192.0.2.28
	broken NS ns.broken
	ns.broken A 192.0.2.54
	signed NS ns.signed
	ns.signed A 192.0.2.55
	bogus NS ns.bogus
	ns.bogus A 192.0.2.55
	; more than a datagram holds
	many MX 1 mx.there
	END
	for n in $(seq 80); do
		echo "many MX 20 a-host-with-quite-a-long-name-for-it-$n.many"
	done >>"$tmp/lab/zone.example"
}

# knot signs two zones; what unbound is told of the keys of one is wrong.
start_knot() {
	mkdir -p "$tmp/lab/knot/keys"
	cat >"$tmp/lab/knot.conf" <<-END
	server:
	    listen: 192.0.2.55@53
	    rundir: "$tmp/lab/knot"
	    user: root:root
	database:
	    storage: "$tmp/lab/knot"
	policy:
	  - id: lab
	    algorithm: ecdsap256sha256
	    single-type-signing: on
	template:
	  - id: default
	    storage: "$tmp/lab/knot"
	    dnssec-signing: on
	    dnssec-policy: lab
	    zonefile-sync: -1
	zone:
	END
	for zone in signed bogus; do
		cat >"$tmp/lab/knot/$zone.example.zone" <<-END
		\$ORIGIN $zone.example.
		\$TTL 300
		@ SOA ns root 1 3600 600 86400 60
		@ NS ns
		ns A 192.0.2.55
		@ MX 10 mx
		mx A 192.0.2.2
		mx AAAA 2001:db8::2
		END
		echo "  - domain: $zone.example" >>"$tmp/lab/knot.conf"
		in_lab there keymgr -c "$tmp/lab/knot.conf" "$zone.example" \
		    generate algorithm=ecdsap256sha256 ksk=yes zsk=yes \
		    >"$tmp/lab/keymgr.out" 2>&1
		in_lab there keymgr -c "$tmp/lab/knot.conf" "$zone.example" ds |
		    awk '$5 == 2 && !n++' >"$tmp/lab/$zone.ds"
		[ -s "$tmp/lab/$zone.ds" ] || fail \
		    "no key: $(cat "$tmp/lab/keymgr.out")"
	done
	sed -i 's/[^ ]*$/00&/; s/..$//' "$tmp/lab/bogus.ds"
	lab_daemon there knot knotd -c "$tmp/lab/knot.conf"
}

# nsd has the other zones, and unbound asks both; lies.py is a server of its
# own.
start_dns() {
	write_zones
	start_knot
	cat >"$tmp/lab/nsd.conf" <<-END
	server:
	    ip-address: 192.0.2.53
	    username: ""
	    chroot: ""
	    zonesdir: "$tmp/lab"
	    zonelistfile: "$tmp/lab/nsd.zones"
	    xfrdfile: "$tmp/lab/nsd.xfrd"
	    xfrdir: "$tmp/lab"
	    database: ""
	    pidfile: ""
	remote-control:
	    control-enable: no
	zone:
	    name: "."
	    zonefile: "zone.root"
	zone:
	    name: "example."
	    zonefile: "zone.example"
	END
	cat >"$tmp/lab/unbound.conf" <<-END
	server:
	    interface: 127.0.0.1
	    username: ""
	    chroot: ""
	    directory: "$tmp/lab"
	    pidfile: ""
	    use-syslog: no
	    do-daemonize: no
	    module-config: "validator iterator"
	    trust-anchor: "$(cat "$tmp/lab/signed.ds")"
	    trust-anchor: "$(cat "$tmp/lab/bogus.ds")"
	    root-hints: ""
	    infra-host-ttl: 1
	remote-control:
	    control-enable: no
	stub-zone:
	    name: "."
	    stub-addr: 192.0.2.53
	END
	lab_daemon there nsd nsd -d -c "$tmp/lab/nsd.conf"
	lab_daemon there lies /usr/bin/python3 t/interop/lies.py 192.0.2.54 \
	    "$tmp/lab"
	lab_daemon here unbound unbound -d -c "$tmp/lab/unbound.conf"
	if ! until_so 20 resolves mx.there.example ||
	    ! until_so 20 resolves mx.broken.example ||
	    ! until_so 20 resolves mx.signed.example; then
		fail "no DNS: $(tail -n 3 "$tmp"/lab/*.out)"
	fi
}

# By unbound, seen from here.
resolves() {
	in_lab here /usr/bin/python3 -c '
import sys, dnslib
answer = dnslib.DNSRecord.question(sys.argv[1]).send("127.0.0.1", timeout=2)
sys.exit(0 if dnslib.DNSRecord.parse(answer).rr else 1)' "$1"
}

start_lab() {
	unpack_lab
	mkdir -p "$tmp/lab"
	lab_host here 127.0.0.1
	lab_host there 192.0.2.53
	ip link add name lab netns "$(cat "$tmp/lab/here/pid")" type veth \
	    peer name lab netns "$(cat "$tmp/lab/there/pid")"
	in_lab here ip link set lab up
	in_lab there ip link set lab up
	in_lab here ip addr add 192.0.2.1/24 dev lab
	in_lab here ip -6 addr add 2001:db8::1/64 dev lab nodad
	lab_address 2 10 11 12 13 20 21 22 23 24 25 26 27 28 53 54 55
}
