# Sourced by run.sh: TLS with the clients and scanners of others, by STARTTLS
# and from the first octet, on a certificate that OpenSSL's own program made.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

make_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$tls_key" \
	    -out "$tls_certificate" -days 2 -subj /CN=localhost -addext \
	    subjectAltName=DNS:localhost,IP:127.0.0.1 2>"$tmp/tls-made" ||
	    fail "$(cat "$tmp/tls-made")"
	chmod 600 "$tls_key"
}

start_tls_server() {
	cat >"$tmp/tls.conf" <<-END
	hostname mx.example.org
	root $tls_root
	user nobody
	worker-user daemon
	listen 127.0.0.1 port 0
	listen 127.0.0.1 port 0 implicit-tls
	tls certificate $tls_certificate key $tls_key
	domain example.org {
	    users $tmp/users
	}
	END
	"$smtpd" -d -f "$tmp/tls.conf" -w "$worker" \
	    </dev/null >"$tmp/tls.out" 2>"$tmp/tls.log" &
	tls_server=$!
	started "$tls_server"
}

tls_starts() {
	until_so 60 grep -q ' event=start' "$tmp/tls.log" ||
	    fail "no event=start within 60 s: $(tail -n 5 "$tmp/tls.log")"
}

# tls_ports: sets both.
tls_ports() {
	starttls_port=$(sed -n 's/.* event=listen .* port=\([0-9]*\)$/\1/p' \
	    "$tmp/tls.log")
	implicit_port=$(sed -n \
	    's/.* event=listen .* port=\([0-9]*\) tls=implicit$/\1/p' \
	    "$tmp/tls.log")
}

swaks_tls() {
	limit swaks --server 127.0.0.1 --port "$2" "$1" --timeout 60 \
	    --helo client.example.net --from "$sender" \
	    --to alice@example.org --header "Subject: $3"
}

# --ssl-reqd: never without. The certificate has to be good.
curl_tls() {
	printf 'Subject: %s\r\n\r\ntext\r\n' "$3" >"$tmp/letter-$3"
	limit curl -sSv --noproxy '*' --ssl-reqd --cacert \
	    "$tls_certificate" "$1://localhost:$2/client.example.net" \
	    --mail-from "$sender" --mail-rcpt alice@example.org \
	    --upload-file "$tmp/letter-$3"
}

msmtp_tls() {
	printf 'Subject: %s\n\ntext\n' "$3" | timeout -k 5 120 msmtp \
	    --file=/dev/null --host=localhost --port="$2" --auth=off \
	    --tls=on --tls-starttls="$1" --tls-trust-file="$tls_certificate" \
	    --domain=client.example.net --from="$sender" alice@example.org
}

smtplib_tls() {
	limit "$python" t/interop/smtplib_tls.py "$1" localhost "$2" \
	    "$tls_certificate" "$sender" alice@example.org "$3"
}

# Under TLS, and in Received so.
came_by_tls() {
	file=$(grep -rlx "Subject: $1" \
	    "$tls_root/mail/example.org/alice/new") || fail "no letter $1"
	for word in ' with ESMTPS id ' '^	tls TLS_'; do
		grep -q "$word" "$file" || fail "$(head -n 6 "$file")"
	done
}

# sends_tls SUBJECT COMMAND...: puts the subject behind its words.
sends_tls() {
	subject=$1
	shift
	said=$("$@" "$subject" 2>&1) || fail "$said"
	came_by_tls "$subject"
}

# s_client VERSION [OPTION...]: QUIT is said before it is connected.
s_client() {
	version=$1
	shift
	{ sleep 1; printf 'QUIT\r\n'; } | timeout 60 openssl s_client \
	    -CAfile "$tls_certificate" -verify_return_error "-$version" \
	    "$@" >"$tmp/s_client" 2>&1 ||
	    fail "$(tail -n 12 "$tmp/s_client")"
	grep -q 'Verify return code: 0 (ok)' "$tmp/s_client" ||
	    fail "$(tail -n 12 "$tmp/s_client")"
}

s_client_refused() {
	if timeout 60 openssl s_client -cipher ALL:@SECLEVEL=0 "-$1" \
	    -starttls smtp -connect "127.0.0.1:$starttls_port" \
	    </dev/null >"$tmp/s_client" 2>&1; then
		fail "$1 is spoken"
	fi
	grep -q 'alert' "$tmp/s_client" || fail "$(cat "$tmp/s_client")"
}

# Nothing that is old, weak or without forward secrecy.
scanned() {
	timeout 120 sslscan --no-colour --starttls-smtp \
	    "127.0.0.1:$starttls_port" >"$tmp/sslscan" 2>&1 ||
	    fail "$(tail -n 5 "$tmp/sslscan")"
	for version in 2 3; do
		grep -Eq "^TLSv1.$version +enabled" "$tmp/sslscan" ||
		    fail "$(cat "$tmp/sslscan")"
	done
	! grep -E '^(SSLv2|SSLv3|TLSv1.0|TLSv1.1) +enabled' "$tmp/sslscan" ||
	    fail "an old version"
	ciphers=$(grep -E '^(Preferred|Accepted) ' "$tmp/sslscan") ||
	    fail "$(cat "$tmp/sslscan")"
	! printf '%s\n' "$ciphers" | grep -vE ' (ECDHE-|TLS_)' ||
	    fail "a suite without forward secrecy"
	! printf '%s\n' "$ciphers" | grep -vE 'GCM|CHACHA20|POLY1305' ||
	    fail "a suite without authenticated encryption"
}

check_tls() {
	tls_root=$tmp/tls-root
	tls_key=$tmp/tls.key
	tls_certificate=$tmp/tls.pem
	check tls-certificate make_certificate
	start_tls_server
	check tls-starts tls_starts
	tls_ports
	if perl -MNet::SSLeay -e 1 2>/dev/null; then
		check swaks-starttls sends_tls swaks-starttls \
		    swaks_tls -tls "$starttls_port"
		check swaks-implicit sends_tls swaks-implicit \
		    swaks_tls -tlsc "$implicit_port"
	else
		skip swaks-tls "no Net::SSLeay for this perl"
	fi
	check curl-starttls sends_tls curl-starttls \
	    curl_tls smtp "$starttls_port"
	check curl-implicit sends_tls curl-implicit \
	    curl_tls smtps "$implicit_port"
	check msmtp-starttls sends_tls msmtp-starttls \
	    msmtp_tls on "$starttls_port"
	check msmtp-implicit sends_tls msmtp-implicit \
	    msmtp_tls off "$implicit_port"
	check smtplib-starttls sends_tls smtplib-starttls \
	    smtplib_tls starttls "$starttls_port"
	check smtplib-implicit sends_tls smtplib-implicit \
	    smtplib_tls implicit "$implicit_port"
	for version in tls1_2 tls1_3; do
		check "s_client-$version" s_client "$version" \
		    -starttls smtp -connect "127.0.0.1:$starttls_port"
		check "s_client-$version-implicit" s_client "$version" \
		    -connect "127.0.0.1:$implicit_port"
	done
	for version in tls1 tls1_1; do
		check "s_client-no-$version" s_client_refused "$version"
	done
	if command -v sslscan >/dev/null; then
		check sslscan scanned
	else
		skip sslscan "it is not there"
	fi
	kill "$tls_server"
	tls_ended=0
	end_one "$tls_server" || tls_ended=$?
	check tls-ends [ "$tls_ended" -eq 0 ]
}
