#!/bin/bash
# Run as root inside the container of systemd.sh, where smtpd is installed:
# each function seen_* is a check, and what it prints is why it failed.
#
#	systemd_inside.sh FUNCTION
# Arguments are optional; shellcheck wants all or none.
# shellcheck disable=SC2119,SC2120
set -eu
# Who was cut off says what was missing, and does not die of it.
trap '' PIPE

cd "$(dirname "$0")/../.."
. t/interop/lib.sh
. t/interop/clients.sh
. t/interop/logtools.sh
. t/interop/starters.sh

etc=/etc/smtpd
units="smtpd.service smtpd.socket"
ports=/etc/systemd/system/smtpd.socket.d
# For those files: the service as it is installed.
python=python3
smtpctl=smtpctl
tmp=/root/tmp
owner=_smtpd
worker_owner=_smtpw
is_root=true
base=$tmp/inetd
plog=/var/log/smtpd/log
plog_root=/var/smtpd
plog_conf=$etc/smtpd.conf
plog_port=25
plog_filter=/usr/local/share/examples/smtpd
mkdir -p $tmp

has_booted() {
	case $(systemctl is-system-running) in
	running | degraded) ;;
	*) return 1 ;;
	esac
}

# configure [LINE...]: example.org with alice and bob, and these lines.
configure() {
	printf 'alice\nbob\n' >$etc/users
	echo 'info: alice, bob' >$etc/aliases
	{
		echo hostname mx.example.org
		printf '%s\n' "$@"
		printf '%s {\n' 'domain example.org'
		echo users $etc/users
		echo aliases $etc/aliases
		echo '}'
	} >$etc/smtpd.conf
}

# Started as at boot, by its socket.
boot() {
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	systemctl reset-failed
	since=$(date '+%F %T.%N')
	systemctl start smtpd.socket smtpd.service ||
	    fail "it does not start: $(journal | tail -n 3)"
}

# emptied: neither mail nor a log.
emptied() {
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	rm -rf /var/smtpd/mail /var/smtpd/spool /var/smtpd/log \
	    /var/log/smtpd/*
}

# fresh [LINE...]: so configured, and started.
fresh() {
	configure "$@"
	boot
}

journal() {
	journalctl -q -o cat -u smtpd.service -u 'smtpd@*' --since "$since" --no-pager
}

logged() {
	journal | grep -q -- "$1"
}

# The id of the first message that was stored.
stored() {
	journal | sed -n 's/.*event=store .* id=\([a-z0-9]*\).*/\1/p' |
	    head -n 1
}

# unit_logged UNIT PATTERN: of another one, ever.
unit_logged() {
	journalctl -q -o cat -u "$1" --no-pager | grep -q -- "$2"
}

# ended: the service, in order.
ended_well() {
	local how

	how=$(systemctl show -P Result -P ExecMainStatus smtpd.service | xargs)
	[ "$how" = 'success 0' ] || fail "how it ended: $how"
}

# A session on descriptor 3.
connect() {
	exec 3<>"/dev/tcp/127.0.0.1/${1:-25}"
	reply 220
}

# reply CODE: the next, to its last line.
reply() {
	local line=

	while IFS= read -r -t 40 line <&3 && [[ $line = ???-* ]]; do
		:
	done
	[[ $line = "$1"* ]] || fail "wanted $1, read: $line"
}

# say CODE LINE
say() {
	printf '%s\r\n' "$2" >&3 2>/dev/null || :
	reply "$1"
}

# Up to the middle of a message for alice.
begin_message() {
	connect
	say 250 'EHLO client.example.net'
	say 250 'MAIL FROM:<a@example.net>'
	say 250 'RCPT TO:<alice@example.org>'
	say 354 DATA
	printf 'Subject: one\r\n\r\n' >&3
}

# send [RECIPIENT [CODE]]: a message, in a session of its own.
send() {
	connect
	say 250 'EHLO client.example.net'
	say 250 'MAIL FROM:<a@example.net>'
	say "${2:-250}" "RCPT TO:<${1:-alice@example.org}>"
	if [ "${2:-250}" = 250 ]; then
		say 354 DATA
		say 250 $'Subject: one\r\n\r\ntext\r\n.'
	fi
	say 221 QUIT
}

