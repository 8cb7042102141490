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
	for domain in preferred implicit six alias many signed servfail.broken \
	    silent.broken; do
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

# lab_gives TO TOKEN [KIND]: alice of here sends a letter, without a login.
lab_gives() {
	letter make "${3:-short}" "$2" "$tmp/lab/$2"
	# shellcheck disable=SC2086 # several recipients
	in_lab here /usr/bin/python3 t/interop/smtplib_send.py 127.0.0.1 25 \
	    alice@here.example raw "$tmp/lab/$2" $1 \
	    >"$tmp/lab/said" 2>&1 || fail "not taken: $(cat "$tmp/lab/said")"
}

# lab_queue VERB [CRITERION]: smtpctl queue.
lab_queue() {
	in_lab here "$smtpctl" queue "$1" -f "$tmp/lab/here.conf" ${2:+"$2"}
}

# As the files have it.
lab_queue_has() {
	in_lab here "$smtpctl" queue list -d "$tmp/lab/here.root" | grep -q "$1"
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

# sends_there DOMAIN [TOKEN]: a letter for alice there gets into her mailbox.
sends_there() {
	lab_gives "alice@$1" "${2:-to-$1}"
	arrives_there "${2:-to-$1}" "$1"
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
	waits "alice@$1" 'stage=connect .*may not connect to this address'
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

# waits WHO WORDS: the letter is in the queue, and the log has the words.
waits() {
	until_so 12 grep -q " event=try .*to=<$1>.*$2" "$tmp/lab/here.out" ||
	    fail "no event=try with '$2': $(lab_story)"
	lab_queue_has "<$1>" || fail "not in the queue"
}

# smuggles NAME: of letters with a false end of the data in them (CVE-2023-51764
# and its kin) each that we take arrives there as one letter.
smuggles() {
	in_lab here /usr/bin/python3 t/interop/smuggle.py send 127.0.0.1 \
	    alice@here.example "alice@$1.example" >"$tmp/lab/taken" \
	    2>"$tmp/lab/said" || fail "$(cat "$tmp/lab/said")"
	[ "$(wc -l <"$tmp/lab/taken")" -ge 5 ] || fail "too few were taken"
	lab_gives "alice@$1.example" "behind-$1"
	until_so 12 peer_file "$1" "behind-$1" || fail "$(lab_story)"
	sed 's/^/outer-/' "$tmp/lab/taken" | sort >"$tmp/lab/want"
	until_so 12 smuggled "$1" ||
	    fail "$(diff "$tmp/lab/want" "$tmp/lab/found")"
	! grep -q smuggled "$tmp/lab/subjects" || fail "a letter of its own"
}

smuggled() {
	in_lab there /usr/bin/python3 t/interop/smuggle.py found \
	    "/var/mail/peers/$1" >"$tmp/lab/subjects"
	grep '^outer-' "$tmp/lab/subjects" | sort >"$tmp/lab/found"
	cmp -s "$tmp/lab/want" "$tmp/lab/found"
}

# signed WORDS DOMAIN: so explain says it of its DNS.
signed() {
	in_lab here "$smtpctl" explain -f "$tmp/lab/here.conf" \
	    --from alice@here.example --to "alice@$2.example" \
	    --client 127.0.0.1 >"$tmp/lab/said" 2>&1
	grep -q "the DNS says: .*; $1 (DNSSEC)" "$tmp/lab/said" ||
	    fail "not '$1': $(cat "$tmp/lab/said")"
}

# Hosts of which each lacks something: smtp-sink of Postfix.
start_sinks() {
	for options in "192.0.2.20:25 -8" "192.0.2.21:25 -e" \
	    "192.0.2.22:25 -r RCPT"; do
		# shellcheck disable=SC2086 # words
		set -- $options
		n=${1%:25}
		lab_daemon there "sink.${n##*.}" smtp-sink -u nobody "$2" \
		    ${3:+"$3"} -d "/tmp/sink.${n##*.}." "$1" 100
	done
	for n in 20 21 22; do
		until_so 20 greets "192.0.2.$n" ||
		    fail "smtp-sink: $(cat "$tmp/lab/sink.$n.out")"
	done
}

# An octet above 127 for a host that takes none.
seven_bits() {
	bounces alice@seven.example 5.6.3 '8BITMIME is not offered'
	lab_gives alice@seven.example in-ascii ascii
	until_so 12 grep -q " event=done .*to=<alice@seven.example>" \
	    "$tmp/lab/here.out" || fail "not sent: $(lab_story)"
}

# A host that knows HELO only gets what we sent.
no_esmtp() {
	lab_gives alice@old.example to-old ascii
	until_so 12 grep -q " event=done .*to=<alice@old.example>" \
	    "$tmp/lab/here.out" || fail "not sent: $(lab_story)"
	in_lab there sh -c 'cat /tmp/sink.21.*' | tr -d '\r' >"$tmp/lab/found"
	sed -i '/^$/{ ${ d } }' "$tmp/lab/found"
	grep -q '^X-Helo-Args: mx.here.example' "$tmp/lab/found" ||
	    fail "no HELO: $(head -n 5 "$tmp/lab/found")"
	letter caught "$tmp/lab/found" "$tmp/lab/to-old" "by mx.here.example"
}

# explained ID WORD: smtpctl explain has the word.
explained() {
	in_lab here "$smtpctl" explain -f "$tmp/lab/here.conf" "$1" \
	    >"$tmp/lab/said" 2>&1
	grep -q "$2" "$tmp/lab/said"
}

soft_refusal() {
	lab_gives alice@later.example to-later
	waits alice@later.example 'stage=RCPT why=reply code=450'
	id=$(lab_queue list to=alice@later.example | awk '/@later/ { print $1 }')
	for word in mx.later.example 192.0.2.22 450; do
		until_so 5 explained "$id" "$word" ||
		    fail "no $word: $(cat "$tmp/lab/said")"
	done
	lab_queue remove to=alice@later.example >"$tmp/lab/said" 2>&1 ||
	    fail "$(cat "$tmp/lab/said")"
	! lab_queue_has alice@later.example || fail "it is still there"
}

# SERVFAIL, or no answer, is no reason to give up.
dns_trouble() {
	for word in servfail silent; do
		: >"$tmp/lab/$word"
		lab_gives "alice@$word.broken.example" "to-$word"
		waits "alice@$word.broken.example" 'stage=DNS'
		rm "$tmp/lab/$word"
	done
	sleep 6		# as long as unbound remembers
	lab_queue retry all >"$tmp/lab/said" 2>&1 ||
	    fail "$(cat "$tmp/lab/said")"
	for word in servfail silent; do
		arrives_there "to-$word" "$word.broken.example"
	done
}

# dns_lies DOMAIN: nothing that helps; the letter waits, and no other.
dns_lies() {
	lab_gives "alice@$1" "to-$1"
	waits "alice@$1" 'stage=DNS'
	sends_there there.example "beside-$1"
}

# Nothing comes back from 192.0.2.200, whose packets go nowhere.
hang() {
	in_lab here ip neigh replace 192.0.2.200 lladdr 02:00:00:00:00:99 \
	    dev lab nud permanent
}

# dial is killed while a connection hangs: both letters go on.
dial_killed() {
	hang
	lab_gives alice@hangs.example to-hangs
	dial_pid=$(in_lab here pgrep -f "smtpd-worker -c")
	until_so 12 in_lab here sh -c 'ss -tn state syn-sent | grep -q 192.0.2.200' ||
	    fail "no connection under way: $(lab_story)"
	in_lab here kill -9 "$dial_pid"
	sends_there preferred.example beside-killed
	grep -q " event=helper-lost helper=dial " "$tmp/lab/here.out" ||
	    fail "no event=helper-lost: $(lab_story)"
	until_so 12 in_lab here sh -c 'ss -tn state syn-sent | grep -q 192.0.2.200' ||
	    fail "the connection is not asked for again: $(lab_story)"
}

# A host that is down gets its letter after a restart of ours, once.
restarted() {
	lab_gives alice@down.example to-down
	waits alice@down.example 'stage=connect why="no connection"'
	in_lab here pkill -TERM -f "$smtpd -d -f $tmp/lab/here.conf"
	until_so 30 grep -q ' event=stop ' "$tmp/lab/here.out" ||
	    fail "it does not stop: $(lab_story)"
	lab_queue_has '<alice@down.example>' || fail "not in the queue"
}

# The same as before, and the host that was down.
start_again() {
	lab_daemon there sink.23 smtp-sink -u nobody 192.0.2.23:25 100
	mv "$tmp/lab/here.out" "$tmp/lab/here.before"
	lab_daemon here here "$smtpd" -d -f "$tmp/lab/here.conf" -w "$worker"
}

starts_again() {
	lab_smtpd_starts here
	lab_queue retry all >"$tmp/lab/said" 2>&1 ||
	    fail "$(cat "$tmp/lab/said")"
	until_so 12 grep -q " event=done .*to=<alice@down.example>" \
	    "$tmp/lab/here.out" || fail "not sent: $(lab_story)"
}

# Each recipient of one letter for itself, and one report.
mixed() {
	lab_gives "bob@here.example alice@there.example alice@postfix.example
	    nobody@exim.example" to-all
	arrives_there to-all there.example
	until_so 12 peer_file postfix to-all || fail "$(lab_story)"
	letter caught "$(peer_file postfix to-all)" "$tmp/lab/to-all"
	until_so 12 lab_report to-all || fail "no report: $(lab_story)"
	[ "$(grep -c '^Final-Recipient:' "$(lab_report to-all)")" -eq 1 ] ||
	    fail "$(cat "$(lab_report to-all)")"
	file=$(grep -rl '^Subject: to-all$' \
	    "$tmp/lab/here.root/mail/here.example/bob/new")
	letter caught "$file" "$tmp/lab/to-all"
}

# success TO ACTION: a report that was asked for.
success() {
	token=success-$(echo "$1" | tr -c 'a-z0-9\n' -)
	letter make short "$token" "$tmp/lab/$token"
	in_lab here /usr/bin/python3 -c '
import smtplib, sys
with smtplib.SMTP("127.0.0.1", 25, timeout=60) as client:
    with open(sys.argv[2], "rb") as f:
        client.sendmail("alice@here.example", [sys.argv[1]], f.read(),
                        ["BODY=8BITMIME", "RET=HDRS", "ENVID=lab+2Bid"],
                        ["NOTIFY=SUCCESS", "ORCPT=rfc822;first@x.example"])' \
	    "$1" "$tmp/lab/$token" >"$tmp/lab/said" 2>&1 ||
	    fail "not taken: $(cat "$tmp/lab/said")"
	until_so 12 lab_report "$token" || fail "no report: $(lab_story)"
	for word in "Action: $2" "Original-Envelope-Id: lab+id" \
	    "Original-Recipient: rfc822; *first@x.example" \
	    "Final-Recipient: rfc822; *$1"; do
		grep -qi "^$word" "$(lab_report "$token")" ||
		    fail "no '$word': $(sed -n '/^Reporting-MTA/,$p' \
		    "$(lab_report "$token")")"
	done
}

# Ten thousand letters for three sites that are dead, slow or busy, and a healthy
# one beside them.
neighbours() {
	in_lab here /usr/bin/python3 t/interop/neighbours.py send 127.0.0.1 \
	    alice@here.example 10000 alice@dead.example alice@slow.example \
	    alice@busy.example >"$tmp/lab/said" 2>&1 ||
	    fail "not taken: $(tail -n 1 "$tmp/lab/said")"
	in_lab here /usr/bin/python3 t/interop/neighbours.py pace 127.0.0.1 \
	    alice@here.example 500 alice@healthy.example >"$tmp/lab/said" 2>&1 ||
	    fail "not taken: $(tail -n 1 "$tmp/lab/said")"
	sleep 1
	/usr/bin/python3 t/interop/neighbours.py result \
	    "$tmp/lab/neighbours.out" 500 >"$tmp/lab/took" 2>&1 ||
	    fail "$(cat "$tmp/lab/took")"
	for site in dead slow busy; do
		lab_queue_has "<alice@$site.example>" || fail "no $site is left"
	done
	lab_queue remove from=alice@here.example >"$tmp/lab/said" 2>&1 ||
	    fail "$(cat "$tmp/lab/said")"
}

check_relay() {
	check relay-mx sends_there there.example
	check relay-submission submits_there
	for domain in preferred implicit six alias many; do
		check "relay-$domain" sends_there "$domain.example"
	done
	for peer in $peers; do
		check "to-$peer" peer_takes "$peer"
		check "to-$peer-nobody" peer_refuses "$peer"
	done
	for peer in $peers; do
		check "smuggling-$peer" smuggles "$peer"
	done
	check relay-signed sends_there signed.example
	check relay-signed-said signed signed signed
	check relay-unsigned-said signed "not signed" there
	check relay-bogus dns_lies bogus.example
	check relay-mixed mixed
	check relay-unknown bounces nobody@there.example 5.1.1 'mx.there.example'
	check relay-null-mx bounces alice@null.example 5.1.10 'null MX'
	check relay-nxdomain bounces alice@nowhere.example 5.1.2 'no such domain'
	check relay-nodata bounces alice@nodata.example 5.4.4 'no host'
	for domain in loop loopback; do
		check "relay-$domain" bounces "alice@$domain.example" 5.4.6 \
		    'back to this host'
	done
	check relay-private refused_to_go private.example
	check relay-success success alice@there.example relayed
	check relay-success-postfix success alice@postfix.example delivered
	check relay-success-chasquid success alice@chasquid.example relayed
	start_sinks
	check relay-seven-bits seven_bits
	check relay-no-esmtp no_esmtp
	check relay-dns-garbage dns_lies garbage.broken.example
	check relay-dial-killed dial_killed
	check relay-soft-refusal soft_refusal
	check relay-dns-trouble dns_trouble
	check relay-stops restarted
	start_again
	check relay-starts-again starts_again
	lab_daemon there neighbours /usr/bin/python3 t/interop/neighbours.py \
	    serve 192.0.2.26 192.0.2.27 192.0.2.28
	check relay-neighbours neighbours
	sed 's/^/neighbours: /' "$tmp/lab/took" 2>/dev/null || :
}
