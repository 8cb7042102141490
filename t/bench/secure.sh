# Parts of bench.sh about TLS and our own users: submission, handshakes, others
# who guess passwords, and what an idle session costs.  Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

password=secret
# Few at once: one process hashes, and Postfix waits ten seconds at most for
# Dovecot, which on a slow machine the last in a long queue would not live.
argon_messages=100
argon_sessions=4
handshake_clients='1 4'
guess_clients=8
guess_transactions=3000
tlsidle=500

declare -A port_submission=() port_implicit=()

# What all parts need: made by the first of them.

make_certificate()
{
	local new=(-newkey rsa:2048)

	[ "$key" = rsa ] || new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)
	openssl req -x509 "${new[@]}" -nodes -keyout "$work/tls.key" \
	    -out "$work/tls.pem" -days 2 -subj /CN=bench.test \
	    >"$work/openssl.log" 2>&1 ||
	    die "no certificate: $(tail -n 1 "$work/openssl.log")"
	chmod 600 "$work/tls.key"
}

# One user in each file; the hash of the second is as smtpctl writes it.
make_users()
{
	local hash name

	hash=$(openssl passwd -6 "$password") || die "openssl makes no hash"
	(
		umask 077
		echo "bench:{SHA512-CRYPT}$hash" >"$work/users-crypt"
		echo bench >"$work/users-argon"
	)
	echo "$password" | "$SMTPCTL" passwd -u "$work/users-argon" bench \
	    >"$work/passwd.log" 2>&1 || die "$(cat "$work/passwd.log")"
	grep -q '{ARGON2ID}.*m=65536,' "$work/users-argon" ||
	    die "smtpctl passwd does not write Argon2id of 64 MiB"
	[ -n "${pid[postfix]:-}" ] || return 0
	for name in crypt argon; do
		chown dovecot "$work/users-$name"
	done
}

# secure_smtpd NAME WORKERS USERS: port is that for the world's mail
secure_smtpd()
{
	local log=$work/$1.err

	conf_smtpd "$1" "$2" "listen 127.0.0.1 port 0
	listen 127.0.0.1 port 0 submission
	listen 127.0.0.1 port 0 implicit-tls
	tls certificate $work/tls.pem key $work/tls.key" \
	    "login-failures 1000"
	sed -i "s|users $work/users|users $work/users-$3|" "$work/$1.conf"
	run_smtpd "$1"
	port_submission[$1]=$(sed -n \
	    's/.*event=listen .*port=\([0-9]*\) for=submission$/\1/p' "$log")
	port_implicit[$1]=$(sed -n \
	    's/.*event=listen .*port=\([0-9]*\) tls=implicit$/\1/p' "$log")
	if [ -z "${port_submission[$1]}" ] || [ -z "${port_implicit[$1]}" ]
	then
		die "smtpd does not listen as told: $(cat "$log")"
	fi
}

# Postfix with TLS: a second one, so that the first is as it always was.
secure_postfix()
{
	local base=$work/postfix-tls users

	[ -n "${pid[postfix]:-}" ] || return 0
	conf_postfix postfix-tls
	cat >>"$base/etc/main.cf" <<-END
	smtpd_tls_chain_files = $work/tls.key, $work/tls.pem
	smtpd_tls_security_level = may
	smtpd_tls_auth_only = yes
	smtpd_sasl_type = dovecot
	END
	echo "tlsmgr unix - - n 1000? 1 tlsmgr" >>"$base/etc/master.cf"
	for users in crypt argon; do
		port_submission[postfix-$users]=$(free_port)
		cat >>"$base/etc/master.cf" <<-END
		127.0.0.1:${port_submission[postfix-$users]} inet n - n - - smtpd
		  -o smtpd_tls_security_level=encrypt
		  -o smtpd_sasl_auth_enable=yes
		  -o smtpd_sasl_path=private/auth-$users
		  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
		END
	done
	run_postfix postfix-tls
	for users in crypt argon; do
		run_dovecot "$users"
	done
	beside[postfix-tls]='dovecot-crypt dovecot-argon'
}