offers_tls() {
	connect
	say 250 'EHLO client.example.net'
	say 220 STARTTLS
	exec 3<&-
}

# with_submission: TLS and, as the page adds them, its ports; alice has a
# password.  Started.
with_submission() {
	make_pair
	chgrp _smtpd $etc/mail.key
	chmod 640 $etc/mail.key
	mkdir -p $ports
	manual_example man/smtpd.8 ListenStream= >$ports/override.conf
	systemctl daemon-reload
	configure "tls certificate $etc/mail.pem key $etc/mail.key" \
	    'listen :: port 587 submission' \
	    'listen :: port 465 implicit-tls submission'
	echo secret | smtpctl passwd alice@example.org >/root/out 2>&1 ||
	    fail "$(cat /root/out)"
	boot
}

without_submission() {
	rm -r $ports
	systemctl daemon-reload
}

# logs_in PASSWORD [ADDRESS]: alice, coming from there.
logs_in() {
	printf 'EHLO client.example.net\r\nAUTH PLAIN %s\r\nQUIT\r\n' \
	    "$(printf '\0alice@example.org\0%s' "$1" | base64)" |
	    timeout 60 openssl s_client -quiet -starttls smtp \
	    -bind "${2:-127.0.0.1}:0" -connect 127.0.0.1:587 >/root/out 2>&1
	grep -q '^235 ' /root/out
}

# survives COMMAND...: it ends the service while a message is under way and
# another client is silent; the one is stored, and both are told.
survives() {
	local ender

	begin_message
	exec 4<&3
	exec 5<>/dev/tcp/127.0.0.1/25
	"$@" &
	ender=$!
	until_so 20 logged event=stopping || fail "$*: the server does not stop"
	say 250 $'text\r\n.'
	say 421 NOOP
	exec 3<&5
	reply 220
	reply 421
	wait "$ender" || fail "$*: status $?"
	exec 3<&- 4<&- 5<&-
}

# 2.1
seen_stop() {
	fresh
	survives systemctl stop smtpd.socket smtpd.service
	ended_well
}

seen_restart() {
	fresh
	survives systemctl restart smtpd.service
	logged 'event=stop status=0' || fail "$(journal | tail -n 3)"
	send
}

upgrade() {
	local program

	for program in sbin/smtpd libexec/smtpd-worker; do
		cp /usr/local/$program /usr/local/$program.new
		mv /usr/local/$program.new /usr/local/$program
	done
	systemctl daemon-reload
	systemctl try-restart smtpd.service
}

seen_upgrade() {
	fresh
	survives upgrade
	logged 'event=stop status=0' || fail "$(journal | tail -n 3)"
	send
}

# 2.1 and 2.2: a signal to the whole group ends sessions in order, or nothing.
seen_group() {
	fresh
	pkill -HUP smtpd
	pkill -USR1 smtpd
	until_so 10 logged 'event=reload ' || fail "no reload"
	send
	! logged 'nursery-lost\|sign-lost' || fail "$(journal | tail -n 3)"
	survives systemctl kill --kill-whom=all -s TERM smtpd.service
}

# One smtpd for each connection; it has one client.
seen_accept() {
	local dropin=/run/systemd/system/smtpd.socket.d

	mkdir -p $dropin
	printf '[Socket]\nAccept=yes\n' >$dropin/accept.conf
	systemctl daemon-reload
	configure
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	since=$(date '+%F %T.%N')
	systemctl start smtpd.socket
	begin_message
	systemctl stop 'smtpd@*.service' &
	sleep 1
	say 250 $'text\r\n.'
	say 421 NOOP
	wait $! || fail "systemctl stop: status $?"
	systemctl stop smtpd.socket
	rm -r $dropin
	systemctl daemon-reload
	! journal | grep 'Failed\|status=' || fail "that is in the journal"
}

