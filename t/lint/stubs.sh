#!/bin/sh
# Compiles for OpenBSD and FreeBSD, syntax and types, all that they have of
# server/, worker/, shared/, the unit tests, fuzz targets and dialogues, with
# clang for their target and headers made of t/lint/facts: that it compiles,
# not that it works.  Headers of the C library come from there alone, those of
# libraries that are the same everywhere from this host.
#
#	stubs.sh BUILD [FILE...]
set -eu
cd "$(dirname "$0")/../.."
build=$1
shift
clang=${CLANG:-clang}
warnings='-Wall -Wextra -Wno-unused-parameter -Wpedantic -Wshadow -Wconversion
	-Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual
	-Wformat=2 -Wvla -Wswitch-enum -Werror'
own=$($clang -print-resource-dir)/include
libraries='sodium sodium.h event2 check.h check_stdint.h'

# make_headers SYSTEM: those of its facts, in $dir.
make_headers() {
	sed -nE 's|^[a-z]+ ([^ ]*/)?[^/ ]+\.h .*|\1|p' t/lint/facts | sort -u |
	    sed "s|^|$dir/|" | xargs mkdir -p
	awk -v os="$1" -v dir="$dir" '
	$1 != os && $1 != "both" { next }
	{
		file = dir "/" $2
		if (!(file in seen)) {
			guard = $2
			gsub("[^a-z0-9]", "_", guard)
			print "#ifndef fact_" guard "\n#define fact_" guard \
			    >file
		}
		seen[file] = 1
	}
	$3 == "=" || $3 == "|" {
		# The same name may stand in two headers.
		for (i = 4; i <= NF; i++) {
			if (!($i in value))
				value[$i] = $3 == "=" ? ++constant : 2 ^ (i - 4)
			print "#define " $i " " value[$i] >file
		}
		next
	}
	{
		text = $0
		sub("^[^ ]+ [^ ]+ ", "", text)
		print text >file
	}
	END {
		for (file in seen)
			print "#endif" >file
	}' t/lint/facts
}

# What has another system in its name is not for this one.
compile() {
	system=$1
	target=$2
	others=$3
	dir=$build/stubs/$system
	rm -rf "$dir"
	mkdir -p "$dir/host"
	make_headers "$system"
	for l in $libraries; do
		for from in /usr/include /usr/include/*-linux-gnu; do
			[ ! -e "$from/$l" ] || ln -sf "$from/$l" "$dir/host/$l"
		done
	done
	[ "$system" = openbsd ] || openssl "$dir/host"
	shift 3
	cat >"$dir/flags" <<-END
	-target $target -std=c11 -fsyntax-only $warnings
	-nostdinc -isystem $dir -isystem $own -isystem $dir/host -I.
	-D_GNU_SOURCE -DOPENSSL_SUPPRESS_DEPRECATED
	-DSMTPD_VERSION=__FILE__ -DSMTPD_CONF=__FILE__ -DSMTPD_WORKER=__FILE__
	END
	printf '%s\n' "$@" | grep -vE "_linux|$others" |
	    xargs -P 2 -n 20 "$clang" "@$dir/flags" || {
		echo "stubs: not for $system" >&2
		return 1
	}
}

# FreeBSD has OpenSSL 3, as this host; what it configures is the compiler.
openssl() {
	mkdir -p "$1/openssl"
	for h in /usr/include/openssl/*.h /usr/include/*-linux-gnu/openssl/*.h
	do
		[ ! -e "$h" ] || ln -sf "$h" "$1/openssl/"
	done
}

[ $# -gt 0 ] || set -- server/*.c server/*/*.c worker/*.c shared/*.c \
    shared/os/*.c t/unit/*.c t/fuzz/*.c t/dialog/*.c
status=0
compile openbsd x86_64-unknown-openbsd7.8 '_freebsd|_openssl' "$@" || status=1
compile freebsd x86_64-unknown-freebsd15.0 '_openbsd|_libressl' "$@" || status=1
exit $status
