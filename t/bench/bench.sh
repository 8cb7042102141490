#!/bin/bash
# make bench: the figures of smtpd beside a bare durable floor (floor.c),
# Postfix and smtp-sink, side by side in one run on one machine.
#
#   t/bench/bench.sh [rate] [many] [burst] [large] [cpu] [idle] [latency]
#       [start] [reload] [stalled] [log] [submit] [handshake] [guess]
#       [tlsidle] [leave] [queued]
#
#   rate, many   messages/s, one or many a connection
#   burst        the rate at 500 sessions beside that at 20
#   large        MiB/s of 10 MiB messages
#   cpu          time of the processes for 1,000 messages
#   idle         memory of idle sessions, and a new client beside them
#   latency      one client on a quiet server
#   start        from execution to the first greeting: standalone, smtpd -i,
#                exim -bs and Postfix's sendmail -bs
#   reload       SIGHUP with 500 open sessions: who is lost, who waits
#   stalled      a new client beside 1,000 from 10 addresses that stall, and
#                come again when they are sent away
#   log          the rate and the time with and without the message log
#   submit       sessions/s of our own users, with STARTTLS and AUTH; Postfix
#                has Dovecot for the passwords, of one and the same users file
#   handshake    TLS handshakes/s, beside openssl s_server
#   guess        one client on a quiet server, and while others guess passwords
#   tlsidle      memory of idle sessions under TLS, and without
#   leave        messages/s, and the time for 1,000, through the queue to
#                smtp-sink, one message a connection and many, beside Postfix
#   queued       memory, and the time from the start to the first delivery, of
#                BENCH_QUEUED messages (10000)
#
# Without an argument all parts are measured.  Rounds are interleaved: each
# round measures every server once, every second round in reverse order.  A
# figure is the median of its rounds, a ratio the median of the ratios of the
# rounds.  What is counted is what has reached the Maildir: messages, divided
# by the time from the first connection until the last file stands in new/.
#
# Environment: SMTPD, SMTPD_WORKER, SMTPCTL (build/smtpd and so on),
# BENCH_BIN (build/t/bench: its programs), BENCH_MESSAGES (5000),
# BENCH_ROUNDS (3), BENCH_IDLE (1000), BENCH_IDLE_MANY (5000, 0 for none),
# BENCH_KEY (ec: P-256; or rsa: 2048 bits; of the certificate),
# BENCH_KEEP (not empty: keep the work directory, and let Postfix log there,
# which it then pays for).
# The work directory is made below ${TMPDIR:-/tmp}; it must not be a tmpfs,
# or every durable server is measured without its disk.  On ext4 without a
# journal leave some minutes between two runs: the inodes of the files removed
# at the end of the first are in the way of the second.
#
# Postfix is unpacked from its Debian package, never installed; it needs root
# to run, because its master changes users.  Dovecot is installed, and runs
# here for its auth process alone, with a configuration of ours.  Nothing
# listens elsewhere than on 127.0.0.1.  Whatever is started here is ended here,
# by process id.
#
# This file says what is measured and holds the settings; process.sh, servers.sh,
# load.sh, live.sh and secure.sh beside it say how.
#
# Variables are shared with those, functions called by name and from a trap:
# shellcheck disable=SC1091,SC2034,SC2154,SC2317

set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
SMTPD=${SMTPD:-$top/build/smtpd}
SMTPD_WORKER=${SMTPD_WORKER:-$top/build/smtpd-worker}
SMTPCTL=${SMTPCTL:-$top/build/smtpctl}
bin=${BENCH_BIN:-$top/build/t/bench}
messages=${BENCH_MESSAGES:-5000}
rounds=${BENCH_ROUNDS:-3}
idle=${BENCH_IDLE:-1000}
idle_many=${BENCH_IDLE_MANY:-5000}
key=${BENCH_KEY:-ec}
keep=${BENCH_KEEP:-}
idle_postfix=100
idle_addresses=20
sessions=20
burst_sessions=500
large_bytes=$((10 * 1024 * 1024))
large_messages=40
large_sessions=4
latency_count=500
patience_s=60
recipient=bench@bench.test

