#!/usr/bin/awk -f
# The event log of smtpd in the words of Postfix, for programs that read those,
# as pflogsumm and logwatch do:
#
#	awk -f postfix.awk /var/smtpd/log/message* /var/log/smtpd/log |
#	    pflogsumm -
#
# Files of the message log come first: they have all recipients of a message,
# where an event has only the first.  Without them the first stands for all.
# The event log is what "log to FILE" or syslog writes.  Times stay as they are
# written, in a file in UTC.  -v host=NAME is the host where no line names it.
# Events that Postfix has no words for are left out.

# Cuts "key=value key="quoted value"" into k[].  False: it is not of that form.
function cut(s,    key, value)
{
	split("", k)
	while (match(s, /^[a-z_]+=/)) {
		key = substr(s, 1, RLENGTH - 1)
		s = substr(s, RLENGTH + 1)
		if (match(s, /^"([^"\\]|\\.)*"/)) {
			value = substr(s, 2, RLENGTH - 2)
			gsub(/\\"/, "\"", value)
		} else if (match(s, /^[^ "]+/))
			value = substr(s, 1, RLENGTH)
		else
			return 0
		k[key] = value
		s = substr(s, RLENGTH + 1)
		sub(/^ /, "", s)
	}
	return s == ""
}

# The octets of an address: a bracket in it would end it too early.
function inside(address)
{
	gsub(/</, "\\x3c", address)
	gsub(/>/, "\\x3e", address)
	return "<" address ">"
}

# The same of one that has its brackets already, as in an event.
function bracketed(address)
{
	return inside(substr(address, 2, length(address) - 2))
}

function has(key)
{
	return key in k
}

# Postfix numbers processes, one of which serves one client at a time: here
# each session has a number.
function say(program, text)
{
	print stamp, host, "postfix/" program "[" number "]: " text
}

function who()
{
	if (has("client"))
		return "unknown[" k["client"] "]"
	return "unknown[" (client[session] != "" ? client[session] : \
	    "unknown") "]"
}

# A client behind a proxy is known by the second line of its session.
function say_connect(    now)
{
	if (!(session in waiting))
		return
	now = stamp
	stamp = waiting[session]
	delete waiting[session]
	say("smtpd", "connect from unknown[" client[session] "]")
	stamp = now
}

function forget()
{
	delete client[session]
	delete numbers[session]
	delete mechanism[session]
}

# Days since 1970 of a day of the Gregorian calendar.
function days(y, m, d)
{
	if (m < 3) {
		y--
		m += 12
	}
	return 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + \
	    int((153 * m - 457) / 5) + d - 719469
}

# Seconds since 1970 of "2026-11-24T00:16:26.123Z" or "...+01:00"; 0: unknown.
function seconds(time,    zone, s)
{
	if (time !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T/)
		return 0
	s = 86400 * days(substr(time, 1, 4) + 0, substr(time, 6, 2) + 0, \
	    substr(time, 9, 2) + 0) + 3600 * substr(time, 12, 2) + \
	    60 * substr(time, 15, 2)
	zone = 0
	if (match(time, /[-+][0-9][0-9]:?[0-9][0-9]$/)) {
		zone = 3600 * substr(time, RSTART + 1, 2) + \
		    60 * substr(time, length(time) - 1)
		if (substr(time, RSTART, 1) == "-")
			zone = -zone
	}
	return s - zone + substr(time, 18, 6)
}

# Since the message began to come in, which its id tells.
function delay(id,    i, began, now)
{
	now = seconds(time)
	if (now == 0)
		return "0.00"
	began = 0
	for (i = 1; i <= 9; i++)
		began = began * 32 + \
		    index("0123456789abcdefghjkmnpqrstvwxyz", \
		    substr(id, i, 1)) - 1
	now -= began / 1000
	return sprintf("%.2f", now < 0 ? 0 : now)
}

# As Postfix writes it: all, or how many of them.
function tally(ok, all)
{
	return " commands=" (ok == all && all > 0 ? all : ok "/" all)
}

function say_reject(    why, command, words)
{
	why = k["why"]
	if (!has("session") || why in turned_away) {
		say("smtpd", "NOQUEUE: reject: CONNECT from " who() \
		    ": 421 4.7.0 Client host rejected: " why "; proto=SMTP")
		return
	}
	words = why in reply ? reply[why] : has("to") ? \
	    "RCPT 451 4.3.0 : Temporary lookup failure" : \
	    "COMMAND 500 5.5.1 " why
	command = substr(words, 1, index(words, " ") - 1)
	words = substr(words, length(command) + 2)
	if (has("to"))
		words = substr(words, 1, 10) bracketed(k["to"]) \
		    substr(words, 11)
	else if (has("user"))
		words = substr(words, 1, 10) bracketed(k["from"]) \
		    substr(words, 11) " " k["user"]
	if (has("from"))
		words = words "; from=" bracketed(k["from"])
	if (has("to"))
		words = words " to=" bracketed(k["to"])
	say("smtpd", "NOQUEUE: reject: " command " from " who() ": " words \
	    (has("from") ? "" : ";") " session=" session)
}

function say_mailbox(id, box,    first)
{
	first = substr(k["to"], 2, length(k["to"]) - 2)
	say("virtual", toupper(id) ": to=" inside(box) ", " \
	    (k["recipients"] == 1 && tolower(first) != tolower(box) ? \
	    "orig_to=" inside(first) ", " : "") "relay=virtual, delay=" \
	    delay(id) ", dsn=2.0.0, status=sent (delivered to maildir)")
}

function say_store(    id, text, rest, n, all)
{
	id = k["id"]
	all = k["mailboxes"] + (has("remote") ? k["remote"] : 0)
	text = "client=" who()
	if (has("user"))
		text = text ", sasl_method=" mechanism[session] \
		    ", sasl_username=" inside(k["user"])
	say("smtpd", toupper(id) ": " text ", session=" session)
	say("qmgr", toupper(id) ": from=" bracketed(k["from"]) ", size=" \
	    k["size"] ", nrcpt=" all " (queue active)")
	rest = boxes[id]
	if (rest == "" && k["mailboxes"] > 0)
		say_mailbox(id, substr(k["to"], 2, length(k["to"]) - 2))
	while (match(rest, /^"([^"\\]|\\.)*"/)) {
		n = RLENGTH
		say_mailbox(id, substr(rest, 2, n - 2))
		rest = substr(rest, n + 2)
	}
	delete boxes[id]
	if (has("remote"))
		left[id] = k["remote"]
	else
		say("qmgr", toupper(id) ": removed")
}

# The other side's words, or what there was in place of them.
function words(host,    text)
{
	text = has("text") ? k["text"] : ""
	gsub(/\\x0a/, " ", text)
	if (!has("code"))
		return k["stage"] ": " k["why"] (text != "" ? ": " text : "")
	if (has("status") && index(text, k["status"]) != 1)
		text = k["status"] " " text
	if (index(text, k["code"]) != 1)
		text = k["code"] (text != "" ? " " text : "")
	return k["event"] == "done" ? text : "host " host " said: " text \
	    " (in reply to " k["stage"] ")"
}

# One line for each recipient that the message log names; else for the first.
function say_outcome(    id, host, relay, rest, first, key, n, what, dsn)
{
	id = k["id"]
	host = (has("host") ? k["host"] : "") \
	    (has("ip") ? "[" k["ip"] "]" : "")
	relay = host == "" ? "none" : host (has("port") ? ":" k["port"] : "")
	if (k["event"] == "try" && !has("next")) {
		say("smtp", toupper(id) ": " relay ": " words(host))
		return
	}
	what = k["event"] == "done" ? "sent" : \
	    k["event"] == "failed" ? "bounced" : "deferred"
	dsn = has("status") ? k["status"] : what == "sent" ? "2.0.0" : \
	    what == "bounced" ? "5.0.0" : "4.4.1"
	first = substr(k["to"], 2, length(k["to"]) - 2)
	key = id SUBSEP k["event"] SUBSEP first
	rest = leaving[key, ++seen[key]]
	delete leaving[key, seen[key]]
	if (rest == "")
		rest = "\"" first "\""
	while (match(rest, /^"([^"\\]|\\.)*"/)) {
		n = RLENGTH
		say("smtp", toupper(id) ": to=" \
		    inside(substr(rest, 2, n - 2)) ", relay=" relay \
		    ", delay=" k["delay"] ", dsn=" dsn ", status=" what " (" \
		    words(host) ")")
		rest = substr(rest, n + 2)
	}
	if (what == "deferred" || !(id in left))
		return
	left[id] -= k["recipients"]
	if (left[id] <= 0) {
		say("qmgr", toupper(id) ": removed")
		delete left[id]
	}
}

