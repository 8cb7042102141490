#!/bin/sh
# smtpctl await: finds what lies in a Maildir, what comes while it waits, and
# says so when nothing does. Messages are put there by rename, as smtpd does
# it; that a message sent by SMTP is found is checked by t/interop.
#
#	t/system/await.sh
#
# SMTPD, SMTPD_WORKER and SMTPCTL name the programs if not those of build/.
# Prints a line for each check and the totals last.
set -eu
export LC_ALL=C

cd "$(dirname "$0")/../.."
smtpd=${SMTPD:-build/smtpd}
worker=${SMTPD_WORKER:-build/smtpd-worker}
smtpctl=${SMTPCTL:-build/smtpctl}

passed=0
failed=0
ours=
tmp=$(mktemp -d "${TMPDIR:-/tmp}/await.XXXXXX")
# The catcher gives up root and has to reach its directory below.
chmod 755 "$tmp"
box=$tmp/caught/alice@example.org
end() {
	for pid in $ours; do
		kill "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	rm -rf "$tmp"
}
trap end EXIT
trap 'exit 1' HUP INT TERM

# check NAME COMMAND...: what it prints is why it failed.
check() {
	name=$1
	shift
	set +e
	why=$(
		set -e
		"$@" 2>&1
	)
	result=$?
	set -e
	if [ "$result" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok await-$name"
	else
		failed=$((failed + 1))
		echo "FAIL await-$name: ${why:-exit $result}"
	fi
}

fail() {
	echo "$*"
	exit 1
}

# maildir PATH
maildir() {
	mkdir -p "$1/tmp" "$1/new" "$1/cur"
}

# put MAILDIR NAME SUBJECT [BODY]: a message from shop@example.org.
put() {
	printf 'Return-Path: <shop@example.org>\nSubject: %s\n\n%s\n' \
	    "$3" "${4:-text}" >"$1/tmp/$2"
	mv "$1/tmp/$2" "$1/new/$2"
}

# run STATUS ARGUMENT...: awaits with these; leaves $out, $err and $took.
run() {
	want=$1
	shift
	start=$(date +%s)
	status=0
	"$smtpctl" await "$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	took=$(($(date +%s) - start))
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
	[ "$status" -eq "$want" ] ||
	    fail "await $* ended with $status, not $want: $out $err"
}

# path IS: what was printed is this path and nothing else.
path() {
	if [ "$out" != "$1" ] || [ -n "$err" ]; then
		fail "printed '$out' '$err', not '$1'"
	fi
	[ -f "$out" ] || fail "$out is not there"
}

# said TEXT: nothing was printed, and TEXT stands in the one line of error.
said() {
	[ -z "$out" ] || fail "printed '$out'"
	[ "$(wc -l <"$tmp/err")" -eq 1 ] || fail "not one line: $err"
	case $err in
	*"$1"*) ;;
	*) fail "said '$err', without '$1'" ;;
	esac
}

# A catcher and smtpctl agree on the directory when nobody names one: each user
# that a catcher becomes has one of his own.
default_directory() {
	export TMPDIR="$tmp"
	run 1 -t 0
	caught=$(echo "$tmp"/smtpd-catcher-*)
	said "in $caught within 0 s; 0 did not match"
	# shellcheck disable=SC2012 # one directory, and its owner's number
	owner=$(ls -ldn "$caught" | awk '{ print $3 }')
	[ "$caught" = "$tmp/smtpd-catcher-$owner" ] ||
	    fail "$caught is that of $owner"
}

