# Sourced by run.sh: the daemon under its configuration, what each client has
# to bring about there, and what its log has to say afterwards.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # variables of run.sh, and for clients.sh

sender=sender@example.net
message_max_mib=12

start_server() {
	printf '%s\n' alice bob carol dave jörg >"$tmp/users"
	echo alice >"$tmp/example.com.users"
	cat >"$tmp/smtpd.conf" <<-END
	hostname mx.example.org
	root $root
	user nobody
	worker-user daemon
	listen 127.0.0.1 port 0
	$(letter port ::1 >/dev/null 2>&1 && echo "listen ::1 port 0")
	domain example.org {
	    users $tmp/users
	}
	domain example.com {
	    users $tmp/example.com.users
	}
	limits {
	    message-size ${message_max_mib}M
	}
	END
	"$smtpd" -d -f "$tmp/smtpd.conf" -w "$worker" \
	    </dev/null >"$tmp/smtpd.out" 2>"$tmp/log" &
	server=$!
	started "$server"
	check starts serves
	[ "$failed" -eq 0 ] || {
		finish || exit 1
	}
	port=$(listener 127.0.0.1)
	learn_refusals
}

serves() {
	until_so 60 grep -q ' event=start' "$tmp/log" ||
	    fail "no event=start within 60 s; the log: $(tail -n 5 "$tmp/log")"
	[ -n "$(listener 127.0.0.1)" ] || fail "no event=listen in the log"
}

listener() {
	sed -n "s/.* event=listen address=$1 port=\([0-9]*\).*/\1/p" \
	    "$tmp/log" | head -n 1
}

# What a client has to show its user when a recipient is refused is what the
# server says, whatever its words are; only the codes are known beforehand.
learn_refusals() {
	letter make plain letter-refusal "$tmp/letter-refusal"
	unknown_said=$(smtplib_raw 127.0.0.1 "$port" "$sender" \
	    "$tmp/letter-refusal" no-such-user@example.org || :)
	foreign_said=$(smtplib_raw 127.0.0.1 "$port" "$sender" \
	    "$tmp/letter-refusal" someone@elsewhere.example || :)
	check reply-unknown begins "$unknown_said" "550 5.1.1 "
	check reply-foreign begins "$foreign_said" "550 5.7.1 "
}

begins() {
	case $1 in
	"$2"?*) ;;
	*) fail "the answer is '$1', not one that begins with '$2'" ;;
	esac
}

# send FUNCTION HOST PORT ARGUMENT...: the client must say that all is well.
send() {
	set +e
	"$@" >"$tmp/said" 2>&1
	result=$?
	set -e
	[ "$result" -eq 0 ] ||
	    fail "$1 ended with $result: $(tail -c 500 "$tmp/said")"
}

at_example_org() {
	for user; do
		set -- "$@" "$user@example.org"
		shift
	done
	echo "$@"
}

# The recipient the Received field has to name: none if there are several.
for_whom() {
	[ $# -ne 1 ] || echo "$1@example.org"
}

# delivers CLIENT KIND USER...
delivers() {
	client=$1 kind=$2
	shift 2
	token=letter-$client-$kind-$#
	letter make "$kind" "$token" "$tmp/$token"
	# shellcheck disable=SC2046 # addresses without blanks
	send "${client}_raw" 127.0.0.1 "$port" "$sender" "$tmp/$token" \
	    $(at_example_org "$@")
	for user; do
		letter stored "$mail/$user" "$token" "$tmp/$token" \
		    "sender=$sender" "for=$(for_whom "$@")" with=ESMTP
	done
	rm "$tmp/$token" "$tmp/$token.lf" "$tmp/$token.cut"
}

delivers_parts() {
	client=$1
	shift
	token=letter-$client-parts-$#
	# shellcheck disable=SC2046
	send "${client}_parts" 127.0.0.1 "$port" "$sender" "$token" \
	    $(at_example_org "$@")
	for user; do
		# s-nail says HELO where it need not log in.
		letter parts "$mail/$user" "$token" "$text" "$attachment" \
		    "sender=$sender" "for=$(for_whom "$@")" "with=ESMTP|SMTP"
	done
}

# fails_with TEXT COMMAND...: the client says that it failed, and shows TEXT.
fails_with() {
	wanted=$1
	shift
	if "$@" >"$tmp/said" 2>&1; then
		fail "$1 takes a refused letter for sent"
	fi
	grep -qF -e "$wanted" "$tmp/said" ||
	    fail "$1 does not show '$wanted' but: $(tail -c 500 "$tmp/said")"
}

too_large() {
	token=letter-$1-too-large
	letter make $((message_max_mib + 1)) "$token" "$tmp/$token"
	# nodemailer reads SIZE and does not even try: it must have seen it.
	fails_with "552 5.3.4 " "$1_raw" 127.0.0.1 "$port" "$sender" \
	    "$tmp/$token" alice@example.org
	letter absent "$root" "$token"
	rm "$tmp/$token" "$tmp/$token.lf" "$tmp/$token.cut"
}

refused() {
	token=letter-$1-$2
	case $2 in
	unknown) to=no-such-user@example.org said=$unknown_said ;;
	foreign) to=someone@elsewhere.example said=$foreign_said ;;
	esac
	if [ "$1" = snail ]; then
		fails_with "$said" snail_parts 127.0.0.1 "$port" "$sender" \
		    "$token" "$to"
	else
		letter make plain "$token" "$tmp/$token"
		fails_with "$said" "$1_raw" 127.0.0.1 "$port" "$sender" \
		    "$tmp/$token" "$to"
	fi
	letter absent "$root" "$token"
}