work=
memory=
cgroup=
declare -A pid=() port=() new_dir=() beside=()
holder=("$bin/hold")
helper_pid=
failed=0

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf 'bench: %s\n' "$*" >&2
	exit 1
}

. "$here/process.sh"
. "$here/servers.sh"
. "$here/load.sh"
. "$here/live.sh"
. "$here/secure.sh"
. "$here/leave.sh"

# Parts

one_rate()
{
	load "$1" "$sessions" 4096 "$messages"
	record rate "$1" "$2" "$messages"
}

part_rate()
{
	local servers

	servers=$(running floor postfix sink smtpd smtpd100)
	# shellcheck disable=SC2086
	in_rounds one_rate $servers
	say "rate: messages/s, one message a connection, 4 KiB," \
	    "$sessions sessions, $messages messages"
	say "  wanted: 1.8 x Postfix, better 2.5 and 0.65 x floor;" \
	    "with worker-sessions 100 better 3 x Postfix"
	# shellcheck disable=SC2086
	table rate %.0f $servers
}

one_many()
{
	load "$1" "$sessions" 4096 "$messages" -d
	record many "$1" "$2" "$messages"
}

part_many()
{
	local servers

	servers=$(running floor postfix sink smtpd)
	# shellcheck disable=SC2086
	in_rounds one_many $servers
	say "many: messages/s, many messages a connection, 4 KiB," \
	    "$sessions sessions, $messages messages"
	say "  wanted: 3 x Postfix, better 0.75 x floor"
	# shellcheck disable=SC2086
	table many %.0f $servers
}

# The rate at 20 is measured again beside the one at 500: what matters is
# their ratio in the same minute.
one_burst()
{
	load smtpd "$1" 4096 "$messages"
	record burst "smtpd$1" "$2" "$messages"
}

part_burst()
{
	if [ -z "${pid[smtpd]:-}" ]; then
		say "burst: left out, it measures smtpd only"
		say
		return
	fi
	in_rounds one_burst "$sessions" "$burst_sessions"
	say "burst: messages/s, one message a connection, 4 KiB," \
	    "$messages messages"
	say "  wanted: 0.85 of the rate at $sessions"
	awk -v a="smtpd$sessions" -v b="smtpd$burst_sessions" '
	$1 == "burst" { x[$2, $3] = $4; if ($3 > n) n = $3 }
	END {
		for (r = 1; r <= n; r++)
			printf "  round %d: 20 sessions %6.0f   500 sessions" \
			    " %6.0f   ratio %.2f\n", r, x[a, r], x[b, r], \
			    x[b, r] / x[a, r]
	}' "$work/results"
	awk -v a="smtpd$sessions" -v b="smtpd$burst_sessions" '
	$1 == "burst" { x[$2, $3] = $4 }
	END { for (k in x) { split(k, w, SUBSEP); if (w[1] == b)
		print x[k] / x[a, w[2]] } }' "$work/results" | sort -n |
	    awk '{ v[NR] = $1 } END { printf "  median of the ratios %.2f\n",
		NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
	say
}

one_large()
{
	load "$1" "$large_sessions" "$large_bytes" "$large_messages"
	record large "$1" "$2" $((large_messages * large_bytes / 1048576))
}

part_large()
{
	local name servers

	servers=$(running floor sink smtpd)
	# Blocks of a virtual disk written for the first time are slow: once
	# unmeasured, and the rounds use the same blocks again.
	for name in $servers; do
		load "$name" "$large_sessions" "$large_bytes" "$large_messages"
	done
	# shellcheck disable=SC2086
	in_rounds one_large $servers
	say "large: MiB/s, $((large_bytes / 1048576)) MiB messages," \
	    "$large_sessions at once, $large_messages messages"
	say "  wanted: 2 x sink"
	# shellcheck disable=SC2086
	table large %.0f $servers
}

