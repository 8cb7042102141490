# Sourced by run.sh: mail servers of others in the lab (lab.sh), each of which
# takes mail for NAME.example, hands out mail for every domain, and speaks TLS.
# start_NAME starts it, outside of any check; NAME_file TOKEN is what it has stored of that letter;
# NAME_sends FROM TO FILE gives it a letter to be sent.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2016,SC2034 # variables of run.sh and lab.sh

peers="postfix exim opensmtpd chasquid"

# in_there FILE: its path in the root of there.
in_there() {
	echo "$tmp/lab/there/root$1"
}

# write_there FILE: what it says comes from standard input.
write_there() {
	in_lab there mkdir -p "$(dirname "$1")"
	in_lab there sh -c 'cat >"$1"' write "$1"
}

make_peer_certificate() {
	lab_certificate=$tmp/lab/tls.crt
	lab_key=$tmp/lab/tls.key
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab \
	    -keyout "$lab_key" -out "$lab_certificate" 2>"$tmp/lab/openssl" ||
	    fail "$(cat "$tmp/lab/openssl")"
	chmod 644 "$lab_certificate"
	in_lab there mkdir -p /var/mail/peers
	in_lab there chmod 777 /var/mail/peers
}

# smtp_gives ADDRESS FROM TO FILE: by plain SMTP, from there.
smtp_gives() {
	in_lab there /usr/bin/python3 t/interop/smtplib_send.py "$1" 25 \
	    "$2" raw "$4" "$3"
}

peer_greets() {
	case $1 in
	postfix) n=10 ;;
	exim) n=11 ;;
	opensmtpd) n=12 ;;
	chasquid) n=13 ;;
	esac
	until_so 20 greets "192.0.2.$n" ||
	    fail "$1 does not greet: $(tail -n 3 "$tmp/lab/$1.out")"
}

