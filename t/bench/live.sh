# Parts of bench.sh about living with a server: its start, SIGHUP, strangers
# who stay, its message log.  Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

start_runs=30
reload_sessions=500
stalled_sessions=1000
stalled_addresses=10

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

# first_greeting PORT WORD: until a greeting has the word; the greeting
first_greeting()
{
	local line=

	until case $line in *"$2"*) true ;; *) false ;; esac; do
		exec 8<>"/dev/tcp/127.0.0.1/$1"
		IFS= read -r -t "$patience_s" line <&8 || line=
		exec 8>&-
	done
	echo "$line"
}

one_reload()
{
	local begin end

	conf_smtpd smtpd-reload 2000 "listen 127.0.0.1 port 0"
	run_smtpd smtpd-reload
	hold smtpd-reload "$reload_sessions" || { failed=1; return 0; }
	sed -i 's/^hostname .*/hostname new.test/' "$work/smtpd-reload.conf"
	begin=$EPOCHREALTIME
	kill -HUP "${pid[smtpd-reload]}"
	first_greeting "${port[smtpd-reload]}" " new.test " >/dev/null
	end=$EPOCHREALTIME
	release
	stop smtpd-reload
	awk -v r="$2" -v b="$begin" -v e="$end" -v n="$reload_sessions" \
	    -v kept="$(sed -n 's/^kept //p' "$work/hold.out")" 'BEGIN {
		printf "  round %d: %d sessions open, %d of them kept," \
		    " %.1f ms to the first new greeting\n", r, n, kept, \
		    (e - b) * 1000
		exit kept != n
	}' || failed=1
}

part_reload()
{
	[ -n "$have_smtpd" ] || return 0
	say "reload: SIGHUP with $reload_sessions sessions open; from the" \
	    "signal to a greeting by the new configuration"
	say "  wanted: none lost"
	in_rounds one_reload smtpd
	say
}

# one_stalled SERVER STALLED COUNT
one_stalled()
{
	local served=yes

	hold_flags=-q hold "$1" "$2" || { failed=1; return 0; }
	sleep 3
	"$bin/latency" -g -p "${port[$1]}" -a 127.0.9.9 -n "$3" \
	    >"$work/greeting" 2>&1 || served=
	release
	say "  $1, $2 stalled, $3 clients: $(cat "$work/greeting")"
	[ -n "$served" ] || [ "$1" = postfix ] || failed=1
}

part_stalled()
{
	[ -n "$have_smtpd" ] || return 0
	idle_addresses=$stalled_addresses
	say "stalled: ms to the greeting of new clients, one after another," \
	    "while others from $stalled_addresses addresses say nothing"
	conf_smtpd smtpd-200 200 "listen 127.0.0.1 port 0"
	run_smtpd smtpd-200
	one_stalled smtpd-200 "$stalled_sessions" 20
	stop smtpd-200
	conf_smtpd smtpd-2000 2000 "listen 127.0.0.1 port 0"
	run_smtpd smtpd-2000
	one_stalled smtpd-2000 "$stalled_sessions" 20
	stop smtpd-2000
	# It has 200 processes, and a short queue before them.
	[ -z "${pid[postfix]:-}" ] || one_stalled postfix 250 2
	say
}

one_log()
{
	load "$1" "$sessions" 4096 "$messages"
	record log "$1" "$2" "$messages"
}

# The same program, but for a message log that does nothing.
part_log()
{
	[ -n "${pid[smtpd]:-}" ] || return 0
	conf_smtpd no-log 2000 "listen 127.0.0.1 port 0"
	run_smtpd no-log "$bin/smtpd-no-log"
	load no-log "$sessions" 4096 200
	in_rounds one_log smtpd no-log
	stop no-log
	say "log: messages/s with the message log and without, as in rate"
	say "  wanted: at least 0.95"
	awk '$1 == "log" { x[$2, $3] = $4; if ($3 > n) n = $3 }
	END {
		for (r = 1; r <= n; r++)
			printf "  round %d: with %6.0f   without %6.0f" \
			    "   ratio %.3f\n", r, x["smtpd", r], \
			    x["no-log", r], x["smtpd", r] / x["no-log", r]
	}' "$work/results"
	say
}
