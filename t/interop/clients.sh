# Sourced by run.sh: how each foreign client is told to send a letter.
#
#   CLIENT_raw HOST PORT FROM LETTER RECIPIENT...	the file as it stands
#   CLIENT_parts HOST PORT FROM SUBJECT RECIPIENT...	text and attachment,
#							put together by the client
#
# LETTER has CRLF line ends, LETTER.lf the same with LF, LETTER.cut the same
# without the last of them, for whichever the client takes its input to be.
# Exit status and words are the client's own.
# shellcheck shell=sh
# shellcheck disable=SC2154 # python, tmp, text, attachment are run.sh's

limit() {
	timeout -k 5 120 "$@" </dev/null
}

commas() {
	(
		IFS=,
		echo "$*"
	)
}

in_brackets() {
	case $1 in
	*:*) echo "[$1]" ;;
	*) echo "$1" ;;
	esac
}

# $swaks_more: more options, one word each.
swaks_raw() {
	server=$(in_brackets "$1") port=$2 from=$3 file=$4
	shift 4
	# shellcheck disable=SC2086
	limit swaks --server "$server" --port "$port" --helo client.example.net \
	    --from "$from" --to "$(commas "$@")" --data "@$file.cut" \
	    --timeout 60 --hide-send ${swaks_more:-}
}

swaks_parts() {
	server=$(in_brackets "$1") port=$2 from=$3 subject=$4
	shift 4
	# swaks undoes no encoding of its own for a text: it is sent as it is.
	limit swaks --server "$server" --port "$port" --helo client.example.net \
	    --from "$from" --to "$(commas "$@")" --timeout 60 --hide-send \
	    --header "Subject: $subject" --body "@$text.lf" \
	    --attach-type application/octet-stream --attach "@$attachment"
}

# -v is what shows the server's words.
curl_raw() {
	url=smtp://$(in_brackets "$1"):$2/client.example.net from=$3 file=$4
	shift 4
	for recipient; do
		set -- "$@" --mail-rcpt "$recipient"
		shift
	done
	limit curl -sSv --noproxy '*' "$url" --mail-from "$from" "$@" \
	    --upload-file "$file"
}

curl_parts() {
	url=smtp://$(in_brackets "$1"):$2/client.example.net
	from=$3 subject=$4
	shift 4
	for recipient; do
		set -- "$@" --mail-rcpt "$recipient"
		shift
	done
	limit curl -sSv --noproxy '*' "$url" --mail-from "$from" "$@" \
	    -H "Subject: $subject" -H "From: $from" \
	    -F "=<$text;type=text/plain;encoder=quoted-printable" \
	    -F "=@$attachment;type=application/octet-stream;encoder=base64"
}

msmtp_raw() {
	server=$1 port=$2 from=$3 file=$4
	shift 4
	timeout -k 5 120 msmtp --file=/dev/null --host="$server" \
	    --port="$port" --tls=off --auth=off --domain=client.example.net \
	    --from="$from" -- "$@" <"$file.lf"
}

smtplib_raw() {
	server=$1 port=$2 from=$3 file=$4
	shift 4
	limit "$python" t/interop/smtplib_send.py "$server" "$port" "$from" \
	    raw "$file" "$@"
}

smtplib_parts() {
	server=$1 port=$2 from=$3 subject=$4
	shift 4
	limit "$python" t/interop/smtplib_send.py "$server" "$port" "$from" \
	    parts "$subject" "$text" "$attachment" "$@"
}

nodemailer_raw() {
	server=$1 port=$2 from=$3 file=$4
	shift 4
	limit node t/interop/nodemailer_send.js "$server" "$port" "$from" \
	    raw "$file" "$@"
}

nodemailer_parts() {
	server=$1 port=$2 from=$3 subject=$4
	shift 4
	limit node t/interop/nodemailer_send.js "$server" "$port" "$from" \
	    parts "$subject" "$text" "$attachment" "$@"
}

# s-nail writes every letter itself. It must read nobody's settings, leave no
# dead.letter, and wait for the server's answer.
snail_parts() {
	server=$1 port=$2 from=$3 subject=$4
	shift 4
	HOME=$tmp MAILRC=/dev/null LC_ALL=C.UTF-8 \
	    timeout -k 5 120 s-nail -:/ -S v15-compat -S sendwait -S nosave \
	    -S mta="smtp://$(in_brackets "$server"):$port" \
	    -S smtp-auth=none -S hostname=client.example.net \
	    -S from="$from" -S ttycharset=utf-8 -S sendcharsets=utf-8 \
	    -s "$subject" -a "$attachment" "$@" <"$text.lf"
}