prepare_secure()
{
	[ ! -e "$work/tls.pem" ] || return 0
	make_certificate
	make_users
	[ -z "$have_smtpd" ] || secure_smtpd smtpd-crypt 2000 crypt
	[ -z "$have_smtpd" ] || secure_smtpd smtpd-argon 2000 argon
	secure_postfix
}

describe_key()
{
	[ "$key" = ec ] && echo "EC P-256" || echo "RSA 2048"
}

# Dovecot's auth process, for Postfix: what is said of its users and socket
# is the same in all its versions, the rest is not.

dovecot_conf_23()
{
	cat <<-END
	disable_plaintext_auth = no
	passdb {
	  driver = passwd-file
	  args = username_format=%n $1
	}
	userdb {
	  driver = static
	  args = uid=nobody gid=nogroup home=/nonexistent
	}
	END
}

dovecot_conf_24()
{
	cat <<-END
	dovecot_config_version = 2.4.0
	dovecot_storage_version = 2.4.0
	auth_allow_cleartext = yes
	passdb passwd-file {
	  passwd_file_path = $1
	  auth_username_format = %{user | username}
	}
	userdb static {
	  fields {
	    uid = nobody
	    gid = nogroup
	    home = /nonexistent
	  }
	}
	END
}

# dovecot_conf USERS SOCKET
dovecot_conf()
{
	case $(dovecot --version) in
	2.[0-3].*) dovecot_conf_23 "$work/users-$1" ;;
	*) dovecot_conf_24 "$work/users-$1" ;;
	esac
	cat <<-END
	protocols = none
	ssl = no
	auth_mechanisms = plain
	base_dir = $work/dovecot-$1/run
	state_dir = $work/dovecot-$1/state
	log_path = $work/dovecot-$1/log
	service auth {
	  unix_listener $2 {
	    mode = 0600
	    user = $postfix_owner
	  }
	}
	END
}

# run_dovecot USERS
run_dovecot()
{
	local base=$work/dovecot-$1 tries=0
	local socket=$work/postfix-tls/queue/private/auth-$1

	mkdir "$base"
	dovecot_conf "$1" "$socket" >"$base/conf"
	start "dovecot-$1" dovecot -F -c "$base/conf"
	until [ -S "$socket" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 200 ] || ! alive "dovecot-$1"; then
			cat "$work/dovecot-$1.err" "$base/log" >&2 || :
			die "Dovecot does not start with $base/conf"
		fi
		sleep 0.05
	done
}

# Submission

# submit SERVER USERS MESSAGES SESSIONS
submit()
{
	local server=postfix-tls

	[ "$1" = postfix ] || server=$1-$2
	measure "$server" 4096 "$3" "$bin/submit" -m submit -w "$password" \
	    -p "${port_submission[$1-$2]}" -n "$3" -c "$4"
}

one_submit()
{
	submit "$1" "$users" "$count" "$at_once"
	record "submit-$users" "$1" "$2" "$count"
}

# submit_with USERS MESSAGES SESSIONS SERVER...
submit_with()
{
	local name users=$1 count=$2 at_once=$3 servers="${*:4}"

	for name in $servers; do
		submit "$name" "$users" 40 "$at_once"
	done
	# shellcheck disable=SC2086
	in_rounds one_submit $servers
	# shellcheck disable=SC2086
	compare "submit-$users" %.1f postfix $servers
	say " ms of user and system time for 1,000 sessions ($how_cpu);" \
	    "Postfix's with Dovecot's"
	# shellcheck disable=SC2086
	compare "cpu-submit-$users" %.0f postfix $servers
}