# 2.6: neither the service nor its socket gives up over a mistake.
seen_typo() {
	fresh
	sed -i 's/^hostname/hostnam/' $etc/smtpd.conf
	for _ in 1 2 3 4 5 6 7; do
		! systemctl restart smtpd.service 2>/dev/null ||
		    fail "it starts with a typo"
	done
	exec 3<>/dev/tcp/127.0.0.1/25
	sleep 3
	systemctl is-active -q smtpd.socket || fail "the socket has failed"
	logged 'smtpd.conf:1:1: .*hostnam' || fail "$(journal | tail -n 3)"
	sed -i 's/^hostnam /hostname /' $etc/smtpd.conf
	# Who waited is served.
	reply 220
	say 221 QUIT
}

seen_reload() {
	fresh
	echo carol >>$etc/users
	systemctl reload smtpd.service || fail "the reload fails"
	until_so 10 logged 'event=reload ' || fail "no reload is logged"
	send carol@example.org
	! logged '^hostname ' || fail "the journal has the configuration"
	echo 'domian example.net {' >>$etc/smtpd.conf
	! systemctl reload smtpd.service 2>/dev/null ||
	    fail "the reload with a mistake is fine"
	logged 'smtpd.conf:7:1: .*domian' || fail "$(journal | tail -n 3)"
	send
}

# One user who has gone, one old hash: mail goes on for all others.
seen_broken_tables() {
	configure
	echo 'team: alice, gone' >>$etc/aliases
	echo "carol:\$1\$a\$b" >>$etc/users
	boot
	logged "event=warning file=$etc/aliases line=2 .*team@example.org" ||
	    fail "no warning of the alias: $(journal)"
	journalctl -q -o cat -u smtpd --since "$since" -p warning \
	    SYSLOG_FACILITY=2 | grep -q event=warning ||
	    fail "the journal does not know that it is a warning of mail"
	logged "event=warning file=$etc/users line=3 .*carol@example.org" ||
	    fail "no warning of the hash: $(journal)"
	send
	send carol@example.org
	send team@example.org 451
	sed -i 's/, gone//' $etc/aliases
	systemctl reload smtpd.service
	until_so 10 logged 'event=reload '
	send team@example.org
	smtpd -n 2>&1 >/dev/null | grep -q 'users:3: warning: carol' ||
	    fail "smtpd -n does not tell"
}

# refuses PATTERN: smtpd -n, as root, says so, and does not let it pass.
refuses() {
	! smtpd -n >/root/out 2>/root/err || fail "smtpd -n takes: $1"
	grep -q -- "$1" /root/err || fail "wanted $1: $(cat /root/err)"
}

takes() {
	smtpd -n >/root/out 2>/root/err || fail "$1: $(cat /root/err)"
}

make_pair() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -subj /CN=mx.example.org -days 30 -keyout $etc/mail.key \
	    -out $etc/mail.pem 2>/dev/null
}

