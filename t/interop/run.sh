#!/bin/sh
# make check-interop: the real server, talked to by programs of others.
#
# Installs those programs when they are missing (t/deps.sh, and nodemailer by
# npm), starts smtpd on free loopback ports, lets each client send, compares
# what was stored with what was sent, lets Dovecot read it by IMAP, then does
# the same with the catcher. Prints a line for each check and the totals last.
# SMTPD, SMTPD_WORKER and SMTPCTL name the programs if not those of build/.
# Every rule of the dialogue itself is checked by t/dialog, not here.
# The variables are read in the files below; shellcheck looks at each alone.
# shellcheck disable=SC2034,SC1091
set -eu

cd "$(dirname "$0")/../.."
here=t/interop
. "$here/lib.sh"
. "$here/clients.sh"
. "$here/defaults.sh"
. "$here/server.sh"
. "$here/dovecot.sh"
. "$here/catcher.sh"
. "$here/login.sh"
. "$here/logtools.sh"
. "$here/metrics.sh"
. "$here/reports.sh"
. "$here/starters.sh"
. "$here/systemd.sh"
. "$here/submission.sh"
. "$here/tls.sh"
. "$here/proxy.sh"
. "$here/lab.sh"
. "$here/peers.sh"
. "$here/relay.sh"

smtpd=${SMTPD:-build/smtpd}
worker=${SMTPD_WORKER:-build/smtpd-worker}
smtpctl=${SMTPCTL:-build/smtpctl}

# Without the programs there is nothing to count but this.
give_up() {
	failed=$((failed + 1))
	echo "FAIL $1"
	finish || exit 1
}

sh t/deps.sh interop || give_up "deps: see above"
for program in "$smtpd" "$worker" "$smtpctl"; do
	[ -x "$program" ] || give_up "build: no program $program; run make"
done
# The real interpreter, not a version switcher's front for it.
python=$(python3 -c 'import sys; print(sys.executable)')
modules=build/interop
if [ ! -d "$modules/node_modules/nodemailer" ]; then
	echo "interop: installing by npm: nodemailer"
	mkdir -p "$modules"
	npm install --no-save --no-audit --no-fund --prefix "$modules" \
	    nodemailer </dev/null >&2 ||
	    give_up "deps: npm could not install nodemailer into $modules"
fi
export NODE_PATH="$PWD/$modules/node_modules" PYTHONDONTWRITEBYTECODE=1
unset SMTPSERVER MSMTP_CONFIG http_proxy all_proxy ALL_PROXY || :

is_root=false
[ "$(id -u)" -ne 0 ] || is_root=true
owner=nobody
worker_owner=daemon
$is_root || owner=$(id -un)

