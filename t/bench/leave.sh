# Parts of bench.sh about mail that leaves: through the queue to smtp-sink, which
# keeps each message as a file in memory, and a queue that is read at start.
# Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

leave_recipient=bench@elsewhere.test
queued_messages=${BENCH_QUEUED:-10000}

# start_host NAME: where mail goes; its messages are files in new_dir[NAME]
start_host()
{
	local host=host-$1 user=()

	[ "$(id -u)" -ne 0 ] || user=(-u nobody)
	new_dir[$1]=$memory/$1
	mkdir -p "${new_dir[$1]}"
	chmod 777 "${new_dir[$1]}"
	port[$host]=$(free_port)
	start "$host" "$postfix_bin/smtp-sink" "${user[@]}" \
	    -d "${new_dir[$1]}/m." "127.0.0.1:${port[$host]}" 4096
	await_port "$host"
}

conf_leaving_smtpd()
{
	conf_smtpd "$1" 200 "listen 127.0.0.1 port 0
	relay {
	    from 127.0.0.1
	    via 127.0.0.1 port $2
	}"
}

start_leaving_postfix()
{
	[ "$(id -u)" -eq 0 ] || return 0
	start_host postfix-leave
	conf_postfix postfix-leave
	sed -i -e '/^virtual_/d' -e '/^smtpd_relay_restrictions/d' \
	    "$work/postfix-leave/etc/main.cf"
	cat >>"$work/postfix-leave/etc/main.cf" <<-END
	relayhost = [127.0.0.1]:${port[host-postfix-leave]}
	smtpd_relay_restrictions = permit_mynetworks, reject
	END
	echo "smtp unix - - n - - smtp" >>"$work/postfix-leave/etc/master.cf"
	start postfix-leave "$work/package/usr/lib/postfix/sbin/master" \
	    -c "$work/postfix-leave/etc"
	await_port postfix-leave
}

start_leaving_smtpd()
{
	[ -n "$have_smtpd" ] || return 0
	start_host smtpd-leave
	conf_leaving_smtpd smtpd-leave "${port[host-smtpd-leave]}"
	run_smtpd smtpd-leave
	new_dir[smtpd-leave]=$memory/smtpd-leave
}

one_leave()
{
	local recipient=$leave_recipient

	load "$1" "$sessions" 4096 "$messages"
	record leave "$1" "$2" "$messages"
	load "$1" "$sessions" 4096 "$messages" -d
	record leave-many "$1" "$2" "$messages"
}

part_leave()
{
	local name servers

	start_leaving_postfix
	start_leaving_smtpd
	servers=$(running postfix-leave smtpd-leave)
	# shellcheck disable=SC2086
	in_rounds one_leave $servers
	say "leave: messages/s through the queue to smtp-sink, one message a" \
	    "connection, 4 KiB, $sessions sessions, $messages messages"
	say "  wanted: 2.5 x Postfix"
	# shellcheck disable=SC2086
	compare leave %.0f postfix-leave $servers
	say "leave: the same with many messages a connection"
	say "  wanted: 2.5 x Postfix"
	# shellcheck disable=SC2086
	compare leave-many %.0f postfix-leave $servers
	say "leave: ms of user and system time of all its processes for" \
	    "1,000 messages"
	say "  wanted: at most 1200, and 0.40 x Postfix"
	# shellcheck disable=SC2086
	compare cpu-leave %.0f postfix-leave $servers
	say "leave: the same with many messages a connection"
	say "  wanted: at most 1200, and 0.40 x Postfix"
	# shellcheck disable=SC2086
	compare cpu-leave-many %.0f postfix-leave $servers
	for name in $servers; do
		stop "$name"
		stop "host-$name"
	done
}

# The master's memory that is its own, in KiB
master_kib()
{
	awk '/^Private_Dirty:/ { print $2 }' "/proc/${pid[$1]}/smaps_rollup"
}

# Messages are queued for a host that is not there; then smtpd is started anew
# with one that is.
part_queued()
{
	local recipient=$leave_recipient name=smtpd-queued dead before begin first

	[ -n "$have_smtpd" ] || return 0
	dead=$(free_port)
	conf_leaving_smtpd "$name" "$dead"
	run_smtpd "$name"
	new_dir[$name]=
	sleep 1
	before=$(master_kib "$name")
	"$postfix_bin/smtp-source" -4 -d -M client.invalid -s "$sessions" \
	    -l 4096 -m "$queued_messages" -f load@client.invalid \
	    -t "$recipient" "127.0.0.1:${port[$name]}" >"$work/source.out" \
	    2>&1 || die "smtp-source: $(tail -n 3 "$work/source.out")"
	say "queued: $queued_messages messages for a host that is not there"
	say "  the master has $(($(master_kib "$name") - before)) KiB more"
	stop "$name"
	start_host "$name"
	conf_leaving_smtpd "$name" "${port[host-$name]}"
	begin=$EPOCHREALTIME
	run_smtpd "$name"
	new_dir[$name]=$memory/$name
	say "  after a start it has $(master_kib "$name") KiB"
	# All are due: a host that was not there is tried at once.
	"$SMTPCTL" queue retry -f "$work/$name.conf" all >"$work/retry.out" 2>&1 ||
	    :
	until [ "$(count_new "$name")" -gt 0 ]; do
		sleep 0.01
	done
	first=$(find "${new_dir[$name]}" -maxdepth 1 -type f -printf '%T@\n' |
	    sort -n | head -n 1)
	patience_s=600 await_count "$name" "$queued_messages"
	awk -v b="$begin" -v f="$first" -v n="$queued_messages" \
	    -v e="$(stat -c %.Y "${new_dir[$name]}")" 'BEGIN {
		printf "  from its start to the first delivery %.2f s, to " \
		    "the last %.1f s: %.0f messages/s\n", f - b, e - b,
		    n / (e - f)
	}'
	say
	stop "$name"
	stop "host-$name"
}