# peer_file NAME TOKEN: the one file below its mail that has the token.
peer_file() {
	found=$(in_lab there grep -rlx "Subject: $2
*" "/var/mail/peers/$1") || return 1
	echo "$tmp/lab/found"
	in_lab there cat "$found" >"$tmp/lab/found"
}

# ---- Postfix ------------------------------------------------------------
start_postfix() {
	write_there /etc/postfix/main.cf <<-END
	compatibility_level = 3.6
	myhostname = mx.postfix.example
	mydestination =
	mynetworks = 192.0.2.0/24
	inet_interfaces = 192.0.2.10
	inet_protocols = ipv4
	smtp_bind_address = 192.0.2.10
	maillog_file = /var/log/postfix
	alias_maps =
	local_recipient_maps =
	smtpd_tls_security_level = may
	smtpd_tls_cert_file = $lab_certificate
	smtpd_tls_key_file = $lab_key
	smtp_tls_security_level = may
	smtp_line_length_limit = 0
	smtpd_peername_lookup = no
	virtual_mailbox_domains = postfix.example
	virtual_mailbox_base = /var/mail/peers
	virtual_mailbox_maps = inline:{ {alice@postfix.example=postfix/} }
	virtual_minimum_uid = 1
	virtual_uid_maps = static:$(id -u nobody)
	virtual_gid_maps = static:$(id -g nobody)
	END
	write_there /etc/postfix/master.cf <<-'END'
	smtp inet n - n - - smtpd
	pickup unix n - n 60 1 pickup
	cleanup unix n - n - 0 cleanup
	qmgr unix n - n 300 1 qmgr
	tlsmgr unix - - n 1000? 1 tlsmgr
	rewrite unix - - n - - trivial-rewrite
	bounce unix - - n - 0 bounce
	defer unix - - n - 0 bounce
	trace unix - - n - 0 bounce
	verify unix - - n - 1 verify
	flush unix n - n 1000? 0 flush
	proxymap unix - - n - - proxymap
	smtp unix - - n - - smtp
	relay unix - - n - - smtp
	error unix - - n - - error
	retry unix - - n - - error
	virtual unix - n n - - virtual
	anvil unix - - n - 1 anvil
	scache unix - - n - 1 scache
	postlog unix-dgram n - n - 1 postlogd
	END
	in_lab there sh -ec '
	mkdir -p /var/lib/postfix /var/spool/postfix
	chown postfix /var/lib/postfix
	postfix start' >"$tmp/lab/postfix.out" 2>&1 || fail \
	    "$(tail -n 3 "$tmp/lab/postfix.out")"
}

postfix_sends() {
	smtp_gives 192.0.2.10 "$@"
}

# ---- Exim ---------------------------------------------------------------
start_exim() {
	write_there /etc/exim4/exim4.conf <<-END
	primary_hostname = mx.exim.example
	local_interfaces = 192.0.2.11
	log_file_path = /var/log/exim-%slog
	tls_advertise_hosts = *
	tls_certificate = $lab_certificate
	tls_privatekey = /etc/exim4/key
	acl_smtp_rcpt = rcpt
	acl_smtp_data = data
	begin acl
	rcpt:
	    accept domains = exim.example
	        local_parts = alice
	    deny domains = exim.example
	        message = no such user here
	    accept hosts = 192.0.2.0/24
	data:
	    accept
	begin routers
	box:
	    driver = accept
	    domains = exim.example
	    transport = box
	out:
	    driver = dnslookup
	    transport = out
	    self = send
	    no_more
	begin transports
	box:
	    driver = appendfile
	    directory = /var/mail/peers/exim
	    maildir_format
	    create_directory
	    user = nobody
	    group = nogroup
	out:
	    driver = smtp
	    interface = 192.0.2.11
	    message_linelength_limit = 1000000
	begin retry
	* * F,1h,5s
	END
	in_lab there sh -ec '
	install -o Debian-exim -m 600 "$0" /etc/exim4/key
	mkdir -p /var/spool/exim4/input /var/spool/exim4/db \
	    /var/spool/exim4/msglog
	chown -R Debian-exim:Debian-exim /var/spool/exim4
	touch /var/log/exim-mainlog /var/log/exim-rejectlog
	chown Debian-exim /var/log/exim-*' "$lab_key"
	lab_daemon there exim exim4 -bdf -q5s
}

exim_sends() {
	smtp_gives 192.0.2.11 "$@"
}

# ---- OpenSMTPD ----------------------------------------------------------
start_opensmtpd() {
	write_there /etc/smtpd.conf <<-END
	pki lab cert "$lab_certificate"
	pki lab key "$lab_key"
	table boxes { "alice@opensmtpd.example" = nobody }
	listen on 192.0.2.12 port 25 tls pki lab hostname mx.opensmtpd.example
	action "box" maildir "/var/mail/peers/opensmtpd" virtual <boxes>
	action "out" relay src 192.0.2.12 helo mx.opensmtpd.example
	match from any for domain "opensmtpd.example" action "box"
	match from src 192.0.2.0/24 for any action "out"
	END
	lab_daemon there opensmtpd smtpd -d -f /etc/smtpd.conf
}

opensmtpd_sends() {
	smtp_gives 192.0.2.12 "$@"
}

# ---- chasquid -----------------------------------------------------------
start_chasquid() {
	write_there /etc/chasquid/chasquid.conf <<-'END'
	hostname: "mx.chasquid.example"
	smtp_address: "192.0.2.13:25"
	submission_address: "192.0.2.13:587"
	data_dir: "/var/lib/chasquid"
	mail_delivery_agent_bin: "/usr/local/bin/box"
	mail_log_path: "<stderr>"
	END
	write_there /usr/local/bin/box <<-'END'
	#!/bin/sh
	mkdir -p /var/mail/peers/chasquid
	exec cat >"$(mktemp /var/mail/peers/chasquid/XXXXXX)"
	END
	in_lab there sh -ec '
	chmod 755 /usr/local/bin/box
	rm -rf /etc/chasquid/certs /etc/chasquid/domains
	mkdir -p /etc/chasquid/certs/lab /etc/chasquid/domains/chasquid.example \
	    /var/lib/chasquid
	cp "$0" /etc/chasquid/certs/lab/fullchain.pem
	cp "$1" /etc/chasquid/certs/lab/privkey.pem
	chasquid-util user-add alice@chasquid.example --password=secret' \
	    "$lab_certificate" "$lab_key" >"$tmp/lab/chasquid.out" 2>&1 ||
	    fail "$(cat "$tmp/lab/chasquid.out")"
	lab_daemon there chasquid chasquid
}

# It takes mail for others only from its own users.
chasquid_sends() {
	in_lab there /usr/bin/python3 -c '
import smtplib, ssl, sys
with smtplib.SMTP("192.0.2.13", 587, timeout=60) as client:
    client.starttls(context=ssl._create_unverified_context())
    client.login("alice@chasquid.example", "secret")
    with open(sys.argv[3], "rb") as f:
        client.sendmail(sys.argv[1], [sys.argv[2]], f.read(),
                        ["BODY=8BITMIME"])' "$@"
}
