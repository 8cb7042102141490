# Sourced by run.sh: the counters as a collector's own reader takes them.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# Debian's packages, for whatever Python there is.
metrics_path=/usr/lib/python3/dist-packages

has_metrics_reader() {
	PYTHONPATH=$metrics_path "$python" -c \
	    'import prometheus_client.openmetrics.parser' 2>/dev/null
}

# The reference reader for Python, in its strict form for OpenMetrics.
openmetrics_parses() {
	"$smtpctl" stats --openmetrics -f "$tmp/smtpd.conf" >"$tmp/metrics" ||
	    fail "smtpctl stats ended with $?"
	PYTHONPATH=$metrics_path "$python" - "$tmp/metrics" <<-'END' || fail "it was not read"
	import sys
	from prometheus_client.openmetrics.parser import \
	    text_string_to_metric_families

	families = {f.name: f for f in
	    text_string_to_metric_families(open(sys.argv[1]).read())}

	def value(family, sample):
	    return sum(s.value for s in families[family].samples
	        if s.name == sample)

	assert len(families) > 30, sorted(families)
	assert families["smtpd_received_bytes"].unit == "bytes"
	assert value("smtpd_messages_stored",
	    "smtpd_messages_stored_total") > 20
	assert value("smtpd_recipients_refused",
	    "smtpd_recipients_refused_total") > 5
	stored = value("smtpd_commit_wait_seconds",
	    "smtpd_commit_wait_seconds_count")
	assert stored == value("smtpd_messages_stored",
	    "smtpd_messages_stored_total"), stored
	assert value("smtpd_worker_crashes",
	    "smtpd_worker_crashes_total") == 0
	END
}

# The example of smtpctl(8), and the collector it is for, which throws away a
# file of which it cannot read one line.
collector_takes() {
	mkdir -p "$tmp/collector"
	manual_example man/smtpctl.8 openmetrics | sed \
	    -e "s|/var/lib/prometheus/node-exporter|$tmp/collector|" \
	    -e "s|smtpctl stats|$(realpath "$smtpctl") stats -f $tmp/smtpd.conf|" \
	    >"$tmp/collector.sh"
	sh -e "$tmp/collector.sh" || fail "the example: $(cat "$tmp/collector.sh")"
	port=$(letter port 127.0.0.1)
	prometheus-node-exporter --collector.disable-defaults \
	    --collector.textfile --web.listen-address="127.0.0.1:$port" \
	    --collector.textfile.directory="$tmp/collector" \
	    >"$tmp/exporter" 2>&1 &
	until_so 20 curl -sSf --noproxy '*' -o "$tmp/scraped" \
	    "http://127.0.0.1:$port/metrics" || : >"$tmp/scraped"
	kill $! || :
	grep -q '^node_textfile_scrape_error 0$' "$tmp/scraped" ||
	    fail "it was not taken: $(cat "$tmp/exporter")"
	for name in build_info messages_stored_total sessions \
	    commit_wait_seconds_bucket disk_free_bytes; do
		grep -q "^smtpd_${name}[ {]" "$tmp/scraped" ||
		    fail "no smtpd_$name: $(cat "$tmp/exporter")"
	done
}

# JSON, by a reader that is not ours; and both say the same.
status_is_json() {
	"$smtpctl" status --json -f "$tmp/smtpd.conf" >"$tmp/status" ||
	    fail "smtpctl status ended with $?"
	"$smtpctl" stats --json -f "$tmp/smtpd.conf" >"$tmp/stats" ||
	    fail "smtpctl stats ended with $?"
	"$python" - "$tmp/status" "$tmp/stats" <<-'END' || fail "not JSON"
	import json, sys

	status, stats = (json.load(open(f)) for f in sys.argv[1:])
	roles = [p["role"] for p in status["processes"]]
	assert roles[:3] == ["master", "nursery", "nursery"], roles
	assert "worker" in roles, roles
	assert status["messages_stored"] == stats["messages_stored"] > 20
	assert status["stored_bytes"] == stats["stored_bytes"]
	assert status["disk"]["mail_is_taken"] is True
	END
}
