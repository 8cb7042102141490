# Sourced by run.sh: smtpd -C, with the clients pointed at it unchanged, and
# smtpctl await looking for what they sent.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# run_catcher DIR COMMAND...: sets catcher and catcher_port.
run_catcher() {
	dir=$1
	shift
	catcher_port=$(letter port 127.0.0.1)
	"$@" -C -l "127.0.0.1:$catcher_port" -w "$worker" "$dir" \
	    </dev/null >"$dir.out" 2>"$dir.err" &
	catcher=$!
	started "$catcher"
}

catcher_starts() {
	letter listening "$catcher_port" 60 || fail "it printed:" \
	    "$(cat "$caught_dir.out" "$caught_dir.err" | tail -n 5)"
}

# await SECONDS CRITERION...: prints the path.
await() {
	seconds=$1
	shift
	"$smtpctl" await -d "$caught_dir" -t "$seconds" "$@" ||
	    fail "smtpctl await $* ended with $?"
}

# The first check of a client here: to a domain nobody has heard of.
caught() {
	token=caught-$1
	letter make plain "$token" "$tmp/$token"
	send "$1_raw" 127.0.0.1 "$catcher_port" "$sender" "$tmp/$token" \
	    "$1@anywhere.example"
	path=$(await 60 "to=$1@anywhere.example" "subject=$token")
	letter caught "$path" "$tmp/$token" "Return-Path: <$sender>"
}

caught_parts() {
	token=caught-$1
	send "$1_parts" 127.0.0.1 "$catcher_port" "$sender" "$token" \
	    "$1@anywhere.example"
	path=$(await 60 "to=$1@anywhere.example" "subject=$token")
	[ -f "$path" ] || fail "smtpctl await printed '$path', no file"
	grep -q "^Subject: $token\$" "$path" || fail "$path is not the letter"
}

# With --starttls: its certificate is nobody's, and the client is told so.
caught_tls() {
	token=caught-tls
	printf 'Subject: %s\r\n\r\ntext\r\n' "$token" >"$tmp/$token"
	limit curl -sSv --noproxy '*' --ssl-reqd --insecure \
	    "smtp://127.0.0.1:$catcher_port/client.example.net" \
	    --mail-from "$sender" --mail-rcpt tls@anywhere.example \
	    --upload-file "$tmp/$token" >"$tmp/$token.out" 2>&1 ||
	    fail "$(tail -n 5 "$tmp/$token.out")"
	path=$("$smtpctl" await -d "$tmp/strict" -t 60 \
	    to=tls@anywhere.example "subject=$token")
	grep -q ' with ESMTPS id ' "$path" || fail "$(head -n 6 "$path")"
}

# A Maildir a recipient: one letter, three files.
caught_several() {
	token=caught-several
	letter make plain "$token" "$tmp/$token"
	send smtplib_raw 127.0.0.1 "$catcher_port" "$sender" "$tmp/$token" \
	    one@a.example two@a.example one@b.example
	for to in one@a.example two@a.example one@b.example; do
		path=$(await 60 "to=$to" "subject=$token")
		letter caught "$path" "$tmp/$token"
		case " ${paths:-} " in
		*" $path "*) fail "$to has the file of another" ;;
		esac
		paths="${paths:-} $path"
	done
}

await_none() {
	before=$(date +%s)
	result=0
	"$smtpctl" await -d "$caught_dir" -t 2 subject=never-sent \
	    >"$tmp/said" 2>&1 || result=$?
	took=$(($(date +%s) - before))
	[ "$result" -eq 1 ] || fail "it ended with $result: $(cat "$tmp/said")"
	if [ "$took" -lt 1 ] || [ "$took" -gt 20 ]; then
		fail "with -t 2 it took $took s"
	fi
}

# The one that waits is there before the letter.
await_before() {
	token=caught-late
	letter make plain "$token" "$tmp/$token"
	"$smtpctl" await -d "$caught_dir" -t 60 "subject=$token" \
	    >"$tmp/awaited" 2>&1 &
	waiter=$!
	until_so 60 sleeps "$waiter" ||
	    fail "await does not wait: $(cat "$tmp/awaited")"
	send smtplib_raw 127.0.0.1 "$catcher_port" "$sender" "$tmp/$token" \
	    late@anywhere.example
	wait "$waiter" || fail "await ended with $?: $(cat "$tmp/awaited")"
	letter caught "$(cat "$tmp/awaited")" "$tmp/$token"
}

# Each criterion finds the letter, and with one that is wrong none does.
await_each() {
	token=caught-each
	letter make plain "$token" "$tmp/$token"
	send smtplib_raw 127.0.0.1 "$catcher_port" from-each@example.net \
	    "$tmp/$token" to-each@anywhere.example
	for criterion in to=to-each@anywhere.example \
	    from=from-each@example.net "subject=$token" \
	    "body=This is $token."; do
		path=$(await 60 "$criterion")
		letter caught "$path" "$tmp/$token"
	done
	for criterion in to=other@anywhere.example from=other@example.net \
	    subject=caught-other "body=This is another."; do
		! "$smtpctl" await -d "$caught_dir" -t 1 "subject=$token" \
		    "$criterion" || fail "found in spite of $criterion"
	done
}

# What a developer sees of a session: the dialogue and the letter.
catcher_prints() {
	for words in "MAIL FROM:<$sender>" "RCPT TO:<smtplib@anywhere.example>" \
	    "250 2.0.0 stored as " "Subject: caught-smtplib" \
	    "This is caught-smtplib." ".dot and text" "Grüße, żółw, 日本語"; do
		grep -qiF -e "$words" "$caught_dir.out" ||
		    fail "'$words' is not printed"
	done
}

# send_escapes DIR: a letter that would act on a terminal is stored as it is.
send_escapes() {
	token=caught-escapes
	letter make escape "$token" "$tmp/$token"
	send smtplib_raw 127.0.0.1 "$catcher_port" "$sender" "$tmp/$token" \
	    escapes@anywhere.example
	path=$("$smtpctl" await -d "$1" -t 60 "body=This is $token.")
	letter caught "$path" "$tmp/$token"
}

catcher_escapes() {
	send_escapes "$caught_dir"
	until_so 60 grep -q 'This is caught-escapes' "$caught_dir.out" ||
	    fail "the letter is not printed"
	letter quiet "$caught_dir.out" file
	letter quiet "$caught_dir.err" file
}

catcher_ends() {
	[ "$catcher_status" -eq 0 ] || fail "it ended with $catcher_status:" \
	    "$(tail -n 3 "$caught_dir.err")"
	! grep -i 'worker-crash' "$caught_dir.out" "$caught_dir.err"
}

stop_catcher() {
	kill "$catcher" 2>/dev/null || :
	catcher_status=0
	end_one "$catcher" >&2 || catcher_status=$?
}

# The same on a terminal: colours, and nothing else that acts on it.
catcher_terminal() {
	letter listening "$catcher_port" 60 ||
	    fail "it printed: $(tail -n 5 "$tmp/screen")"
	send_escapes "$tmp/on-terminal"
	until_so 60 grep -q 'This is caught-escapes' "$tmp/screen" ||
	    fail "the letter is not printed"
	letter quiet "$tmp/screen" terminal
}
