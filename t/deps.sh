#!/bin/sh
# deps.sh build|interop|fresh|lint|bench [look]: installs what is missing for that
# purpose; with look it only says what is missing, and how to install it.
#
# Here stand the names of the packages on each system, and what proves that
# one is there: a program or a file, never the package manager, so that a
# run with nothing to do is over at once and prints nothing. What npm brings
# belongs to t/interop/run.sh, Postfix's own programs to t/bench/.
#
# Exit 0 when all is there or was installed, 1 when not, 2 for a wrong call.
set -eu

usage() {
	echo "usage: t/deps.sh build|interop|fresh|lint|bench [look]" >&2
	exit 2
}

[ $# -eq 1 ] || [ "$*" = "${1-} look" ] || usage
purpose=$1
case $purpose in
build | interop | fresh | lint | bench) ;;
*) usage ;;
esac

system=unknown
case $(uname -s) in
FreeBSD) system=freebsd ;;
OpenBSD) system=openbsd ;;
Linux)
	if command -v apt-get >/dev/null; then
		system=debian
	elif command -v apk >/dev/null; then
		system=alpine
	fi
	;;
esac

# One package a line: its name, and what it brings that is looked for: a
# program by name, a file by its path, a header in <>. Where more is named, all
# of it.
packages() {
	case $system-$purpose in
	debian-build | unknown-build)
		cat <<-END
		gcc gcc
		libc6-dev <stdio.h>
		make make
		pkg-config pkg-config
		libbsd-dev <bsd/string.h>
		libsodium-dev <sodium.h>
		libevent-dev <event2/event.h>
		libseccomp-dev <seccomp.h>
		libcrypt-dev <crypt.h>
		libssl-dev <openssl/provider.h>
		check <check.h>
		procps ps
		END
		;;
	debian-interop | unknown-interop)
		cat <<-END
		swaks swaks
		curl curl
		s-nail s-nail
		msmtp msmtp
		python3 python3
		nodejs node
		npm npm
		dovecot-imapd /usr/sbin/dovecot /usr/lib/dovecot/imap
		pflogsumm pflogsumm
		signify-openbsd signify-openbsd
		minisign minisign
		python3-prometheus-client /usr/lib/python3/dist-packages/prometheus_client
		libdate-calc-perl /usr/share/perl5/Date/Calc.pm
		fail2ban fail2ban-regex
		logwatch /usr/share/logwatch/scripts/services/postfix
		logrotate /usr/sbin/logrotate
		prometheus-node-exporter prometheus-node-exporter
		python3-aiosmtplib /usr/lib/python3/dist-packages/aiosmtplib
		php-cli php
		php-symfony-mailer /usr/share/php/Symfony/Component/Mailer
		libphp-phpmailer /usr/share/php/libphp-phpmailer
		ruby-mail ruby /usr/share/doc/ruby-mail
		golang-go go
		systemd systemd-socket-activate systemd-analyze
		systemd-container systemd-nspawn
		debootstrap debootstrap
		libnet-ssleay-perl /usr/share/doc/libnet-ssleay-perl
		openssl openssl
		sslscan sslscan
		haproxy haproxy
		iproute2 ip
		python3-flufl.bounce /usr/lib/python3/dist-packages/flufl/bounce
		libsisimai-perl /usr/share/perl5/Sisimai.pm
		END
		;;
	debian-fresh | unknown-fresh) echo debootstrap debootstrap unshare ;;
	debian-lint | unknown-lint)
		cat <<-END
		clang clang
		clang-tidy clang-tidy
		clang-format clang-format
		cppcheck cppcheck
		shellcheck shellcheck
		mandoc mandoc
		bmake bmake
		END
		;;
	alpine-build)
		cat <<-END
		build-base gcc make <stdio.h>
		linux-headers <linux/landlock.h>
		pkgconf pkg-config
		libbsd-dev <bsd/string.h>
		libbsd-static /usr/lib/libbsd.a
		libsodium-dev <sodium.h>
		libsodium-static /usr/lib/libsodium.a
		libevent-dev <event2/event.h>
		libevent-static /usr/lib/libevent_core.a
		libseccomp-dev <seccomp.h>
		libseccomp-static /usr/lib/libseccomp.a
		openssl-dev <openssl/provider.h>
		openssl-libs-static /usr/lib/libcrypto.a
		check-dev <check.h>
		END
		;;
	alpine-interop)
		cat <<-END
		swaks swaks
		curl curl
		s-nail s-nail
		msmtp msmtp
		python3 python3
		nodejs node
		npm npm
		dovecot /usr/sbin/dovecot /usr/libexec/dovecot/imap
		END
		;;
	alpine-lint)
		cat <<-END
		clang clang
		clang-extra-tools clang-tidy clang-format
		cppcheck cppcheck
		shellcheck shellcheck
		mandoc mandoc
		END
		;;
	freebsd-build)
		cat <<-END
		gmake gmake
		pkgconf pkg-config
		libsodium <sodium.h>
		libevent <event2/event.h>
		check <check.h>
		END
		;;
	freebsd-interop)
		cat <<-END
		swaks swaks
		curl curl
		s-nail s-nail
		msmtp msmtp
		python3 python3
		node node
		npm npm
		dovecot /usr/local/sbin/dovecot /usr/local/libexec/dovecot/imap
		END
		;;
	freebsd-lint)
		cat <<-END
		llvm clang-tidy clang-format
		cppcheck cppcheck
		hs-ShellCheck shellcheck
		END
		;;
	openbsd-build)
		cat <<-END
		gmake gmake
		libsodium <sodium.h>
		libevent <event2/event.h>
		check <check.h>
		END
		;;
	openbsd-interop)
		cat <<-END
		swaks swaks
		curl curl
		s-nail s-nail
		msmtp msmtp
		python%3 python3
		node node npm
		dovecot /usr/local/sbin/dovecot /usr/local/libexec/dovecot/imap
		END
		;;
	openbsd-lint)
		cat <<-END
		clang-tools-extra clang-tidy clang-format
		cppcheck cppcheck
		shellcheck shellcheck
		END
		;;
	debian-bench)
		cat <<-END
		openssl openssl
		dovecot-core /usr/sbin/dovecot /usr/lib/dovecot/auth
		END
		;;
	*-bench) ;;
	esac
}