function say_notice()
{
	say("bounce", toupper(k["id"]) ": sender " (k["kind"] == "failed" ? \
	    "non-delivery" : k["kind"] == "delayed" ? "delay" : "delivery") \
	    " notification: " toupper(k["report"]))
}

function say_disconnect(    why)
{
	why = k["why"]
	if (has("commands") && why in lost)
		say("smtpd", lost[why] " after " (k["commands"] == 0 ? \
		    "CONNECT" : "UNKNOWN") " from " who())
	say("smtpd", "disconnect from " who() (has("commands") ? \
	    tally(k["commands"] - k["errors"], k["commands"]) : " " why))
	forget()
}

# Sets stamp, time and host from what stands before the event.  False: it is
# no line of smtpd.
function read_head(head,    part, n)
{
	n = split(head, part, " ")
	if (n != 1 && part[n] !~ /^smtpd\[[0-9]+\]:$/)
		return 0
	time = part[1]
	if (n == 5) {
		stamp = substr(head, 1, 15)
		host = part[4]
		return 1
	}
	if (seconds(time) == 0)
		return 0
	stamp = substr("JanFebMarAprMayJunJulAugSepOctNovDec", \
	    3 * substr(time, 6, 2) - 2, 3) sprintf(" %2d ", \
	    substr(time, 9, 2)) substr(time, 12, 8)
	if (n == 3)
		host = part[2]
	return 1
}