# 2.5: smtpd -n judges as the user who serves.
seen_check() {
	make_pair
	configure "tls certificate $etc/mail.pem key $etc/mail.key"
	refuses 'conf:2: .*mail.key: _smtpd cannot read it, root can: .*mail.key belongs to root:root, mode 0600'
	setfacl -m u:_smtpd:r $etc/mail.key
	takes 'an ACL'
	setfacl -b $etc/mail.key
	getent group keys >/dev/null || groupadd keys
	usermod -aG keys _smtpd
	chgrp keys $etc/mail.key
	chmod 640 $etc/mail.key
	takes 'a group of the user'
	boot
	make_pair
	chmod 640 $etc/mail.key
	systemctl reload smtpd.service || fail "the key of a group, reloaded"
	until_so 10 logged 'event=reload ' || fail "$(journal | tail -n 3)"
	! logged 'event=reload-kept' || fail "it was not read: $(journal)"

	install -d -m 700 /srv/closed
	cp $etc/users /srv/closed/
	configure
	sed -i 's|users /etc/smtpd|users /srv/closed|' $etc/smtpd.conf
	refuses 'conf:4: .*the directory /srv/closed belongs to root:root, mode 0700: .*_smtpd'
	configure 'root /srv/closed/smtpd'
	refuses 'conf:2: .*the directory /srv/closed belongs'
	mkdir -p /srv/other
	configure 'root /srv/other'
	refuses 'conf:2: .*/srv/other belongs to root:root'
	configure 'root /srv/none'
	refuses 'conf:2: /srv: _smtpd cannot write to it'
	configure 'log to /srv/closed/log'
	refuses 'conf:2: .*the directory /srv/closed'
	configure 'log to /srv/none/log'
	refuses 'conf:2: .*No such file'
	configure 'user nosuch'
	refuses 'user "nosuch": no such user'
	configure 'listen 192.0.2.77 port 25'
	refuses 'conf:2: listen 192.0.2.77: this host has no such address'

	configure
	sed -i 's/^hostname.*/hostname box/' $etc/smtpd.conf
	takes 'a hostname without a dot'
	grep -q 'conf:1: warning: hostname "box" has no dot' /root/err ||
	    fail "no warning: $(cat /root/err)"
	openssl x509 -in $etc/mail.pem -signkey $etc/mail.key -days -1 \
	    -out $etc/old.pem 2>/dev/null
	configure "tls certificate $etc/old.pem key $etc/mail.key"
	takes 'an expired certificate'
	grep -q 'conf:2: warning: .*old.pem: it has expired' /root/err ||
	    fail "no warning: $(cat /root/err)"
	chmod 644 $etc/users
	configure
	setpriv --reuid nobody --clear-groups smtpd -n 2>&1 >/root/out |
	    grep -q 'tried as nobody; only root can try as _smtpd' ||
	    fail "nobody is not told what could not be tried"
}

# 2.9: the hook for certbot, as the manual has it.
seen_certbot() {
	local le=/etc/letsencrypt

	mkdir -p $le/live/mx $le/archive/mx
	chmod 700 $le/live $le/archive
	make_pair
	mv $etc/mail.key $le/archive/mx/privkey1.pem
	mv $etc/mail.pem $le/live/mx/fullchain.pem
	ln -sf ../../archive/mx/privkey1.pem $le/live/mx/privkey.pem
	sed -n '/^cd \/etc\/letsencrypt/,/^\.Ed/p' man/smtpd.8 |
	    sed '/^\.Ed/d' >/root/hook
	sh -e /root/hook 2>/dev/null || :
	fresh "tls certificate $le/live/mx/fullchain.pem key $le/live/mx/privkey.pem"
	sh -e /root/hook || fail "the hook: status $?"
	until_so 10 logged 'event=reload ' || fail "the hook reaches nobody"
}

# 2.9: what reads the log of Postfix, given that of the service.
seen_postfix_log() {
	emptied
	fresh "log to $plog"
	fill_postfix_log
	filter_log
}

seen_pflogsumm() {
	pflogsumm_counts
}

seen_logwatch() {
	logwatch_counts
}

seen_postfix_id() {
	log_id_explained
}

seen_logrotate() {
	logrotate_rotates
}

# fail2ban reads the journal, with the filter and the jail that we bring.
seen_fail2ban() {
	local filter=/usr/local/share/examples/smtpd/fail2ban.conf

	cp $filter /etc/fail2ban/filter.d/smtpd.conf
	{
		printf '[DEFAULT]\nignoreself = false\nmaxretry = 2\n'
		printf 'banaction = dummy\n[sshd]\nenabled = false\n'
		sed -n '/^#	\[smtpd\]/,/^#$/s/^#	*//p' $filter |
		    sed 's/^logpath .*/backend = systemd/'
	} >/etc/fail2ban/jail.local
	with_submission
	systemctl restart fail2ban
	until_so 30 fail2ban-client status smtpd ||
	    fail "no jail: $(tail -n 3 /var/log/fail2ban.log)"
	! logs_in wrong 127.0.0.9 || fail "any password will do"
	! logs_in wrong 127.0.0.9 || fail "any password will do"
	until_so 30 is_banned 127.0.0.9 || fail "$(fail2ban-client status smtpd)"
	! is_banned 127.0.0.1 || fail "others are banned, too"
	systemctl stop fail2ban
	without_submission
}

