# Sourced by run.sh: two servers behind one HAProxy, which tells them by the
# PROXY protocol who its clients are. It runs in the foreground with its own
# configuration, as the user it is started by, and listens on loopback alone.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# One of two: its root, its configuration, its log by its number.
start_proxied() {
	cat >"$tmp/proxied-$1.conf" <<-END
	hostname mx$1.example.org
	root $tmp/proxied-$1
	user nobody
	worker-user daemon
	listen 127.0.0.1 port 0
	listen 127.0.0.1 port 0 implicit-tls
	tls certificate $tls_certificate key $tls_key
	proxy-from 127.0.0.1
	domain example.org {
	    users $tmp/users
	}
	limits {
	    per-address 2
	}
	END
	"$smtpd" -d -f "$tmp/proxied-$1.conf" -w "$worker" \
	    </dev/null >"$tmp/proxied-$1.out" 2>"$tmp/proxied-$1.log" &
	started $!
	eval "proxied_$1=$!"
}

proxied_start() {
	for number in 1 2; do
		until_so 60 grep -q ' event=start' "$tmp/proxied-$number.log" ||
		    fail "$(tail -n 5 "$tmp/proxied-$number.log")"
	done
}

# proxied_port NUMBER [tls=implicit]: of the listener.
proxied_port() {
	sed -n "s/.* event=listen .* port=\([0-9]*\)${2:+ $2}\$/\1/p" \
	    "$tmp/proxied-$1.log"
}

# Ports that are free now; HAProxy has none it could tell us of later.
free_ports() {
	"$python" -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*[s.getsockname()[1] for s in held])'
}

# The check of both kinds: by SMTP, and by connecting alone.
write_haproxy() {
	cat >"$tmp/haproxy.cfg" <<-END
	global
	    maxconn 200
	    stats socket $tmp/haproxy.sock mode 600
	defaults
	    mode tcp
	    timeout connect 10s
	    timeout client 60s
	    timeout server 60s
	listen smtp-v1
	    bind 127.0.0.1:$v1_port
	    balance roundrobin
	    option smtpchk EHLO check.example
	    server one 127.0.0.1:$(proxied_port 1) send-proxy check inter 500
	    server two 127.0.0.1:$(proxied_port 2) send-proxy check inter 500
	listen smtp-v2
	    bind 127.0.0.1:$v2_port
	    balance roundrobin
	    option smtpchk EHLO check.example
	    server one 127.0.0.1:$(proxied_port 1) send-proxy-v2 check inter 500
	    server two 127.0.0.1:$(proxied_port 2) send-proxy-v2 check inter 500
	listen smtps-v2
	    bind 127.0.0.1:$smtps_port
	    server one 127.0.0.1:$(proxied_port 1 tls=implicit) send-proxy-v2 check inter 500
	listen smtp-sum
	    bind 127.0.0.1:$sum_port
	    server two 127.0.0.1:$(proxied_port 2) send-proxy-v2 proxy-v2-options crc32c,unique-id check inter 500
	END
	haproxy -c -f "$tmp/haproxy.cfg" >"$tmp/haproxy.out" 2>&1 ||
	    fail "$(tail -n 5 "$tmp/haproxy.out")"
}

# haproxy_status: a line for each server of each of the four, "UP" at its end.
haproxy_status() {
	"$python" -c '
import csv, socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(b"show stat\n")
text = b""
while part := s.recv(65536):
    text += part
for row in csv.DictReader(text.decode().lstrip("# ").splitlines()):
    if row["svname"] not in ("FRONTEND", "BACKEND"):
        print(row["pxname"], row["svname"], row["check_status"],
              row["status"].split()[0])
' "$tmp/haproxy.sock"
}

checked() {
	[ "$(haproxy_status | grep -c " $1 UP\$")" -eq "$2" ]
}

# A check that has succeeded once: a server counts as up before it.
all_up() {
	if ! until_so 60 checked L7OK 4 || ! until_so 60 checked L4OK 2; then
		fail "$(haproxy_status; tail -n 5 "$tmp/haproxy.out")"
	fi
}