BEGIN {
	if (host == "")
		host = "localhost"
	lost["closed by client"] = lost["connection failed"] = \
	    "lost connection"
	lost["idle for too long"] = lost["session too long"] = "timeout"
	lost["too many errors"] = "too many errors"
	turned_away["too many sessions from you"] = 1
	turned_away["too many sessions from your network"] = 1
	turned_away["refused for a while"] = 1
	turned_away["no memory, try later"] = 1
	turned_away["too busy, try later"] = 1
	turned_away["shutting down, try again soon"] = 1
	turned_away["spoke before the greeting"] = 1
	# The reply that the client read; an address goes in behind the code.
	reply["no such recipient"] = "RCPT 550 5.1.1 : Recipient address " \
	    "rejected: User unknown in virtual mailbox table"
	reply["relaying denied"] = "RCPT 550 5.7.1 : Relay access denied"
	reply["too many recipients"] = \
	    "RCPT 452 4.5.3 : Error: too many recipients"
	reply["the sender is not the user's"] = "MAIL 553 5.7.1 : Sender " \
	    "address rejected: not owned by user"
	reply["the author is not the user"] = \
	    reply["the sender is not the user's"]
	reply["disk nearly full"] = \
	    "MAIL 452 4.3.1 Insufficient system storage"
	reply["message over the size limit"] = "MAIL 552 5.3.4 Message " \
	    "size exceeds fixed limit"
	reply["bare CR or LF in the message"] = "DATA 554 5.6.0 <DATA>: " \
	    "Data command rejected: bare CR or LF in the message"
	reply["NUL in the message"] = "DATA 554 5.6.0 NUL in the message"
	reply["too many Received fields: a mail loop"] = \
	    "DATA 554 5.4.6 too many Received fields: a mail loop"
	reply["the spool file could not be written"] = \
	    "DATA 451 4.3.0 the spool file could not be written"
	reply["command out of sequence"] = \
	    "COMMAND 503 5.5.1 command out of sequence"
	reply["syntax error"] = "COMMAND 501 5.5.4 syntax error"
	reply["password or mail without TLS"] = \
	    "COMMAND 530 5.7.0 password or mail without TLS"
	reply["mail without a login"] = \
	    "COMMAND 530 5.7.0 mail without a login"
}

# A line of the message log.  No quote stands in a text of it without a
# backslash, so what is looked for cannot be in what a client said.
/^\{"time":"/ {
	if (!match($0, /,"id":"[0-9a-z]+"/))
		next
	id = substr($0, RSTART + 7, RLENGTH - 8)
	if (!match($0, /,"event":"[a-z]+"/))
		next
	event = substr($0, RSTART + 10, RLENGTH - 11)
	if (!match($0, /,"to":\[("([^"\\]|\\.)*",?)*\]/))
		next
	list = substr($0, RSTART + 7, RLENGTH - 8)
	if (event == "store" || event == "queue")
		boxes[id] = list
	else if (match(list, /^"([^"\\]|\\.)*"/)) {
		key = id SUBSEP event SUBSEP substr(list, 2, RLENGTH - 2)
		leaving[key, ++written[key]] = list
	}
	next
}

{
	at = index($0, " event=")
	if (at == 0 || !read_head(substr($0, 1, at - 1)) || \
	    !cut(substr($0, at + 1)))
		next
	session = has("session") ? k["session"] : ""
	number = session in numbers ? numbers[session] : ++count
	if (session != "") {
		numbers[session] = number
		if (has("client"))
			client[session] = k["client"]
	}
	if (k["event"] == "start" && has("hostname"))
		host = k["hostname"]
	if (k["event"] == "connect") {
		waiting[session] = stamp
		next
	}
	say_connect()
}

k["event"] == "reject" { say_reject() }
k["event"] == "store" || k["event"] == "queue" { say_store() }
k["event"] == "done" || k["event"] == "failed" || k["event"] == "try" {
	say_outcome()
}
k["event"] == "notice" { say_notice() }
k["event"] == "removed" {
	say("postsuper", toupper(k["id"]) ": removed")
	delete left[k["id"]]
}
k["event"] == "disconnect" { say_disconnect() }
k["event"] == "login" { mechanism[session] = k["mechanism"] }
k["event"] == "login-failed" {
	say("smtpd", "warning: " who() ": SASL " k["mechanism"] \
	    " authentication failed: " k["why"])
}
k["event"] == "tls" {
	say("smtpd", "Anonymous TLS connection established from " who() \
	    ": " k["version"] " with cipher " k["suite"])
}
k["event"] == "tls-failed" {
	say("smtpd", "SSL_accept error from " who() ": " k["why"])
}

END {
	for (session in waiting) {
		number = numbers[session]
		say_connect()
	}
}