# What lies there from before the catcher counts for who asks for it alone.
before() {
	export TMPDIR="$tmp"
	caught=$(echo "$tmp"/smtpd-catcher-*)
	maildir "$caught/alice@example.org"
	put "$caught/alice@example.org" 2.now today
	put "$caught/alice@example.org" 1.old yesterday
	touch -t 202001010000 "$caught/alice@example.org/new/1.old"
	run 1 -t 0 subject=yesterday
	said '; 1 did not match; 1 older than this smtpd -C were ignored'
	run 0 -t 0
	path "$caught/alice@example.org/new/2.now"
	run 0 -a -t 0
	path "$caught/alice@example.org/new/1.old"
	kill "$catcher"
	while :; do
		case $(ps -o stat= -p "$catcher") in
		'' | Z*) break ;;
		esac
		sleep 0.1
	done
	run 1 -t 0 subject=today
	said '; 2 older ones were ignored, as no smtpd -C runs there'
	run 0 -a -t 0 subject=today
	run_catcher
	grep -q 'older mail for 1 recipients' "$tmp/catcher" ||
	    fail "it does not say so: $(cat "$tmp/catcher")"
	run 1 -t 0 subject=today
	said '; 2 older than this smtpd -C were ignored: -a counts'
	kill "$catcher"
}

# Whoever may write to /tmp can make the directory first.
made_by_another() {
	[ "$(id -u)" -eq 0 ] || return 0
	mkdir -m 1777 "$tmp/open"
	maildir "$tmp/open/box/alice@example.org"
	put "$tmp/open/box/alice@example.org" 1.one forged
	chown -R daemon "$tmp/open/box"
	run 2 -d "$tmp/open/box" -t 0
	said 'it belongs to another user, where everybody may create files'
	rm -r "$tmp/open/box/alice@example.org"
	status=0
	"$smtpd" -C -l 0 -w "$worker" "$tmp/open/box" >"$tmp/out" \
	    2>"$tmp/err" || status=$?
	[ "$status" -eq 1 ] || fail "a catcher takes it: $(cat "$tmp/err")"
	! grep 'is not empty' "$tmp/err" || fail "it is empty"
}

# So many, the oldest of them.
counts() {
	run 0 -d "$tmp/caught" -t 0 --count 2 to=alice@example.org
	[ "$out" = "$box/new/1.one
$box/new/2.two" ] || fail "printed $out"
	run 1 -d "$tmp/caught" -t 0.2 -c 3 to=alice@example.org subject=Order
	said '2 of 3 messages with to=alice@example.org, subject=Order in '
	mkdir "$tmp/late"
	await_late third -t 60 --count 2
	maildir "$tmp/late/bob@example.org"
	put "$tmp/late/bob@example.org" 2.two later
	sleep 0.2
	# A reader of mail may move one meanwhile.
	mv "$tmp/late/bob@example.org/new/2.two" \
	    "$tmp/late/bob@example.org/cur/2.two:2,S"
	put "$tmp/late/bob@example.org" 1.one first
	came third "$tmp/late/bob@example.org/new/1.one
$tmp/late/bob@example.org/cur/2.two:2,S"
	rm -r "$tmp/late"
}

nothing_comes() {
	run 1 -d "$tmp/caught" -t 1.5 to=alice@example.org subject=never
	said 'no message with to=alice@example.org, subject=never in '
	said ' within 1.5 s; 2 did not match'
	if [ "$took" -lt 1 ] || [ "$took" -gt 20 ]; then
		fail "-t 1.5 took $took s"
	fi
}

there_already() {
	run 0 -d "$tmp/caught" -t 60 subject='Order 1'
	path "$box/new/1.one"
	[ "$took" -le 20 ] || fail "it took $took s"
}

oldest_first() {
	run 0 -d "$tmp/caught" to=alice@example.org
	path "$box/new/1.one"
}

every_criterion() {
	run 0 -d "$tmp/caught" to='<Alice@Example.ORG>' \
	    from=shop@example.org subject=Order body='second text'
	path "$box/new/2.two"
	run 1 -d "$tmp/caught" -t 0 to=alice@example.org \
	    from=other@example.org
	run 1 -d "$tmp/caught" -t 0 to=bob@example.org
	run 1 -d "$tmp/caught" -t 0 subject=Order body='third text'
}

# An address that is no file name is one in its Maildir's name.
escaped_address() {
	maildir "$tmp/caught/%22a%20b%22@example.org"
	put "$tmp/caught/%22a%20b%22@example.org" 3.three 'Order 3'
	run 0 -d "$tmp/caught" -t 1 to='"a b"@example.org'
	path "$tmp/caught/%22a%20b%22@example.org/new/3.three"
}

# What a reader has moved counts, with its flags.
in_cur() {
	maildir "$tmp/read/alice@example.org"
	put "$tmp/read/alice@example.org" 1.one seen
	mv "$tmp/read/alice@example.org/new/1.one" \
	    "$tmp/read/alice@example.org/cur/1.one:2,S"
	run 0 -d "$tmp/read" -t 1 subject=seen
	path "$tmp/read/alice@example.org/cur/1.one:2,S"
}

# What is not a message is not one, and nothing waits for it.
no_messages() {
	odd=$tmp/odd/alice@example.org
	maildir "$odd"
	mkdir "$odd/new/directory"
	mkfifo "$odd/new/fifo"
	ln -s "$box/new/1.one" "$odd/new/link"
	printf 'Subject: hidden\n\n' >"$odd/new/.hidden"
	printf 'Subject: unfinished\n\n' >"$odd/tmp/unfinished"
	: >"$tmp/odd/file"
	mkdir "$tmp/odd/empty"
	run 1 -d "$tmp/odd" -t 0.5
	said '; 0 did not match'
	# Nothing that acts on a terminal is printed, and it is said once.
	printf 'Subject: x\n\n' >"$odd/new/1.$(printf '\033')[2J"
	run 1 -d "$tmp/odd" -t 0.5
	case $err in
	*'/new/1.\x1b[2J: not a name that smtpd gives'*'; 0 did not match') ;;
	*) fail "said '$err'" ;;
	esac
	[ "$(wc -l <"$tmp/err")" -eq 2 ] || fail "not two lines: $err"
}

