// Logs in with nodemailer and sends one letter.
//
// nodemailer_login.js PORT MECHANISM PASSWORD FROM FILE RECIPIENT
const [port, method, pass, from, file, to] = process.argv.slice(2);

require("nodemailer").createTransport({
	host: "127.0.0.1", port: Number(port), ignoreTLS: true,
	authMethod: method, auth: { user: "alice@example.org", pass },
}).sendMail({
	envelope: { from, to }, raw: require("fs").readFileSync(file),
}).catch((error) => { console.error(error.message); process.exit(1); });
