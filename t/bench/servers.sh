# What bench.sh measures: where each server comes from, how it is configured
# and started.  Nothing is measured here.  Sourced by bench.sh.
# Its variables come from there and are read there:
# shellcheck shell=bash disable=SC2004,SC2034,SC2154,SC2317

# What is needed, and where it comes from

debian_libraries()
{
	local missing package

	missing=$(ldd "$1"/usr/sbin/smtp-source "$1"/usr/sbin/smtp-sink \
	    "$1"/usr/lib/postfix/sbin/{master,smtpd,cleanup,qmgr,virtual} |
	    awk '/not found/ { print $1 }' | sort -u)
	[ -n "$missing" ] || return 0
	[ "$(id -u)" -eq 0 ] || die "missing:" "$missing" "(root installs them)"
	for package in $(dpkg-deb -f "$2" Depends | tr ',' '\n' |
	    sed -n 's/^ *\(lib[a-z0-9.+-]*\).*/\1/p'); do
		if ! dpkg -s "$package" >/dev/null 2>&1; then
			say "installing $package, which Postfix's programs load"
			apt-get install -y -q --no-install-recommends \
			    "$package" >"$work/apt.log" 2>&1 ||
			    die "$(tail -n 3 "$work/apt.log")"
		fi
	done
}

unpack_postfix()
{
	local deb

	if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null
	then
		die "smtp-source comes in a Debian package: apt-get is needed"
	fi
	mkdir "$work/package"
	(
		cd "$work/package"
		apt-get -q download postfix >"$work/apt.log" 2>&1 ||
		    { apt-get -q update && apt-get -q download postfix; } \
		    >"$work/apt.log" 2>&1
	) || die "cannot download postfix: $(tail -n 2 "$work/apt.log")"
	deb=$(echo "$work"/package/postfix_*.deb)
	dpkg-deb -x "$deb" "$work/package"
	export LD_LIBRARY_PATH=$work/package/usr/lib/postfix
	debian_libraries "$work/package" "$deb"
	postfix_bin=$work/package/usr/sbin
	say "Postfix $(dpkg-deb -f "$deb" Version): unpacked," \
	    "nothing of it installed"
}

# Servers

start_floor()
{
	mkdir "$work/floor"
	start floor "$bin/floor" -p 0 -n "$sessions" -d "$work/floor"
	until grep -q '^port' "$work/floor.out"; do
		alive floor || die "$(cat "$work/floor.err")"
		sleep 0.05
	done
	port[floor]=$(sed -n 's/^port //p' "$work/floor.out")
	new_dir[floor]=$work/floor/new
}

start_sink()
{
	local user=()

	[ "$(id -u)" -ne 0 ] || user=(-u nobody)
	port[sink]=$(free_port)
	start sink "$postfix_bin/smtp-sink" "${user[@]}" \
	    "127.0.0.1:${port[sink]}" 4096
	await_port sink
}

# Postfix's master by hand: own configuration, queue and data directory.  It
# wants a user and a group which are not each other's: its own where they
# exist, otherwise two that every Debian has, so that none need be created.
postfix_main_cf()
{
	local base=$work/$1 owner=$2 group=$3 nobody_uid nobody_gid

	nobody_uid=$(id -u nobody)
	nobody_gid=$(id -g nobody)
	cat <<-END
	compatibility_level = 3.6
	mail_owner = $owner
	setgid_group = $group
	default_privs = nobody
	queue_directory = $base/queue
	data_directory = $base/data
	daemon_directory = $work/package/usr/lib/postfix/sbin
	command_directory = $work/package/usr/sbin
	shlib_directory = $work/package/usr/lib/postfix
	meta_directory = $base/etc
	import_environment = MAIL_CONFIG MAIL_LOGTAG LANG=C
	    LD_LIBRARY_PATH=$LD_LIBRARY_PATH
	myhostname = bench.test
	mydestination =
	mynetworks = 127.0.0.0/8
	inet_interfaces = 127.0.0.1
	inet_protocols = ipv4
	alias_maps =
	local_recipient_maps =
	disable_dns_lookups = yes
	smtpd_peername_lookup = no
	smtpd_relay_restrictions = reject_unauth_destination
	smtpd_recipient_restrictions =
	default_process_limit = 200
	smtpd_client_connection_count_limit = 0
	smtpd_client_connection_rate_limit = 0
	in_flow_delay = 0
	message_size_limit = 100000000
	virtual_mailbox_limit = 0
	virtual_mailbox_domains = bench.test
	virtual_mailbox_base = $base/mail
	virtual_mailbox_maps = static:bench/
	virtual_minimum_uid = 1
	virtual_uid_maps = static:$nobody_uid
	virtual_gid_maps = static:$nobody_gid
	END
	[ -z "$keep" ] || cat <<-END
	maillog_file = $base/log
	maillog_file_prefixes = $work
	END
}

