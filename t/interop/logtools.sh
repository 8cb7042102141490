# Sourced by run.sh, and by systemd_inside.sh in the container: programs that
# read a log, given ours.  plog is that log, plog_root the root of the server,
# plog_conf its configuration, plog_port where it listens, and plog_filter the
# directory of postfix.awk.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# A server of its own; pkill is one that meets no smtpd but this.
start_postfix_log() {
	plog=$tmp/plog/log
	plog_root=$tmp/plog.root
	plog_conf=$tmp/plog.conf
	plog_filter=server/init
	mkdir -p "$tmp/plog" "$tmp/bin"
	printf '#!/bin/sh\nexec %s -P %s "$@"\n' "$(command -v pkill)" $$ \
	    >"$tmp/bin/pkill"
	chmod 755 "$tmp/bin" "$tmp/bin/pkill"
	! $is_root || chown "$owner" "$tmp/plog"
	printf '%s\n' alice bob >"$tmp/plog.users"
	printf 'info: alice, bob\n' >"$tmp/plog.aliases"
	cat >"$plog_conf" <<-END
	hostname mx.example.org
	root $plog_root
	user nobody
	worker-user daemon
	listen 127.0.0.1 port 0
	log to $plog
	domain example.org {
	    users $tmp/plog.users
	    aliases $tmp/plog.aliases
	}
	END
	"$smtpd" -d -f "$plog_conf" -w "$worker" \
	    </dev/null >"$tmp/plog.out" 2>&1 &
	postfix_server=$!
	started "$postfix_server"
}

postfix_log_starts() {
	until_so 20 grep -q 'event=start' "$plog" ||
	    fail "no event=start: $(tail -n 5 "$tmp/plog.out")"
}

find_plog_port() {
	plog_port=$(sed -n \
	    's/.* event=listen address=127.0.0.1 port=\([0-9]*\).*/\1/p' \
	    "$plog" | head -n 1)
}

# post RECIPIENT...: a letter.
post() {
	smtplib_raw 127.0.0.1 "$plog_port" sender@example.net \
	    "$tmp/letter-plog" "$@" >"$tmp/said" 2>&1
}

# Four letters for six mailboxes, two of them by an alias, and refusals:
# three unknown names, one foreign, one smuggled message.  One hangs up.
fill_postfix_log() {
	letter make plain letter-plog "$tmp/letter-plog"
	for to in alice@example.org bob@example.org \
	    'alice@example.org bob@example.org' info@example.org; do
		# shellcheck disable=SC2086 # several recipients
		post $to || fail "$to: $(tail -c 500 "$tmp/said")"
	done
	for to in nobody1@example.org nobody2@example.org \
	    nobody3@example.org someone@elsewhere.example; do
		! post "$to" || fail "$to was not refused"
	done
	"$python" - "$plog_port" <<-'END' || fail "the smuggler"
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	f = s.makefile("rb")
	def say(line):
	    s.sendall(line)
	    while True:
	        reply = f.readline()
	        if reply[3:4] != b"-":
	            return reply
	f.readline()
	say(b"EHLO smuggler.example\r\n")
	say(b"MAIL FROM:<a@smuggler.example>\r\n")
	say(b"RCPT TO:<alice@example.org>\r\n")
	say(b"DATA\r\n")
	assert say(b"x\n.\r\ny\r\n.\r\n").startswith(b"554")
	assert f.readline() == b""
	END
	# Without QUIT, and for good.
	"$python" - "$plog_port" <<-'END' || fail "the one that hangs up"
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	s.recv(100)
	s.sendall(b"EHLO gone.example\r\n")
	s.recv(1000)
	END
	until_so 10 postfix_log_is_full ||
	    fail "the log: $(tail -n 5 "$plog")"
}

postfix_log_is_full() {
	[ "$(grep -c ' event=disconnect ' "$plog")" -eq 10 ]
}

# at_plog: an example of smtpd(8), with the places of this server.
at_plog() {
	sed -e "s|/var/log/smtpd/log|$plog|" \
	    -e "s|/var/smtpd/log/message|$plog_root/log/message|" \
	    -e "s|/usr/local/share/examples/smtpd|$plog_filter|" \
	    -e "s|su _smtpd _smtpd|su $owner $(id -gn "$owner")|" \
	    -e "s|-u _smtpd|-u $owner|"
}

# What stands before the pipe, for more than one reader.
filter_log() {
	manual_example man/smtpd.8 'pflogsumm -' | at_plog |
	    sed 's/ | pflogsumm -$//' >"$tmp/filter.sh"
	grep -q 'awk ' "$tmp/filter.sh" || fail "no example in smtpd(8)"
	sh -e "$tmp/filter.sh" >"$tmp/postfix" 2>"$tmp/said" ||
	    fail "postfix.awk: $(cat "$tmp/said")"
	[ ! -s "$tmp/said" ] || fail "postfix.awk says: $(cat "$tmp/said")"
}