# One of two recipients is refused: the client says so, the other gets his.
partly() {
	token=letter-$1-partly
	letter make plain "$token" "$tmp/$token"
	fails_with "$unknown_said" "$1_raw" 127.0.0.1 "$port" "$sender" \
	    "$tmp/$token" no-such-user@example.org dave@example.org
	letter stored "$mail/dave" "$token" "$tmp/$token" \
	    for=dave@example.org
}

# swaks_with NAME PROTOCOL OPTION...
swaks_with() {
	token=letter-swaks-$1 protocol=$2
	shift 2
	swaks_more=$*
	letter make plain "$token" "$tmp/$token"
	send swaks_raw 127.0.0.1 "$port" "$sender" "$tmp/$token" \
	    alice@example.org dave@example.org
	for user in alice dave; do
		letter stored "$mail/$user" "$token" "$tmp/$token" for= \
		    "with=$protocol"
	done
}

# Named twice, stored once: letter.py wants exactly one copy.
twice() {
	token=letter-swaks-twice
	letter make plain "$token" "$tmp/$token"
	send swaks_raw 127.0.0.1 "$port" "$sender" "$tmp/$token" \
	    alice@example.org ALICE@Example.ORG alice@example.org
	letter stored "$mail/alice" "$token" "$tmp/$token"
}

swaks_quits_early() {
	token=letter-swaks-early
	letter make plain "$token" "$tmp/$token"
	swaks_more="--quit-after RCPT"
	send swaks_raw 127.0.0.1 "$port" "$sender" "$tmp/$token" \
	    alice@example.org
	letter absent "$root" "$token"
}

utf8_address() {
	token=letter-$1-utf8
	letter make plain "$token" "$tmp/$token"
	send "$1_raw" 127.0.0.1 "$port" müller@example.net "$tmp/$token" \
	    jörg@example.org
	letter stored "$mail/jörg" "$token" "$tmp/$token" \
	    sender=müller@example.net for=jörg@example.org \
	    "with=UTF8SMTP|ESMTP"
}

# swaks sends the address and no SMTPUTF8.
utf8_not_announced() {
	letter make plain letter-no-utf8 "$tmp/letter-no-utf8"
	fails_with "553 5.6.7 " swaks_raw 127.0.0.1 "$port" \
	    müller@example.net "$tmp/letter-no-utf8" alice@example.org
	letter absent "$root" letter-no-utf8
}

ipv6() {
	token=letter-$1-ipv6
	letter make plain "$token" "$tmp/$token"
	send "$1_raw" ::1 "$(listener ::1)" "$sender" "$tmp/$token" \
	    dave@example.org
	letter stored "$mail/dave" "$token" "$tmp/$token"
	grep -qF "([IPv6:::1])" "$mail"/dave/new/* ||
	    fail "no Received field says [IPv6:::1]"
}

all_owned() {
	find "$root" -type f >"$tmp/files"
	[ -s "$tmp/files" ] || fail "nothing is stored"
	others=$(find "$root" ! -user nobody | head -n 3)
	[ -z "$others" ] || fail "not owned by nobody: $others"
	case $(find "$root" -prune -perm 700) in
	'') fail "$root has not mode 0700" ;;
	esac
}

# Each session is opened once and closed once.
sessions_closed() {
	until_so 60 sessions_balance || fail "$(sessions_balance)"
}

sessions_balance() {
	awk '
	{
		event = session = ""
		for (i = 1; i <= NF; i++) {
			if ($i ~ /^event=/)
				event = substr($i, 7)
			else if ($i ~ /^session=/)
				session = substr($i, 9)
		}
		if (event == "connect") {
			sessions++
			opened[session]++
		} else if (event == "disconnect")
			closed[session]++
	}
	END {
		bad = ""
		for (s in opened)
			if (opened[s] != 1 || closed[s] != 1)
				bad = s
		for (s in closed)
			if (opened[s] != 1)
				bad = s
		if (sessions < 50)
			print "only " sessions + 0 " sessions in the log"
		else if (bad != "")
			print "session " bad " was opened " opened[bad] + 0 \
			    " times and closed " closed[bad] + 0
		else
			exit 0
		exit 1
	}' "$tmp/log"
}

# The id in each stored message's Received field is in the log.
messages_logged() {
	find "$mail" -type f -name '*,S=*' -exec sed -n \
	    '1,6s/^.* with [A-Z0-9]* id \([^ ;]*\).*$/\1/p' {} \; |
	    sort -u >"$tmp/ids"
	[ "$(wc -l <"$tmp/ids")" -gt 30 ] ||
	    fail "only $(wc -l <"$tmp/ids") messages are stored"
	while read -r id; do
		grep -q " event=store .*id=$id\( \|\$\)" "$tmp/log" ||
		    fail "message $id is stored, and no event=store says so"
	done <"$tmp/ids"
}

no_crash() {
	[ -s "$tmp/log" ] || fail "the log is empty"
	! grep 'event=worker-crash' "$tmp/log"
}

# Its parent, which can wait for it, is the shell that runs the checks: the
# status was fetched by stop_server.
ends_at_sigterm() {
	[ "$server_status" = 0 ] || fail "it ended with $server_status;" \
	    "the end of its log: $(tail -n 3 "$tmp/log")"
	grep -q ' event=stop' "$tmp/log" || fail "no event=stop in the log"
}

stop_server() {
	kill "$server" 2>/dev/null || :
	server_status=0
	end_one "$server" >&2 || server_status=$?
}
