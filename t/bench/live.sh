# Parts of bench.sh about living with a server: its start, SIGHUP, strangers
# who stay, its message log.  Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

start_runs=30
reload_sessions=500
stalled_clients=1000
stalled_addresses=10
stalled_greetings=20

# compare PART FORMAT BASE SERVER...: medians, and of the ratios to BASE
compare()
{
	awk -v part="$1" -v format="$2" -v base="$3" -v order="${*:4}" '
	function median(list, n,    i, j, t, v) {
		n = split(list, v, " ")
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && v[j - 1] + 0 > v[j] + 0; j--) {
				t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
			}
		if (n % 2)
			return v[(n + 1) / 2]
		return (v[n / 2] + v[n / 2 + 1]) / 2
	}
	$1 == part {
		x[$2, $3] = $4
		if ($3 > rounds)
			rounds = $3
	}
	END {
		printf "  %-28s %9s  x %-18s  %s\n", "", "median", base, \
		    "rounds"
		n = split(order, names, " ")
		for (i = 1; i <= n; i++) {
			all = ratios = line = ""
			for (r = 1; r <= rounds; r++) {
				v = x[names[i], r]
				all = all " " v
				line = line sprintf(" " format, v)
				if (x[base, r] > 0)
					ratios = ratios " " v / x[base, r]
			}
			printf "  %-28s %9s  %-20s %s\n", names[i], \
			    sprintf(format, median(all)), ratios == "" ? "-" : \
			    sprintf("%.3f", median(ratios)), line
		}
	}' "$work/results"
	say
}

