# Sourced by run.sh: clients that log in, each in its own way, as they would
# at their real provider.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# login_CLIENT PORT MECHANISM PASSWORD FROM FILE RECIPIENT: one letter.
login_swaks() {
	limit swaks --server 127.0.0.1 --port "$1" --auth "$2" \
	    --auth-user alice@example.org --auth-password "$3" \
	    --helo client.example.net --from "$4" --to "$6" \
	    --data "@$5.cut" --timeout 60
}

login_curl() {
	limit curl -sS --noproxy '*' "smtp://127.0.0.1:$1/client.example.net" \
	    --login-options "AUTH=$2" --user "alice@example.org:$3" \
	    --mail-from "$4" --mail-rcpt "$6" --upload-file "$5"
}

login_msmtp() {
	timeout -k 5 120 msmtp --file=/dev/null --host=127.0.0.1 \
	    --port="$1" --tls=off \
	    --auth="$(printf '%s' "$2" | tr '[:upper:]' '[:lower:]')" \
	    --user=alice@example.org --passwordeval="echo $3" \
	    --domain=client.example.net --from="$4" -- "$6" <"$5.lf"
}

login_smtplib() {
	limit "$python" t/interop/smtplib_login.py "$@"
}

login_nodemailer() {
	limit node t/interop/nodemailer_login.js "$@"
}

# log_in CLIENT MECHANISM: the catcher says who it was, not with what.
log_in() {
	token=login-$1-$2
	letter make plain "$token" "$tmp/$token"
	"login_$1" "$catcher_port" "$2" zqu-password "$sender" "$tmp/$token" \
	    "$token@anywhere.example" >"$tmp/said" 2>&1 ||
	    fail "$1 ended with $?: $(tail -n 5 "$tmp/said")"
	path=$(await 60 "to=$token@anywhere.example" "subject=$token")
	grep -q 'with ESMTPA id' "$path" || fail "no ESMTPA in $path"
	grep -q 'logged in as alice@example.org' "$caught_dir.out" ||
	    fail "the catcher does not say who logged in"
	for secret in zqu-password "$(printf zqu-password | base64)" \
	    "$(printf '\0alice@example.org\0zqu-password' | base64)"; do
		! grep -qF "$secret" "$caught_dir.out" "$caught_dir.err" ||
		    fail "the password is shown"
	done
}

# What a client sends after an AUTH that was refused may be a password, too.
hides_what_follows() {
	"$python" - "$catcher_port" <<-'END' || fail "the client"
	import socket, sys
	s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
	f = s.makefile("rb")
	f.readline()
	for line in (b"AUTH CRAM-MD5", b"zqu-hidden", b"AUTH PLAIN zqu-hidden",
	             b"NOOP", b"zqu-shown", b"QUIT"):
	    s.sendall(line + b"\r\n")
	    f.readline()
	END
	until_so 60 grep -q zqu-shown "$caught_dir.out" ||
	    fail "what follows a command is not shown"
	! grep zqu-hidden "$caught_dir.out" || fail "it is shown"
}

# With --auth one name and one password.
log_in_strictly() {
	letter listening "$catcher_port" 60 || fail "no catcher"
	letter make plain login-strict "$tmp/login-strict"
	login_swaks "$catcher_port" PLAIN 'right:one' "$sender" \
	    "$tmp/login-strict" strict@anywhere.example >"$tmp/said" 2>&1 ||
	    fail "refused: $(tail -n 5 "$tmp/said")"
	! login_swaks "$catcher_port" PLAIN right "$sender" \
	    "$tmp/login-strict" strict@anywhere.example >"$tmp/said" 2>&1 ||
	    fail "any password is taken"
	grep -q '535 5.7.8' "$tmp/said" || fail "no 535: $(cat "$tmp/said")"
}