# figure WORD: the number in pflogsumm's line of that word.
figure() {
	sed -n "s/^ *\([0-9]*\)  *$1.*/\1/p" "$tmp/pflogsumm" | head -n 1
}

pflogsumm_counts() {
	pflogsumm --smtpd-stats "$tmp/postfix" >"$tmp/pflogsumm" 2>"$tmp/said" ||
	    fail "pflogsumm: $(cat "$tmp/said")"
	[ ! -s "$tmp/said" ] || fail "pflogsumm says: $(cat "$tmp/said")"
	while read -r want word; do
		[ "$(figure "$word")" = "$want" ] ||
		    fail "pflogsumm finds '$(figure "$word")' $word, not $want"
	done <<-END
	4 received
	6 delivered
	5 rejected
	1 senders
	2 recipients
	10 connections
	END
	bytes=$(cat "$plog_root"/mail/example.org/*/new/* | wc -c)
	[ "$(figure 'bytes delivered')" = "$bytes" ] ||
	    fail "pflogsumm finds '$(figure 'bytes delivered')' bytes" \
	    "delivered, not $bytes"
	grep -q 'User unknown in virtual mailbox table (total: 3)' \
	    "$tmp/pflogsumm" || fail "no unknown users in pflogsumm's report"
	grep -q 'Relay access denied (total: 1)' "$tmp/pflogsumm" ||
	    fail "no relaying in pflogsumm's report"
	grep -q ' 3  *alice@example.org' "$tmp/pflogsumm" ||
	    fail "no alice in pflogsumm's report"
}

# A message with four recipients elsewhere: a host that cannot be reached, one
# recipient deferred and then delivered, two delivered at once, one failed.
leaving_counts() {
	cat >"$tmp/leaving.message" <<-'END'
	{"time":"2026-11-30T14:00:02Z","n":3,"event":"done","id":"1m857pqg38m02n9r","to":["r@y.example","t@y.example"],"count":2,"host":"mx2"}
	END
	cat >"$tmp/leaving.log" <<-'END'
	2026-11-30T14:00:00.123Z event=queue session=1m857pqg38m02n9s id=1m857pqg38m02n9r from=<u@a.example> to=<q@y.example> recipients=4 mailboxes=0 remote=4 size=1000
	2026-11-30T14:00:01.123Z event=try id=1m857pqg38m02n9r to=<q@y.example> recipients=3 host=mx1.y.example ip=2001:db8::1 port=25 stage=connect why="no connection" delay=1
	2026-11-30T14:00:02.123Z event=try id=1m857pqg38m02n9r to=<q@y.example> recipients=1 host=mx2.y.example ip=192.0.2.1 port=25 stage=RCPT why=reply code=451 status=4.7.1 delay=2 next=2026-11-30T14:20:00Z text="4.7.1 wait\x0aa bit"
	2026-11-30T14:00:02.123Z event=done id=1m857pqg38m02n9r to=<r@y.example> recipients=2 host=mx2.y.example ip=192.0.2.1 port=25 tls="TLSv1.3 X" stage="final dot" why=reply code=250 status=2.0.0 delay=2 text="2.0.0 ok"
	2026-11-30T14:00:02.123Z event=failed id=1m857pqg38m02n9r to=<s@y.example> recipients=1 stage=DNS why="no such domain" delay=2
	2026-11-30T14:00:03.123Z event=notice id=1m857pqg38m02n9r kind=failed report=1m857pqg38m02n9z delay=3
	2026-11-30T14:20:03.123Z event=done id=1m857pqg38m02n9r to=<q@y.example> recipients=1 host=mx2.y.example ip=192.0.2.1 port=25 stage="final dot" why=reply code=250 delay=1203
	END
	awk -f server/init/postfix.awk "$tmp/leaving.message" \
	    "$tmp/leaving.log" >"$tmp/leaving.postfix" || fail "postfix.awk"
	pflogsumm "$tmp/leaving.postfix" >"$tmp/pflogsumm" 2>"$tmp/said" ||
	    fail "pflogsumm: $(cat "$tmp/said")"
	while read -r want word; do
		[ "$(figure "$word")" = "$want" ] ||
		    fail "pflogsumm finds '$(figure "$word")' $word, not $want"
	done <<-END
	1 received
	3 delivered
	1 deferred
	1 bounced
	3 recipients
	3000 bytes delivered
	END
	grep -q 'no such domain' "$tmp/pflogsumm" ||
	    fail "why it bounced: $(cat "$tmp/pflogsumm")"
}

# Its parser alone, with Debian's settings: every message and recipient, and
# what it cannot read is told of.
logwatch_counts() {
	perl /usr/share/logwatch/scripts/services/postfix --detail 10 \
	    "$tmp/postfix" >"$tmp/logwatch" 2>"$tmp/said" ||
	    fail "logwatch: $(cat "$tmp/said")"
	while read -r want word; do
		grep -q "^ *$want  *$word" "$tmp/logwatch" ||
		    fail "logwatch: not $want $word: $(cat "$tmp/logwatch")"
	done <<-END
	4 Accepted
	1 5xx Reject relay denied
	3 5xx Reject unknown user
	10 Connections
	10 Disconnections
	4 Removed from queue
	6 Delivered
	4 Envelope senders
	END
	sed -n '/Unmatched Entries/,$p' "$tmp/logwatch" | grep 'postfix/' |
	    grep -v ' reject: DATA from ' >"$tmp/unmatched" ||
	    return 0
	fail "logwatch cannot read: $(cat "$tmp/unmatched")"
}

# The id is in capitals there; smtpctl takes it as it stands.
log_id_explained() {
	id=$(sed -n 's/.*\]: \([0-9A-Z]*\): client=.*/\1/p' "$tmp/postfix" |
	    head -n 1)
	"$smtpctl" explain -f "$plog_conf" "$id" >"$tmp/said" 2>&1 ||
	    fail "smtpctl explain $id: $(cat "$tmp/said")"
	grep -q '^  file ' "$tmp/said" || fail "$(cat "$tmp/said")"
}