is_banned() {
	fail2ban-client status smtpd | grep -q "Banned IP list:.*$1"
}

no_smtpd() {
	! pgrep -x smtpd
}

# What inetd has started outlives it until it is idle.
stop_inetd() {
	systemctl stop openbsd-inetd
	until_so 30 no_smtpd || fail "something of it stays"
}

# by_inetd KIND [standing]: by the page's line.
by_inetd() {
	emptied
	configure "log to $plog" 'limits {' 'inetd-wait 1s' '}'
	recipe "smtp stream tcp $1 " >/etc/inetd.conf
	systemctl restart openbsd-inetd
	start_port=25
	starter_pid=$(systemctl show -P MainPID openbsd-inetd)
	shift
	serves_as_ever "$@"
}

seen_inetd() {
	trap stop_inetd EXIT
	ln -sfn /var/log/smtpd $base.log
	ln -sfn /var/smtpd $base.root
	by_inetd nowait
	stop_inetd
	by_inetd wait standing
}

# 2.4: who holds keys or passwords is killed, and then who starts them again.
seen_lost_helper() {
	with_submission
	logs_in secret || fail "nobody logs in: $(cat /root/out)"
	pkill -KILL -f 'smtpd-worker -s$'
	until_so 5 logged 'event=helper-started helper=sign' ||
	    fail "it is not started again: $(journal | tail -n 3)"
	smtpctl status >/root/out || fail "$(cat /root/out)"
	offers_tls
	pkill -KILL -f 'smtpd-worker -a$'
	until_so 5 logged 'event=helper-started helper=auth' ||
	    fail "it is not started again: $(journal | tail -n 3)"
	smtpctl status >/root/out || fail "$(cat /root/out)"
	logs_in secret || fail "nobody logs in: $(cat /root/out)"
	pkill -KILL -f 'smtpd-worker -k$'
	until_so 5 logged 'event=helper-lost helper=keeper' ||
	    fail "$(journal | tail -n 3)"
	! smtpctl status >/root/out || fail "status is content without keeper"
	pkill -KILL -f 'smtpd-worker -s$'
	until_so 20 logged 'event=stop status=1' ||
	    fail "it does not end: $(journal | tail -n 3)"
	until_so 20 smtpctl status ||
	    fail "systemd does not start it again: $(journal | tail -n 3)"
	offers_tls
	logs_in secret || fail "nobody logs in: $(cat /root/out)"
	without_submission
}

# 2.3: a table that _smtpd cannot reach starts nothing; the start, a reload and
# smtpd -n name what bars whom; what is said at start is what every process has.
seen_held() {
	local barred='the directory /srv/barred belongs to root:root, mode 0700: let its group or an ACL admit _smtpd'

	install -d -m 700 /srv/barred
	configure
	cp $etc/aliases /srv/barred/
	sed -i 's|aliases /etc/smtpd|aliases /srv/barred|' $etc/smtpd.conf
	since=$(date '+%F %T.%N')
	! systemctl restart smtpd.service 2>/dev/null ||
	    fail "it starts without its aliases"
	logged "$barred" || fail "$(journal | head -n 4)"
	refuses "$barred"
	fresh
	sed -i 's|aliases /etc/smtpd|aliases /srv/barred|' $etc/smtpd.conf
	! systemctl reload smtpd.service 2>/dev/null || fail "it is reloaded"
	[ "$(journal | grep -c "$barred")" = 1 ] || fail "$(journal | tail -n 4)"
	systemctl kill -s HUP --kill-whom=main smtpd.service
	until_so 10 logged "event=reload-failed .*$barred" ||
	    fail "$(journal | tail -n 4)"
	logged 'event=start .*sandbox="seccomp' ||
	    fail "$(journal | grep event=start)"
	smtpctl status -v | sed -n '/^PROCESS/,/^$/p' >/root/out
	[ "$(grep -c seccomp /root/out)" -ge 5 ] || fail "$(cat /root/out)"
	! sed '1d;/^$/d' /root/out | grep -v seccomp || fail "is not held"
}

