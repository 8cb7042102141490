# How bench.sh measures: one load on one server, the rounds, and the table of
# their medians.  Which loads there are is said in bench.sh, which sources this.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

# Load

# count_new SERVER [TEST]: files in its Maildir (that pass find's test)
count_new()
{
	if [ -d "${new_dir[$1]:-}" ]; then
		find "${new_dir[$1]}" -maxdepth 1 -type f "${@:2}" | wc -l
	else
		echo 0
	fi
}

await_count()
{
	local name=$1 want=$2 deadline=$((SECONDS + patience_s)) n

	while n=$(count_new "$name"); [ "$n" -ne "$want" ]; do
		[ "$SECONDS" -lt "$deadline" ] ||
		    die "$name: $n of $want messages are in the Maildir"
		sleep 0.1
	done
}

# settle SERVER: leave the disk nothing to do.  Only the large messages are
# removed.  The small ones stay: ext4 without a journal does not use an inode
# again for minutes, and searches past all of them at each new file.
settle()
{
	if [ -d "${new_dir[$1]:-}" ]; then
		find "${new_dir[$1]}" -maxdepth 1 -type f -size +1M -delete
	fi
	sync
}

# cpu_of SERVER: its time, and that of the server that works for it
cpu_of()
{
	local name

	for name in "$1" ${beside[$1]:-}; do
		cpu_ms "$name"
	done | awk '{ t += $1 } END { printf "%.1f\n", t }'
}

# load SERVER SESSIONS BYTES MESSAGES [-d]
load()
{
	measure "$1" "$3" "$4" "$postfix_bin/smtp-source" -4 \
	    -M client.invalid -s "$2" -l "$3" -m "$4" -f load@client.invalid \
	    -t "$recipient" "${@:5}" "127.0.0.1:${port[$1]}"
}

# measure SERVER BYTES MESSAGES COMMAND...: what sends them
# sets load_s (until the last is in the Maildir) and load_cpu (ms)
measure()
{
	local name=$1 begin end cpu last=0 before whole size=+$(($2 * 9 / 10))c

	before=$(count_new "$name")
	whole=$(count_new "$name" -size "$size")
	cpu=$(cpu_of "$name")
	begin=$EPOCHREALTIME
	"${@:4}" >"$work/source.out" 2>&1 ||
	    die "${4##*/} against $name: $(tail -n 3 "$work/source.out")"
	end=$EPOCHREALTIME
	if [ "$name" != sink ]; then
		await_count "$name" $((before + $3))
		last=$(stat -c %.Y "${new_dir[$name]}")
		whole=$(($(count_new "$name" -size "$size") - whole))
		[ "$whole" -eq "$3" ] ||
		    die "$name: only $whole of $3 messages are whole"
	fi
	sleep 0.3
	load_cpu=$(awk -v a="$cpu" -v b="$(cpu_of "$name")" \
	    'BEGIN { print b - a }')
	load_s=$(awk -v b="$begin" -v e="$end" -v l="$last" \
	    'BEGIN { printf "%.4f\n", (l > e ? l : e) - b }')
	settle "$name"
}

warm_up()
{
	local name

	for name in $(running floor postfix sink smtpd smtpd100); do
		load "$name" "$sessions" 4096 200
		load "$name" "$sessions" 4096 200 -d
	done
}

# record PART SERVER ROUND UNITS: what the last load came to
record()
{
	awk -v p="$1" -v n="$2" -v r="$3" -v u="$4" -v s="$load_s" \
	    'BEGIN { printf "%s %s %s %.3f\n", p, n, r, u / s }' \
	    >>"$work/results"
	awk -v p="cpu-$1" -v n="$2" -v r="$3" -v u="$4" -v c="$load_cpu" \
	    'BEGIN { printf "%s %s %s %.3f\n", p, n, r, c * 1000 / u }' \
	    >>"$work/results"
}

reversed()
{
	local out='' word

	for word in $1; do
		out="$word $out"
	done
	echo "$out"
}

# in_rounds FUNCTION SERVER...
in_rounds()
{
	local each=$1 order="${*:2}" name round

	for ((round = 1; round <= rounds; round++)); do
		for name in $order; do
			"$each" "$name" "$round"
		done
		order=$(reversed "$order")
	done
}

# table PART FORMAT SERVER...: median, ratio to floor, Postfix and sink, rounds
table()
{
	awk -v part="$1" -v format="$2" -v order="${*:3}" '
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
	function ratio(name, base,    r, list) {
		for (r = 1; r <= rounds; r++)
			if ((base, r) in x && (name, r) in x && x[base, r] > 0)
				list = list " " x[name, r] / x[base, r]
		return list == "" ? "-" : sprintf("%.2f", median(list))
	}
	$1 == part {
		x[$2, $3] = $4
		all[$2] = all[$2] " " $4
		if ($3 > rounds)
			rounds = $3
	}
	END {
		title["sink"] = "smtp-sink"
		title["smtpd100"] = "smtpd, worker-sessions 100"
		title["smtpd500"] = "smtpd, 500 sessions"
		title["exim"] = "exim -bs"
		title["inetd"] = "smtpd -i"
		title["standalone"] = "smtpd, standalone"
		printf "  %-28s %9s %8s %9s %7s   %s\n", "", "median", \
		    "x floor", "x Postfix", "x sink", "rounds"
		n = split(order, names, " ")
		for (i = 1; i <= n; i++) {
			s = names[i]
			line = ""
			for (r = 1; r <= rounds; r++)
				line = line sprintf(" " format, x[s, r])
			printf "  %-28s %9s %8s %9s %7s  %s\n", \
			    s in title ? title[s] : s, \
			    sprintf(format, median(all[s])), ratio(s, "floor"), \
			    ratio(s, "postfix"), ratio(s, "sink"), line
		}
	}' "$work/results"
	say
}
