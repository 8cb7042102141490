# Sourced by run.sh: smtpd as it is installed, under a systemd of its own. A
# container of the host's own Debian is made once below build/interop, copied,
# and booted; what is to be seen in it are the functions seen_* of
# systemd_inside.sh, a check each.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC1091 # variables of run.sh; os-release

can_boot() {
	$is_root && command -v debootstrap >/dev/null &&
	    command -v systemd-nspawn >/dev/null && unshare -m true 2>/dev/null
}

# What the manual's examples are for; msmtp-mta is a mail transport agent, which
# logwatch wants, without a daemon.
container_packages="acl fail2ban libdate-calc-perl logrotate logwatch
    msmtp-mta netbase openbsd-inetd openssl pflogsumm procps python3 python3-systemd"

# Made anew where the list is another one.
make_image() {
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	image=$modules/debian-$suite
	list=$image/etc/interop-packages
	[ "$(cat "$list" 2>/dev/null)" != "$container_packages" ] || return 0
	rm -rf "$image" "$image.new"
	debootstrap --variant=minbase --include=systemd "$suite" \
	    "$image.new" http://deb.debian.org/debian \
	    >"$tmp/debootstrap.log" 2>&1 ||
	    fail "debootstrap: $(tail -n 3 "$tmp/debootstrap.log")"
	# Nothing of the host's is started or stopped for it.
	printf '#!/bin/sh\nexit 101\n' >"$image.new/usr/sbin/policy-rc.d"
	chmod 755 "$image.new/usr/sbin/policy-rc.d"
	# shellcheck disable=SC2086 # a word each
	DEBIAN_FRONTEND=noninteractive chroot "$image.new" apt-get -q -y \
	    --no-install-recommends install $container_packages \
	    >"$tmp/debootstrap.log" 2>&1 ||
	    fail "apt-get: $(tail -n 3 "$tmp/debootstrap.log")"
	# The checks start these.
	systemctl -q --root="$image.new" disable fail2ban openbsd-inetd \
	    2>"$tmp/debootstrap.log" || fail "$(cat "$tmp/debootstrap.log")"
	rm -rf "$image.new/var/cache/apt" "$image.new/var/lib/apt/lists" \
	    "$image.new/usr/sbin/policy-rc.d"
	echo "$container_packages" >"$image.new/etc/interop-packages"
	mv "$image.new" "$image"
}

# The libraries come from the host, where the programs were linked.
make_container() {
	make_image
	cp -a "$image" "$container"
	make --no-print-directory install install-system \
	    DESTDIR="$container" >"$tmp/said" 2>&1 ||
	    fail "make install install-system: $(tail -n 3 "$tmp/said")"
	ldd "$smtpd" "$smtpctl" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
	    sort -u | while read -r library; do
		[ -e "$container$library" ] ||
		    cp -L "$library" "$container/usr/local/lib/"
	done
	chroot "$container" ldconfig
	mkdir "$container/root/t"
	cp -R t/interop "$container/root/t/"
	cp -R man "$container/root/"
}

inside() {
	nsenter -t "$leader" -a env -i LC_ALL=C.UTF-8 \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
	    bash /root/t/interop/systemd_inside.sh "$@"
}

# What a host allows and systemd-nspawn does not.
landlock="landlock_create_ruleset landlock_add_rule landlock_restrict_self"

boot_container() {
	systemd-nspawn -q -D "$container" --boot --private-network \
	    --register=no --keep-unit --system-call-filter="$landlock" \
	    </dev/null >"$tmp/boot.log" 2>&1 &
	nspawn=$!
	started "$nspawn"
	until_so 60 has_leader
	leader=$(ps -o pid= --ppid "$nspawn" | tr -d ' ')
}

has_leader() {
	[ -n "$(ps -o pid= --ppid "$nspawn")" ]
}

booted() {
	until_so 60 inside has_booted ||
	    fail "it does not boot: $(tail -n 3 "$tmp/boot.log")"
}

check_systemd() {
	if ! can_boot; then
		skip systemd-container "needs root, debootstrap, systemd-nspawn"
		return 0
	fi
	container=$tmp/container
	check systemd-installed make_container
	boot_container
	check systemd-booted booted
	# shellcheck disable=SC2013 # one word a line
	for seen in $(sed -n 's/^seen_\([a-z0-9_]*\)() {$/\1/p' \
	    t/interop/systemd_inside.sh); do
		check "systemd-$seen" inside "seen_$seen"
	done
	kill "$nspawn" 2>/dev/null || :
	end_one "$nspawn" >/dev/null 2>&1 || :
}
