# What bench.sh starts: servers, each in a control group or as a process tree,
# their time, their end, and the ports they get.  Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

# Processes: each server in a control group of its own where one can be made
# (so that the time of every child is counted, reaped or not), otherwise the
# tree below its first process is walked.

find_cgroup()
{
	local mount own

	mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -n "$mount" ] || return 0
	own=${own%/}/smtpd-bench.$$
	if mkdir "$mount$own" 2>/dev/null; then
		if [ -r "$mount$own/cpu.stat" ]; then
			cgroup=$mount$own
		else
			rmdir "$mount$own"
		fi
	fi
}

# tree PID: "DEPTH PID" of the process and everything below it.
tree()
{
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" '
	function walk(p, depth,    i, n, list) {
		print depth, p
		n = split(kids[p], list, " ")
		for (i = 1; i <= n; i++)
			walk(list[i], depth + 1)
	}
	{
		id = $1
		sub(/^.*\) /, "")
		kids[$2] = kids[$2] " " id
		seen[id] = 1
	}
	END { if (root in seen) walk(root, 0) }'
}

# cpu_ms SERVER: user and system time of all its processes so far.
cpu_ms()
{
	local list

	if [ -n "$cgroup" ]; then
		awk '$1 == "usage_usec" { printf "%.1f\n", $2 / 1000 }' \
		    "$cgroup/$1/cpu.stat"
		return
	fi
	list=$(tree "${pid[$1]}" | awk '{ printf "/proc/%s/stat ", $2 }')
	# shellcheck disable=SC2086
	cat $list 2>/dev/null | awk -v hz="$(getconf CLK_TCK)" '{
		sub(/^.*\) /, "")
		t += $12 + $13 + $14 + $15
	} END { printf "%.1f\n", t * 1000 / hz }'
}

# start SERVER COMMAND...: output to $work/SERVER.out and .err
start()
{
	local name=$1

	shift
	[ -z "$cgroup" ] || mkdir "$cgroup/$name"
	(
		[ -z "$cgroup" ] || echo "$BASHPID" >"$cgroup/$name/cgroup.procs"
		exec "$@"
	) >"$work/$name.out" 2>"$work/$name.err" </dev/null &
	pid[$name]=$!
}

alive()
{
	kill -0 "${pid[$1]}" 2>/dev/null
}

gone()
{
	local tries=0

	while kill -0 "$1" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -le 100 ] || return 1
		sleep 0.05
	done
}

stop()
{
	local name=$1 all p

	[ -n "${pid[$name]:-}" ] || return 0
	all=$(tree "${pid[$name]}" | awk '{ print $2 }')
	kill "${pid[$name]}" 2>/dev/null || :
	gone "${pid[$name]}" || :
	[ -z "$cgroup" ] || all=$(cat "$cgroup/$name/cgroup.procs")
	for p in $all; do
		gone "$p" || kill -9 "$p" 2>/dev/null || :
	done
	wait "${pid[$name]}" 2>/dev/null || :
	if [ -n "$cgroup" ]; then
		gone_cgroup "$cgroup/$name"
	fi
	unset "pid[$name]"
}

gone_cgroup()
{
	local tries=0

	while ! rmdir "$1" 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 100 ]; then
			say "bench: $1 could not be removed" >&2
			return 0
		fi
		sleep 0.05
	done
}

cleanup()
{
	local status=$? name

	trap '' INT TERM HUP
	set +e
	if [ -n "$helper_pid" ]; then
		kill "$helper_pid" 2>/dev/null
	fi
	# Dovecot waits for those who are connected to it: they go first.
	for name in "${!beside[@]}" "${!pid[@]}"; do
		stop "$name"
	done
	[ -z "$cgroup" ] || gone_cgroup "$cgroup"
	[ -z "$memory" ] || rm -rf "$memory"
	if [ -n "$work" ] && [ -n "$keep" ]; then
		say "kept: $work"
	elif [ -n "$work" ]; then
		rm -rf "$work"
	fi
	exit "$status"
}

# Ports: below the range the kernel gives to clients, and answered by nobody.
free_port()
{
	local p

	while :; do
		p=$((20000 + RANDOM % 10000))
		(exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || break
	done
	echo "$p"
}

await_port()
{
	local name=$1 tries=0

	until (exec 3<>"/dev/tcp/127.0.0.1/${port[$name]}") 2>/dev/null; do
		tries=$((tries + 1))
		if [ "$tries" -gt 200 ] || ! alive "$name"; then
			tail -q -n 5 "$work/$name.out" "$work/$name.err" >&2
			die "$name does not listen on port ${port[$name]}"
		fi
		sleep 0.05
	done
}
