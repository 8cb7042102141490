// Sends one letter with nodemailer, as a web application would.
//
// node nodemailer_send.js HOST PORT FROM raw FILE RECIPIENT...
// node nodemailer_send.js HOST PORT FROM parts SUBJECT TEXT ATTACHMENT
//     RECIPIENT...
//
// NODE_PATH says where nodemailer is. What is refused is printed as the
// server said it: exit 1 if nobody got the letter, 3 if some did.
'use strict';

const fs = require('fs');
const nodemailer = require('nodemailer');

const [host, port, from, mode, ...rest] = process.argv.slice(2);
const letter = {};
let to;

if (mode === 'raw') {
	to = rest.slice(1);
	letter.raw = fs.readFileSync(rest[0]);
} else {
	to = rest.slice(3);
	letter.from = from;
	letter.to = to;
	letter.subject = rest[0];
	letter.text = fs.readFileSync(rest[1] + '.lf', 'utf8');
	letter.attachments = [{
		filename: 'file.bin',
		content: fs.readFileSync(rest[2]),
	}];
}
letter.envelope = { from, to, use8BitMime: true };

const transport = nodemailer.createTransport({
	host,
	port: Number(port),
	secure: false,
	ignoreTLS: true,
	// No one goes out to ask who this host is.
	name: 'client.example.net',
});

transport.sendMail(letter).then((info) => {
	for (const error of info.rejectedErrors || [])
		console.log(error.response);
	process.exitCode = info.rejected.length > 0 ? 3 : 0;
}, (error) => {
	for (const one of error.rejectedErrors || [error])
		console.log(one.response || one.message);
	process.exitCode = 1;
});
