# Sourced by run.sh: programs that read reports, given those that the report
# worker writes, which t/unit/check_report.c compares octet by octet.
# shellcheck shell=sh

reports=t/unit/report
# Perl's variables.
# shellcheck disable=SC2016
sisimai='use Sisimai;
for my $e (@{ Sisimai->make($ARGV[0], delivered => 1) || [] }) {
	print join(" ", $e->action, $e->recipient->address,
	    $e->deliverystatus), "\n";
}'

# reads PROGRAM FILE LINE...: it finds these, and nothing else.
reads() {
	program=$1
	file=$reports/$2.eml
	shift 2
	case $program in
	sisimai) got=$(perl -e "$sisimai" "$file" | sort) ;;
	*) got=$(/usr/bin/python3 t/interop/reports.py "$program" "$file") ;;
	esac
	want=$(for line; do printf '%s\n' "$line"; done)
	[ "$got" = "$want" ] || fail "found: $got"
}

check_reports() {
	for file in "$reports"/*.eml; do
		name=${file##*/}
		name=${name%.eml}
		# The package takes an address in UTF-8 for a defect.
		[ "$name" = utf8 ] ||
		    check "report-email-$name" reads email "$name"
	done
	# It prefers the recipient that the sender named.
	check report-flufl-failed reads flufl failed \
	    'failed Bob+x@example.com'
	check report-flufl-delayed reads flufl delayed \
	    'delayed bob@example.com' 'delayed carol@example.com' \
	    'delayed dave@example.com'
	check report-flufl-relayed reads flufl relayed
	check report-flufl-delivered reads flufl delivered
	check report-flufl-hostile reads flufl hostile \
	    'failed a@evil.example' 'failed b@evil.example' \
	    'failed c@evil.example' 'failed d@evil.example' \
	    'failed e@evil.example' 'failed f@evil.example'
	check report-sisimai-failed reads sisimai failed \
	    'failed bob@example.com 5.1.1'
	check report-sisimai-failed-many reads sisimai failed-many \
	    'failed a@nowhere.example 5.1.2' 'failed b@null.example 5.1.10' \
	    'failed c@example.com 5.2.2' 'failed d@example.com 5.7.1' \
	    'failed e@example.net 4.4.1' 'failed f@example.net 4.4.2' \
	    'failed g@example.net 4.7.1' 'failed h@example.net 4.4.1'
	check report-sisimai-relayed reads sisimai relayed \
	    'relayed bob@example.com 2.0.0'
	check report-sisimai-delivered reads sisimai delivered \
	    'delivered bob@example.org 2.0.0' \
	    'delivered carol@example.org 2.0.0'
	check report-sisimai-short reads sisimai short \
	    'failed bob@example.com 5.1.1'
	check report-sisimai-8bit reads sisimai 8bit \
	    'failed bob@example.com 5.6.3'
}