part_submit()
{
	local servers

	prepare_secure
	servers=$(running postfix smtpd)
	say "submit: sessions/s, each with STARTTLS (TLS 1.3, in full," \
	    "$(describe_key)), AUTH PLAIN and one message of 4 KiB"
	say " {SHA512-CRYPT} of 5,000 rounds, $sessions at once," \
	    "$messages sessions"
	# shellcheck disable=SC2086
	submit_with crypt "$messages" "$sessions" $servers
	if [ -n "${pid[postfix-tls]:-}" ] &&
	    ! doveadm pw -l | grep -qw ARGON2ID; then
		say " this Dovecot has no Argon2"
		servers=$(running smtpd)
	fi
	say " {ARGON2ID} of 64 MiB, $argon_sessions at once," \
	    "$argon_messages sessions: bound by the one processor that hashes"
	# shellcheck disable=SC2086
	submit_with argon "$argon_messages" "$argon_sessions" $servers
}

# Handshakes.  openssl s_time counts in whole seconds, and does not wait until
# the server has done with a connection, so the client is submit.c.

# With -www it does not read its standard input.
run_s_server()
{
	port_implicit[s_server]=$(free_port)
	port[s_server]=${port_implicit[s_server]}
	start s_server openssl s_server -quiet -www -tls1_3 \
	    -num_tickets 0 -accept "127.0.0.1:${port[s_server]}" \
	    -cert "$work/tls.pem" -key "$work/tls.key"
	await_port s_server
}

# one_handshake NAME-CLIENTS ROUND
one_handshake()
{
	local name=${1%-*} clients=${1##*-} cpu

	[ "$name" = s_server ] || name=$name-crypt
	cpu=$(cpu_ms "$name")
	"$bin/submit" -m handshake -p "${port_implicit[$name]}" \
	    -c "$clients" -n "$messages" >"$work/source.out" 2>&1 ||
	    die "handshakes with $name: $(tail -n 1 "$work/source.out")"
	load_s=$(awk '$1 == "done" { print $4 }' "$work/source.out")
	sleep 0.3
	load_cpu=$(awk -v a="$cpu" -v b="$(cpu_ms "$name")" \
	    'BEGIN { print b - a }')
	record "handshake-$clients" "${1%-*}" "$2" "$messages"
}

part_handshake()
{
	local clients

	prepare_secure
	run_s_server
	say "handshake: TLS handshakes/s, TLS 1.3, in full, $(describe_key)," \
	    "$messages of them; s_server has one process for all"
	for clients in $handshake_clients; do
		if [ -n "$have_smtpd" ]; then
			in_rounds one_handshake "s_server-$clients" \
			    "smtpd-$clients"
		else
			in_rounds one_handshake "s_server-$clients"
		fi
		say " clients at once: $clients"
		# shellcheck disable=SC2046
		compare "handshake-$clients" %.0f s_server s_server \
		    $(running smtpd)
		say " ms of user and system time for 1,000 ($how_cpu)"
		# shellcheck disable=SC2046
		compare "cpu-handshake-$clients" %.0f s_server s_server \
		    $(running smtpd)
	done
	stop s_server
}

# Others who guess

# The auth process is the one that smtpd-worker is with -a.
auth_pid()
{
	local depth p

	tree "${pid[$1]}" | while read -r depth p; do
		tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null |
		    grep -q ' -a $' && echo "$p"
	done || :
}

# pid_ms PID: its user and system time
pid_ms()
{
	awk -v hz="$(getconf CLK_TCK)" '{
		sub(/^.*\) /, "")
		printf "%d\n", ($12 + $13) * 1000 / hz
	}' "/proc/$1/stat"
}

# How many passwords the auth process has found wrong so far.
guessed()
{
	grep -c 'event=login-failed .* why="wrong name or password"' \
	    "$work/$1.err" || :
}

begin_guessing()
{
	local before tries=0

	before=$(guessed smtpd-argon)
	attend "$bin/submit" -m guess -c "$guess_clients" \
	    -p "${port_submission[smtpd-argon]}" -f $(($1 * 100000))
	until [ $(($(guessed smtpd-argon) - before)) -ge "$guess_clients" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ] || ! kill -0 "$helper_pid" 2>/dev/null
		then
			release
			die "nobody guesses: $(cat "$work/hold.err")"
		fi
		sleep 0.1
	done
}