# 2.7: a log of its own at the first start, and a root that a person opened
# for a group.
seen_log_file() {
	local root=/var/smtpd

	fresh 'log to /var/log/smtpd/smtpd.log'
	until_so 10 grep event=start /var/log/smtpd/smtpd.log ||
	    fail "no log there: $(ls -la /var/log/smtpd; journal | tail -n 3)"
	send
	chgrp adm $root
	chmod 750 $root
	systemctl restart smtpd.service || fail "$(journal | tail -n 3)"
	send
	[ "$(stat -c '%G %a' $root)" = 'adm 750' ] ||
	    fail "the root is $(stat -c '%G %a' $root)"
	! journalctl -q -o cat -u smtpd.service --since "$since" |
	    grep -i 'status=31\|SIGSYS' || fail "a call was deadly"
	chgrp _smtpd $root
	chmod 700 $root
}

# 2.8: mail/ on a file system of its own.
seen_apart() {
	local mail=/var/smtpd/mail

	configure
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	mount -t tmpfs -o "uid=$(id -u _smtpd),gid=$(id -g _smtpd),mode=700" \
	    tmpfs $mail
	boot
	logged 'event=warning .*file systems' || fail "no warning: $(journal)"
	smtpd -n 2>&1 >/dev/null | grep -q 'file systems' ||
	    fail "smtpd -n does not tell"
	send
	[ "$(find $mail/example.org/alice/new -type f | wc -l)" = 1 ] ||
	    fail "it is not there: $(journal | tail -n 2)"
	smtpctl explain "$(stored)" | grep -q 'file systems' ||
	    fail "smtpctl explain does not tell"
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	umount $mail
}

# 2.9: the collector's line, as the manual has it; 2.11: the root is that of
# the configuration, and a wrong word is named.
seen_smtpctl() {
	fresh
	smtpctl stats --openmetrics >/root/out || fail "no figures"
	[ "$(tail -n 1 /root/out)" = '# EOF' ] || fail "it is cut off"
	! grep ' info$' /root/out || fail "node_exporter would throw it away"
	send
	smtpctl explain "$(stored)" >/root/out 2>&1 || :
	grep -q 'file       /var/smtpd/mail/' /root/out ||
	    fail "explain: $(tail -n 2 /root/out)"
	smtpctl log verify >/root/out || fail "$(cat /root/out)"
	sed 's|^hostname|root /srv/nowhere\nhostname|' $etc/smtpd.conf \
	    >/root/other.conf
	! smtpctl log verify -f /root/other.conf 2>/dev/null ||
	    fail "a log that is another's is approved"
	smtpctl statsu 2>&1 | grep -q 'did you mean stat' ||
	    fail "no nearest word"
	smtpctl --version | grep -q '^smtpctl' || fail "no version"
}

# 2.12: a host without IPv6, as far as smtpd sees.
seen_no_ipv6() {
	configure 'listen 0.0.0.0 port 2525' 'listen :: port 2525'
	# shellcheck disable=SC2086 # two names
	systemctl stop $units
	systemd-run -q --unit=smtpd-ipv4 -p Type=notify -p KillMode=mixed \
	    -p RestrictAddressFamilies='AF_UNIX AF_INET' \
	    /usr/local/sbin/smtpd -d ||
	    fail "$(journalctl -q -o cat -u smtpd-ipv4 | tail -n 12)"
	connect 2525
	say 221 QUIT
	systemctl kill -s HUP --kill-whom=main smtpd-ipv4
	until_so 10 unit_logged smtpd-ipv4 'event=reload ' ||
	    fail "no reload: $(journalctl -q -o cat -u smtpd-ipv4 | tail -n 3)"
	systemctl stop smtpd-ipv4
	unit_logged smtpd-ipv4 'event=warning .*line=3 .*no IPv6' ||
	    fail "no warning"
}

"$@"