# still_up: and nothing that a check does looks like an attack or a mistake.
still_up() {
	sleep 2
	all_up
	for number in 1 2; do
		! grep -E ' event=(worker-|proxy-failed |reject )' \
		    "$tmp/proxied-$number.log" || fail "server $number"
	done
}

# send_behind PORT ADDRESS SUBJECT: from that address of this host.
send_behind() {
	limit swaks --server 127.0.0.1 --port "$1" --local-interface "$2" \
	    --timeout 60 --helo client.example.net --from "$sender" \
	    --to alice@example.org --header "Subject: $3"
}

# received_from SUBJECT ADDRESS: where it lies, by one of the two.
received_from() {
	file=$(grep -rlx "Subject: $1" "$tmp"/proxied-?/mail) ||
	    fail "no letter $1"
	grep -q "^Received: from client.example.net (\[$2\])" "$file" ||
	    fail "$(head -n 4 "$file")"
}

# One after the other, so that it is the turn of each server.
behind() {
	for turn in 1 2; do
		said=$(send_behind "$1" "$2" "$3-$turn" 2>&1) || fail "$said"
		received_from "$3-$turn" "$2"
	done
}

# Each of the two had one.
both_served() {
	for number in 1 2; do
		ls "$tmp/proxied-$number"/mail/example.org/alice/new/* \
		    >/dev/null || fail "server $number had no letter"
		grep -q ' event=proxied .* client=127.0.0.7 .* via=127.0.0.1$' \
		    "$tmp/proxied-$number.log" ||
		    fail "$(grep ' event=proxied' "$tmp/proxied-$number.log")"
	done
}

behind_tls() {
	said=$(limit swaks --server 127.0.0.1 --port "$1" "$2" \
	    --local-interface 127.0.0.9 --timeout 60 \
	    --helo client.example.net --from "$sender" \
	    --to alice@example.org --header "Subject: $3" 2>&1) ||
	    fail "$said"
	received_from "$3" 127.0.0.9
	grep -q ' with ESMTPS id ' "$file" || fail "$(head -n 4 "$file")"
}

# One client has its two places on a server, and others are served.
one_is_limited() {
	"$python" -c '
import socket, sys
def greeting(address):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30,
                                 (address, 0))
    return s, s.makefile("rb").readline().decode()
held = [greeting("127.0.0.11") for _ in range(12)]
codes = [line[:3] for _, line in held]
assert codes.count("220") == 4 and codes.count("421") == 8, codes
_, line = greeting("127.0.0.12")
assert line.startswith("220 "), line
' "$1"
}

check_proxy() {
	ports=$(free_ports)
	# shellcheck disable=SC2086 # four words
	set -- $ports
	v1_port=$1 v2_port=$2 smtps_port=$3 sum_port=$4
	start_proxied 1
	start_proxied 2
	check proxied-start proxied_start
	check haproxy-configuration write_haproxy
	haproxy -db -f "$tmp/haproxy.cfg" </dev/null >"$tmp/haproxy.out" 2>&1 &
	haproxy=$!
	started "$haproxy"
	check haproxy-checks all_up
	check haproxy-v1 behind "$v1_port" 127.0.0.7 behind-v1
	check haproxy-v2 behind "$v2_port" 127.0.0.8 behind-v2
	check haproxy-both both_served
	check haproxy-checksum behind "$sum_port" 127.0.0.10 behind-sum
	if perl -MNet::SSLeay -e 1 2>/dev/null; then
		check haproxy-starttls behind_tls "$v2_port" -tls behind-tls
		check haproxy-implicit behind_tls "$smtps_port" -tlsc \
		    behind-implicit
	else
		skip haproxy-tls "no Net::SSLeay for this perl"
	fi
	check haproxy-checks-quietly still_up
	check haproxy-limits one_is_limited "$v1_port"
	kill "$haproxy"
	end_one "$haproxy" || :
	for pid in "$proxied_1" "$proxied_2"; do
		kill "$pid"
		proxied_ended=0
		end_one "$pid" || proxied_ended=$?
		check proxied-ends [ "$proxied_ended" -eq 0 ]
	done
}