# end_guessing GUESSED MS SINCE: what they were when it began
end_guessing()
{
	local auth_ms guesses took

	guesses=$(($(guessed smtpd-argon) - $1))
	auth_ms=$(($(pid_ms "$guess_auth") - $2))
	took=$(ms_since "$3")
	release
	[ ! -s "$work/hold.err" ] ||
	    die "a guess was not answered: $(cat "$work/hold.err")"
	say "  meanwhile $guesses guesses were answered in ${took%.*} ms;" \
	    "the auth process worked $auth_ms ms"
	# Less than this takes no hash of 64 MiB.
	if [ "$guesses" -eq 0 ] || [ "$auth_ms" -lt $((guesses * 10)) ]; then
		say "  that is too little: the auth process has not worked"
		failed=1
	fi
}

# one_guess quiet|guessing ROUND
one_guess()
{
	local auth_ms before begin out server=smtpd-argon stored

	stored=$(count_new "$server")
	[ "$1" = quiet ] || begin_guessing "$2"
	before=$(guessed "$server")
	auth_ms=$(pid_ms "$guess_auth")
	begin=${EPOCHREALTIME/./}
	out=$("$bin/latency" -p "${port[$server]}" -n "$guess_transactions" \
	    -r "$recipient") || die "latency against $server failed"
	[ "$1" = quiet ] || end_guessing "$before" "$auth_ms" "$begin"
	await_count "$server" $((stored + guess_transactions))
	settle "$server"
	echo "$out" | awk -v n="$1" -v r="$2" '{
		print "guess-p50", n, r, $2
		print "guess-p99", n, r, $4
	}' >>"$work/results"
}

part_guess()
{
	local guess_auth

	[ -n "$have_smtpd" ] || return 0
	prepare_secure
	guess_auth=$(auth_pid smtpd-argon)
	[ -n "$guess_auth" ] || die "smtpd has no auth process"
	say "guess: ms of a transaction of 4 KiB without a login," \
	    "$guess_transactions of them, alone and while $guess_clients" \
	    "clients guess passwords ({ARGON2ID}, 64 MiB)"
	say "  wanted: at most 1.3 x quiet, the median"
	in_rounds one_guess quiet guessing
	say " p50"
	compare guess-p50 %.2f quiet quiet guessing
	say " p99"
	compare guess-p99 %.2f quiet quiet guessing
}

# Idle sessions

# idle_smtpd MODE: each in a server of its own, wide enough that the short idle
# timeout of a nearly full pool stays out
idle_smtpd()
{
	local holder=("$bin/submit" -m "$1")

	secure_smtpd smtpd-held $((tlsidle * 3 / 2 + 100)) crypt
	one_idle smtpd-held "$tlsidle"
	stop smtpd-held
}

part_tlsidle()
{
	local holder=("$bin/submit" -m idle) idle_kib=0 plain=0 tls=0 other=0

	prepare_secure
	say "tlsidle: sessions held from $idle_addresses addresses after" \
	    "EHLO, with STARTTLS and without ($(describe_key)); PSS of the" \
	    "workers, spare ones too, divided by the sessions"
	if [ -n "$have_smtpd" ]; then
		say " without TLS"
		idle_smtpd plain
		plain=$idle_kib
	fi
	say " under TLS"
	if [ -n "$have_smtpd" ]; then
		idle_smtpd idle
		tls=$idle_kib
	fi
	if [ -n "${pid[postfix-tls]:-}" ]; then
		one_idle postfix-tls "$idle_postfix"
		other=$idle_kib
	fi
	awk -v p="$plain" -v t="$tls" -v o="$other" 'BEGIN {
		if (t > 0 && p > 0)
			printf "  smtpd under TLS: %.2f x without\n", t / p
		if (t > 0 && o > 0)
			printf "  smtpd under TLS: %.2f x Postfix\n", t / o
	}'
	say
}