# Exim reads its user's name in the list of users, so it is shown one with
# that name in it; nothing of this machine is changed.
prepare_exim()
{
	[ "$(id -u)" -eq 0 ] || return 1
	mkdir "$work/exim"
	(
		cd "$work/exim"
		apt-get -q download exim4-daemon-light ||
		    { apt-get -q update &&
		    apt-get -q download exim4-daemon-light; }
		dpkg-deb -x ./*.deb .
	) >"$work/apt.log" 2>&1 || return 1
	{ cat /etc/passwd && echo "Debian-exim:x:64999:64999::/:/bin/false"
	} >"$work/exim/passwd"
	{ cat /etc/group && echo "Debian-exim:x:64999:"; } >"$work/exim/group"
	cat >"$work/exim/conf" <<-END
	primary_hostname = bench.test
	spool_directory = $work/exim/spool
	log_file_path = $work/exim/%slog
	host_lookup =
	acl_smtp_rcpt = all
	begin acl
	all:
	  accept
	END
	chown 64999:64999 "$work/exim"
	exim_version=$(dpkg-deb -f "$work"/exim/*.deb Version)
}

# as_exim COMMAND...: where the two lists are those
as_exim()
{
	# shellcheck disable=SC2016
	unshare -m sh -c 'dir=$1; shift
	    mount --bind "$dir/passwd" /etc/passwd &&
	    mount --bind "$dir/group" /etc/group && exec "$@"' - \
	    "$work/exim" "$@"
}

# one_start NAME ROUND
one_start()
{
	local out at

	case $1 in
	exim)
		out=$(as_exim "$bin/greet" -n "$start_runs" -- \
		    "$work/exim/usr/sbin/exim4" -C "$work/exim/conf" -bs)
		;;
	postfix)
		out=$(MAIL_CONFIG=$work/postfix/etc setpriv --clear-groups \
		    --reuid="$postfix_owner" --regid="$postfix_owner" \
		    "$work/greet" -n "$start_runs" -- \
		    "$postfix_bin/sendmail" -bs)
		;;
	inetd)
		out=$("$bin/greet" -n "$start_runs" -- "$SMTPD" -i \
		    -f "$work/inetd.conf" -w "$SMTPD_WORKER" \
		    2>>"$work/inetd.err")
		;;
	standalone)
		at=$(free_port)
		conf_smtpd standalone 200 "listen 127.0.0.1 port $at"
		out=$("$bin/greet" -n "$start_runs" -p "$at" -- "$SMTPD" -d \
		    -f "$work/standalone.conf" -w "$SMTPD_WORKER" \
		    2>>"$work/standalone.err")
		;;
	esac || die "start: $1 did not greet: ${out:-}"
	echo "$out" | awk -v n="$1" -v r="$2" \
	    '{ print "start", n, r, $2 }' >>"$work/results"
}

part_start()
{
	local servers='postfix inetd standalone'

	say "start: ms from execution to the first greeting, median of" \
	    "$start_runs; sendmail -bs is Postfix's"
	[ -n "${pid[postfix]:-}" ] || servers='inetd standalone'
	if prepare_exim && as_exim true 2>/dev/null; then
		servers="exim $servers"
		say "  Exim $exim_version, unpacked"
	else
		say "  exim -bs: left out, it takes root and Debian's package"
	fi
	conf_smtpd inetd 200 ""
	# Postfix's user may not reach where it was built.
	cp "$bin/greet" "$work/greet"
	# shellcheck disable=SC2086
	in_rounds one_start $servers
	# shellcheck disable=SC2086
	table start %.1f $servers
}

# greeting_of PORT: its words, or nothing
greeting_of()
{
	local line=

	if { exec 8<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null; then
		read -r -t 30 line <&8 || :
		printf 'QUIT\r\n' >&8 || :
		exec 8>&-
	fi
	echo "$line"
}

# ms_since MICROSECONDS
ms_since()
{
	local now=${EPOCHREALTIME/./}

	echo $(((now - $1) / 1000)).$(((now - $1) % 1000 / 100))
}

# The new configuration has another name, which the greeting says.
one_reload()
{
	local begin first='' line slowest=0 tried=0 refused=0 want=$2

	sed -i "s/^hostname .*/hostname round$want.test/" "$work/reload.conf"
	begin=${EPOCHREALTIME/./}
	kill -HUP "${pid[reload]}"
	while [ -z "$first" ]; do
		line=${EPOCHREALTIME/./}
		case $(greeting_of "${port[reload]}") in
		"220 round$want.test "*) first=$(ms_since "$begin") ;;
		220*) ;;
		*) refused=$((refused + 1)) ;;
		esac
		tried=$((tried + 1))
		slowest=$(printf '%s\n' "$slowest" "$(ms_since "$line")" |
		    sort -n | tail -n 1)
		[ "$tried" -lt 5000 ] || die "no reload: $(tail -n 3 \
		    "$work/reload.err")"
	done
	[ "$refused" -eq 0 ] || failed=1
	printf '  round %d: first new session after %6s ms; %d tried, %d %s\n' \
	    "$2" "$first" "$tried" "$refused" \
	    "not served, the slowest waited $slowest ms"
}

part_reload()
{
	local kept round

	[ -n "$have_smtpd" ] || return 0
	say "reload: SIGHUP with $reload_sessions open sessions, ms until a" \
	    "client is served by the new configuration"
	say "  wanted: none lost"
	conf_smtpd reload 2000 "listen 127.0.0.1 port 0"
	run_smtpd reload
	hold reload "$reload_sessions" -c || die "no sessions to reload with"
	for ((round = 1; round <= rounds; round++)); do
		one_reload reload "$round"
	done
	release
	kept=$(sed -n 's/^kept //p' "$work/hold.out")
	say "  after $rounds reloads $kept of $reload_sessions sessions" \
	    "answer NOOP; lost: $((reload_sessions - kept))"
	[ "$kept" -eq "$reload_sessions" ] || failed=1
	say
	stop reload
}

# stall_at SERVER: the crowd comes, and stands still
stall_at()
{
	local tries=0

	attend "$bin/stall" -p "${port[$1]}" -n "$stalled_clients" \
	    -a "$stalled_addresses"
	until grep -q '^ready' "$work/hold.out"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 600 ] || ! kill -0 "$helper_pid" 2>/dev/null
		then
			release
			die "the clients do not stall: $(cat "$work/hold.err")"
		fi
		sleep 0.1
	done
}

