# Sourced by run.sh: a Dovecot of our own that reads the server's Maildirs.
# It runs in the foreground below the temporary directory, IMAP only, on one
# loopback port, and shares nothing with one that may be installed to serve.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

dovecot_pid=

# It must be there before a message is read: the names are noted first.
prepare_dovecot() {
	for user in carol bob; do
		for file in "$mail/$user"/new/*; do
			basename "$file"
		done >"$tmp/names-$user"
	done
	set_passwords
	dovecot=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v dovecot)
	imap_port=$(letter port 127.0.0.1)
	mkdir -p "$tmp/d"
	case $("$dovecot" --version) in
	2.[0-3].*)
		dovecot_conf_23
		dovecot_conf_page mail_location
		;;
	*)
		dovecot_conf_24
		dovecot_conf_page mail_driver
		;;
	esac >"$tmp/d/conf"
	dovecot_conf_users >>"$tmp/d/conf"
	"$dovecot" -F -c "$tmp/d/conf" </dev/null >"$tmp/d/out" 2>&1 &
	dovecot_pid=$!
	started "$dovecot_pid"
}

# Dovecot reads the users file of the server: one password set by smtpctl, one
# hashed by Dovecot.
set_passwords() {
	for user in carol alice; do
		echo secret | "$smtpctl" passwd -f "$tmp/smtpd.conf" \
		    "$user@example.org"
	done >/dev/null 2>&1
	echo other | "$smtpctl" passwd -f "$tmp/smtpd.conf" alice@example.com \
	    >/dev/null 2>&1
	doveadm=$(PATH=$PATH:/usr/bin:/usr/local/bin command -v doveadm)
	hash=$("$doveadm" pw -s SHA512-CRYPT -p secret)
	awk -v hash="$hash" '$0 == "bob" { $0 = $0 ":" hash } { print }' \
	    "$tmp/users" >"$tmp/users.new"
	cat "$tmp/users.new" >"$tmp/users"
	# As the manual has them; its group alone reads them.
	ln -s users "$tmp/example.org.users"
	group=$(id -gn "$owner")
	! $is_root || {
		chgrp "$group" "$tmp/users" "$tmp/example.com.users"
		chmod 640 "$tmp/users" "$tmp/example.com.users"
	}
}

# alice of one domain is not alice of another, and reads her own mail.
two_domains() {
	letter make plain letter-com "$tmp/letter-com"
	"$python" t/interop/smtplib_send.py 127.0.0.1 "$port" "$sender" raw \
	    "$tmp/letter-com" alice@example.com
	"$python" - "$imap_port" <<-'END'
	import imaplib, sys
	for user, password, right in (
	    ("alice@example.org", "secret", True), ("alice", "secret", True),
	    ("alice@example.com", "other", True),
	    ("alice@example.org", "other", False), ("alice", "other", False),
	    ("alice@example.com", "secret", False),
	    ("alice@../example.com", "other", False)):
	    client = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=60)
	    try:
	        client.login(user, password)
	        got = True
	    except imaplib.IMAP4.error:
	        got = False
	    if got != right:
	        sys.exit(f"{user} {password}: logged in: {got}")
	    if user.endswith(".com") and right:
	        found = client.select("INBOX")[1]
	        if found != [b"1"]:
	            sys.exit(f"{user} has {found} messages")
	    client.shutdown()
	END
}

one_users_file() {
	grep -q '^carol:{ARGON2ID}' "$tmp/users" || fail "no password was set"
	for user in carol bob; do
		echo secret | "$smtpctl" passwd -c -f "$tmp/smtpd.conf" \
		    "$user@example.org" ||
		    fail "smtpctl does not know $user's password"
		! echo Secret | "$smtpctl" passwd -c -f "$tmp/smtpd.conf" \
		    "$user@example.org" \
		    2>/dev/null || fail "any password is $user's"
		"$python" - "$imap_port" "$user@example.org" <<-'END' ||
		import imaplib, sys
		client = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]), timeout=60)
		try:
		    client.login(sys.argv[2], "Secret")
		    sys.exit("Dovecot takes any password")
		except imaplib.IMAP4.error:
		    client.shutdown()
		END
		    fail "Dovecot: $user"
	done
	"$smtpd" -n -f "$tmp/smtpd.conf" >"$tmp/said" 2>&1 ||
	    fail "smtpd -n: $(cat "$tmp/said")"
}

start_dovecot() {
	letter listening "$imap_port" 60 || fail "the log of Dovecot:" \
	    "$(cat "$tmp/d/out" "$tmp/d/log" 2>/dev/null | tail -n 5)"
}

dovecot_conf_23() {
	cat <<-END
	protocols = imap
	listen = 127.0.0.1
	ssl = no
	disable_plaintext_auth = no
	base_dir = $tmp/d/run
	state_dir = $tmp/d/state
	log_path = $tmp/d/log
	END
}

dovecot_conf_24() {
	cat <<-END
	dovecot_config_version = 2.4.0
	dovecot_storage_version = 2.4.0
	protocols = imap
	listen = 127.0.0.1
	ssl = no
	auth_allow_cleartext = yes
	base_dir = $tmp/d/run
	state_dir = $tmp/d/state
	log_path = $tmp/d/log
	END
}

# dovecot_conf_page WORD: the manual's own, for this machine.
dovecot_conf_page() {
	manual_example man/smtpd.8 "$1" | sed "s|/etc/smtpd|$tmp|
	    s|/var/smtpd|$root|; s|\(uid *= *\)_smtpd|\1$owner|
	    s|_smtpd|$group|; $($is_root || echo /extra_groups/d)"
}

# The port, and without root no change of user or root directory.
dovecot_conf_users() {
	cat <<-END
	service imap-login {
	  inet_listener imap {
	    port = $imap_port
	  }
	  inet_listener imaps {
	    port = 0
	  }
	  $($is_root || echo "chroot =")
	}
	END
	$is_root || cat <<-END
	default_internal_user = $owner
	default_internal_group = $(id -gn)
	default_login_user = $owner
	service anvil {
	  chroot =
	}
	END
}

# imap WHAT USER [MORE...]
imap() {
	what=$1 user=$2
	shift 2
	"$python" t/interop/imap_read.py "$what" "$imap_port" \
	    "$user@example.org" "$mail/$user" "$@"
}

imap_arrival() {
	letter make plain "letter-arrival-$1" "$tmp/letter-arrival"
	imap arrive "$1" "$python" t/interop/smtplib_send.py 127.0.0.1 \
	    "$port" "$sender" raw "$tmp/letter-arrival" "$1@example.org"
}

# A Maildir that is not as Dovecot expects it is an error or a warning there.
dovecot_log() {
	[ -s "$tmp/d/log" ] || fail "Dovecot's log is empty"
	grep -q 'Log\(in\|ged in\): user=<carol@example.org>' "$tmp/d/log" ||
	    fail "nobody has logged in"
	! grep 'imap(.*\(Error\|Warning\|Panic\|Fatal\)' "$tmp/d/log"
}

stop_dovecot() {
	kill "$dovecot_pid" 2>/dev/null || :
	end_one "$dovecot_pid" >&2 || :
}
