# Sourced by run.sh: the mail libraries of frameworks, told a host and a port,
# a name and a password, and nothing else.  At these settings most take STARTTLS
# where it is offered, and trust no certificate that they do not know.
# shellcheck shell=sh
# shellcheck disable=SC2154 # variables of run.sh

# Each is called as PROGRAM PORT TOKEN [USER PASSWORD].
write_programs() {
	cat >"$tmp/default.py" <<-'END'
	import asyncio, email.message, smtplib, sys
	library, port, token, *login = sys.argv[1:]
	m = email.message.EmailMessage()
	m["From"], m["To"] = "app@example.net", "user@example.org"
	m["Subject"] = token
	m.set_content("Grüße")
	if library == "smtplib":
	    with smtplib.SMTP("localhost", int(port)) as s:
	        if login:
	            s.login(*login)
	        s.send_message(m)
	else:
	    import aiosmtplib
	    user, password = login or (None, None)
	    asyncio.run(aiosmtplib.send(m, hostname="localhost",
	        port=int(port), username=user, password=password))
	END
	cat >"$tmp/default.js" <<-'END'
	const [port, subject, user, pass] = process.argv.slice(2);
	require("nodemailer").createTransport({
		host: "localhost", port: Number(port),
		...(user && { auth: { user, pass } }),
	}).sendMail({
		from: "app@example.net", to: "user@example.org", subject,
		text: "Grüße",
	}).catch((error) => { console.error(error); process.exit(1); });
	END
	cat >"$tmp/symfony.php" <<-'END'
	<?php
	require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
	[, $port, $token] = $argv;
	$login = $argc > 3 ? "$argv[3]:$argv[4]@" : '';
	$transport = Symfony\Component\Mailer\Transport::fromDsn(
	    "smtp://{$login}localhost:$port");
	(new Symfony\Component\Mailer\Mailer($transport))->send(
	    (new Symfony\Component\Mime\Email())->from('app@example.net')
	    ->to('user@example.org')->subject($token)->text('Grüße'));
	END
	cat >"$tmp/phpmailer.php" <<-'END'
	<?php
	require '/usr/share/php/libphp-phpmailer/autoload.php';
	[, $port, $token] = $argv;
	$m = new PHPMailer\PHPMailer\PHPMailer(true);
	$m->isSMTP();
	$m->Host = 'localhost';
	$m->Port = (int)$port;
	if ($argc > 3) {
		$m->SMTPAuth = true;
		[, , , $m->Username, $m->Password] = $argv;
	}
	$m->setFrom('app@example.net');
	$m->addAddress('user@example.org');
	$m->Subject = $token;
	$m->Body = 'Hello';
	$m->send();
	END
	cat >"$tmp/default.rb" <<-'END'
	require "mail"
	port, token, user, password = ARGV
	settings = { address: "localhost", port: port.to_i }
	settings.update(user_name: user, password: password) if user
	Mail.defaults { delivery_method :smtp, settings }
	Mail.deliver do
	  from "app@example.net"
	  to "user@example.org"
	  subject token
	  body "Hello"
	end
	END
	cat >"$tmp/default.go" <<-'END'
	package main

	import (
		"log"
		"net/smtp"
		"os"
	)

	func main() {
		var login smtp.Auth
		if len(os.Args) > 3 {
			login = smtp.PlainAuth("", os.Args[3], os.Args[4],
				"localhost")
		}
		err := smtp.SendMail("localhost:"+os.Args[1], login,
			"app@example.net", []string{"user@example.org"},
			[]byte("Subject: "+os.Args[2]+"\r\n\r\nHello\r\n"))
		if err != nil {
			log.Fatal(err)
		}
	}
	END
}

# has_library NAME: whether it is here.
has_library() {
	case $1 in
	# Debian's is for Debian's Python.
	aiosmtplib) /usr/bin/python3 -c 'import aiosmtplib' 2>/dev/null ;;
	symfony) [ -e /usr/share/php/Symfony/Component/Mailer/autoload.php ] ;;
	phpmailer) [ -e /usr/share/php/libphp-phpmailer/autoload.php ] ;;
	rubymail) ruby -e 'require "mail"' 2>/dev/null ;;
	golang) command -v go >/dev/null ;;
	esac
}

send_by() {
	library=$1
	shift
	case $library in
	smtplib) limit "$python" "$tmp/default.py" smtplib "$@" ;;
	aiosmtplib)
		limit /usr/bin/python3 "$tmp/default.py" aiosmtplib "$@"
		;;
	nodemailer) limit node "$tmp/default.js" "$@" ;;
	symfony | phpmailer) limit php "$tmp/$library.php" "$@" ;;
	rubymail) limit ruby "$tmp/default.rb" "$@" ;;
	golang)
		[ -x "$tmp/default" ] || GO111MODULE=off GOCACHE="$tmp/go" \
		    timeout -k 5 300 go build -o "$tmp/default" \
		    "$tmp/default.go"
		limit "$tmp/default" "$@"
		;;
	esac
}

# by_default LIBRARY [USER PASSWORD]
by_default() {
	library=$1
	shift
	token=default-$library${1+-login}
	send_by "$library" "$catcher_port" "$token" "$@" >"$tmp/said" 2>&1 ||
	    fail "it ended with $?: $(tail -n 5 "$tmp/said")"
	path=$(await 60 to=user@example.org "subject=$token")
	grep -Eq " with (ESMTP|UTF8SMTP)${1+A} id" "$path" || fail "$(head -n 6 "$path")"
}