# smtpd's own root: mail/DOMAIN/USER.
server_root() {
	maildir "$tmp/root/mail/example.org/alice"
	maildir "$tmp/root/mail/example.net/alice"
	mkdir -p "$tmp/root/spool/incoming" "$tmp/root/log"
	put "$tmp/root/mail/example.net/alice" 1.net hello
	put "$tmp/root/mail/example.org/alice" 2.org hello
	run 0 -d "$tmp/root" -t 1 to=alice@example.org
	path "$tmp/root/mail/example.org/alice/new/2.org"
	run 0 -d "$tmp/root/mail" -t 1 to=alice@example.net
	path "$tmp/root/mail/example.net/alice/new/1.net"
	# A user of the name "new" does not make a Maildir of the domain.
	maildir "$tmp/root/mail/example.org/new"
	put "$tmp/root/mail/example.org/new" 3.org hello
	run 0 -d "$tmp/root" -t 0 to=new@example.org
	path "$tmp/root/mail/example.org/new/new/3.org"
	run 0 -d "$tmp/root" -t 0 to=alice@example.org
	path "$tmp/root/mail/example.org/alice/new/2.org"
}

# It has looked at what is there, and sleeps until it looks again.
sleeps() {
	case $(ps -o stat= -o comm= -p "$1") in
	[SI]*smtpctl*) ;;
	*) return 1 ;;
	esac
}

# await_late NAME ARGUMENT...: waits in the background; sets $waiter.
await_late() {
	late=$1
	shift
	"$smtpctl" await -d "$tmp/late" "$@" >"$tmp/$late" 2>&1 &
	waiter=$!
	tries=300
	until sleeps "$waiter"; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ] || ! kill -0 "$waiter" 2>/dev/null; then
			fail "await $* does not wait: $(cat "$tmp/$late")"
		fi
		sleep 0.1
	done
}