postfix_master_cf()
{
	local service

	echo "127.0.0.1:${port[$1]} inet n - n - - smtpd"
	echo "cleanup unix n - n - 0 cleanup"
	echo "qmgr unix n - n 300 1 qmgr"
	for service in bounce defer trace; do
		echo "$service unix - - n - 0 bounce"
	done
	for service in error retry; do
		echo "$service unix - - n - - error"
	done
	echo "rewrite unix - - n - - trivial-rewrite"
	echo "proxymap unix - - n - - proxymap"
	echo "anvil unix - - n - 1 anvil"
	echo "virtual unix - n n - - virtual"
	echo "postlog unix-dgram n - n - 1 postlogd"
}

postfix_directories()
{
	local base=$work/$1 owner=$2 group=$3 name

	mkdir -p "$base/etc" "$base/queue/pid" "$base/data" "$base/mail"
	for name in incoming active deferred bounce defer flush hold trace \
	    corrupt saved private; do
		install -d -m 700 -o "$owner" "$base/queue/$name"
	done
	install -d -m 710 -o "$owner" -g "$group" "$base/queue/public"
	install -d -m 730 -o "$owner" -g "$group" "$base/queue/maildrop"
	chown "$owner" "$base/data"
	chown nobody "$base/mail"
}

# conf_postfix NAME: its directories and configuration
conf_postfix()
{
	local name=$1 owner=news group=games

	getent passwd postfix >/dev/null && owner=postfix
	getent group postdrop >/dev/null && group=postdrop
	postfix_owner=$owner
	port[$name]=$(free_port)
	postfix_directories "$name" "$owner" "$group"
	postfix_main_cf "$name" "$owner" "$group" >"$work/$name/etc/main.cf"
	postfix_master_cf "$name" >"$work/$name/etc/master.cf"
	: >"$work/$name/etc/dynamicmaps.cf"
}

run_postfix()
{
	start "$1" "$work/package/usr/lib/postfix/sbin/master" \
	    -c "$work/$1/etc"
	new_dir[$1]=$work/$1/mail/bench/new
	await_port "$1"
}

start_postfix()
{
	if [ "$(id -u)" -ne 0 ]; then
		say "Postfix: skipped, it only runs as root"
		return 0
	fi
	conf_postfix postfix
	run_postfix postfix
}

# start_smtpd NAME WORKERS WORKER-SESSIONS
start_smtpd()
{
	[ -n "$have_smtpd" ] || return 0
	conf_smtpd "$1" "$2" "listen 127.0.0.1 port 0" "worker-sessions $3"
	run_smtpd "$1"
}

# conf_smtpd NAME WORKERS LINE [LIMIT]: its configuration
conf_smtpd()
{
	mkdir -p "$work/$1"
	echo bench >"$work/users"
	cat >"$work/$1.conf" <<-END
	hostname bench.test
	root $work/$1
	user nobody
	worker-user daemon
	$3
	domain bench.test {
	    users $work/users
	}
	limits {
	    workers $2
	    per-address 2000
	    per-network $2
	    ${4:-}
	}
	END
}

# run_smtpd NAME [PROGRAM]
run_smtpd()
{
	local name=$1 conf=$work/$1.conf tries=0

	: >"$work/$name.err"
	start "$name" "${2:-$SMTPD}" -d -f "$conf" -w "$SMTPD_WORKER"
	until grep -q 'event=start' "$work/$name.err"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 200 ] || ! alive "$name"; then
			tail -n 5 "$work/$name.err" >&2
			die "smtpd does not start with $conf"
		fi
		sleep 0.05
	done
	port[$name]=$(sed -n 's/.*event=listen .*port=\([0-9]*\).*/\1/p' \
	    "$work/$name.err" | head -n 1)
	new_dir[$name]=$work/$name/mail/bench.test/bench/new
	await_port "$name"
}

# running NAME...: those of them that were started
running()
{
	local name

	for name; do
		[ -z "${pid[$name]:-}" ] || printf '%s ' "$name"
	done
}
