# Sourced by run.sh: our own users hand in mail with the clients of others, on
# ports for submission, with passwords that Dovecot has checked before.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

start_submission() {
	cat >"$tmp/sub.conf" <<-END
	hostname mx.example.org
	root $tmp/sub-root
	user nobody
	worker-user daemon
	log to $tmp/sub/log
	listen 127.0.0.1 port 0 submission
	listen 127.0.0.1 port 0 submission implicit-tls hide-client
	tls certificate $tls_certificate key $tls_key
	domain example.org {
	    users $tmp/users
	}
	domain example.com {
	    users $tmp/example.com.users
	}
	limits {
	    login-failures 100
	}
	END
	mkdir -p "$tmp/sub"
	! $is_root || chown "$owner" "$tmp/sub"
	"$smtpd" -d -f "$tmp/sub.conf" -w "$worker" \
	    </dev/null >"$tmp/sub.out" 2>&1 &
	sub_server=$!
	started "$sub_server"
}

submission_starts() {
	until_so 60 grep -q ' event=start' "$tmp/sub/log" ||
	    fail "no event=start within 60 s: $(tail -n 5 "$tmp/sub.out")"
}

submission_ports() {
	submission_port=$(sed -n \
	    's/.* event=listen .* port=\([0-9]*\) for=submission$/\1/p' \
	    "$tmp/sub/log")
	submissions_port=$(sed -n \
	    's/.* port=\([0-9]*\) tls=implicit for=submission$/\1/p' \
	    "$tmp/sub/log")
}

# submit_CLIENT HOW PORT USER PASSWORD FILE: a letter to bob; HOW is starttls
# or implicit, and the certificate has to be good.
submit_swaks() {
	tls=--tls
	[ "$1" = starttls ] || tls=--tls-on-connect
	limit swaks --server 127.0.0.1 --port "$2" "$tls" --auth LOGIN \
	    --auth-user "$3" --auth-password "$4" --timeout 60 \
	    --helo client.example.net --from carol@example.org \
	    --to bob@example.org --data "@$5"
}

submit_curl() {
	scheme=smtp
	[ "$1" = starttls ] || scheme=smtps
	limit curl -sS --noproxy '*' --ssl-reqd --cacert "$tls_certificate" \
	    "$scheme://localhost:$2/client.example.net" --user "$3:$4" \
	    --mail-from carol@example.org --mail-rcpt bob@example.org \
	    --crlf --upload-file "$5"
}

submit_msmtp() {
	starttls=on
	[ "$1" = starttls ] || starttls=off
	timeout -k 5 120 msmtp --file=/dev/null --host=localhost --port="$2" \
	    --auth=plain --user="$3" --passwordeval="echo $4" --tls=on \
	    --tls-starttls="$starttls" --tls-trust-file="$tls_certificate" \
	    --domain=client.example.net --from=carol@example.org \
	    bob@example.org <"$5"
}

# s-nail writes the header itself, but for the subject.
submit_snail() {
	scheme=submission
	[ "$1" = starttls ] || scheme=submissions
	user=$(printf '%s' "$3" | sed 's/@/%40/')
	sed '1,/^$/d' "$5" >"$5.body"
	HOME=$tmp MAILRC=/dev/null LC_ALL=C.UTF-8 \
	    timeout -k 5 120 s-nail -:/ -S v15-compat -S sendwait -S nosave \
	    -S mta="$scheme://$user:$4@localhost:$2" -S smtp-auth=plain \
	    -S smtp-use-starttls -S tls-verify=strict \
	    -S tls-ca-file="$tls_certificate" -S tls-ca-no-defaults \
	    -S hostname=client.example.net -S from=carol@example.org \
	    -s "$(sed -n 's/^Subject: //p' "$5")" bob@example.org <"$5.body"
}

submit_smtplib() {
	limit "$python" t/interop/smtplib_submit.py "$tls_certificate" "$@"
}

submit_nodemailer() {
	NODE_EXTRA_CA_CERTS=$tls_certificate limit \
	    node t/interop/nodemailer_submit.js "$@"
}

# submits CLIENT HOW PORT: carol's letter is where it belongs, and as hers.
submits() {
	token=submit-$1-$2
	printf 'From: Carol <carol@example.org>\nTo: bob@example.org\n%s%s\n\n%s\n' \
	    'Subject: ' "$token" text >"$tmp/$token"
	"submit_$1" "$2" "$3" carol@example.org secret "$tmp/$token" \
	    >"$tmp/said" 2>&1 ||
	    fail "$1 ended with $?: $(tail -n 5 "$tmp/said")"
	file=$(grep -rlx "Subject: $token" "$tmp/sub-root/mail/example.org/bob/new") ||
	    fail "no letter $token"
	for line in 'Return-Path: <carol@example.org>' '.* with ESMTPSA id .*' \
	    'Date: .*' 'Message-I[Dd]: <.*>'; do
		grep -qx "	*$line" "$file" ||
		    fail "no $line: $(head -n 12 "$file")"
	done
	if [ "$2" = implicit ]; then
		! sed -n '1,/^[A-QS-Z]/p' "$file" |
		    grep -e '127\.0\.0\.1' -e client.example ||
		    fail "it tells where carol was"
	else
		grep -q '^Received: from .*127\.0\.0\.1' "$file" ||
		    fail "no client: $(head -n 6 "$file")"
	fi
}