# came NAME PATH: the waiter ended, said this, and soon.
came() {
	start=$(date +%s)
	wait "$waiter" || fail "await ended with $?: $(cat "$tmp/$1")"
	took=$(($(date +%s) - start))
	[ "$took" -le 20 ] || fail "it took $took s more"
	[ "$(cat "$tmp/$1")" = "$2" ] || fail "it printed $(cat "$tmp/$1")"
}

# Neither directory nor Maildir is there when the waiting begins.
comes_late() {
	await_late first -t 60 subject=awaited
	maildir "$tmp/late/bob@example.org"
	put "$tmp/late/bob@example.org" 1.one other
	put "$tmp/late/bob@example.org" 2.two 'the awaited one'
	came first "$tmp/late/bob@example.org/new/2.two"
}

only_new() {
	run 0 -d "$tmp/late" -t 1 subject=awaited
	run 1 -n -d "$tmp/late" -t 1 subject=awaited
	said 'no new message with subject=awaited in '
	said '; 0 did not match'
	await_late second -n -t 60 subject=awaited
	# Moving an old one does not make it new.
	mv "$tmp/late/bob@example.org/new/2.two" \
	    "$tmp/late/bob@example.org/cur/2.two:2,"
	sleep 1
	kill -0 "$waiter" 2>/dev/null ||
	    fail "it took an old one: $(cat "$tmp/second")"
	put "$tmp/late/bob@example.org" 0.zero 'another awaited one'
	came second "$tmp/late/bob@example.org/new/0.zero"
}

wrong_calls() {
	for wrong in 'to' 'cc=x' '-x' '-t' '-t x' '-t -1' '-t 1.' '-t 1e3' \
	    '-t .5' '-t 999999999' '--count 0' '--count x'; do
		# shellcheck disable=SC2086 # an option and its value
		run 2 $wrong
		case $err in
		"smtpctl: ${wrong%% *} x: not a number"* | \
		    "smtpctl: $wrong: not "* | *'usage: smtpctl await'*) ;;
		*) fail "$wrong: said $err" ;;
		esac
	done
	status=0
	"$smtpctl" >"$tmp/out" 2>"$tmp/err" || status=$?
	[ "$status" -eq 2 ] || fail "smtpctl alone ended with $status"
	status=0
	"$smtpctl" nonsense >"$tmp/out" 2>"$tmp/err" || status=$?
	[ "$status" -eq 2 ] || fail "smtpctl nonsense ended with $status"
}

no_directory() {
	run 2 -d "$tmp/nowhere" -t 0.1
	said "$tmp/nowhere: no such directory within 0.1 s: does smtpd -C run"
	: >"$tmp/file"
	run 2 -d "$tmp/file" -t 0
}

maildir "$box"
put "$box" 2.two 'Order 2' 'second text'
put "$box" 1.one 'Order 1' 'first text'

# run_catcher: sets $catcher.
run_catcher() {
	: >"$tmp/catcher"
	TMPDIR=$tmp "$smtpd" -C -l 127.0.0.1:0 -w "$worker" \
	    >"$tmp/catcher" 2>&1 &
	catcher=$!
	ours="$ours $catcher"
	tries=300
	until grep -q 'FOR TESTS ONLY' "$tmp/catcher"; do
		tries=$((tries - 1))
		if [ "$tries" -eq 0 ] || ! kill -0 "$catcher" 2>/dev/null; then
			fail "$(cat "$tmp/catcher")"
		fi
		sleep 0.1
	done
}

run_catcher
check default-directory default_directory
check before before
check made-by-another made_by_another
check nothing-comes nothing_comes
check there-already there_already
check oldest-first oldest_first
check every-criterion every_criterion
check escaped-address escaped_address
check in-cur in_cur
check no-messages no_messages
check server-root server_root
check counts counts
check comes-late comes_late
check only-new only_new
check wrong-calls wrong_calls
check no-directory no_directory

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