TMPDIR=$(sh t/tmpdir.sh build)
export TMPDIR
tmp=$(mktemp -d "$TMPDIR/interop.XXXXXX")
chmod 755 "$tmp"
# The totals are the last line: a shell tells there of each job that was killed.
clean_up() {
	exec 2>/dev/null
	end_ours >&2
	rm -rf "$tmp"
	case $TMPDIR in
	/*/smtpd-check.??????) rm -rf "$TMPDIR" ;;
	esac
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

worker=$(realpath "$worker")
root=$tmp/root
mail=$root/mail/example.org
text=$tmp/text
attachment=$tmp/file.bin
caught_dir=$tmp/caught
letter body "$text" "$attachment"

raw_clients="swaks curl msmtp smtplib nodemailer"
parts_clients="swaks curl snail smtplib nodemailer"

start_server
for client in $raw_clients; do
	check "$client-one" delivers "$client" plain carol
	check "$client-several" delivers "$client" plain alice bob dave
	check "$client-10MiB" delivers "$client" 10 bob
	check "$client-too-large" too_large "$client"
done
for client in $parts_clients; do
	check "$client-attachment" delivers_parts "$client" carol
	check "$client-attachment-several" delivers_parts "$client" bob dave
done
for client in $raw_clients snail; do
	check "$client-unknown" refused "$client" unknown
	check "$client-foreign" refused "$client" foreign
done
check smtplib-partly partly smtplib
check nodemailer-partly partly nodemailer
check swaks-pipeline swaks_with pipeline ESMTP --pipeline
check swaks-helo swaks_with helo SMTP --protocol SMTP
check swaks-twice twice
check swaks-quit-early swaks_quits_early
check smtplib-utf8 utf8_address smtplib
check nodemailer-utf8 utf8_address nodemailer
check swaks-utf8-not-announced utf8_not_announced
if letter port ::1 >/dev/null 2>&1; then
	# swaks can only with a Perl module that Debian has apart.
	for client in curl msmtp smtplib nodemailer; do
		check "$client-ipv6" ipv6 "$client"
	done
else
	skip ipv6 "this host has no ::1"
fi
if $is_root; then
	check owner all_owned
else
	skip owner "not root: the server keeps the one user it has"
fi

prepare_dovecot
check imap-starts start_dovecot
check passwd-dovecot one_users_file
check dovecot-two-domains two_domains
for user in carol bob; do
	check "imap-$user-count" imap count "$user"
	check "imap-$user-fetch" imap fetch "$user"
	check "imap-$user-seen" imap seen "$user"
	check "imap-$user-arrival" imap_arrival "$user"
	check "imap-$user-names" imap names "$user" "$tmp/names-$user"
done
check imap-log dovecot_log
stop_dovecot

check log-sessions sessions_closed
check log-messages messages_logged
check log-no-crash no_crash
check status-json status_is_json
if has_metrics_reader; then
	check openmetrics openmetrics_parses
else
	skip openmetrics "no prometheus_client for this Python"
fi
if command -v prometheus-node-exporter >/dev/null; then
	check node-exporter collector_takes
else
	skip node-exporter "it is not there"
fi
stop_server
check ends-at-sigterm ends_at_sigterm
check_reports

if command -v pflogsumm >/dev/null; then
	start_postfix_log
	check postfix-log-starts postfix_log_starts
	find_plog_port
	check postfix-log-fills fill_postfix_log
	check postfix-filter filter_log
	check pflogsumm pflogsumm_counts
	check pflogsumm-leaving leaving_counts
	if [ -f /usr/share/logwatch/scripts/services/postfix ]; then
		check logwatch logwatch_counts
	else
		skip logwatch "it is not there"
	fi
	check log-id log_id_explained
	for program in signify minisign; do
		check "checkpoint-$program" checkpoints_signed $program
	done
	if $is_root && command -v logrotate >/dev/null; then
		check logrotate logrotate_rotates
	else
		skip logrotate "it needs root, and to be there"
	fi
	stop_postfix_log
else
	skip postfix-log "pflogsumm is Debian's"
fi

check_tls
check_submission

if command -v haproxy >/dev/null; then
	check_proxy
else
	skip haproxy "it is not there"
fi

if lab_is_possible; then
	check_lab
	check_relay
else
	skip lab "it needs root, Debian, namespaces and overlayfs"
fi

if unpack_starters; then
	start_inetd nowait
	check inetd-nowait serves_as_ever
	end_starter
	start_inetd wait
	check inetd-wait serves_as_ever standing
	end_starter
	start_xinetd nowait no
	check xinetd-nowait serves_as_ever
	end_starter
	start_xinetd wait yes
	check xinetd-wait serves_as_ever standing
	end_starter
	start_tcpserver
	check tcpserver tcpserver_serves
	end_starter
else
	skip starters "inetd, xinetd and tcpserver are Debian's packages"
fi
if command -v systemd-socket-activate >/dev/null; then
	start_socket_activate
	check systemd-sockets socket_activate_serves
	end_starter
	start_socket_activate_each
	check systemd-accept serves_as_ever
	end_starter
	for unit in smtpd.service smtpd@.service; do
		check "exposure-$unit" exposure $unit
	done
else
	skip systemd "no systemd here"
fi
check_systemd

run_catcher "$caught_dir" "$smtpd"
check catcher-starts catcher_starts
for client in $raw_clients; do
	check "catcher-$client" caught "$client"
done
check catcher-snail caught_parts snail
check catcher-several caught_several
check catcher-await-none await_none
check catcher-await-before await_before
check catcher-await-each await_each
for client in swaks curl msmtp smtplib nodemailer; do
	check "login-$client-plain" log_in "$client" PLAIN
	check "login-$client-login" log_in "$client" LOGIN
done
check login-hidden hides_what_follows
write_programs
for library in smtplib aiosmtplib nodemailer symfony phpmailer rubymail \
    golang; do
	if has_library "$library"; then
		check "default-$library" by_default "$library"
		check "default-$library-login" \
		    by_default "$library" alice@example.org zqu-password
	else
		skip "default-$library" "it is not there"
	fi
done
check catcher-prints catcher_prints
check catcher-escapes catcher_escapes
stop_catcher
check catcher-ends catcher_ends
run_catcher "$tmp/strict" "$smtpd" --starttls \
    --auth alice@example.org:right:one
check login-strictly log_in_strictly
check catcher-starttls caught_tls
stop_catcher
run_catcher "$tmp/on-terminal" \
    "$python" "$here/terminal.py" "$tmp/screen" "$smtpd"
check catcher-terminal catcher_terminal
stop_catcher

finish
