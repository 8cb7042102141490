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

# The libraries come from the host, where the programs were linked.
make_container() {
	suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
	image=$modules/debian-$suite
	if [ ! -d "$image" ]; then
		rm -rf "$image.new"
		debootstrap --variant=minbase \
		    --include=systemd,procps,openssl,acl \
		    "$suite" "$image.new" http://deb.debian.org/debian \
		    >"$tmp/debootstrap.log" 2>&1 ||
		    fail "debootstrap: $(tail -n 3 "$tmp/debootstrap.log")"
		rm -rf "$image.new/var/cache/apt/archives"
		mv "$image.new" "$image"
	fi
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
	cp t/interop/systemd_inside.sh man/smtpd.8 "$container/root/"
}

inside() {
	nsenter -t "$leader" -a env -i LC_ALL=C.UTF-8 \
	    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
	    bash /root/systemd_inside.sh "$@"
}

boot_container() {
	systemd-nspawn -q -D "$container" --boot --private-network \
	    --register=no --keep-unit </dev/null >"$tmp/boot.log" 2>&1 &
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