# With a wrong password no client says that it has sent.
submit_refused() {
	token=submit-refused-$1
	printf 'From: carol@example.org\nTo: bob@example.org\nSubject: %s\n\nx\n' \
	    "$token" >"$tmp/$token"
	! "submit_$1" starttls "$submission_port" carol@example.org wrong \
	    "$tmp/$token" >"$tmp/said" 2>&1 || fail "$1 says it was sent"
	! grep -rlx "Subject: $token" "$tmp/sub-root/mail" 2>/dev/null ||
	    fail "it was stored"
}

# alice of another domain has another password.
submit_other_domain() {
	for try in com:other org:secret; do
		"$python" t/interop/smtplib_submit.py "$tls_certificate" \
		    starttls "$submission_port" "alice@example.${try%:*}" \
		    "${try#*:}" - >"$tmp/said" 2>&1 ||
		    fail "$try: $(tail -n 1 "$tmp/said")"
	done
	for try in com:secret org:other; do
		! "$python" t/interop/smtplib_submit.py "$tls_certificate" \
		    starttls "$submission_port" "alice@example.${try%:*}" \
		    "${try#*:}" - >"$tmp/said" 2>&1 || fail "$try logs in"
	done
}

# A letter in another's name is refused whole.
submit_forged() {
	printf 'From: bob@example.org\nTo: bob@example.org\nSubject: forged\n\nx\n' \
	    >"$tmp/forged"
	! submit_curl starttls "$submission_port" carol secret "$tmp/forged" \
	    >"$tmp/said" 2>&1 || fail "it was taken"
	! grep -rlx 'Subject: forged' "$tmp/sub-root/mail" || fail "stored"
}

# bob's password is as Dovecot hashed it; then smtpctl sets another one.
submit_one_file() {
	for password in secret changed; do
		"$python" t/interop/smtplib_submit.py "$tls_certificate" \
		    starttls "$submission_port" bob "$password" - \
		    >"$tmp/said" 2>&1 || fail "$password: $(cat "$tmp/said")"
		[ "$password" = secret ] || continue
		echo changed | "$smtpctl" passwd -f "$tmp/sub.conf" bob@example.org \
		    >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
		! $is_root || chown "$owner" "$tmp/users"
		kill -HUP "$sub_server"
		until_so 30 grep -q ' event=reload ' "$tmp/sub/log" ||
		    fail "no reload"
	done
}

# The filter we bring, for a log of ours and for what syslog makes of it.
submit_fail2ban() {
	failed_logins=$(grep -c ' event=login-failed ' "$tmp/sub/log")
	[ "$failed_logins" -ge 6 ] || fail "only $failed_logins failed"
	# One that guesses at names, and one with some stale ones.
	cat >>"$tmp/sub/log" <<-'END'
	2026-11-28T10:00:00.000Z event=reject session=1 client=192.0.2.1 why="no such recipient" held_back_ms=1050 from=a@example.com to=b@example.org file=/etc/smtpd/users line=1
	2026-11-28T10:00:00.000Z event=reject session=1 client=192.0.2.2 why="no such recipient" held_back_ms=950 from="held_back_ms=9999 a"@example.com to=b@example.org
	END
	failed_logins=$((failed_logins + 1))
	sed 's/^[^ ]*Z /Nov 28 10:11:12 mx smtpd[4711]: /' "$tmp/sub/log" \
	    >"$tmp/sub/syslog"
	# What is no failure, or only looks like one.
	cat >>"$tmp/sub/log" <<-'END'
	2026-11-28T10:00:00.000Z event=login session=1 client=192.0.2.1 user=a@example.org mechanism=PLAIN
	2026-11-28T10:00:00.000Z event=login-failed session=1 client=192.0.2.1 mechanism=PLAIN why="the auth process gave no answer"
	2026-11-28T10:00:00.000Z event=reject session=1 client=192.0.2.1 why="event=login-failed session=1 client=192.0.2.9"
	END
	# Where an administrator puts it.
	cp -R /etc/fail2ban "$tmp/f2b.d"
	cp server/init/fail2ban.conf "$tmp/f2b.d/filter.d/smtpd.conf"
	for log in log syslog; do
		fail2ban-regex -c "$tmp/f2b.d" "$tmp/sub/$log" smtpd \
		    >"$tmp/f2b" 2>&1 || fail "$(tail -n 5 "$tmp/f2b")"
		grep -q "^Lines: .* $failed_logins matched" "$tmp/f2b" ||
		    fail "$log: not $failed_logins: $(grep '^Lines:' "$tmp/f2b")"
	done
}

check_submission() {
	start_submission
	check submission-starts submission_starts
	submission_ports
	clients="curl msmtp snail smtplib nodemailer"
	if perl -MNet::SSLeay -e 1 2>/dev/null; then
		clients="swaks $clients"
	else
		skip swaks-submits "no Net::SSLeay for this perl"
	fi
	for client in $clients; do
		check "$client-submits" submits "$client" starttls \
		    "$submission_port"
		check "$client-submits-implicit" submits "$client" implicit \
		    "$submissions_port"
		check "$client-submit-refused" submit_refused "$client"
	done
	check submit-other-domain submit_other_domain
	check submit-forged submit_forged
	check submit-one-file submit_one_file
	if command -v fail2ban-regex >/dev/null; then
		check submit-fail2ban submit_fail2ban
	else
		skip submit-fail2ban "fail2ban is Debian's"
	fi
	kill "$sub_server"
	sub_ended=0
	end_one "$sub_server" || sub_ended=$?
	check submission-ends [ "$sub_ended" -eq 0 ]
}
