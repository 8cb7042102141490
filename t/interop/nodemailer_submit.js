// Submits one letter with nodemailer.
//
// nodemailer_submit.js starttls|implicit PORT USER PASSWORD FILE
const [how, port, user, pass, file] = process.argv.slice(2);

require("nodemailer").createTransport({
	host: "localhost", port: Number(port), secure: how === "implicit",
	requireTLS: true, auth: { user, pass },
}).sendMail({
	envelope: { from: "carol@example.org", to: "bob@example.org" },
	raw: require("fs").readFileSync(file),
}).catch((error) => { console.error(error.message); process.exit(1); });