# new_clients SERVER COUNT WORD [OPTION]: each from an address that has nobody
new_clients()
{
	if "$bin/latency" "${@:4}" -p "${port[$1]}" -a 127.0.9.9 -n "$2" \
	    >"$work/greeting" 2>&1; then
		awk -v s="$1" -v w="$3" -v c="$2" '{
			printf "  %-15s %-12s p50 %9s ms, slowest of %d" \
			    " %9s ms\n", s, w, $2, c, $6
		}' "$work/greeting"
	else
		say "  $1, $3: not served: $(cat "$work/greeting")"
		[ "$1" = postfix ] || failed=1
	fi
}

# one_stalled SERVER COUNT
one_stalled()
{
	stall_at "$1"
	new_clients "$1" "$2" greeted -g
	[ "$1" = postfix ] || new_clients "$1" "$2" "250 and QUIT"
	release
	say "  $1, of the $stalled_clients: $(grep '^greeted' "$work/hold.out")"
	[ "$1" = postfix ] || stop "$1"
}

part_stalled()
{
	say "stalled: a new client while $stalled_clients from" \
	    "$stalled_addresses addresses stall in half a command; who is" \
	    "sent away comes again after a second"
	say "  wanted: 100 ms to the greeting"
	if [ -n "$have_smtpd" ]; then
		say " 200 workers, smtpd's limits as they are by default"
		conf_smtpd smtpd-defaults 200 "listen 127.0.0.1 port 0"
		sed -i '/ per-/d' "$work/smtpd-defaults.conf"
		run_smtpd smtpd-defaults
		one_stalled smtpd-defaults "$stalled_greetings"
		say " 200 workers, each address may have 200 sessions"
		conf_smtpd smtpd-open 200 "listen 127.0.0.1 port 0"
		run_smtpd smtpd-open
		one_stalled smtpd-open "$stalled_greetings"
	fi
	if [ -n "${pid[postfix]:-}" ]; then
		say " Postfix, 200 processes"
		one_stalled postfix 2
	fi
	say
}

one_log()
{
	load "$1" "$sessions" 4096 "$messages"
	record log "$1" "$2" "$messages"
}

one_log_many()
{
	load "$1" "$sessions" 4096 "$messages" -d
	record log-many "$1" "$2" "$messages"
}

# The message log cannot be switched off: beside smtpd runs one that is linked
# without it, and both begin with nothing.  A figure of some hundredths takes
# more rounds than the others.
part_log()
{
	local case name servers='with-log no-log' rounds=$((rounds * 2 + 1))

	[ -n "$have_smtpd" ] || return 0
	conf_smtpd with-log 2000 "listen 127.0.0.1 port 0"
	run_smtpd with-log
	conf_smtpd no-log 2000 "listen 127.0.0.1 port 0"
	run_smtpd no-log "$bin/smtpd-no-log"
	for name in $servers; do
		load "$name" "$sessions" 4096 500
		load "$name" "$sessions" 4096 500 -d
	done
	# shellcheck disable=SC2086
	in_rounds one_log $servers
	# shellcheck disable=SC2086
	in_rounds one_log_many $servers
	[ -s "$work/with-log/log/message" ] || die "there is no message log"
	[ ! -s "$work/no-log/log/message" ] ||
	    die "smtpd-no-log writes a message log"
	say "log: with the message log, and without"
	say "  wanted: at least 0.95 of the rate"
	for case in log log-many; do
		say " messages/s, as in $([ $case = log ] && echo rate ||
		    echo many)"
		# shellcheck disable=SC2086
		compare $case %.0f no-log $servers
		say " ms of user and system time for 1,000 messages ($how_cpu)"
		# shellcheck disable=SC2086
		compare cpu-$case %.0f no-log $servers
	done
	stop with-log
	stop no-log
}