# The example of smtpctl(8) with signify or minisign ($1), as it stands.
checkpoints_signed() {
	mkdir -p "$tmp/signed" "$tmp/bin"
	cat >"$tmp/bin/signify" <<-END
	#!/bin/sh
	exec $(command -v signify-openbsd || command -v signify) "\$@"
	END
	cat >"$tmp/bin/smtpctl" <<-END
	#!/bin/sh
	verb=\$2
	shift 2
	exec $(realpath "$smtpctl") log "\$verb" -f "$tmp/plog.conf" "\$@"
	END
	chmod 755 "$tmp/bin/signify" "$tmp/bin/smtpctl"
	"$smtpctl" log verify -f "$tmp/plog.conf" >"$tmp/said" ||
	    fail "$(cat "$tmp/said")"
	tail -n 1 "$tmp/said" >"$tmp/signed/mail.checkpoints"
	manual_example man/smtpctl.8 "$1 -G" | sed 's/^\$ //' \
	    >"$tmp/signed/$1.sh"
	[ "$(grep -c "^$1 " "$tmp/signed/$1.sh")" -eq 3 ] ||
	    fail "no example with $1 in smtpctl(8)"
	(cd "$tmp/signed" && PATH="$tmp/bin:$PATH" sh -e "$1.sh") \
	    </dev/null >"$tmp/said" 2>&1 || fail "$1: $(cat "$tmp/said")"
	grep -q '1 checkpoints, 1 of them of lines found' "$tmp/said" ||
	    fail "$1: not verified: $(cat "$tmp/said")"
	sed -i 's/"n":4/"n":5/' "$tmp/signed/mail.checkpoints"
	! (cd "$tmp/signed" && PATH="$tmp/bin:$PATH" sh -e -c \
	    "$(grep -A 1 "^$1 -V" "$1.sh")") </dev/null >"$tmp/said" 2>&1 ||
	    fail "$1: a forged checkpoint passes: $(cat "$tmp/said")"
}

# The example of smtpd(8), with the places of this server.
logrotate_rotates() {
	manual_example man/smtpd.8 postrotate | at_plog >"$tmp/logrotate.conf"
	grep -q "$plog" "$tmp/logrotate.conf" ||
	    fail "no example in smtpd(8)"
	chmod 644 "$tmp/logrotate.conf"
	for turn in 1 2; do
		PATH="$tmp/bin:$PATH" logrotate -f -s "$tmp/logrotate.state" \
		    "$tmp/logrotate.conf" >"$tmp/said" 2>&1 ||
		    fail "logrotate: $(cat "$tmp/said")"
		until_so 10 grep -q 'event=reopen' "$plog" ||
		    fail "rotation $turn: the log is not opened again"
		post alice@example.org || fail "$(tail -c 500 "$tmp/said")"
	done
	for file in "$plog.2" "$plog_root/log/message.2"; do
		[ -s "$file" ] || fail "no $file: $(ls "$(dirname "$plog")" \
		    "$plog_root/log")"
	done
	"$smtpctl" log verify -f "$plog_conf" >"$tmp/said" 2>&1 ||
	    fail "$(cat "$tmp/said")"
	grep -q 'the chain holds: numbers 1 to 8,' "$tmp/said" ||
	    fail "$(cat "$tmp/said")"
}

stop_postfix_log() {
	kill "$postfix_server" 2>/dev/null || :
	end_one "$postfix_server" >&2 || :
}