# A header is where compilers look: Debian has some by the machine's name.
header_there() {
	for file in "/usr/include/$1" /usr/include/*-linux-*/"$1" \
	    "/usr/local/include/$1"; do
		[ ! -e "$file" ] || return 0
	done
	return 1
}

there() {
	for item; do
		case $item in
		'<'*)
			item=${item#<}
			header_there "${item%>}" || return 1
			;;
		/*) [ -e "$item" ] || return 1 ;;
		*) command -v "$item" >/dev/null || return 1 ;;
		esac
	done
}

table=$(packages)

# Sets `missing` to the packages of which something is not there.
look() {
	missing=
	[ -n "$table" ] || return 0
	while read -r package proof; do
		# shellcheck disable=SC2086 # the proof is a list of words
		there $proof || missing="$missing $package"
	done <<-END
	$table
	END
	missing=${missing# }
}

look
[ -n "$missing" ] || exit 0
if [ $# -eq 2 ]; then
	echo "deps: missing here: $missing. \"make deps\" installs what a" \
	    "build needs (as root, or by sudo or doas)" >&2
	exit 1
fi

case $system in
debian) command="apt-get install -y --no-install-recommends $missing" ;;
alpine) command="apk add $missing" ;;
freebsd) command="pkg install -y $missing" ;;
openbsd) command="pkg_add -I $missing" ;;
*)
	echo "deps: neither apt-get, apk, pkg nor pkg_add is here to install" \
	    "what is missing for '$purpose'. By their Debian names," \
	    "these have to be there: $missing" >&2
	exit 1
	;;
esac

cannot() {
	echo "deps: cannot install what is missing for '$purpose': $1." \
	    "Run this as root, then try again:" >&2
	echo "    $command" >&2
	exit 1
}

# Whoever asks for a password may only do so where somebody can answer.
quiet=-n
if [ -t 0 ] && [ -t 2 ]; then
	quiet=
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
	for as_root in sudo doas none; do
		# shellcheck disable=SC2086 # empty, or one option
		if command -v $as_root >/dev/null && $as_root $quiet true; then
			break
		fi
	done
	[ "$as_root" != none ] ||
	    cannot "not root, and neither sudo nor doas lets us be"
	as_root="$as_root $quiet"
fi

echo "deps: installing for '$purpose': $missing"

# On Debian a package with a service starts it, unless a policy-rc.d says no:
# ours stands there for this installation only. Where systemd runs, the
# services of Dovecot, fail2ban and HAProxy are switched off for the next boot
# too.
install_debian() {
	# The words of $missing are our own, from the table above.
	# shellcheck disable=SC2086,SC2016
	$as_root sh -c '
		policy=/usr/sbin/policy-rc.d
		if [ ! -e "$policy" ]; then
			trap "rm -f $policy" EXIT
			trap "exit 1" HUP INT TERM
			printf "#!/bin/sh\nexit 101\n" >"$policy"
			chmod 755 "$policy"
		fi
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq ||
		    echo "deps: apt-get update failed; trying without" >&2
		apt-get install -qq -y --no-install-recommends \
		    -o Dpkg::Use-Pty=0 "$@" || exit 1
		for package; do
			[ -d /run/systemd/system ] || continue
			case $package in
			dovecot-imapd | dovecot-core)
				systemctl disable dovecot.service \
				    dovecot.socket || :
				;;
			fail2ban) systemctl disable fail2ban.service || : ;;
			haproxy) systemctl disable haproxy.service || : ;;
			esac
		done
	' sh $missing
}

# shellcheck disable=SC2086 # the packages are a list of words
case $system in
debian) install_debian ;;
alpine) $as_root apk add --no-progress $missing ;;
freebsd) $as_root env ASSUME_ALWAYS_YES=yes pkg install -y $missing ;;
openbsd) $as_root pkg_add -I $missing ;;
esac </dev/null >&2 || cannot "the installation failed"

hash -r
look
[ -z "$missing" ] || {
	echo "deps: installed, and yet not found: $missing" >&2
	exit 1
}
