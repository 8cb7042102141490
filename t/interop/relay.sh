# Sourced by run.sh: mail that leaves, in the lab of lab.sh, to our own server
# and to those of peers.sh, and from them to us.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh and lab.sh

# lab_smtpd HOST ADDRESS LINES: our server of HOST.example.
lab_smtpd() {
	lab_conf=$tmp/lab/$1.conf
	printf 'alice\nbob\n' >"$tmp/lab/$1.users"
	cat >"$lab_conf" <<-END
	hostname mx.$1.example
	root $tmp/lab/$1.root
	user nobody
	worker-user daemon
	control $tmp/lab/$1.control
	listen $2 port 25
	listen 2001:db8::${2##*.} port 25
	listen 127.0.0.1 port 25
	tls certificate $lab_certificate key $lab_key
	domain $1.example {
	    users $tmp/lab/$1.users
	}
	$3
	END
	echo secret | "$smtpctl" passwd -f "$lab_conf" "alice@$1.example" \
	    >"$tmp/lab/said" 2>&1 || fail "$(cat "$tmp/lab/said")"
	chmod 644 "$tmp/lab/$1.users"
	lab_daemon "$1" "$1" "$smtpd" -d -f "$lab_conf" -w "$worker"
}

start_lab_smtpd() {
	more_domains=
	for domain in preferred implicit six alias; do
		more_domains="$more_domains
	domain $domain.example {
	    users $tmp/lab/there.users
	}"
	done
	lab_smtpd there 192.0.2.2 "$more_domains"
	lab_smtpd here 192.0.2.1 "listen 127.0.0.1 port 587 submission
	resolver 127.0.0.1
	relay {
	    from authenticated
	    from 127.0.0.1
	}"
}

lab_smtpd_starts() {
	until_so 60 grep -q ' event=start ' "$tmp/lab/$1.out" ||
	    fail "no event=start: $(tail -n 5 "$tmp/lab/$1.out")"
}

# lab_gives TO TOKEN [FROM]: alice of here sends a letter, without a login.
lab_gives() {
	letter make short "$2" "$tmp/lab/$2"
	in_lab here /usr/bin/python3 t/interop/smtplib_send.py 127.0.0.1 25 \
	    "${3-alice@here.example}" raw "$tmp/lab/$2" "$1" \
	    >"$tmp/lab/said" 2>&1 || fail "not taken: $(cat "$tmp/lab/said")"
}

# lab_queue: the letters that wait here.
lab_queue() {
	in_lab here "$smtpctl" -f "$tmp/lab/here.conf" queue list
}

# lab_inbox HOST DOMAIN TOKEN: the file in alice's mailbox.
lab_inbox() {
	grep -rl "^Subject: $3\$" \
	    "$tmp/lab/$1.root/mail/$2/alice/new" 2>/dev/null
}

# What the log says of the message with that token, and of how it went on.
lab_story() {
	tail -n 8 "$tmp/lab/here.out" | cut -c1-300
}

# arrives_there TOKEN DOMAIN: in alice's mailbox there, octet for octet.
arrives_there() {
	until_so 12 lab_inbox there "$2" "$1" ||
	    fail "$1 did not arrive: $(lab_story)"
	file=$(lab_inbox there "$2" "$1")
	[ "$(echo "$file" | wc -l)" -eq 1 ] || fail "$1 twice: $file"
	letter caught "$file" "$tmp/lab/$1" "by mx.here.example" \
	    "by mx.there.example" "Return-Path: <alice@here.example>"
}

# sends_there DOMAIN: a letter for alice there gets into her mailbox.
sends_there() {
	lab_gives "alice@$1" "to-$1"
	arrives_there "to-$1" "$1"
}

# submits_there: by a login, as any mail program does it.
submits_there() {
	letter make short submitted "$tmp/lab/submitted"
	sed -i 's/^From: .*/From: alice@here.example\r/' "$tmp/lab/submitted"
	sed -i 's/^From: .*/From: alice@here.example/' "$tmp/lab/submitted.lf"
	in_lab here /usr/bin/python3 -c '
import smtplib, ssl, sys
with smtplib.SMTP("127.0.0.1", 587, timeout=60) as client:
    client.starttls(context=ssl._create_unverified_context())
    client.login("alice@here.example", "secret")
    with open(sys.argv[1], "rb") as f:
        client.sendmail("alice@here.example", ["alice@there.example"],
                        f.read(), ["BODY=8BITMIME"])' \
	    "$tmp/lab/submitted"
	arrives_there submitted there.example
}

# bounces TO CODE WORDS: who sent it gets it back, with the words.
bounces() {
	token=bounce-$(echo "$1" | tr -c 'a-z0-9\n' -)
	lab_gives "$1" "$token"
	until_so 12 lab_report "$token" || fail "no report: $(lab_story)"
	for word in "Action: failed" "Status: $2" "Final-Recipient: rfc822;.*$1" \
	    "$3"; do
		grep -qi "$word" "$(lab_report "$token")" ||
		    fail "no '$word': $(sed -n '/^Content-Type: m/,$p' \
		    "$(lab_report "$token")")"
	done
}

# The report in alice's own mailbox that quotes the token.
lab_report() {
	grep -rl "^Return-Path: <>" "$tmp/lab/here.root/mail/here.example/alice/new" |
	    while read -r file; do
		! grep -q "^Subject: $1" "$file" || echo "$file"
	done | grep .
}

# peer_takes NAME: our letter is stored there, octet for octet, and was sent
# under TLS; or in plain text on a second connection where STARTTLS breaks, as
# with the OpenSMTPD of Debian 12, for every client.
peer_takes() {
	lab_gives "alice@$1.example" "to-$1"
	until_so 12 peer_file "$1" "to-$1" || fail \
	    "to-$1 did not arrive: $(lab_story); $(tail -n 3 "$tmp/lab/$1.out")"
	letter caught "$(peer_file "$1" "to-$1")" "$tmp/lab/to-$1" \
	    "by mx.here.example"
	grep " host=mx.$1.example " "$tmp/lab/here.out" >"$tmp/lab/story"
	grep -q ' event=done .* tls="TLS' "$tmp/lab/story" ||
	    grep -q ' event=try .* stage=STARTTLS why="TLS failed"' \
	    "$tmp/lab/story" || fail "not under TLS: $(lab_story)"
}

# peer_refuses NAME: no such user there; the report has its words.
peer_refuses() {
	bounces "nobody@$1.example" '5\.' "Remote-MTA: dns; *mx.$1.example"
}

# peer_gives NAME: its letter comes into alice's mailbox here.
peer_gives() {
	letter make short "from-$1" "$tmp/lab/from-$1"
	"$1_sends" "alice@$1.example" alice@here.example "$tmp/lab/from-$1" \
	    >"$tmp/lab/said" 2>&1 || fail "not taken: $(cat "$tmp/lab/said")"
	until_so 12 lab_inbox here here.example "from-$1" ||
	    fail "from-$1 did not come: $(tail -n 3 "$tmp/lab/$1.out")"
	letter caught "$(lab_inbox here here.example "from-$1")" "$tmp/lab/from-$1" \
	    "from mx.$1.example" "with ESMTPS id"
}

# refused_to_go DOMAIN: dial does not go there, and the letter comes back or
# waits; it is nowhere else.
refused_to_go() {
	lab_gives "alice@$1" "no-$1"
	until_so 20 grep -q " event=dial-refused " "$tmp/lab/here.out" ||
	    fail "no event=dial-refused: $(lab_story)"
}

# The lab, and mail that comes from the others.
check_lab() {
	start_lab
	start_dns
	make_peer_certificate
	start_lab_smtpd
	for peer in $peers; do
		"start_$peer"
	done
	check lab-here lab_smtpd_starts here
	check lab-there lab_smtpd_starts there
	for peer in $peers; do
		check "lab-$peer" peer_greets "$peer"
		check "from-$peer" peer_gives "$peer"
	done
}

check_relay() {
	check relay-mx sends_there there.example
	check relay-submission submits_there
	for domain in preferred implicit six alias; do
		check "relay-$domain" sends_there "$domain.example"
	done
	for peer in $peers; do
		check "to-$peer" peer_takes "$peer"
		check "to-$peer-nobody" peer_refuses "$peer"
	done
	check relay-unknown bounces nobody@there.example 5.1.1 'mx.there.example'
	check relay-null-mx bounces alice@null.example 5.1.10 'null MX'
	check relay-nxdomain bounces alice@nowhere.example 5.1.2 'no such domain'
	check relay-loop bounces alice@loop.example 5.4.6 'back to this host'
}