# The time of the processes comes from the runs of rate and many; what was not
# asked for beside cpu is measured here for the two servers compared.
part_cpu()
{
	local all_servers case most=0.40 name servers

	for case in rate many; do
		servers=$(running postfix smtpd)
		if [ -z "$servers" ]; then
			say "cpu: left out, neither Postfix nor smtpd runs"
			return
		fi
		# shellcheck disable=SC2086
		grep -q "^cpu-$case " "$work/results" ||
		    in_rounds "one_$case" $servers
		all_servers=$(running floor postfix sink smtpd smtpd100)
		servers=
		for name in $all_servers; do
			grep -q "^cpu-$case $name " "$work/results" &&
			    servers="$servers $name"
		done
		say "cpu: ms of user and system time of all its processes" \
		    "for 1,000 messages, as in $case ($how_cpu)"
		say "  wanted: at most $most x Postfix"
		# shellcheck disable=SC2086
		table "cpu-$case" %.0f $servers
		most=0.25
	done
}

# attend COMMAND...: runs it until release
attend()
{
	rm -f "$work/hold.in" "$work/hold.out"
	mkfifo "$work/hold.in"
	"$@" <"$work/hold.in" >"$work/hold.out" 2>"$work/hold.err" &
	helper_pid=$!
	exec 9>"$work/hold.in"
}

# hold SERVER N [OPTION]: opens N idle sessions; release ends them
hold()
{
	local tries=0

	attend "${holder[@]}" -p "${port[$1]}" -n "$2" -a "$idle_addresses" \
	    "${@:3}"
	until grep -q '^held' "$work/hold.out"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 1200 ] || ! kill -0 "$helper_pid" 2>/dev/null
		then
			say "  $1: $2 sessions could not be held:" \
			    "$(cat "$work/hold.err")"
			release
			return 1
		fi
		sleep 0.1
	done
}

release()
{
	exec 9>&-
	wait "$helper_pid" || :
	helper_pid=
}

# pss_kib LIST-OF-PIDS on standard input: their PSS, and how many were read
pss_kib()
{
	sed 's|.*|/proc/&/smaps_rollup|' | xargs -r cat 2>/dev/null |
	    awk '/^Pss:/ { s += $2; n++ } END { print s + 0, n + 0 }'
}

# The workers are what stands two levels below smtpd's master (the nursery
# forks them), and one level below Postfix's, where they are told by name.
workers_of()
{
	local depth p

	tree "${pid[$1]}" | while read -r depth p; do
		case $1 in
		postfix*)
			[ "$(cat "/proc/$p/comm" 2>/dev/null)" = smtpd ] ||
			    continue
			;;
		*) [ "$depth" -ge 2 ] || continue ;;
		esac
		echo "$p"
	done
}

# one_idle SERVER N: sets idle_kib, the PSS of one
one_idle()
{
	local name=$1 n=$2 workers all

	idle_kib=0
	hold "$name" "$n" || { failed=1; return 0; }
	sleep 1
	# greetings from an address that holds nothing
	"$bin/latency" -g -p "${port[$name]}" -a 127.0.9.9 -n 20 \
	    >"$work/greeting" 2>&1 ||
	    say "  $name: a new client was not served: $(cat "$work/greeting")"
	workers=$(workers_of "$name" | pss_kib)
	idle_kib=$((${workers% *} / n))
	all=$(tree "${pid[$name]}" | awk '{ print $2 }' | pss_kib)
	release
	awk -v name="$name" -v n="$n" -v w="$workers" -v a="$all" \
	    -v held="$(grep '^held' "$work/hold.out")" \
	    -v kept="$(sed -n 's/^kept //p' "$work/hold.out")" \
	    -v g="$(cat "$work/greeting")" 'BEGIN {
		split(w, ww, " "); split(a, aa, " "); split(held, h, " ")
		split(g, gg, " ")
		printf "  %-12s %5d held, %d kept, opened in %.1f s," \
		    " the slowest in %.1f ms\n", name, n, kept, h[4], h[6]
		printf "  %-12s PSS %s KiB each (%d worker processes);" \
		    " whole server %.1f MiB in %d\n", "", \
		    ww[2] ? sprintf("%.0f", ww[1] / n) : "unreadable,", \
		    ww[2], aa[1] / 1024, aa[2]
		printf "  %-12s new client greeted in p50 %s ms," \
		    " slowest of 20 %s ms\n", "", gg[2], gg[6]
	}'
	[ "$(sed -n 's/^kept //p' "$work/hold.out")" = "$n" ] || failed=1
}

part_idle()
{
	local spare

	say "idle: sessions held from $idle_addresses addresses;" \
	    "PSS of the workers, spare ones too, divided by the sessions"
	say "  wanted: 150 KiB each and 100 ms for a new client at $idle"
	[ -z "${pid[postfix]:-}" ] || one_idle postfix "$idle_postfix"
	# Wide enough that the short idle timeout of a nearly full pool stays out.
	spare=$((idle > idle_many ? idle : idle_many))
	start_smtpd smtpd-idle $((spare * 3 / 2 + 100)) 1
	if [ -n "${pid[smtpd-idle]:-}" ]; then
		one_idle smtpd-idle "$idle"
		sleep 2
		[ "$idle_many" -eq 0 ] || one_idle smtpd-idle "$idle_many"
		stop smtpd-idle
	fi
	say
}

one_latency()
{
	local out before

	before=$(count_new "$1")
	out=$("$bin/latency" -p "${port[$1]}" -n "$latency_count" \
	    -r "$recipient") || die "latency against $1 failed"
	await_count "$1" $((before + latency_count))
	settle "$1"
	echo "$out" | awk -v n="$1" -v r="$2" '{
		print "p50", n, r, $2
		print "p99", n, r, $4
	}' >>"$work/results"
}

part_latency()
{
	local servers

	servers=$(running floor postfix smtpd)
	# shellcheck disable=SC2086
	in_rounds one_latency $servers
	say "latency: ms, one client, $latency_count transactions of 4 KiB," \
	    "each on a new connection"
	say " p50"
	# shellcheck disable=SC2086
	table p50 %.2f $servers
	say " p99"
	# shellcheck disable=SC2086
	table p99 %.2f $servers
}

# Start

all_parts="rate many burst large cpu idle latency start reload stalled log"
all_parts="$all_parts submit handshake guess tlsidle leave queued"
parts=()
for arg; do
	case " $all_parts " in
	*" $arg "*) parts+=("$arg") ;;
	*) die "$arg: not one of $all_parts" ;;
	esac
done
case $key in
ec|rsa) ;;
*) die "BENCH_KEY=$key: neither ec nor rsa" ;;
esac
# shellcheck disable=SC2206
[ "${#parts[@]}" -gt 0 ] || parts=($all_parts)

for name in floor latency hold greet stall submit smtpd-no-log; do
	[ -x "$bin/$name" ] || die "$bin/$name is missing: run make bench"
done

trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
work=$(mktemp -d "${TMPDIR:-/tmp}/smtpd-bench.XXXXXX")
chmod 711 "$work"
# Spread what is made in it over the disk: no server among another's inodes.
chattr +T "$work" 2>/dev/null || :
memory=$(mktemp -d /dev/shm/smtpd-bench.XXXXXX)
chmod 711 "$memory"
: >"$work/results"
case $(stat -f -c %T "$work") in
tmpfs|ramfs) say "warning: $work is in memory: no figure here is durable" ;;
esac
how_cpu="from /proc"
find_cgroup
[ -z "$cgroup" ] || how_cpu="control group"
have_smtpd=
if [ -x "$SMTPD" ] && [ -x "$SMTPD_WORKER" ]; then
	have_smtpd=yes
else
	say "smtpd: left out, there is no $SMTPD with $SMTPD_WORKER"
fi

unpack_postfix
say "$(nproc) processors, $(uname -sr)," \
    "$(df --output=fstype "$work" | tail -n 1)," \
    "load $(cut -d ' ' -f 1 /proc/loadavg), $rounds rounds"
start_floor
start_sink
start_postfix
start_smtpd smtpd 2000 1
start_smtpd smtpd100 2000 100
warm_up
say
for part in "${parts[@]}"; do
	"part_$part"
done
say "done in $SECONDS s"
exit "$failed"
